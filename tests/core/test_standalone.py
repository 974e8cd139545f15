"""The directory and the bus of a single machine: what the contract leaves open."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core import standalone
from ...core.standalone import SLICES, SlidingCount, StandaloneBus, StandaloneDirectory
from ...core.store import Frame
from ..people import ALICE, at


class Seconds:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def directory(seconds):
    return StandaloneDirectory(seconds)


# ---- counting


@given(st.lists(st.floats(0, 30), max_size=200))
def test_a_count_is_never_too_low_and_at_most_a_slice_too_high(pauses):
    """Nobody gets past a limit by good timing, and nobody waits much longer than the window."""
    window, now, times = 60.0, 0.0, []
    count = SlidingCount(window)
    for pause in pauses:
        now += pause
        times.append(now)
        counted = count.one_more(now)
        at_least = sum(time > now - window + 1e-6 for time in times)
        at_most = sum(time > now - window - window / SLICES - 1e-6 for time in times)
        assert at_least <= counted <= at_most


def test_a_flood_takes_no_memory():
    count = SlidingCount(60)
    for n in range(100_000):
        assert count.one_more(n * 0.0005) == n + 1
    assert len(count._slices) <= SLICES + 1


async def test_keys_that_are_over_are_forgotten(directory, seconds):
    for n in range(100):
        await directory.count(f"key {n}", 60)
    seconds.now += 61
    await directory.count("another", 60)
    assert list(directory._counts) == ["another"]


async def test_a_key_that_is_counted_stays(directory, seconds):
    await directory.count("busy", 60)
    await directory.count("quiet", 60)
    seconds.now += 40
    assert await directory.count("busy", 60) == 2
    seconds.now += 30
    await directory.count("another", 60)
    assert set(directory._counts) == {"busy", "another"}


async def test_the_only_key_begins_anew_when_it_is_over(directory, seconds):
    assert await directory.count("key", 60) == 1
    seconds.now += 61
    assert await directory.count("key", 60) == 1
    assert await directory.count("key", 60) == 2


async def test_keys_have_a_limit(directory, monkeypatch):
    monkeypatch.setattr(standalone, "MAX_KEYS", 10)
    for n in range(25):
        await directory.count(f"key {n}", 60)
    assert list(directory._counts) == [f"key {n}" for n in range(15, 25)]


async def test_another_window_is_another_count(directory):
    await directory.count("key", 60)
    assert await directory.count("key", 10) == 1
    assert await directory.count("key", 10) == 2


# ---- who is where


async def test_nobody_who_signed_out_takes_memory(directory):
    for n in range(50):
        await directory.bind(at(ALICE, f"desk {n}"), "one")
    for n in range(50):
        await directory.unbind(at(ALICE, f"desk {n}"), "one")
    assert directory._where == {}


async def test_an_answer_is_not_changed_by_what_happens_later(directory):
    await directory.bind(at(ALICE), "one")
    answer = await directory.where([ALICE])
    await directory.unbind(at(ALICE), "one")
    assert len(answer[ALICE]) == 1


# ---- no others


async def test_a_bus_without_others_is_silent_until_it_is_closed():
    bus = StandaloneBus()
    bus.send(Frame("presence", {}))
    heard = asyncio.ensure_future(anext(bus.frames(), None))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not heard.done()
    bus.close()
    assert await heard is None
