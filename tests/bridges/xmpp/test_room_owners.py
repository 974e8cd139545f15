"""What owners do: make a room, say what it is to be, end it; and rooms that stay (XEP-0045 section 10)."""

from __future__ import annotations

import pytest

from ...people import ALICE, BOB, CAROL, DAVE
from .house import MUC, ROOM, USER, body, codes, condition, house_in, nick
from .rooms_scene import ADDRESS, FORM, admin, ask_owner, enter, filled, item, lists, room_with, shown, speak

CANCEL = "<x xmlns='jabber:x:data' type='cancel'/>"
FIELD = "{jabber:x:data}field"
VALUE = "{jabber:x:data}value"
ITEMS = "<query xmlns='http://jabber.org/protocol/disco#items'/>"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"


async def fresh(house):
    """Alice has made a room and not said yet what it is to be."""
    alice = await house.client(ALICE)
    alice.got()
    await alice.send(f"<presence to='{ROOM}/alice'><x xmlns='{MUC}'/></presence>")
    assert codes(alice.got("presence")[-1]) == {100, 110, 201}
    return alice


async def config(client):
    form = await ask_owner(client, type="get")
    return {f.get("var"): [v.text or "" for v in f.findall(VALUE)] for f in form.iter(FIELD)}


async def features(client):
    return {f.get("var") for f in (await client.ask(INFO, to=ROOM))[0] if f.tag.endswith("feature")}


# ---- making one (section 10.1)


async def test_a_new_room_is_locked_until_its_owner_has_said_what_it_is(house):
    alice, bob = await fresh(house), await house.client(BOB)
    assert condition((await enter(bob, "bob"))[0]) == ("cancel", "item-not-found")
    await speak(bob, "hello?", id="m")
    assert condition(bob.got("message", id="m")[0]) == ("cancel", "item-not-found")
    assert len((await bob.ask(ITEMS, to="conference.example.test"))[0]) == 0
    assert (await ask_owner(alice, FORM % "")).get("type") == "result"
    assert shown(await enter(bob, "bob"))[-1] == ("bob", "none", "participant", {110, 100})


async def test_a_reserved_room(house):
    alice, bob = await fresh(house), await house.client(BOB)
    now = await config(alice)
    assert now["FORM_TYPE"] == [f"{MUC}#roomconfig"] and now["muc#roomconfig_roomowners"] == ["alice@example.test"]
    assert condition(await ask_owner(bob, type="get")) == ("auth", "forbidden")
    await ask_owner(alice, filled(roomname="Coven", membersonly="1"))
    assert condition((await enter(bob, "bob"))[0]) == ("auth", "registration-required")


async def test_calling_a_new_room_off(house):
    alice = await fresh(house)
    await alice.send(f"<iq type='set' id='c1' to='{ROOM}'><query xmlns='{MUC}#owner'>{CANCEL}</query></iq>")
    assert shown(alice.got()) == [("alice", "owner", "none", {110})]
    assert await house.front_end.immcu.at(ADDRESS) is None


async def test_who_speaks_in_a_new_room_takes_it_as_it_is(house):
    alice, bob = await fresh(house), await house.client(BOB)
    await speak(alice, "anybody here?")
    assert shown(await enter(bob, "bob"))[-1] == ("bob", "none", "participant", {110, 100})


# ---- saying what it is to be (section 10.2)


async def test_everything_that_a_form_says_is_so(house):
    alice, bob = await room_with(house, ALICE, BOB)
    wanted = {
        "roomname": "The Coven",
        "roomdesc": "Where witches meet",
        "lang": "en",
        "persistentroom": "1",
        "publicroom": "0",
        "moderatedroom": "1",
        "allowinvites": "1",
        "changesubject": "0",
        "enablelogging": "1",
        "maxusers": "20",
        "whois": "moderators",
        "allowpm": "participants",
        "membersonly": "1",
        "passwordprotectedroom": "1",
        "roomsecret": "cauldron",
    }
    assert (await ask_owner(alice, filled(**wanted))).get("type") == "result"
    now = await config(alice)
    assert {name: now[f"muc#roomconfig_{name}"] for name in wanted} == {k: [v] for k, v in wanted.items()}
    assert {
        "muc_persistent",
        "muc_hidden",
        "muc_moderated",
        "muc_membersonly",
        "muc_passwordprotected",
        "muc_semianonymous",
    } <= await features(alice)
    assert codes(bob.got("message")[0]) == {104, 173, 170}
    assert (await ask_owner(alice, CANCEL)).get("type") == "result"
    assert await config(alice) == now


