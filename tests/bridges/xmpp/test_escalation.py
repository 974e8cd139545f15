"""Two become many on the XMPP side: invitations, autojoin bookmarks, and text as chat until a client has come in."""

from __future__ import annotations

import pytest

from ....bridges.xmpp.rooms import reception, seat
from ....core.conversation import History
from ....core.housekeeping import IDLE
from ....core.identity import Identity
from ...people import ALICE, BOB, CAROL, DAVE
from ...stage import say, sit
from .house import MUC, ROOM, USER, Options, body, codes, condition, house_in, nick

BOOKMARKS = (
    "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>",
    ".//{storage:bookmarks}conference",
)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Nobody's patience ends by itself; ``lose_patience`` ends it."""
    monkeypatch.setattr(reception, "JOIN_GRACE", 3600.0)


def lose_patience(*clients):
    """The moment in which a client could have come in is over."""
    for client in clients:
        for place in list(client.session.extra["resource"].seats.values()):
            if place._timer is not None and place.state is seat.State.AWAITED:
                place._timer._run()


async def talk(house, *more):
    """Alice and Bob talk by XMPP, Bob adds Carol, who uses something else; the conference."""
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await alice.send(
        "<message type='chat' to='bob@example.test'><body>between us</body><thread>our-thread</thread></message>"
    )
    alice.got(), bob.got()
    (conversation,) = house.front_end.immcu.of(BOB)
    carol = sit(house.front_end, CAROL, "phone")
    await house.front_end.immcu.add(conversation, CAROL, by=BOB)
    await house.quiet()
    return alice, bob, carol, conversation


async def enter(client, conversation, nickname, inside=""):
    client.got()
    await client.send(f"<presence to='{conversation.address}/{nickname}'><x xmlns='{MUC}'>{inside}</x></presence>")
    return client.got()


async def bookmarks(client):
    query, path = BOOKMARKS
    return {b.get("jid"): b.get("autojoin") for b in (await client.ask(query)).iterfind(path)}


async def test_a_new_moderator_is_seen_as_one(house):
    _, bob, _, conversation = await talk(house)
    await enter(bob, conversation, "Bobby")
    bob.got()
    await house.front_end.immcu.chair.appoint(conversation, CAROL, ALICE, moderator=True)
    await house.quiet()
    (shown,) = bob.got("presence")
    assert nick(shown) == "Carol"
    assert shown.find(f".//{{{USER}}}item").get("role") == "moderator"
    await house.front_end.immcu.chair.set_door(conversation, ALICE, locked=True)
    await house.quiet()
    (told,) = bob.got()
    assert [status.get("code") for status in told.iter(f"{{{USER}}}status")] == ["104"]


async def test_a_third_person_makes_it_a_room_and_clients_are_invited(house):
    alice, bob, _carol, conversation = await talk(house)
    room = str(conversation.address)
    for client in (alice, bob):
        (message,) = client.got("message")
        assert message.get("from") == room and message.get("to") == client.jid
        invite = message.find(f"{{{USER}}}x/{{{USER}}}invite")
        assert invite.find(f"{{{USER}}}continue").get("thread") == "our-thread"
        direct = message.find("{jabber:x:conference}x")
        assert direct.attrib == {"jid": room, "continue": "true", "thread": "our-thread"}
        assert await bookmarks(client) == {room: "true"}


async def test_coming_in_by_the_invitation(house):
    alice, bob, carol, conversation = await talk(house)
    got = await enter(bob, conversation, "Bobby")
    presences = [p for p in got if p.tag.endswith("presence")]
    assert {nick(p) for p in presences[:-1]} == {"Alice", "Carol"} and nick(presences[-1]) == "Bobby"
    assert codes(presences[-1]) == {100, 110}
    assert presences[-1].find(f".//{{{USER}}}item").get("affiliation") == "owner"
    assert [body(m) for m in got[3:]] == ["between us", None]  # the talk goes on in the room
    await enter(alice, conversation, "Alice")
    await say(house.front_end, CAROL, conversation.address, "hello from my phone")
    await bob.send(f"<message type='groupchat' to='{conversation.address}'><body>hi</body></message>")
    for client in (alice, bob):
        assert [(nick(m), body(m)) for m in client.got("message")] == [
            ("Carol", "hello from my phone"),
            ("Bobby", "hi"),
        ]
    assert carol.texts[-1] == "hi"


async def test_what_is_said_while_a_client_is_on_its_way_is_not_lost_and_comes_once(house):
    alice, bob, _, conversation = await talk(house)
    bob.got()
    await say(house.front_end, CAROL, conversation.address, "one")
    await say(house.front_end, CAROL, conversation.address, "two")
    assert bob.got() == []
    got = await enter(bob, conversation, "Bob", "<history maxstanzas='1'/>")
    assert [body(m) for m in got if body(m)] == ["two"]  # all that was asked for; the rest was in the history
    got = await enter(alice, conversation, "Alice")
    assert [body(m) for m in got if body(m)] == ["between us", "one", "two"]


