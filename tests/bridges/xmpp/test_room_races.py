"""Rooms when several things happen at once, and when the conference under them goes its own way."""

from __future__ import annotations

import asyncio

import pytest

from ....bridges.xmpp.rooms import entry as room_entry
from ....bridges.xmpp.rooms import reception
from ....bridges.xmpp.rooms.seat import State
from ....bridges.xmpp.syntax.stanza import Stanza
from ....core.conversation import Conversation
from ....core.errors import Busy, Conflict, Gone
from ....core.housekeeping import IDLE
from ....core.identity import Identity
from ....core.message import Typing, Utterance
from ...people import ALICE, BOB, CAROL, DAVE, at
from ...stage import say, sit
from .house import MUC, ROOM, USER, Client, body, codes, condition, nick

ADDRESS = Identity.parse(ROOM)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Nobody's patience ends by itself."""
    monkeypatch.setattr(reception, "JOIN_GRACE", 3600.0)


def begin(client: Client, text: str) -> asyncio.Future[None]:
    """Send one stanza, and do not wait for what comes of it."""
    stanza = Stanza.read(text.encode())
    stanza.attrs["from"] = client.jid
    work = client.house.router.receive(client.session, stanza)
    assert work is not None
    return asyncio.ensure_future(work)


def joining(nickname: str, room: str = ROOM) -> str:
    return f"<presence to='{room}/{nickname}'><x xmlns='{MUC}'/></presence>"


async def enter(client: Client, nickname: str, room: str = ROOM):
    client.got()
    await client.send(joining(nickname, room))
    got = client.got()
    if any(201 in codes(each) for each in got):
        await take(client, room)
    return got


async def take(client: Client, room: str = ROOM) -> None:
    """A new room as it is."""
    await client.ask(f"<query xmlns='{MUC}#owner'><x xmlns='jabber:x:data' type='submit'/></query>", room, "set")


class Gate:
    """Holds up one method until it is opened."""

    def __init__(self, monkeypatch, owner: object, name: str) -> None:
        self.reached, self._open = asyncio.Event(), asyncio.Event()
        real = getattr(owner, name)

        async def slow(*args, **more):
            self.reached.set()
            await self._open.wait()
            return await real(*args, **more)

        monkeypatch.setattr(owner, name, slow)

    def open(self) -> None:
        self._open.set()


# ---- at the same time


async def test_two_make_the_same_room_at_once(house):
    clients = [await house.client(person) for person in (ALICE, BOB, CAROL)]
    for client in clients:
        client.got()
    await asyncio.gather(*(begin(c, joining(c.session.identity.user)) for c in clients))
    await house.quiet()
    answers = {client: client.got("presence") for client in clients}
    (maker,) = (c for c, got in answers.items() if any(201 in codes(p) for p in got))
    others = [client for client in clients if client is not maker]
    assert [condition(answers[c][0]) for c in others] == [("cancel", "item-not-found")] * 2
    await take(maker)
    for other in others:
        await enter(other, other.session.identity.user)
    conversation = await house.front_end.immcu.at(ADDRESS)
    assert set(conversation.participants) == {ALICE, BOB, CAROL}
    for client in clients:
        client.got()
    for client in clients:
        await client.send(f"<message type='groupchat' to='{ROOM}'><body>{client.bare}</body></message>")
    assert all(len(c.got("message")) == 3 for c in clients)


async def test_two_want_the_same_nickname_at_once(house):
    first = await house.client(DAVE)
    await enter(first, "dave")
    clients = [await house.client(person) for person in (ALICE, BOB)]
    for client in clients:
        client.got()
    await asyncio.gather(*(begin(c, joining("Sam")) for c in clients))
    await house.quiet()
    own = {nick(p): codes(p) for c in clients for p in c.got("presence") if 110 in codes(p)}
    assert own in (
        {"Sam": {100, 110}, "Sam (bob)": {100, 110, 210}},
        {"Sam": {100, 110}, "Sam (alice)": {100, 110, 210}},
    )
    assert {nick(p) for p in first.got("presence")} == set(own)


async def test_what_is_said_while_somebody_enters_reaches_them_once_and_in_order(house, monkeypatch):
    alice = await house.client(ALICE)
    await enter(alice, "alice")
    bob = await house.client(BOB)
    bob.got()
    gate = Gate(monkeypatch, house.front_end.immcu, "history")
    entering = begin(bob, joining("bob"))
    await gate.reached.wait()
    for number in range(3):
        await begin(alice, f"<message type='groupchat' to='{ROOM}'><body>{number}</body></message>")
    assert bob.got() == []
    gate.open()
    await entering
    got = bob.got()
    assert [body(m) for m in got if body(m)] == ["0", "1", "2"]
    assert [p.tag.rpartition("}")[2] for p in got][:2] == ["presence", "presence"]