@pytest.mark.parametrize(
    "change, code", [({"whois": "moderators"}, 173), ({"enablelogging": "1"}, 170), ({"roomname": "Coven"}, 104)]
)
async def test_occupants_are_told_what_has_changed(house, change, code):
    alice, bob = await room_with(house, ALICE, BOB)
    await ask_owner(alice, filled(**change))
    (told,) = bob.got("message")
    assert told.get("from") == ROOM and told.get("type") == "groupchat" and codes(told) == {104, code}
    back = {"whois": "anyone", "enablelogging": "0", "roomname": ""}
    await ask_owner(alice, filled(**{name: back[name] for name in change}))
    assert codes(bob.got("message")[0]) == {104} | {{173: 172, 170: 171, 104: 104}[code]}


@pytest.mark.parametrize(
    "form, why",
    [
        (filled(passwordprotectedroom="1"), "not-acceptable"),
        (filled(maxusers="many"), "not-acceptable"),
        (filled(maxusers="100000"), "not-acceptable"),
        (filled(whois="everyone"), "not-acceptable"),
        (filled(roomname="x" * 300), "not-acceptable"),
        (filled(roomowners="nobody at all"), "not-acceptable"),
        (filled(roomowners=[]), "conflict"),
        ("<x xmlns='jabber:x:data' type='result'/>", "bad-request"),
        ("", "bad-request"),
        (FORM % "<field var='FORM_TYPE'><value>something:else</value></field>", "bad-request"),
    ],
)
async def test_forms_that_cannot_be_and_change_nothing(house, form, why):
    alice, _ = await room_with(house, ALICE, BOB)
    before = await config(alice)
    assert condition(await ask_owner(alice, form))[1] == why
    assert await config(alice) == before


async def test_admins_and_owners_by_the_form(house):
    alice, bob, carol = await room_with(house, ALICE, BOB, CAROL)
    people = {"roomowners": ["alice@example.test", "bob@example.test"], "roomadmins": ["carol@example.test"]}
    await ask_owner(alice, filled(**people))
    assert shown(carol.got()) == [("bob", "owner", "moderator", set()), ("carol", "admin", "moderator", {110})]
    await ask_owner(bob, filled(roomowners="bob@example.test", roomadmins="alice@example.test"))
    assert {i.get("jid") for i in (await lists(bob, "affiliation='admin'"))[0]} == {"alice@example.test"}
    assert condition(await ask_owner(alice, type="get")) == ("auth", "forbidden")


async def test_who_is_no_member_goes_when_the_room_becomes_one_for_members(house):
    alice, bob, carol = await room_with(house, ALICE, BOB, CAROL)
    await admin(alice, "<item affiliation='member' jid='bob@example.test'/>")
    for client in (alice, bob, carol):
        client.got()
    await ask_owner(alice, filled(membersonly="1"))
    assert shown(carol.got("presence")) == [("carol", "none", "none", {110, 322})]
    assert shown(bob.got("presence")) == [("carol", "none", "none", {322})]
    await admin(alice, "<item affiliation='none' jid='bob@example.test'/>")
    assert shown(bob.got("presence")) == [("bob", "none", "none", {110, 321})]
    assert condition((await enter(bob, "bob"))[0]) == ("auth", "registration-required")