async def test_text_reaches_clients_that_do_not_come_as_chat_from_the_room(house):
    alice, bob, carol, conversation = await talk(house)
    alice.got(), bob.got()
    await say(house.front_end, CAROL, conversation.address, "one")
    lose_patience(alice, bob)
    await say(house.front_end, CAROL, conversation.address, "two")
    for client in (alice, bob):
        got = client.got("message")
        assert [(m.get("from"), m.get("type"), body(m)) for m in got] == [
            (str(conversation.address), "chat", "Carol: one"),
            (str(conversation.address), "chat", "Carol: two"),
        ]
        assert got[0].find("{urn:xmpp:sid:0}stanza-id").get("by") == client.bare
    await bob.send(f"<message type='chat' to='{conversation.address}'><body>answered as chat</body></message>")
    assert bob.got("message") == []
    assert [body(m) for m in alice.got("message")] == ["Bob: answered as chat"]
    assert carol.texts[-1] == "answered as chat"
    got = await enter(bob, conversation, "Bob")
    assert [body(m) for m in got if body(m)] == ["between us", "one", "two", "answered as chat"]


async def test_what_one_says_elsewhere_in_a_relayed_conference_is_a_carbon(house):
    _, bob, _, conversation = await talk(house)
    await bob.ask("<enable xmlns='urn:xmpp:carbons:2'/>", type="set")
    phone = sit(house.front_end, BOB, "phone")
    lose_patience(bob)
    bob.got()
    from ....core.message import Utterance
    from ...people import at

    await house.front_end.immcu.send(Utterance(at(BOB, "phone"), "mine"), conversation.address)
    (carbon,) = bob.got("message")
    inside = carbon.find("{urn:xmpp:carbons:2}sent/{urn:xmpp:forward:0}forwarded/{jabber:client}message")
    assert body(inside) == "mine" and inside.get("to") == str(conversation.address) and phone.texts == []


async def test_without_relays_the_text_stays_in_the_journal(tmp_path):
    async with house_in(tmp_path, options=Options(relay_until_joined=False)) as house:
        _, bob, _, conversation = await talk(house)
        lose_patience(bob)
        bob.got()
        await say(house.front_end, CAROL, conversation.address, "one")
        assert bob.got("message") == []
        got = await enter(bob, conversation, "Bob")
        assert "one" in [body(m) for m in got]


async def test_who_comes_later_is_awaited_and_then_invited(house):
    _alice, bob, _, conversation = await talk(house)
    await bob.goes("connection lost")
    await say(house.front_end, CAROL, conversation.address, "while you were away")
    bob = await house.client(BOB, "home")
    assert bob.got("message") == []  # it may come in by its bookmark
    lose_patience(bob)
    got = bob.got("message")
    assert got[0].find(f"{{{USER}}}x/{{{USER}}}invite") is not None
    assert [body(m) for m in got[1:]] == ["Carol: while you were away"]
    assert got[1].find("{urn:xmpp:delay}delay").get("from") == str(conversation.address)


async def test_who_comes_in_by_the_bookmark_gets_each_message_once(house):
    _alice, bob, _, conversation = await talk(house)
    await bob.goes("connection lost")
    await say(house.front_end, CAROL, conversation.address, "while you were away")
    bob = await house.client(BOB, "home")
    got = await enter(bob, conversation, "Bob")
    assert [body(m) for m in got if m.tag.endswith("message")] == ["between us", "while you were away", None]
    assert bob.session.extra["resource"].seats[conversation.address].held == []


async def test_a_newcomer_with_xmpp_sees_what_the_adder_chose(house):
    _alice, _bob, _, conversation = await talk(house)
    dave = await house.client(DAVE)
    dave.got()
    await house.front_end.immcu.add(conversation, DAVE, by=BOB, history=History.ALL)
    await house.quiet()
    (invitation,) = dave.got("message")
    invite = invitation.find(f"{{{USER}}}x/{{{USER}}}invite")
    assert invite.get("from") == "bob@example.test"
    got = await enter(dave, conversation, "Dave")
    assert [body(m) for m in got if body(m)] == ["between us"]
    await dave.send(f"<presence to='{conversation.address}/Dave' type='unavailable'/>")
    assert DAVE not in conversation.participants
    assert await bookmarks(dave) == {}


async def test_nobody_comes_in_uninvited(house):
    _, _bob, _, conversation = await talk(house)
    dave = await house.client(DAVE)
    got = await enter(dave, conversation, "Dave")
    assert condition(got[0]) == ("auth", "registration-required")
    hidden = await dave.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=str(conversation.address))
    assert condition(hidden) == ("cancel", "item-not-found")
    await dave.send(f"<message type='chat' to='{conversation.address}'><body>hello?</body></message>")
    assert condition(dave.got("message")[-1])[0] == "modify"
    assert DAVE not in conversation.participants


