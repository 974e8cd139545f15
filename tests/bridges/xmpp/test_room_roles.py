"""Roles and affiliations: voice, moderators, members, admins, owners, and who is banned (XEP-0045 sections 5, 8, 9)."""

from __future__ import annotations

import pytest

from ....core.standing import Standing
from ...people import ALICE, BOB, CAROL, DAVE
from .house import MUC, ROOM, USER, body, condition
from .rooms_scene import ADDRESS, admin, ask_owner, enter, filled, item, lists, room_with, shown, speak

BOB_IS = "<item affiliation='%s' jid='bob@example.test'/>"
DAVE_IS = "<item affiliation='%s' jid='dave@example.test'/>"
CAROL_GETS = "<item role='%s' nick='carol'/>"


async def cast(house, bob="none"):
    """Alice owns the room, Bob and Carol are in it."""
    clients = await room_with(house, ALICE, BOB, CAROL)
    if bob != "none":
        assert (await admin(clients[0], BOB_IS % bob)).get("type") == "result"
    for client in clients:
        client.got()
    return clients


# ---- roles (section 8)


async def test_a_moderator_removes_somebody(house):
    alice, bob, carol = await cast(house)
    kick = "<item nick='bob' role='none'><reason>out!</reason></item>"
    assert condition(await admin(carol, kick)) == ("auth", "forbidden")
    bob.got()
    assert (await admin(alice, kick)).get("type") == "result"
    assert shown(bob.got()) == [("bob", "none", "none", {110, 307})]
    (gone,) = carol.got("presence")
    assert shown([gone]) == [("bob", "none", "none", {307})]
    assert item(gone).findtext(f"{{{USER}}}reason") == "out!"
    assert item(gone).find(f"{{{USER}}}actor").get("nick") == "alice"
    await speak(bob, "still here?", id="x")
    assert condition(bob.got("message", id="x")[0])[1] == "not-acceptable"
    assert shown(await enter(bob, "bob"))[-1] == ("bob", "none", "participant", {110, 100})


async def test_voice_is_taken_and_given(house):
    alice, bob, carol = await cast(house)
    await admin(alice, CAROL_GETS % "visitor")
    assert shown(bob.got()) == [("carol", "none", "visitor", set())]
    assert shown(carol.got()) == [("carol", "none", "visitor", {110})]
    await speak(carol, "may I?", id="m")
    assert condition(carol.got("message", id="m")[0]) == ("auth", "forbidden") and not bob.got("message")
    await carol.send(f"<message type='groupchat' id='s' to='{ROOM}'><subject>mine</subject></message>")
    assert condition(carol.got("message", id="s")[0]) == ("auth", "forbidden")
    (listed,) = (await lists(alice, "role='visitor'"))[0]
    assert (listed.get("nick"), listed.get("role")) == ("carol", "visitor")
    await admin(alice, CAROL_GETS % "participant")
    bob.got()
    await speak(carol, "thank you")
    assert [body(m) for m in bob.got("message")] == ["thank you"]


