"""Rooms: entering, speaking, leaving and what owners may do (XEP-0045), on the conferences of the IMMCU."""

from __future__ import annotations

import pytest

from ....bridges.xmpp.rooms import seat as seats
from ....core.conversation import Shape
from ....core.identity import Identity
from ...people import ALICE, BOB, CAROL, DAVE
from ...stage import say, sit
from .house import MUC, ROOM, USER, body, codes, condition, house_in, nick

ADDRESS = Identity.parse(ROOM)


async def enter(client, nickname, inside="", room=ROOM):
    """Join, and what came of it; whoever makes the room by that takes it as it is."""
    client.got()
    await client.send(f"<presence to='{room}/{nickname}'><x xmlns='{MUC}'>{inside}</x></presence>")
    got = client.got()
    if any(201 in codes(each) for each in got):
        await client.ask(f"<query xmlns='{MUC}#owner'><x xmlns='jabber:x:data' type='submit'/></query>", room, "set")
    return got


async def speak(client, text, room=ROOM, **attrs):
    more = "".join(f" {key}='{value}'" for key, value in attrs.items())
    await client.send(f"<message type='groupchat' to='{room}'{more}><body>{text}</body></message>")


def item(presence):
    return presence.find(f"{{{USER}}}x/{{{USER}}}item")


def seen(stanzas):
    """Presences as (nick, type, codes)."""
    return [(nick(p), p.get("type"), codes(p)) for p in stanzas if p.tag.endswith("presence")]


async def room_with(house, *people):
    """Clients that are in the room, the first of which made it."""
    clients = []
    for person in people:
        client = await house.client(person)
        await enter(client, person.user)
        clients.append(client)
    for client in clients:
        client.got()
    return clients


# ---- coming in (section 7.2)


async def test_the_first_to_enter_makes_the_room(house):
    alice = await house.client(ALICE)
    got = await enter(alice, "thirdwitch")
    assert seen(got) == [("thirdwitch", None, {110, 100, 201})]
    assert item(got[0]).attrib == {"affiliation": "owner", "role": "moderator", "jid": alice.jid}
    subject = got[-1].find("{jabber:client}subject")
    assert got[-1].get("type") == "groupchat" and subject is not None and not subject.text
    conversation = await house.front_end.immcu.at(ADDRESS)
    assert conversation.shape is Shape.CONFERENCE and conversation.participants == [ALICE]
    assert conversation.open_door and not conversation.keeps_seats


