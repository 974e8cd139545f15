"""Resources: order for each addressee, what is remembered, who is reachable; seats, rooms and names by themselves."""

from __future__ import annotations

import asyncio

import pytest

from ....bridges.xmpp import resource as resources
from ....bridges.xmpp.errors import StanzaError
from ....bridges.xmpp.messages import threads
from ....bridges.xmpp.messages.threads import Threads
from ....bridges.xmpp.presence.words import ACTIVITIES, AVAILABILITIES, language_of
from ....bridges.xmpp.resource import Lanes, Resource, Resources
from ....bridges.xmpp.rooms.names import MAX_NICK, Names, nick_asked
from ....bridges.xmpp.rooms.room import Room
from ....bridges.xmpp.rooms.seat import Seat
from ....bridges.xmpp.stream.session import Session
from ....core.conversation import Conversation, Shape
from ....core.errors import BadAddress, Undeliverable
from ....core.message import Delivery
from ....core.people import Person
from ....core.presence import Activity
from ...people import ALICE, BOB, NOON, at, says, who
from .house import Wire


def resource(person=ALICE, instance="desk", presence=b"", priority=0) -> Resource:
    session = Session(at(person, instance), Wire())
    session.presence, session.priority = presence, priority
    return Resource(session, "en")


# ---- lanes


async def test_work_for_one_address_keeps_its_order_and_others_do_not_wait():
    lanes, done, gate = Lanes(), [], asyncio.Event()

    async def work(name, waits=False):
        if waits:
            await gate.wait()
        done.append(name)

    tasks = [
        asyncio.ensure_future(lanes.take(lane, work, name, waits))
        for lane, name, waits in (("a", "a1", True), ("a", "a2", False), ("b", "b1", False), ("a", "a3", False))
    ]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert done == ["b1"] and lanes.busy("a") and not lanes.busy("b")
    gate.set()
    await asyncio.gather(*tasks)
    assert done == ["b1", "a1", "a2", "a3"] and not lanes.busy("a")


async def test_what_fails_or_is_cancelled_does_not_stop_what_follows():
    lanes, done = Lanes(), []

    async def fails():
        raise ValueError

    async def waits():
        await asyncio.Event().wait()

    async def works():
        done.append(True)

    first = asyncio.ensure_future(lanes.take("a", fails))
    second = asyncio.ensure_future(lanes.take("a", waits))
    third = asyncio.ensure_future(lanes.take("a", works))
    with pytest.raises(ValueError):
        await first
    await asyncio.sleep(0)
    second.cancel()
    await third
    assert done == [True]


async def test_who_waits_and_is_cancelled_takes_nobody_along():
    lanes, done, gate = Lanes(), [], asyncio.Event()

    async def works(name):
        await gate.wait()
        done.append(name)

    first = asyncio.ensure_future(lanes.take("a", works, 1))
    second = asyncio.ensure_future(lanes.take("a", works, 2))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    gate.set()
    await first
    assert done == [1] and second.cancelled()


# ---- what is kept


def test_a_resource_remembers_only_so_many_ids(monkeypatch):
    monkeypatch.setattr(resources, "MAX_REMEMBERED", 2)
    one = resource()
    for number in range(3):
        one.remember(f"m{number}", f"s{number}")
    assert one.stanza_ids == {"m1": "s1", "m2": "s2"}


def test_who_is_reachable():
    known = Resources()
    desk, low, silent = resource(), resource(instance="low", priority=-1), resource(instance="silent", presence=None)
    for one in (desk, low, silent):
        known.add(one)
    assert known.reachable(ALICE) == [desk] and set(known.of(ALICE)) == {desk, low, silent}
    assert known.at(at(ALICE, "low")) is low and known.at(at(BOB)) is None
    again = resource()
    known.add(again)
    known.remove(desk)  # it was replaced: nothing happens
    assert known.at(at(ALICE)) is again
    for one in (again, low, silent):
        known.remove(one)
    assert known.of(ALICE) == [] and known._by_person == {}


def test_threads_are_forgotten_in_the_order_of_their_use(monkeypatch):
    monkeypatch.setattr(threads, "MAX_THREADS", 2)
    names = Threads()
    for conversation, thread in (("c1", "a"), ("c2", "b"), ("c1", "c"), ("c3", "d")):
        names.note(conversation, thread)
    assert [names.of(c) for c in ("c1", "c2", "c3")] == ["c", "c2", "d"]