async def test_in_a_moderated_room_those_without_affiliation_only_listen(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await ask_owner(alice, filled(moderatedroom="1"))
    await admin(alice, DAVE_IS % "member")
    carol, dave = await house.client(CAROL), await house.client(DAVE)
    assert shown(await enter(carol, "carol"))[-1][2] == "visitor"
    assert shown(await enter(dave, "dave"))[-1][1:3] == ("member", "participant")
    bob.got()
    await admin(alice, "<item affiliation='member' jid='carol@example.test'/>")
    assert shown(bob.got()) == [("carol", "member", "participant", set())]
    await admin(alice, CAROL_GETS % "visitor")
    await ask_owner(alice, filled(moderatedroom="0"))
    assert shown(bob.got())[-1] == ("carol", "member", "participant", set())


async def test_asking_for_voice(house):
    (alice,) = await room_with(house, ALICE)
    await ask_owner(alice, filled(moderatedroom="1"))
    bob = await house.client(BOB)
    await enter(bob, "bob")
    alice.got()
    head = f"<field var='FORM_TYPE'><value>{MUC}#request</value></field>"
    ask = f"<message to='{ROOM}' id='v'><x xmlns='jabber:x:data' type='submit'>{head}%s</x></message>"
    await bob.send(ask % "<field var='muc#role'><value>participant</value></field>")
    (asked,) = alice.got("message")
    given = {f.get("var"): f.findtext("{jabber:x:data}value") for f in asked.iter("{jabber:x:data}field")}
    assert asked.get("from") == ROOM and given["muc#jid"] == bob.jid and given["muc#roomnick"] == "bob"
    answer = (
        "<field var='muc#roomnick'><value>bob</value></field><field var='muc#request_allow'><value>%s</value></field>"
    )
    await bob.send(ask % (answer % "true"))
    assert condition(bob.got("message", id="v")[0]) == ("auth", "forbidden")
    await alice.send(ask % (answer % "false"))
    assert not bob.got("presence")
    await alice.send(ask % (answer % "true"))
    assert shown(bob.got()) == [("bob", "none", "participant", {110})]
    await bob.send(ask % "<field var='muc#role'><value>moderator</value></field>")
    assert condition(bob.got("message", id="v")[0]) == ("modify", "bad-request")


@pytest.mark.parametrize(
    "items, why",
    [
        ("<item nick='nobody' role='none'/>", ("cancel", "item-not-found")),
        ("<item nick='alice' role='none'/>", ("cancel", "conflict")),
        ("<item nick='bob' role='king'/>", ("modify", "bad-request")),
        ("<item nick='bob' role='visitor' affiliation='member'/>", ("modify", "bad-request")),
        ("<item affiliation='member'/>", ("modify", "bad-request")),
        ("<item affiliation='member' jid='@'/>", ("modify", "jid-malformed")),
        ("<item affiliation='member' jid='example.test'/>", ("modify", "jid-malformed")),
        (BOB_IS % "member" + CAROL_GETS % "visitor", ("modify", "bad-request")),
        ("", ("modify", "bad-request")),
    ],
)
async def test_requests_that_make_no_sense(house, items, why):
    alice, *_ = await cast(house)
    assert condition(await admin(alice, items)) == why


# ---- who may do what to whom (the tables of sections 5.1 and 5.2)

FORBIDDEN, NOT_ALLOWED, CONFLICT = ("auth", "forbidden"), ("cancel", "not-allowed"), ("cancel", "conflict")


@pytest.mark.parametrize(
    "bob, items, why",
    [
        ("none", CAROL_GETS % "none", FORBIDDEN),
        ("none", CAROL_GETS % "visitor", FORBIDDEN),
        ("none", CAROL_GETS % "moderator", FORBIDDEN),
        ("member", CAROL_GETS % "moderator", FORBIDDEN),
        ("member", DAVE_IS % "member", FORBIDDEN),
        ("member", DAVE_IS % "outcast", FORBIDDEN),
        ("admin", "<item role='none' nick='alice'/>", NOT_ALLOWED),
        ("admin", "<item role='visitor' nick='alice'/>", NOT_ALLOWED),
        ("admin", "<item role='participant' nick='alice'/>", NOT_ALLOWED),
        ("admin", "<item affiliation='outcast' jid='alice@example.test'/>", NOT_ALLOWED),
        ("admin", "<item affiliation='none' jid='alice@example.test'/>", FORBIDDEN),
        ("admin", BOB_IS % "outcast", CONFLICT),
        ("admin", BOB_IS % "owner", FORBIDDEN),
        ("admin", DAVE_IS % "admin", FORBIDDEN),
        ("admin", DAVE_IS % "owner", FORBIDDEN),
    ],
)
async def test_who_may_not(house, bob, items, why):
    _, client, _ = await cast(house, bob)
    assert condition(await admin(client, items)) == why


@pytest.mark.parametrize(
    "bob, items",
    [
        ("admin", CAROL_GETS % "moderator"),
        ("admin", CAROL_GETS % "none"),
        ("admin", DAVE_IS % "member"),
        ("admin", DAVE_IS % "outcast"),
        ("owner", DAVE_IS % "admin"),
        ("owner", DAVE_IS % "owner"),
        ("owner", "<item affiliation='admin' jid='alice@example.test'/>"),
    ],
)
async def test_who_may(house, bob, items):
    _, client, _ = await cast(house, bob)
    assert (await admin(client, items)).get("type") == "result"


async def test_a_moderator_without_affiliation_moderates_those_below(house):
    alice, bob, _ = await cast(house)
    await admin(alice, "<item role='moderator' nick='bob'/>")
    assert (await admin(bob, CAROL_GETS % "visitor")).get("type") == "result"
    await admin(alice, CAROL_GETS % "moderator")
    assert condition(await admin(bob, CAROL_GETS % "participant")) == NOT_ALLOWED
    assert condition(await admin(bob, CAROL_GETS % "none")) == NOT_ALLOWED
    assert condition(await admin(bob, "<item role='participant' nick='alice'/>")) == NOT_ALLOWED
    await bob.send(f"<presence type='unavailable' to='{ROOM}/bob'/>")
    assert shown(await enter(bob, "bob"))[-1][2] == "participant"


async def test_the_last_owner_does_not_resign(house):
    alice, *_ = await cast(house)
    resign = "<item affiliation='admin' jid='alice@example.test'/>"
    assert condition(await admin(alice, resign)) == CONFLICT
    assert condition(await admin(alice, "<item affiliation='outcast' jid='alice@example.test'/>")) == CONFLICT
    await admin(alice, BOB_IS % "owner")
    assert (await admin(alice, resign)).get("type") == "result"
    assert condition(await ask_owner(alice, type="get")) == FORBIDDEN


# ---- affiliations (sections 9 and 10)


async def test_an_admin_moderates_and_one_who_is_none_any_more_does_not(house):
    alice, _, carol = await cast(house)
    await admin(alice, BOB_IS % "admin")
    assert shown(carol.got()) == [("bob", "admin", "moderator", set())]
    await admin(alice, "<item affiliation='none' jid='bob@example.test'><reason>thanks</reason></item>")
    (seen,) = carol.got("presence")
    assert shown([seen]) == [("bob", "none", "participant", set())]
    assert item(seen).findtext(f"{{{USER}}}reason") == "thanks"


async def test_who_is_banned_goes_and_does_not_come_back(house):
    alice, bob, carol = await cast(house)
    await admin(alice, "<item affiliation='outcast' jid='bob@example.test/desk'><reason>enough</reason></item>")
    assert shown(bob.got()) == [("bob", "outcast", "none", {110, 301})]
    (gone,) = carol.got("presence")
    assert shown([gone]) == [("bob", "outcast", "none", {301})]
    assert item(gone).findtext(f"{{{USER}}}reason") == "enough"
    assert condition((await enter(bob, "bob"))[0]) == FORBIDDEN
    (banned,) = (await lists(alice, "affiliation='outcast'"))[0]
    assert (banned.get("jid"), banned.get("affiliation")) == ("bob@example.test", "outcast")
    assert condition(await lists(carol, "affiliation='outcast'")) == FORBIDDEN
    await admin(alice, BOB_IS % "none")
    assert shown(await enter(bob, "bob"))[-1] == ("bob", "none", "participant", {110, 100})


async def test_of_who_is_not_there_the_room_tells_in_words(house):
    alice, bob, _ = await cast(house)
    await admin(alice, DAVE_IS % "member")
    (told,) = bob.got("message")
    assert told.get("from") == ROOM and item(told).get("affiliation") == "member"
    assert item(told).get("jid") == "dave@example.test"


async def test_lists_are_changes_and_all_or_nothing(house):
    alice, bob, _ = await cast(house, "admin")
    both = DAVE_IS % "outcast" + "<item affiliation='outcast' jid='carol@example.test'/>"
    await admin(bob, both)
    assert len((await lists(bob, "affiliation='outcast'"))[0]) == 2
    wrong = DAVE_IS % "none" + "<item affiliation='outcast' jid='alice@example.test'/>"
    assert condition(await admin(bob, wrong)) == NOT_ALLOWED
    assert len((await lists(bob, "affiliation='outcast'"))[0]) == 2
    await admin(bob, DAVE_IS % "none")
    assert [i.get("jid") for i in (await lists(alice, "affiliation='outcast'"))[0]] == ["carol@example.test"]


async def test_who_reads_which_list(house):
    alice, bob, carol = await cast(house, "admin")
    for which in ("affiliation='owner'", "affiliation='admin'", "affiliation='member'"):
        assert (await lists(carol, which)).get("type") == "result"
    assert condition(await lists(carol, "role='moderator'")) == FORBIDDEN
    assert {i.get("nick") for i in (await lists(bob, "role='moderator'"))[0]} == {"alice", "bob"}
    await ask_owner(alice, filled(whois="moderators"))
    for which in ("affiliation='owner'", "affiliation='admin'", "affiliation='member'"):
        assert condition(await lists(carol, which)) == FORBIDDEN
    assert condition(await lists(bob, "affiliation='owner'")) == FORBIDDEN
    assert (await lists(bob, "affiliation='member'")).get("type") == "result"
    assert condition(await lists(alice, "affiliation='none'")) == ("modify", "bad-request")
    assert condition(await lists(alice, "affiliation='owner'", "none@conference.example.test"))[1] == "item-not-found"


async def test_standings_outlast_the_visit_and_the_owner_may_be_away(house):
    alice, bob, _ = await cast(house, "admin")
    for client in (alice, bob):
        await client.send(f"<presence type='unavailable' to='{ROOM}/x'/>")
    assert (await admin(alice, DAVE_IS % "owner")).get("type") == "result"
    assert shown(await enter(bob, "bob"))[-1][1:3] == ("admin", "moderator")
    conversation = await house.front_end.immcu.at(ADDRESS)
    assert conversation.standing(DAVE) is Standing.OWNER and BOB in conversation.moderators
    assert (CAROL in conversation.participants) and ALICE not in conversation.participants