async def test_who_is_lost_keeps_the_seat_and_is_seen_to_go_and_come(house):
    alice, bob, _, conversation = await talk(house)
    await enter(alice, conversation, "Alice"), await enter(bob, conversation, "Bob")
    alice.got()
    await bob.goes("connection lost")
    gone = [p for p in alice.got("presence") if p.get("type") == "unavailable" and nick(p) == "Bob"]
    assert len(gone) == 1 and BOB in conversation.participants
    bob = await house.client(BOB, "home")
    assert "Bob" in [nick(p) for p in alice.got("presence")]
    got = await enter(bob, conversation, "Bobby")
    assert codes(next(p for p in got if nick(p) == "Bobby")) == {100, 110}
    changed = [(nick(p), p.get("type"), codes(p)) for p in alice.got("presence")]
    assert changed[:2] == [("Bob", "unavailable", {303}), ("Bobby", None, set())]


async def test_the_last_word_of_a_conference(house):
    alice, bob, _, conversation = await talk(house)
    await enter(alice, conversation, "Alice")
    await house.front_end.immcu.end(conversation, IDLE)
    await house.quiet()
    assert alice.got() == []  # it only sleeps
    await alice.send(f"<message type='groupchat' to='{conversation.address}'><body>awake?</body></message>")
    assert [body(m) for m in alice.got("message")] == ["awake?"]
    again = await house.front_end.immcu.at(conversation.address)
    assert again.id != conversation.id and again.participants == conversation.participants
    await house.front_end.immcu.end(again, "ended by an administrator")
    await house.quiet()
    assert [p.get("type") for p in alice.got("presence")] == ["unavailable"]
    assert await bookmarks(alice) == {} and await bookmarks(bob) == {}
    assert condition((await enter(alice, conversation, "Alice"))[0])[1] == "gone"


# ---- invitations by clients (sections 7.8 and 7.9)


async def my_room(house):
    """Alice is in a room of her own making."""
    alice = await house.client(ALICE)
    await alice.send(f"<presence to='{ROOM}/alice'><x xmlns='{MUC}'/></presence>")
    alice.got()
    return alice


def invite(*people, thread=""):
    goes_on = f"<continue thread='{thread}'/>" if thread else ""
    invites = "".join(f"<invite to='{p}'><reason>come &amp; see</reason>{goes_on}</invite>" for p in people)
    return f"<message to='{ROOM}' id='i1'><x xmlns='{USER}'>{invites}</x></message>"


async def test_several_people_in_one_invitation(house):
    alice = await my_room(house)
    bob, carol = await house.client(BOB), sit(house.front_end, CAROL, "phone")
    bob.got()
    await alice.send(invite(bob.jid, "carol@example.test", thread="t9"))
    (message,) = bob.got("message")
    asked = message.find(f"{{{USER}}}x/{{{USER}}}invite")
    assert asked.get("from") == "alice@example.test" and asked.findtext(f"{{{USER}}}reason") == "come & see"
    assert asked.find(f"{{{USER}}}continue").get("thread") == "t9"
    conversation = await house.front_end.immcu.at(Identity.parse(ROOM))
    assert conversation.participants == [ALICE, CAROL]  # who cannot come in by themselves is brought in
    assert [type(n.event).__name__ for n in carol.news] == ["ParticipantJoined"]
    await bob.send(f"<presence to='{ROOM}/bob'><x xmlns='{MUC}'/></presence>")
    assert conversation.participants == [ALICE, CAROL, BOB]
    assert [m for m in alice.got("message") if m.get("type") == "error"] == []


async def test_a_talk_that_a_client_continues_in_a_room_brings_its_history(house):
    alice = await my_room(house)
    bob = await house.client(BOB)
    for number, sender in enumerate(("alice@example.test/desk", "bob@example.test/desk")):
        await alice.send(
            f"<message type='groupchat' to='{ROOM}'><body>line {number}</body><thread>t9</thread>"
            f"<delay xmlns='urn:xmpp:delay' from='{sender}' stamp='2026-11-24T11:0{number}:00Z'/></message>"
        )
    await alice.send(invite("bob@example.test", thread="t9"))
    bob.got()
    await bob.send(f"<presence to='{ROOM}/bob'><x xmlns='{MUC}'/></presence>")
    history = [m for m in bob.got("message") if body(m)]
    assert [body(m) for m in history] == ["line 0", "line 1"]
    assert [m.find("{urn:xmpp:delay}delay").get("stamp") for m in history] == [
        "2026-11-24T11:00:00Z",
        "2026-11-24T11:01:00Z",
    ]