async def test_somebody_is_removed_while_they_enter(house, monkeypatch):
    alice = await house.client(ALICE)
    await enter(alice, "alice")
    bob = await house.client(BOB)
    gate = Gate(monkeypatch, house.front_end.immcu, "history")
    entering = begin(bob, joining("bob"))
    await gate.reached.wait()
    conversation = await house.front_end.immcu.at(ADDRESS)
    await house.front_end.immcu.leave(conversation, BOB, reason="not you", by=ALICE)
    gate.open()
    await entering
    await house.quiet()
    bob.got()
    await bob.send(f"<message type='groupchat' to='{ROOM}' id='x'><body>in?</body></message>")
    assert condition(bob.got("message", id="x")[0])[1] == "not-acceptable"
    assert BOB not in conversation.participants
    assert "bob" not in [nick(p) for p in (await enter(alice, "alice")) if p.get("type") is None]


@pytest.mark.parametrize("reason", ["connection lost", "signed out"])
async def test_a_client_goes_while_it_enters(house, monkeypatch, reason):
    alice = await house.client(ALICE)
    await enter(alice, "alice")
    bob = await house.client(BOB)
    gate = Gate(monkeypatch, house.front_end.immcu, "history")
    entering = begin(bob, joining("bob"))
    await gate.reached.wait()
    await bob.goes(reason)
    gate.open()
    await entering
    await house.quiet()
    assert (await house.front_end.immcu.at(ADDRESS)).participants == [ALICE]
    assert [nick(p) for p in alice.got("presence") if p.get("type") is None] == []


