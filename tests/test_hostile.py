"""The tormentors do what they say: a harness that is too kind proves nothing."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from ..core.errors import Busy
from ..core.sqlite import SqliteStore
from ..core.standalone import StandaloneDirectory
from ..core.store import Frame, Mode, Shown
from .core.contract.acts import inbox, say, talk, texts, words
from .hostile import WRITES, FailingStore, FullStore, LocalBus, LossyBus, SlowStore, StaleDirectory
from .people import ALICE, BOB, NOON, Clock, at

FRAMES = 4000


@pytest.fixture
async def sqlite(tmp_path):
    async with SqliteStore(tmp_path / "store.db", clock=Clock()) as store:
        yield store


# ---- buses


async def heard_through(seed: int, **habits: float) -> tuple[list[int], LossyBus]:
    joined = LocalBus()
    bus, other = LossyBus(joined.join(), seed=seed, **habits), joined.join()
    for n in range(FRAMES):
        bus.send(Frame("kind", {"n": n}))
    bus.close()
    other.close()
    return [frame.body["n"] async for frame in other.frames()], bus


async def test_a_lossy_bus_loses_three_of_ten():
    heard, bus = await heard_through(1)
    lost = FRAMES - len(set(heard))
    assert lost == bus.dropped and 0.25 < lost / FRAMES < 0.35


async def test_a_lossy_bus_repeats_one_of_ten():
    heard, bus = await heard_through(2)
    repeated = len(heard) - len(set(heard))
    assert repeated == bus.repeated and 0.05 < repeated / FRAMES < 0.12


async def test_a_lossy_bus_lets_frames_be_overtaken_but_not_for_long():
    heard, bus = await heard_through(3)
    overtaken = sum(later < earlier for earlier, later in pairwise(heard))
    assert overtaken > FRAMES / 20 and bus.reordered > FRAMES / 10
    assert all(abs(n - place) < 20 for place, n in enumerate(await lossless(3)))


async def lossless(seed: int) -> list[int]:
    heard, _ = await heard_through(seed, drop=0, repeat=0)
    assert sorted(heard) == list(range(FRAMES)) != heard
    return heard


async def test_a_seed_makes_the_same_trouble_again():
    first, again, other = [(await heard_through(seed))[0] for seed in (7, 7, 8)]
    assert first == again != other


async def test_a_bus_that_is_told_to_behave_does():
    heard, _ = await heard_through(1, drop=0, repeat=0, overtaken=0)
    assert heard == list(range(FRAMES))


async def test_a_lossy_bus_hears_what_others_send():
    joined = LocalBus()
    bus, other = LossyBus(joined.join(), seed=1), joined.join()
    other.send(Frame("kind", {"n": 1}))
    assert await anext(bus.frames()) == Frame("kind", {"n": 1})


async def test_only_what_travels_as_json_travels():
    bus, _ = [joined.join() for joined in [LocalBus()] for _ in range(2)]
    with pytest.raises(TypeError):
        bus.send(Frame("kind", {"bytes": b"no"}))


# ---- directories


class Seconds:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_stale_directory_does_not_know_yet():
    seconds = Seconds()
    directory = StaleDirectory(StandaloneDirectory(seconds), clock=seconds, age=5)
    assert await directory.where([ALICE, BOB]) == {}
    await directory.bind(at(ALICE), "one")
    seconds.now += 4.9
    assert await directory.where([ALICE]) == {}
    seconds.now += 0.1
    assert [place.node for place in (await directory.where([ALICE]))[ALICE]] == ["one"]


async def test_a_stale_directory_believes_in_the_departed():
    seconds = Seconds()
    directory = StaleDirectory(StandaloneDirectory(seconds), clock=seconds, age=5)
    await directory.bind(at(ALICE), "one")
    await directory.where([ALICE])
    await directory.unbind(at(ALICE), "one")
    assert len((await directory.where([ALICE]))[ALICE]) == 1
    seconds.now += 5
    assert await directory.where([ALICE]) == {}


async def test_an_empty_directory_knows_nobody_and_counts_nothing():
    seconds = Seconds()
    directory = StaleDirectory(StandaloneDirectory(seconds), clock=seconds)
    await directory.bind(at(ALICE), "one")
    directory.empty = True
    assert await directory.where([ALICE]) == {}
    assert [await directory.count("key", 60) for _ in range(3)] == [1, 1, 1]
    directory.empty = False
    assert ALICE in await directory.where([ALICE])
    assert await directory.count("key", 60) == 1


# ---- stores


async def test_a_full_store_reads_and_does_not_write(sqlite):
    store = FullStore(sqlite, full=False)
    await talk(store)
    await say(store, "c1", ALICE, "one", "two")
    store.full = True
    with pytest.raises(Busy, match="full"):
        await say(store, "c1", ALICE, "three")
    store.shown(Shown(at(BOB), "c1", 1, "", NOON))
    assert await inbox(store, BOB) == ["one", "two"] and store.mode is Mode.READ
    store.full = False
    store.shown(Shown(at(BOB), "c1", 1, "", NOON))
    assert await inbox(store, BOB) == ["two"] and store.mode is Mode.WRITE


async def test_every_method_that_writes_is_known_to_the_full_store(sqlite):
    """A new one that is forgotten would be let through."""
    reads = {
        *("conversation", "open_conversations", "last_at", "read", "first_visible", "archived", "unseen", "record"),
        *(
            "asleep",
            "retractions",
            "records",
            "exported",
            "person",
            "people",
            "credentials",
            "contacts",
            "contact",
            "watchers",
            "blocked",
        ),
        *("document", "documents", "document_kinds"),
    }
    public = {name for name in dir(SqliteStore) if not name.startswith("_")}
    assert public == WRITES | reads | {"shown", "mode", "incarnation"}


async def test_a_failing_store_fails_as_often_as_it_was_told(sqlite):
    store = FailingStore(sqlite)
    await talk(store)
    store.fail("append", Busy("not now"), times=2)
    outcomes = [await asyncio.gather(say(store, "c1", ALICE, str(n)), return_exceptions=True) for n in range(3)]
    assert [isinstance(outcome, Busy) for (outcome,) in outcomes] == [True, True, False]
    assert texts(await store.read("c1")) == ["2"]
    assert store.calls == ["begin", "append", "append", "append", "read"]


async def test_a_failing_store_may_have_done_it_nevertheless(sqlite):
    store = FailingStore(sqlite)
    await talk(store)
    store.fail("append", ConnectionError("gone"), after=True)
    with pytest.raises(ConnectionError):
        await store.append(words("c1", ALICE, "one", origin="o1"))
    assert (await store.append(words("c1", ALICE, "one", origin="o1"))).duplicate


async def test_a_slow_store_waits_before_it_does_anything(sqlite):
    go = asyncio.Event()
    store = SlowStore(sqlite, go.wait)
    beginning = asyncio.ensure_future(talk(store))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not beginning.done() and await sqlite.conversation("c1") is None
    go.set()
    await beginning
    assert await sqlite.conversation("c1") is not None


async def test_a_wrapped_store_is_opened_and_closed_with_its_wrapper(tmp_path):
    inner = SqliteStore(tmp_path / "store.db", clock=Clock())
    async with FailingStore(inner) as store:
        assert (store.mode, store.incarnation) == (Mode.WRITE, inner.incarnation) and inner.incarnation
    assert inner.mode is Mode.DOWN