async def test_the_order_of_events(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await speak(alice, "one"), await speak(bob, "two")
    await alice.send(f"<message type='groupchat' to='{ROOM}'><subject>witchcraft</subject></message>")
    alice.got(), bob.got()
    carol = await house.client(CAROL, presence="<presence><show>dnd</show></presence>")
    got = await enter(carol, "carol")
    assert seen(got) == [("alice", None, set()), ("bob", None, set()), ("carol", None, {110, 100})]
    rest = got[3:]
    assert [body(m) for m in rest] == ["one", "two", None]
    for message, sender in zip(rest, ("alice", "bob")):
        delay = message.find("{urn:xmpp:delay}delay")
        assert nick(message) == sender and delay.get("from") == ROOM and message.get("to") == carol.jid
        assert message.find("{urn:xmpp:sid:0}stanza-id").get("by") == ROOM
    assert rest[-1].findtext("{jabber:client}subject") == "witchcraft"
    for other in (alice, bob):
        assert seen(other.got()) == [("carol", None, set())]


async def test_occupants_show_their_presence_and_real_addresses(house):
    (alice,) = await room_with(house, ALICE)
    bob = await house.client(BOB)
    bob.got()
    await bob.send(f"<presence to='{ROOM}/bob'><show>away</show><status>brb</status><x xmlns='{MUC}'/></presence>")
    bob.got()
    (shown,) = alice.got("presence")
    assert shown.findtext("{jabber:client}show") == "away" and item(shown).get("jid") == bob.jid
    assert shown.find(f"{{{MUC}}}x") is None
    ids = shown.find("{urn:xmpp:occupant-id:0}occupant-id").get("id")
    await bob.send(f"<presence to='{ROOM}/bob'><show>xa</show></presence>")
    (changed,) = alice.got("presence")
    assert changed.findtext("{jabber:client}show") == "xa"
    assert changed.find("{urn:xmpp:occupant-id:0}occupant-id").get("id") == ids
    assert seen(bob.got()) == [("bob", None, {110})]


@pytest.mark.parametrize(
    "wish, texts",
    [
        ("", ["0", "1", "2", "3", "4"]),
        ("<history maxstanzas='2'/>", ["3", "4"]),
        ("<history maxstanzas='0'/>", []),
        ("<history maxchars='0'/>", []),
        ("<history maxchars='900'/>", ["3", "4"]),
        ("<history seconds='65'/>", ["3", "4"]),
        ("<history since='2026-11-24T12:03:00Z'/>", ["3", "4"]),
        ("<history seconds='65' maxstanzas='1'/>", ["4"]),
        ("<history maxstanzas='many'/>", ["0", "1", "2", "3", "4"]),
    ],
)
async def test_how_much_of_the_past(house, wish, texts):
    alice, _ = await room_with(house, ALICE, DAVE)
    for number in range(5):
        await speak(alice, str(number))
        house.front_end.clock.turn(minutes=1 if number < 4 else 0)
    bob = await house.client(BOB)
    got = await enter(bob, "bob", wish)
    assert [body(m) for m in got if m.tag.endswith("message") and body(m)] == texts
    assert got[-1].find("{jabber:client}subject") is not None


async def test_nicknames_are_taken_once(house):
    await room_with(house, ALICE)
    bob = await house.client(BOB)
    got = await enter(bob, "alice")
    assert condition(got[0]) == ("cancel", "conflict") and got[0].get("from") == f"{ROOM}/alice"
    conversation = await house.front_end.immcu.at(ADDRESS)
    assert conversation.participants == [ALICE]
    assert seen(await enter(bob, "bob"))[-1] == ("bob", None, {110, 100})


async def test_without_a_nickname_or_a_wish_nobody_comes_in(house):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send(f"<presence to='{ROOM}'><x xmlns='{MUC}'/></presence>")
    assert condition(alice.got("presence")[0]) == ("modify", "jid-malformed")
    await alice.send(f"<presence to='{ROOM}/alice'/>")
    (kick,) = alice.got("presence")
    assert seen([kick]) == [("alice", "unavailable", {110, 307, 333})]
    long = "n" * 129
    assert condition((await enter(alice, long))[0]) == ("modify", "jid-malformed")
    assert await house.front_end.immcu.at(ADDRESS) is None


async def test_two_clients_of_one_person_are_one_occupant(house):
    alice, bob = await room_with(house, ALICE, BOB)
    phone = await house.client(ALICE, "phone")
    got = await enter(phone, "another")
    assert seen(got) == [("bob", None, set()), ("alice", None, {110, 100, 210})]
    await speak(bob, "hello")
    assert [body(m) for m in phone.got("message")] == [body(m) for m in alice.got("message")] == ["hello"]
    await speak(phone, "from my phone")
    assert [body(m) for m in alice.got("message")] == ["from my phone"]
    bob.got()
    await phone.send(f"<presence to='{ROOM}/alice' type='unavailable'/>")
    assert seen(phone.got()) == [("alice", "unavailable", {110})]
    assert bob.got() == []
    assert ALICE in (await house.front_end.immcu.at(ADDRESS)).participants


async def test_a_client_that_lost_track_is_told_everything_again(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await speak(bob, "hello")
    alice.got(), bob.got()
    got = await enter(alice, "alice")
    assert seen(got) == [("bob", None, set()), ("alice", None, {110, 100})]
    assert [body(m) for m in got[2:]] == ["hello", None]
    assert bob.got() == []


async def test_full_rooms_and_full_clients(house, monkeypatch):
    from ....core import conversation

    await room_with(house, ALICE)
    monkeypatch.setattr(conversation, "MAX_PARTICIPANTS", 1)
    bob = await house.client(BOB)
    assert condition((await enter(bob, "bob"))[0]) == ("wait", "service-unavailable")
    from ....bridges.xmpp.rooms import rooms

    monkeypatch.setattr(rooms, "MAX_SEATS", 0)
    assert condition((await enter(bob, "bob"))[0]) == ("wait", "resource-constraint")


# ---- being there (sections 7.3 to 7.7)


async def test_what_is_said_comes_back_to_the_speaker_too(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await speak(bob, "hello", id="g1")
    (own,), (heard,) = bob.got("message"), alice.got("message")
    for message, client in ((own, bob), (heard, alice)):
        assert message.get("from") == f"{ROOM}/bob" and message.get("type") == "groupchat"
        assert message.get("to") == client.jid and message.get("id") == "g1" and body(message) == "hello"
        assert message.find("{urn:xmpp:occupant-id:0}occupant-id") is not None
    ids = {m.find("{urn:xmpp:sid:0}stanza-id").get("id") for m in (own, heard)}
    (said,) = await house.front_end.immcu.history(await house.front_end.immcu.at(ADDRESS), ALICE)
    assert ids == {said.id}


async def test_everybody_sees_the_same_order(house):
    import asyncio

    clients = await room_with(house, ALICE, BOB, CAROL)
    many = [
        "".join(
            f"<message type='groupchat' to='{ROOM}'><body>{c.session.identity.user}{n}</body></message>"
            for n in range(10)
        )
        for c in clients
    ]
    await asyncio.gather(*(c.send(text) for c, text in zip(clients, many)))
    orders = [[body(m) for m in c.got("message")] for c in clients]
    assert orders[0] == orders[1] == orders[2] and len(orders[0]) == 30


async def test_who_is_outside_says_nothing(house):
    await room_with(house, ALICE)
    bob = await house.client(BOB)
    bob.got()
    await speak(bob, "let me in", id="x")
    assert condition(bob.got("message", id="x")[0]) == ("modify", "not-acceptable")
    await speak(bob, "anybody?", room="nowhere@conference.example.test", id="y")
    assert condition(bob.got("message", id="y")[0]) == ("cancel", "item-not-found")


async def test_forged_ids_do_not_get_in_and_only_the_owner_brings_times(house):
    alice, bob = await room_with(house, ALICE, BOB)
    forged = (
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ROOM}' id='forged'/>"
        "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>"
        f"<x xmlns='{USER}'><status code='100'/></x>"
        "<delay xmlns='urn:xmpp:delay' from='bob@example.test/desk' stamp='2020-01-01T00:00:00Z'/>"
    )
    for speaker, delays in ((bob, 0), (alice, 1)):
        await speaker.send(f"<message type='groupchat' to='{ROOM}'>{forged}{forged}<body>x</body>{forged}</message>")
        (message,) = bob.got("message")
        tags = [kid.tag.rpartition("}")[2] for kid in message]
        assert tags.count("stanza-id") == tags.count("occupant-id") == 1 and "x" not in tags
        assert tags.count("delay") == 3 * delays
        assert "forged" not in {kid.get("id") for kid in message}
    carol = await house.client(CAROL)
    got = [m for m in await enter(carol, "carol") if body(m)]
    assert [len(m.findall("{urn:xmpp:delay}delay")) for m in got] == [1, 3]  # none is added to the owner's


async def test_the_subject(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await bob.send(f"<message type='groupchat' to='{ROOM}'><subject>a &amp; b</subject></message>")
    for client in (alice, bob):
        (message,) = client.got("message")
        assert (
            message.findtext("{jabber:client}subject") == "a & b" and nick(message) == "bob" and body(message) is None
        )
    assert (await house.front_end.immcu.at(ADDRESS)).subject == "a & b"
    await house.front_end.immcu.name(await house.front_end.immcu.at(ADDRESS), "from elsewhere", ALICE)
    assert [m.findtext("{jabber:client}subject") for m in bob.got("message")] == ["from elsewhere"]
    alice.got()
    await bob.send(f"<message type='groupchat' to='{ROOM}'><subject>from elsewhere</subject></message>")
    assert [nick(m) for m in alice.got("message")] == ["bob"]  # nothing has changed, but who sent it waits for it


async def test_private_messages_between_occupants(house):
    alice, bob, carol = await room_with(house, ALICE, BOB, CAROL)
    await alice.send(f"<message type='chat' id='p1' to='{ROOM}/bob'><body>psst</body></message>")
    (message,) = bob.got("message")
    assert message.get("from") == f"{ROOM}/alice" and body(message) == "psst" and message.get("type") == "chat"
    assert message.find(f"{{{USER}}}x") is not None and message.get("id") == "p1"
    assert carol.got() == [] and alice.got() == []
    await bob.send(
        f"<message type='chat' to='{ROOM}/alice'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    assert [nick(m) for m in alice.got("message")] == ["bob"]
    await alice.send(f"<message type='chat' id='p2' to='{ROOM}/nobody'><body>?</body></message>")
    assert condition(alice.got("message")[0]) == ("cancel", "item-not-found")
    await alice.send(f"<message type='groupchat' id='p3' to='{ROOM}/bob'><body>?</body></message>")
    assert condition(alice.got("message")[0]) == ("modify", "bad-request")
    dave = await house.client(DAVE)
    dave.got()
    await dave.send(f"<message type='chat' id='p4' to='{ROOM}/bob'><body>?</body></message>")
    assert condition(dave.got("message")[0]) == ("modify", "not-acceptable")


async def test_private_messages_are_kept_like_all_others(house):
    alice, bob = await room_with(house, ALICE, BOB)
    phone = sit(house.front_end, BOB, "phone")
    await alice.send(f"<message type='chat' to='{ROOM}/bob'><body>psst</body></message>")
    assert phone.texts == ["psst"] and len(bob.got("message")) == 1


async def test_typing_and_reactions_in_a_room(house):
    alice, bob = await room_with(house, ALICE, BOB)
    phone = sit(house.front_end, BOB, "phone")
    composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    await alice.send(f"<message type='groupchat' to='{ROOM}'>{composing}</message>")
    (typing,) = bob.got("message")
    assert nick(typing) == "alice" and typing.get("type") == "groupchat" and phone.news[-1].active
    alice.got()
    reaction = "<reactions xmlns='urn:xmpp:reactions:0' id='x'/>"
    await alice.send(f"<message type='groupchat' to='{ROOM}' id='r1'>{reaction}</message>")
    assert [m.get("id") for m in bob.got("message")] == [m.get("id") for m in alice.got("message")] == ["r1"]


async def test_another_nickname(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await alice.send(f"<presence to='{ROOM}/bob'/>")
    assert condition(alice.got("presence")[0]) == ("cancel", "conflict")
    await alice.send(f"<presence to='{ROOM}/witch'/>")
    got = bob.got()
    assert seen(got) == [("alice", "unavailable", {303}), ("witch", None, set())]
    assert item(got[0]).get("nick") == "witch"
    assert seen(alice.got()) == [("alice", "unavailable", {110, 303}), ("witch", None, {110})]
    await speak(alice, "it is me")
    assert nick(bob.got("message")[0]) == "witch"
    carol = await house.client(CAROL)
    assert seen(await enter(carol, "alice"))[-1] == ("alice", None, {110, 100})


# ---- going (section 7.14)


async def test_leaving(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await bob.send(
        f"<presence to='{ROOM}/bob' type='unavailable'><status>gone where the goblins go</status></presence>"
    )
    assert seen(bob.got()) == [("bob", "unavailable", {110})]
    (gone,) = alice.got("presence")
    assert seen([gone]) == [("bob", "unavailable", set())] and item(gone).get("role") == "none"
    assert gone.findtext("{jabber:client}status") == "gone where the goblins go"
    assert (await house.front_end.immcu.at(ADDRESS)).participants == [ALICE]
    await speak(alice, "alone")
    assert bob.got() == []
    await alice.send(f"<presence to='{ROOM}/alice' type='unavailable'/>")
    assert await house.front_end.immcu.at(ADDRESS) is None
    assert seen(await enter(bob, "bob")) == [("bob", None, {110, 100, 201})]


@pytest.mark.parametrize("how", ["lost", "unavailable"])
async def test_who_is_lost_leaves(house, how):
    alice, bob = await room_with(house, ALICE, BOB)
    if how == "lost":
        await bob.goes("connection lost")
    else:
        await bob.send("<presence type='unavailable'/>")
    assert ("bob", "unavailable", set()) in seen(alice.got())
    assert (await house.front_end.immcu.at(ADDRESS)).participants == [ALICE]


async def test_self_ping(house):
    alice, bob = await room_with(house, ALICE, BOB)
    ping = "<ping xmlns='urn:xmpp:ping'/>"
    assert (await alice.ask(ping, to=f"{ROOM}/alice")).get("type") == "result"
    dave = await house.client(DAVE)
    assert condition(await dave.ask(ping, to=f"{ROOM}/dave")) == ("cancel", "not-acceptable")
    alice.got()
    await alice.send(f"<iq type='get' id='x1' to='{ROOM}/bob'>{ping}</iq>")
    (question,) = bob.got("iq")
    assert question.get("from") == f"{ROOM}/alice" and question.get("to") == bob.jid
    await bob.send(f"<iq type='result' id='x1' to='{ROOM}/alice'/>")
    (answer,) = alice.got("iq")
    assert answer.get("from") == f"{ROOM}/bob" and answer.get("id") == "x1"
    await bob.send(f"<iq type='result' id='x1' to='{ROOM}/alice'/>")
    assert alice.got("iq") == []


async def test_an_occupants_card(house):
    await house.friends(ALICE, BOB)
    alice, _ = await room_with(house, ALICE, BOB)
    card = await alice.ask("<vCard xmlns='vcard-temp'/>", to=f"{ROOM}/bob")
    assert card.findtext(".//{vcard-temp}FN") == "Bob"


# ---- discovery


INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
ITEMS = "<query xmlns='http://jabber.org/protocol/disco#items'/>"


async def test_rooms_under_discovery(house):
    alice, _ = await room_with(house, ALICE, BOB)
    dave = await house.client(DAVE)
    (listed,) = (await dave.ask(ITEMS, to="conference.example.test"))[0]
    assert listed.get("jid") == ROOM
    info = await dave.ask(INFO, to=ROOM)
    features = {f.get("var") for f in info.iter("{http://jabber.org/protocol/disco#info}feature")}
    assert {
        MUC,
        "muc_open",
        "muc_public",
        "muc_nonanonymous",
        "urn:xmpp:sid:0",
        f"{MUC}#self-ping-optimization",
    } <= features
    fields = {f.get("var"): f[0].text for f in info.iter("{jabber:x:data}field")}
    assert fields["FORM_TYPE"] == f"{MUC}#roominfo" and fields["muc#roominfo_occupants"] == "2"
    assert {i.get("jid") for i in (await dave.ask(ITEMS, to=ROOM))[0]} == {f"{ROOM}/alice", f"{ROOM}/bob"}
    assert {i.get("jid") for i in (await alice.ask(ITEMS, to=ROOM))[0]} == {f"{ROOM}/alice", f"{ROOM}/bob"}
    own = await alice.ask("<query xmlns='http://jabber.org/protocol/disco#info' node='x-roomuser-item'/>", to=ROOM)
    assert own[0][0].get("name") == "alice"
    assert condition(await dave.ask(INFO, to="none@conference.example.test")) == ("cancel", "item-not-found")
    ping = await dave.ask("<ping xmlns='urn:xmpp:ping'/>", to=ROOM)
    assert ping.get("type") == "result"


# ---- people of other worlds


async def test_people_of_other_worlds_are_occupants(house):
    alice, bob = await room_with(house, ALICE, BOB)
    carol = sit(house.front_end, CAROL, "phone")
    conversation = await house.front_end.immcu.at(ADDRESS)
    await house.front_end.immcu.add(conversation, CAROL, by=ALICE)
    await house.quiet()
    (shown,) = alice.got("presence")
    assert nick(shown) == "Carol" and item(shown).get("jid") == "carol@example.test"
    await say(house.front_end, CAROL, ADDRESS, "hello from my phone")
    assert [(nick(m), body(m)) for m in bob.got("message")] == [("Carol", "hello from my phone")]
    await speak(alice, "welcome")
    assert carol.texts[-1] == "welcome"
    dave = await house.client(DAVE)
    assert "Carol" in [n for n, _, _ in seen(await enter(dave, "dave"))]
    await house.front_end.immcu.leave(conversation, CAROL)
    assert ("Carol", "unavailable", set()) in seen(alice.got())


async def test_a_nickname_that_a_person_of_another_world_has(house):
    alice, _ = await room_with(house, ALICE, BOB)
    sit(house.front_end, CAROL, "phone")
    await house.front_end.immcu.add(await house.front_end.immcu.at(ADDRESS), CAROL, by=ALICE)
    await house.quiet()
    dave = await house.client(DAVE)
    assert condition((await enter(dave, "Carol"))[0]) == ("cancel", "conflict")
    await enter(dave, "dave")
    alice.got()
    assert condition(await alice.ask("<ping xmlns='urn:xmpp:ping'/>", to=f"{ROOM}/Carol")) == (
        "cancel",
        "service-unavailable",
    )


async def test_rooms_of_another_domain_are_not_there(tmp_path):
    """Two domains on one server know nothing of each other's rooms (SECURITY.md X14)."""
    async with house_in(tmp_path, domains=["example.test", "other.test"]) as house:
        from ....core.people import Person

        eve = Identity.parse("eve@other.test")
        await house.front_end.accounts.add(eve, None, Person("eve@other.test"))
        (alice,) = await room_with(house, ALICE)
        stranger = await house.client(eve)
        assert condition((await enter(stranger, "eve"))[0]) == ("cancel", "item-not-found")
        assert condition(await stranger.ask(INFO, to=ROOM)) == ("cancel", "item-not-found")
        assert len((await stranger.ask(ITEMS, to="conference.example.test"))[0]) == 0
        fresh = await enter(stranger, "eve", room="new@conference.example.test")
        assert condition(fresh[0]) == ("cancel", "item-not-found")
        await house.front_end.immcu.add(await house.front_end.immcu.at(ADDRESS), eve, by=ALICE)
        await house.quiet()
        assert seen(await enter(stranger, "eve"))[-1] == ("eve", None, {110, 100})
        assert alice.got("presence")


async def test_a_room_survives_a_restart(tmp_path):
    async with house_in(tmp_path) as house:
        alice, _ = await room_with(house, ALICE, BOB)
        await speak(alice, "before")
    async with house_in(tmp_path) as house:
        alice = await house.client(ALICE)
        got = await enter(alice, "alice")
        assert [body(m) for m in got if body(m)] == ["before"]
        await speak(alice, "after")
        assert [body(m) for m in alice.got("message")] == ["after"]
    assert seats.JOIN_GRACE > 0