async def test_where_addresses_are_hidden_only_moderators_see_them(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await ask_owner(alice, filled(whois="moderators"))
    alice.got(), bob.got()
    carol = await house.client(CAROL)
    got = await enter(carol, "carol")
    assert shown(got)[-1][3] == {110}
    assert [item(p).get("jid") for p in got if p.tag.endswith("presence")] == [None, None, carol.jid]
    assert [item(p).get("jid") for p in alice.got("presence")] == [carol.jid]
    assert [item(p).get("jid") for p in bob.got("presence")] == [None]
    card = await carol.ask("<vCard xmlns='vcard-temp'/>", to=f"{ROOM}/bob")
    assert condition(card) == ("auth", "forbidden")
    bob.got()
    await carol.send(f"<message type='chat' to='{ROOM}/bob'><body>psst</body></message>")
    (whisper,) = bob.got("message")
    assert whisper.get("from") == f"{ROOM}/carol" and body(whisper) == "psst"


@pytest.mark.parametrize(
    "allowed, visitor, participant, moderator",
    [("anyone", 1, 1, 1), ("participants", 0, 1, 1), ("moderators", 0, 0, 1), ("none", 0, 0, 0)],
)
async def test_who_sends_private_messages(house, allowed, visitor, participant, moderator):
    alice, bob, carol = await room_with(house, ALICE, BOB, CAROL)
    await ask_owner(alice, filled(allowpm=allowed))
    await admin(alice, "<item role='visitor' nick='carol'/>")
    for client, to, may in ((carol, "bob", visitor), (bob, "alice", participant), (alice, "bob", moderator)):
        client.got()
        await client.send(f"<message type='chat' id='p' to='{ROOM}/{to}'><body>psst</body></message>")
        refused = client.got("message", id="p", type="error")
        assert [condition(each) for each in refused] == [("auth", "forbidden")] * (1 - may)


async def test_who_changes_the_subject(house):
    alice, bob = await room_with(house, ALICE, BOB)
    subject = f"<message type='groupchat' id='s' to='{ROOM}'><subject>%s</subject></message>"
    await bob.send(subject % "mine")
    assert alice.got("message")[-1].findtext("{jabber:client}subject") == "mine"
    await ask_owner(alice, filled(changesubject="0"))
    bob.got()
    await bob.send(subject % "")
    assert condition(bob.got("message", id="s")[0]) == ("auth", "forbidden")
    await alice.send(subject % "")
    (changed,) = bob.got("message")
    assert nick(changed) == "alice" and not changed.findtext("{jabber:client}subject")


async def test_a_password(house):
    (alice,) = await room_with(house, ALICE)
    await ask_owner(alice, filled(passwordprotectedroom="1", roomsecret="cauldron"))
    bob = await house.client(BOB)
    (refused,) = await enter(bob, "bob")
    assert condition(refused) == ("auth", "not-authorized") and refused.find(f"{{{MUC}}}x") is not None
    assert condition((await enter(bob, "bob", "<password>pot</password>"))[0]) == ("auth", "not-authorized")
    assert shown(await enter(bob, "bob", "<password>cauldron</password>"))[-1][0] == "bob"
    await alice.send(f"<presence type='unavailable' to='{ROOM}/alice'/>")
    assert shown(await enter(alice, "alice"))[-1][:2] == ("alice", "owner")


async def test_a_full_room_lets_admins_in(house):
    alice, _ = await room_with(house, ALICE, BOB)
    await ask_owner(alice, filled(maxusers="2"))
    carol = await house.client(CAROL)
    assert condition((await enter(carol, "carol"))[0]) == ("wait", "service-unavailable")
    await admin(alice, "<item affiliation='admin' jid='carol@example.test'/>")
    assert shown(await enter(carol, "carol"))[-1][1] == "admin"


async def test_who_may_look_into_a_room_from_outside(house):
    alice, _ = await room_with(house, ALICE, BOB)
    dave = await house.client(DAVE)
    assert len((await dave.ask(ITEMS, to=ROOM))[0]) == 2
    await ask_owner(alice, filled(publicroom="0"))
    assert len((await dave.ask(ITEMS, to=ROOM))[0]) == 0 and len((await alice.ask(ITEMS, to=ROOM))[0]) == 2
    assert "muc_hidden" in await features(dave)
    assert len((await dave.ask(ITEMS, to="conference.example.test"))[0]) == 0
    await ask_owner(alice, filled(membersonly="1"))
    assert condition(await dave.ask(INFO, to=ROOM)) == ("cancel", "item-not-found")
    await ask_owner(alice, filled(publicroom="1"))
    assert "muc_membersonly" in await features(dave) and len((await dave.ask(ITEMS, to=ROOM))[0]) == 0


# ---- ending it (section 10.9)


async def test_ending_a_room(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await admin(alice, "<item affiliation='admin' jid='bob@example.test'/>")
    bob.got()
    destroy = (
        "<destroy jid='attic@conference.example.test'><password>moon</password><reason>Full moon</reason></destroy>"
    )
    assert condition(await ask_owner(bob, destroy)) == ("auth", "forbidden")
    assert (await ask_owner(alice, destroy)).get("type") == "result"
    (gone,) = bob.got("presence")
    end = gone.find(f".//{{{USER}}}destroy")
    assert shown([gone]) == [("bob", "admin", "none", {110})] and end.get("jid") == "attic@conference.example.test"
    assert end.findtext(f"{{{USER}}}reason") == "Full moon" and end.findtext(f"{{{USER}}}password") == "moon"
    assert house.front_end.immcu.conversations == {}


# ---- rooms that stay


async def test_a_persistent_room_outlasts_everybody_and_a_restart(tmp_path):
    async with house_in(tmp_path) as house:
        alice, bob = await room_with(house, ALICE, BOB)
        await ask_owner(alice, filled(persistentroom="1", roomname="Coven", moderatedroom="1", changesubject="0"))
        await admin(alice, "<item affiliation='outcast' jid='dave@example.test'/>")
        await alice.send(f"<message type='groupchat' to='{ROOM}'><subject>potions</subject></message>")
        await speak(alice, "toil and trouble")
        for client in (alice, bob):
            await client.send(f"<presence type='unavailable' to='{ROOM}/x'/>")
        assert house.front_end.immcu.conversations == {}
    async with house_in(tmp_path) as house:
        carol, dave = await house.client(CAROL), await house.client(DAVE)
        (listed,) = (await carol.ask(ITEMS, to="conference.example.test"))[0]
        assert (listed.get("jid"), listed.get("name")) == (ROOM, "Coven")
        assert "muc_persistent" in await features(carol) and house.front_end.immcu.conversations == {}
        assert condition((await enter(dave, "dave"))[0]) == ("auth", "forbidden")
        got = await enter(carol, "carol")
        assert shown(got) == [("carol", "none", "visitor", {110, 100})]
        assert [body(m) for m in got if body(m)] == ["toil and trouble"]
        assert got[-1].findtext("{jabber:client}subject") == "potions"
        alice = await house.client(ALICE)
        assert shown(await enter(alice, "alice"))[-1][1:3] == ("owner", "moderator")
        records = await house.front_end.store.records()
        assert len([r for r in records if r.address == ROOM and r.messages]) == 1
        await ask_owner(alice, "<destroy/>")
    async with house_in(tmp_path) as house:
        bob = await house.client(BOB)
        assert len((await bob.ask(ITEMS, to="conference.example.test"))[0]) == 0
        assert shown(await enter(bob, "bob"))[-1] == ("bob", "owner", "moderator", {110, 100, 201})


async def test_a_temporary_room_ends_with_the_last_to_leave(house):
    alice, bob = await room_with(house, ALICE, BOB)
    for client in (alice, bob):
        await client.send(f"<presence type='unavailable' to='{ROOM}/x'/>")
    assert await house.front_end.immcu.at(ADDRESS) is None
    assert shown(await enter(bob, "bob"))[-1][1] == "owner"


async def test_a_room_that_was_woken_by_a_question_goes_to_sleep_again(house):
    from ....core.housekeeping import end_idle

    (alice,) = await room_with(house, ALICE)
    await ask_owner(alice, filled(persistentroom="1"))
    await alice.send(f"<presence type='unavailable' to='{ROOM}/x'/>")
    await admin(alice, "<item affiliation='member' jid='bob@example.test'/>")
    assert len(house.front_end.immcu.conversations) == 1
    house.front_end.clock.turn(minutes=2)
    await end_idle(house.front_end.immcu, house.front_end.settings, house.front_end.clock())
    assert house.front_end.immcu.conversations == {}
    assert [i.get("jid") for i in (await lists(alice, "affiliation='member'"))[0]] == ["bob@example.test"]
