"""Contact lists in memory: never older than the store, read once for many, and bounded."""

import asyncio

import pytest

from ...core.contacts import Contact
from ...core.held_lists import HeldLists
from ...core.sqlite import SqliteStore
from ..people import ALICE, BOB, CAROL, DAVE, Clock, who


class Slow:
    """A store whose reading of contacts takes until the test says so."""

    def __init__(self, store):
        self.store = store
        self.reads = []
        self.gate = asyncio.Event()
        self.gate.set()

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def contacts(self, owner):
        entries = await self.store.contacts(owner)
        self.reads.append(owner)
        await self.gate.wait()
        return entries


@pytest.fixture
async def store(tmp_path):
    async with SqliteStore(tmp_path / "held.db", clock=Clock()) as store:
        yield Slow(store)


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_list_is_read_once(store):
    held = HeldLists(store)
    assert held.at_hand(ALICE) is None
    first = await held.of(ALICE)
    assert await held.of(ALICE) is first is held.at_hand(ALICE)
    assert store.reads == [ALICE]


async def test_those_who_ask_at_once_share_one_reading(store):
    held = HeldLists(store)
    store.gate.clear()
    asking = [asyncio.create_task(held.of(ALICE)) for _ in range(50)]
    await until(lambda: store.reads)
    store.gate.set()
    lists = await asyncio.gather(*asking)
    assert store.reads == [ALICE]
    assert all(one is lists[0] for one in lists)


async def test_one_who_gives_up_waiting_does_not_stop_the_others(store):
    held = HeldLists(store)
    store.gate.clear()
    patient, hasty = asyncio.create_task(held.of(ALICE)), asyncio.create_task(held.of(ALICE))
    await until(lambda: store.reads)
    hasty.cancel()
    store.gate.set()
    assert (await patient).entries == {}
    with pytest.raises(asyncio.CancelledError):
        await hasty


async def test_a_reading_that_fails_is_tried_again_by_the_next(store):
    held = HeldLists(store)

    async def broken(owner):
        raise OSError("disk on fire")

    store.blocked = broken
    with pytest.raises(OSError, match="fire"):
        await held.of(ALICE)
    del store.blocked
    assert (await held.of(ALICE)).entries == {}


async def test_a_change_is_in_memory_and_in_the_store(store):
    held = HeldLists(store)
    before = await held.of(ALICE)
    await held.commit([Contact(ALICE, BOB), Contact(ALICE, CAROL), Contact(BOB, ALICE)])
    await held.commit([], [(ALICE, CAROL), (ALICE, DAVE)])
    await held.block(ALICE, frozenset({DAVE}))
    assert held.at_hand(ALICE) is before
    assert before.entries == {BOB: Contact(ALICE, BOB)}
    assert before.blocked == {DAVE}
    again = await HeldLists(store).of(ALICE)
    assert (again.entries, again.blocked) == (before.entries, before.blocked)


async def test_a_change_during_the_reading_is_not_lost(store):
    """The rows were read before the commit, and arrive after it."""
    held = HeldLists(store)
    store.gate.clear()
    reading = asyncio.create_task(held.of(ALICE))
    await until(lambda: store.reads)
    await held.commit([Contact(ALICE, BOB)])
    await held.block(ALICE, frozenset({CAROL}))
    store.gate.set()
    read = await reading
    assert read.entries == {BOB: Contact(ALICE, BOB)}
    assert read.blocked == {CAROL}


async def test_the_lists_nobody_asked_for_longest_make_room(store):
    people = [who(f"p{number}") for number in range(6)]
    await store.put_contacts([Contact(person, other) for person in people for other in (ALICE, BOB, CAROL)])
    held = HeldLists(store, limit=12)
    for person in people[:3]:
        await held.of(person)
    await held.of(people[0])
    await held.of(people[3])
    assert [held.at_hand(person) is not None for person in people] == [True, False, True, True, False, False]


async def test_what_memory_holds_is_counted_right_through_every_change(store):
    held = HeldLists(store)
    await held.of(ALICE)
    await held.of(BOB)
    await held.commit([Contact(ALICE, BOB), Contact(ALICE, CAROL), Contact(BOB, ALICE), Contact(CAROL, ALICE)])
    await held.commit([Contact(ALICE, BOB, "Bob")], [(ALICE, CAROL), (ALICE, CAROL), (BOB, DAVE)])
    await held.block(ALICE, frozenset({CAROL, DAVE}))
    await held.block(ALICE, frozenset({DAVE}))
    assert held._weight == sum(one.weight for one in held._held.values()) == 2 + 2 + 1
    held.forget(BOB)
    held.forget(CAROL)
    assert held._weight == sum(one.weight for one in held._held.values()) == 3


async def test_one_list_larger_than_all_room_is_still_served(store):
    await store.put_contacts([Contact(ALICE, who(f"p{number}")) for number in range(30)])
    held = HeldLists(store, limit=10)
    assert len((await held.of(ALICE)).entries) == 30
    assert len((await held.of(BOB)).entries) == 0
    assert held.at_hand(ALICE) is None


async def test_a_list_that_is_forgotten_is_read_anew(store):
    held = HeldLists(store)
    await held.of(ALICE)
    await store.put_contacts([Contact(ALICE, BOB)])
    assert (await held.of(ALICE)).entries == {}
    held.forget(ALICE)
    assert (await held.of(ALICE)).entries == {BOB: Contact(ALICE, BOB)}


async def test_a_version_depends_on_what_is_listed_and_on_nothing_else(store):
    one, other = HeldLists(store), HeldLists(store)
    await one.commit([Contact(ALICE, BOB, "Bob", ("A", "B")), Contact(ALICE, CAROL)])
    version = (await one.of(ALICE)).version
    assert (await other.of(ALICE)).version == version
    await one.commit([Contact(ALICE, DAVE, asking=True, listed=False)])
    assert (await one.of(ALICE)).version == version
    await one.commit([Contact(ALICE, BOB, "Bob\0A", ("B",))])
    assert (await one.of(ALICE)).version != version


async def test_whose_list_has_changed_is_told_when_the_store_has_it(store):
    held, told = HeldLists(store), []

    def heard(owner):
        told.append(owner)

    held.changed.append(heard)
    await held.commit([Contact(ALICE, BOB), Contact(CAROL, BOB)])
    assert sorted(told) == [ALICE, CAROL]
    assert [entry.address for entry in await store.store.contacts(ALICE)] == [BOB]
    await held.commit([], [(ALICE, BOB)])
    await held.block(DAVE, frozenset([BOB]))
    assert told[2:] == [ALICE, DAVE]