async def test_leaving_and_entering_in_one_breath(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await enter(alice, "alice"), await enter(bob, "bob")
    bob.got()
    await bob.send(f"<presence to='{ROOM}/bob' type='unavailable'/>{joining('bobby')}")
    got = bob.got("presence")
    assert [(nick(p), p.get("type")) for p in got] == [("bob", "unavailable"), ("alice", None), ("bobby", None)]


async def test_what_follows_the_entering_waits_for_it(house, monkeypatch):
    """Clients enter, ask and speak in one breath (RFC 6120 section 10.1)."""
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await enter(bob, "bob")
    alice.got()
    owner = "<query xmlns='http://jabber.org/protocol/muc#owner'/>"
    gate = Gate(monkeypatch, house.front_end.immcu, "history")
    steps = [
        joining("alice"),
        f"<iq type='get' id='own' to='{ROOM}'>{owner}</iq>",
        f"<iq type='get' id='self' to='{ROOM}/alice'><ping xmlns='urn:xmpp:ping'/></iq>",
        f"<iq type='get' id='other' to='{ROOM}/bob'><ping xmlns='urn:xmpp:ping'/></iq>",
        f"<message type='groupchat' to='{ROOM}' id='said'><body>hello</body></message>",
        f"<presence to='{ROOM}/alice' type='unavailable'/>",
    ]
    works = [begin(alice, step) for step in steps]
    await gate.reached.wait()
    ping = await alice.ask("<ping xmlns='urn:xmpp:ping'/>")  # the server itself is not kept waiting
    assert ping.get("type") == "result"
    gate.open()
    await asyncio.gather(*works)
    got = alice.got()
    assert [(e.get("id"), e.get("type")) for e in got if e.tag.endswith("iq")] == [("own", "error"), ("self", "result")]
    assert [body(e) for e in got if e.get("id") == "said"] == ["hello"]
    assert got[-1].get("type") == "unavailable"
    assert [q.get("id") for q in bob.got("iq")] == ["other"]


# ---- when it does not work


@pytest.mark.parametrize(
    "error, expected",
    [
        (Gone("over"), ("cancel", "gone")),
        (Busy("the disk is full"), ("wait", "resource-constraint")),
    ],
)
async def test_the_conference_cannot_be_entered(house, monkeypatch, error, expected):
    alice = await house.client(ALICE)
    await enter(alice, "alice")
    bob = await house.client(BOB)

    async def refuse(*args, **more):
        raise error

    monkeypatch.setattr(house.front_end.immcu, "enter", refuse)
    (answer,) = await enter(bob, "bob")
    assert condition(answer) == expected
    assert bob.session.extra["resource"].seats == {}
    monkeypatch.undo()
    assert 110 in codes([p for p in await enter(bob, "bob") if p.tag.endswith("presence")][-1])


async def test_a_room_that_somebody_else_made_meanwhile(house, monkeypatch):
    alice = await house.client(ALICE)
    immcu = house.front_end.immcu
    real = immcu.open_room

    async def too_late(address, creator, **more):
        await real(address, BOB)
        raise Conflict("there is one")

    monkeypatch.setattr(immcu, "open_room", too_late)
    got = await enter(alice, "alice")
    assert codes(next(p for p in got if nick(p) == "alice")) == {100, 110}
    assert (await immcu.at(ADDRESS)).participants == [BOB, ALICE]


async def test_a_conflict_that_nobody_can_explain(house, monkeypatch):
    alice = await house.client(ALICE)

    async def conflict(*args, **more):
        raise Conflict("there is one")

    monkeypatch.setattr(house.front_end.immcu, "open_room", conflict)
    assert condition((await enter(alice, "alice"))[0]) == ("cancel", "conflict")


async def test_a_part_that_fails_leaves_no_half_taken_seat(house, monkeypatch, caplog):
    alice = await house.client(ALICE)

    async def broken(*args):
        raise RuntimeError("this store is broken")

    monkeypatch.setattr(house.front_end.immcu, "history", broken)
    (answer,) = await enter(alice, "alice")
    assert condition(answer) == ("wait", "internal-server-error") and "could not be handled" in caplog.text
    seat = alice.session.extra["resource"].seats.get(ADDRESS)
    assert seat is None or seat.state is State.RELAYED


# ---- the conference goes its own way


async def in_the_room(house, *people):
    clients = [await house.client(person) for person in people]
    for client in clients:
        await enter(client, client.session.identity.user)
    for client in clients:
        client.got()
    return clients


async def test_commands_and_other_worlds_change_what_a_room_shows(house):
    alice, bob = await in_the_room(house, ALICE, BOB)
    immcu = house.front_end.immcu
    conversation = await immcu.at(ADDRESS)
    await immcu.name(conversation, "lunch", BOB)
    await immcu.name(conversation, "lunch", ALICE)
    subjects = [m.findtext("{jabber:client}subject") for m in alice.got("message")]
    assert subjects == ["lunch"]
    await immcu.leave(conversation, BOB)
    await house.quiet()
    assert [(nick(p), p.get("type"), codes(p)) for p in bob.got("presence")] == [("bob", "unavailable", {110})]
    assert [(nick(p), p.get("type"), codes(p)) for p in alice.got("presence")] == [("bob", "unavailable", set())]
    assert bob.session.extra["resource"].seats == {}


async def test_somebody_is_added_to_a_room_they_could_enter_themselves(house):
    """A script or another world's client brought them in: they are invited, and hear what is said until they enter."""
    await in_the_room(house, ALICE, BOB)
    carol = await house.client(CAROL)
    carol.got()
    await house.front_end.immcu.add(await house.front_end.immcu.at(ADDRESS), CAROL, by=ALICE)
    await house.quiet()
    (invitation,) = carol.got("message")
    assert invitation.find(f"{{{USER}}}x/{{{USER}}}invite").get("from") == "alice@example.test"
    assert invitation.find(f".//{{{USER}}}continue") is None  # nothing goes on: it is an ordinary room
    own = [p for p in await enter(carol, "carol") if 110 in codes(p)]
    assert [nick(p) for p in own] == ["carol"]


async def test_a_persons_other_client_is_left_alone_by_a_room_it_is_not_in(house):
    alice, bob = await in_the_room(house, ALICE, BOB)
    phone = await house.client(BOB, "phone")
    phone.got()
    await alice.send(f"<message type='groupchat' to='{ROOM}'><body>hello</body></message>")
    assert phone.got() == [] and len(bob.got("message")) == 1
    assert phone.session.extra["resource"].seats == {}
    assert await house.front_end.store.unseen(BOB) == []


async def test_a_phone_comes_and_goes_in_a_conference(house):
    alice = await house.client(ALICE)
    phone, desk = sit(house.front_end, BOB, "phone"), sit(house.front_end, CAROL, "phone")
    await say(house.front_end, ALICE, BOB, "hello")
    (conversation,) = house.front_end.immcu.of(BOB)
    await house.front_end.immcu.add(conversation, CAROL, by=ALICE)
    await house.quiet()
    await enter(alice, "Alice", str(conversation.address))
    house.front_end.registrar.unbind(at(BOB, "phone"), phone, "its registration expired")
    await house.quiet()
    assert [(nick(p), p.get("type")) for p in alice.got("presence")] == [("Bob", "unavailable")]
    assert BOB in conversation.participants
    sit(house.front_end, BOB, "phone")
    house.router.signed_in(BOB)
    await house.quiet()
    assert [(nick(p), p.get("type")) for p in alice.got("presence")] == [("Bob", None)]
    house.front_end.registrar.unbind(at(CAROL, "phone"), desk)
    house.front_end.registrar.unbind(at(DAVE, "nowhere"))
    await house.quiet()
    assert [nick(p) for p in alice.got("presence")] == ["Carol"]


async def test_typing_reaches_only_those_who_sit_in_the_room(house):
    alice, bob = await in_the_room(house, ALICE, BOB)
    conversation = await house.front_end.immcu.at(ADDRESS)
    carol = await house.client(CAROL)
    carol.got()
    await house.front_end.immcu.add(conversation, CAROL, by=ALICE)
    await house.quiet()
    carol.got(), alice.got(), bob.got()
    house.front_end.immcu.tell(conversation, Typing(conversation, at(BOB), True), but=at(BOB))
    assert [(nick(m), m.get("type")) for m in alice.got("message")] == [("bob", "groupchat")]
    assert carol.got() == [] and bob.got() == []


async def test_a_sleeping_conference_is_woken_by_anybody(house):
    immcu = house.front_end.immcu
    before = await immcu.open_room(ADDRESS, ALICE, keeps_seats=True)
    alice, bob = await in_the_room(house, ALICE, BOB)
    await immcu.end(before, IDLE)
    await house.quiet()
    assert alice.got() == bob.got() == []
    await immcu.send(Utterance(at(BOB, "phone"), "good morning"), ADDRESS)
    assert [(nick(m), body(m)) for m in alice.got("message")] == [("bob", "good morning")]
    after = await immcu.at(ADDRESS)
    assert after.id != before.id and after.continues == before.id
    await alice.send(f"<presence to='{ROOM}/alice' type='unavailable'/>")
    assert after.participants == [BOB]


async def test_threads_of_a_room_are_remembered_for_invitations(house):
    alice, _ = await in_the_room(house, ALICE, BOB)
    await alice.send(f"<message type='groupchat' to='{ROOM}'><body>x</body><thread>t-room</thread></message>")
    conversation = await house.front_end.immcu.at(ADDRESS)
    assert house.router._parts.threads.of(conversation.id) == "t-room"


async def test_private_words_for_oneself_and_for_who_blocks(house):
    alice, bob = await in_the_room(house, ALICE, BOB)
    await alice.send(f"<message type='chat' to='{ROOM}/alice'><body>note</body></message>")
    assert [(m.get("from"), body(m)) for m in alice.got("message")] == [(f"{ROOM}/alice", "note")]
    await house.front_end.contacts.block(BOB, ALICE)
    await alice.send(f"<message type='chat' id='p' to='{ROOM}/bob'><body>psst</body></message>")
    assert condition(alice.got("message", id="p")[0]) == ("cancel", "item-not-found") and bob.got("message") == []


async def test_empty_words(house):
    alice, _ = await in_the_room(house, ALICE, BOB)
    await alice.send(f"<message type='groupchat' to='{ROOM}' id='e'/>")
    assert condition(alice.got("message", id="e")[0]) == ("modify", "bad-request")
    await alice.send(f"<message type='chat' to='{ROOM}' id='f'><body>chat to all?</body></message>")
    assert condition(alice.got("message", id="f")[0]) == ("modify", "bad-request")
    await alice.send(f"<message type='error' to='{ROOM}' id='g'/>")
    assert alice.got() == []


def test_how_much_of_the_past_is_a_number_or_nothing():
    from datetime import UTC, datetime
    from xml.etree import ElementTree

    now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def wish(**attributes):
        inside = "".join(f" {key}='{value}'" for key, value in attributes.items())
        return room_entry.wish_of(ElementTree.fromstring(f"<x xmlns='{MUC}'><history{inside}/></x>"), now)

    assert room_entry.wish_of(None, now) == room_entry.Wish()
    assert wish(maxstanzas="7", maxchars="100") == room_entry.Wish(7, 100, None)
    assert wish(maxstanzas="9999").stanzas == room_entry.MAX_HISTORY
    assert wish(maxstanzas="-1") == wish(maxstanzas="\u0667") == wish(seconds="1e3") == room_entry.Wish()
    assert wish(seconds="60").since == datetime(2026, 11, 24, 11, 59, tzinfo=UTC)
    assert wish(seconds="60", since="2026-11-24T11:59:30Z").since == datetime(2026, 11, 24, 11, 59, 30, tzinfo=UTC)
    assert wish(seconds="99999999999").since.year < 2026
    assert wish(since="long ago").since is None


def test_a_room_needs_a_conference():
    with pytest.raises(AssertionError):
        from ....bridges.xmpp.rooms.room import Room
        from ...people import NOON

        Room(Conversation("c1", NOON), b"key")