async def test_a_seat_that_is_given_up_leaves_its_messages_in_the_journal():
    seat = Seat()
    conversation = Conversation("c1", NOON, Shape.CONFERENCE, who("r@conference.example.test"))
    shown = seat.hold(Delivery(says(BOB, "x"), conversation, at(ALICE)))
    seat.give_up()
    with pytest.raises(Undeliverable):
        await shown
    assert seat.held == []


# ---- rooms and names


def room(**more) -> Room:
    address = who("r@conference.example.test")
    return Room(Conversation("c1", NOON, Shape.CONFERENCE, address, **more), b"key")


def test_nobody_is_shown_under_anothers_nickname():
    here = room()
    assert here.show(ALICE, "Sam").nick == "Sam"
    assert here.show(BOB, "Sam").nick == "Sam (bob)"
    assert here.show(who("bob@other.test"), "Sam").nick == "Sam (bob@other.test)"
    assert here.called("Sam").who == ALICE and here.called("nobody") is None
    here.hide(ALICE)
    assert here.called("Sam") is None and here.nick_of(ALICE, "Alice") == "Sam"
    assert here.nick_of(who("carol"), "Carol") == "Carol"
    assert here.show(who("dave"), "Sam").nick == "Sam"


def test_occupant_ids_are_the_persons_own_and_the_rooms():
    one, other = room(), Room(Conversation("c2", NOON, Shape.CONFERENCE, who("x@conference.example.test")), b"key")
    assert one.occupant_id(ALICE) == one.occupant_id(ALICE) != one.occupant_id(BOB)
    assert one.occupant_id(ALICE) != other.occupant_id(ALICE)


@pytest.mark.parametrize(
    "more, expected",
    [
        ({"moderators": {ALICE}}, ("owner", "moderator")),
        ({"open_door": True}, ("none", "participant")),
        ({"open_door": False}, ("member", "participant")),
    ],
)
def test_affiliations_and_roles(more, expected):
    here = room(participants=[ALICE], **more)
    assert (here.affiliation(ALICE), here.role(ALICE)) == expected


def test_only_so_many_answers_are_awaited():
    here, one = room(), resource()
    for number in range(201):
        here.expect_answer("nick", str(number), one)
    assert len(here.forwarded) == 200 and ("nick", "0") not in here.forwarded


class Directory:
    """People, and how often they were looked up."""

    def __init__(self, **names):
        self.names, self.asked = names, 0

    async def person(self, identity):
        self.asked += 1
        name = self.names.get(identity.user)
        return Person(str(identity), name) if name is not None else None


async def test_names_are_looked_up_once():
    directory = Directory(alice="Alice\n  Adler\u202e", bob="")
    names = Names(directory)
    assert names.of(ALICE) == "alice"
    await names.learn([ALICE, BOB, ALICE])
    assert names.of(BOB) == "bob" and names.nick_of(ALICE) == "Alice Adler" and directory.asked == 2
    directory.names["alice"] = "Alicia"
    await names.learn([ALICE])
    assert names.nick_of(ALICE) == "Alice Adler"
    await names.learn([ALICE], anew=True)
    assert names.nick_of(ALICE) == "Alicia"


async def test_names_that_are_nothing_and_names_that_are_long():
    names = Names(Directory(alice="\n\t", bob="b" * 1000))
    await names.learn([ALICE, BOB])
    assert names.nick_of(ALICE) == "alice" and names.nick_of(BOB) == "b" * MAX_NICK


def test_nicknames_somebody_chose():
    assert nick_asked("JuliC ☕") == "JuliC ☕"
    for wrong in ("", "   ", "n" * (MAX_NICK + 1)):
        with pytest.raises(StanzaError):
            nick_asked(wrong)
    with pytest.raises(BadAddress):
        nick_asked("a\x00b")


def test_every_language_has_every_phrase():
    for language in ACTIVITIES:
        assert set(ACTIVITIES[language]) == set(Activity) - {Activity.NONE}
        assert set(AVAILABILITIES[language]) == set(AVAILABILITIES["en"])
        phrases = [*ACTIVITIES[language].values(), *AVAILABILITIES[language].values()]
        assert len({p.casefold() for p in phrases}) == len(phrases)
    assert [language_of(*tags) for tags in (["de-AT"], ["fr", "de"], ["fr"], ["", "en-GB"])] == ["de", "de", "en", "en"]