async def test_declining(house):
    alice, bob = await my_room(house), await house.client(BOB)
    await bob.send(
        f"<message to='{ROOM}'><x xmlns='{USER}'><decline to='alice@example.test'><reason>busy</reason></decline></x>"
        "</message>"
    )
    (message,) = alice.got("message")
    decline = message.find(f"{{{USER}}}x/{{{USER}}}decline")
    assert decline.get("from") == "bob@example.test" and decline.findtext(f"{{{USER}}}reason") == "busy"
    assert message.get("from") == ROOM


async def test_declining_what_one_was_added_to(house):
    _alice, bob, _, conversation = await talk(house)
    decline = f"<x xmlns='{USER}'><decline to='alice@example.test'/></x>"
    await bob.send(f"<message to='{conversation.address}'>{decline}</message>")
    assert conversation.participants == [ALICE, CAROL]


async def test_inviting_into_a_conference_adds(house):
    _alice, bob, _, conversation = await talk(house)
    await enter(bob, conversation, "Bob")
    dave = await house.client(DAVE)
    dave.got()
    await bob.send(
        f"<message to='{conversation.address}'><x xmlns='{USER}'><invite to='dave@example.test'/></x></message>"
    )
    assert DAVE in conversation.participants
    (message,) = dave.got("message")
    assert message.find(f"{{{USER}}}x/{{{USER}}}invite").get("from") == "bob@example.test"


async def test_a_direct_invitation(house):
    alice, _bob, _, conversation = await talk(house)
    dave = await house.client(DAVE)
    dave.got()
    direct = "<message to='dave@example.test'><x xmlns='jabber:x:conference' jid='%s'/></message>"
    await alice.send(direct % str(conversation.address))
    assert DAVE in conversation.participants
    assert len(dave.got("message")) == 1  # one invitation, from the room
    mine = await my_room(house)
    await mine.send(direct % ROOM)
    (message,) = dave.got("message")
    assert message.get("from") == mine.jid and message.find("{jabber:x:conference}x").get("jid") == ROOM
    for other in ("room@elsewhere.example", "@", "none@conference.example.test"):
        await mine.send(direct % other)
    assert len(dave.got("message")) == 3


@pytest.mark.parametrize(
    "message, why",
    [
        (invite("@"), "jid-malformed"),
        (invite("example.test"), "bad-request"),
        (invite("nobody@example.test"), "item-not-found"),
        (invite(*["bob@example.test"] * 51), "policy-violation"),
        (invite("bob@example.test").replace("lounge@", "none@"), "item-not-found"),
    ],
)
async def test_invitations_that_are_none(house, message, why):
    alice = await my_room(house)
    await alice.send(message)
    assert condition(alice.got("message", id="i1")[0])[1] == why


async def test_only_who_is_in_a_room_invites(house):
    await my_room(house)
    bob = await house.client(BOB)
    await bob.send(invite("dave@example.test"))
    assert condition(bob.got("message", id="i1")[0]) == ("auth", "forbidden")


async def test_who_blocks_is_not_invited(house):
    alice, bob = await my_room(house), await house.client(BOB)
    await bob.ask("<block xmlns='urn:xmpp:blocking'><item jid='alice@example.test'/></block>", type="set")
    bob.got()
    await alice.send(invite("bob@example.test"))
    assert bob.got("message") == []


async def test_too_much_is_held_back_for_nobody(house, monkeypatch):
    monkeypatch.setattr(seat, "MAX_HELD", 2)
    _, bob, _, conversation = await talk(house)
    bob.got()
    for number in range(4):
        await say(house.front_end, CAROL, conversation.address, str(number))
    assert [body(m) for m in bob.got("message")] == ["Carol: 0", "Carol: 1", "Carol: 2", "Carol: 3"]


async def test_what_waited_for_a_client_that_went_is_in_the_journal(house):
    _alice, bob, _, conversation = await talk(house)
    await say(house.front_end, CAROL, conversation.address, "one")
    await bob.goes("connection lost")
    bob = await house.client(BOB)
    lose_patience(bob)
    assert [body(m) for m in bob.got("message") if body(m)] == ["Carol: one"]


async def test_a_clash_of_nicknames_does_not_cost_a_participant_the_text(house):
    alice, bob, _, conversation = await talk(house)
    await enter(alice, conversation, "Bobby")
    got = await enter(bob, conversation, "Bobby")
    assert condition(got[0]) == ("cancel", "conflict")
    await say(house.front_end, CAROL, conversation.address, "one")
    assert [body(m) for m in bob.got("message")] == ["Carol: one"]
    await enter(bob, conversation, "Bob")
    await say(house.front_end, CAROL, conversation.address, "two")
    assert [(m.get("type"), body(m)) for m in bob.got("message")] == [("groupchat", "two")]
