"""The implementations that the contract holds for.  A new one adds its line to STORES, DIRECTORIES or BUSES."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from ....core.sqlite import SqliteStore
from ....core.standalone import StandaloneBus, StandaloneDirectory
from ....core.store import Bus, Directory, Store
from ...hostile import FailingStore, FullStore, LocalBus, SlowStore, StaleDirectory
from ...people import Clock

STORES: dict[str, Callable[[Path], Store]] = {
    "sqlite": lambda folder: SqliteStore(folder / "store.db", clock=Clock()),
    "wrapped": lambda folder: hostile_at_rest(SqliteStore(folder / "store.db", clock=Clock())),
}
"""The second one shows that what the wrappers of hostile.py do not break, they pass on."""

DIRECTORIES: dict[str, Callable[[Callable[[], float]], Directory]] = {
    "standalone": StandaloneDirectory,
    "stale": lambda clock: StaleDirectory(StandaloneDirectory(clock), clock=clock, age=0),
}
BUSES: dict[str, Callable[[int], list[Bus]]] = {
    "standalone": lambda nodes: [StandaloneBus()],
    "local": lambda nodes: [bus.join() for bus in [LocalBus()] for _ in range(nodes)],
}


def hostile_at_rest(store: Store) -> Store:
    """A store inside all of its tormentors, none of which is at work."""
    return SlowStore(FullStore(FailingStore(store), full=False), lambda: asyncio.sleep(0))


class Seconds:
    """A monotonic clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=STORES)
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Makes the store of one place: what one has written, the next one finds."""
    return lambda: STORES[request.param](tmp_path)


@pytest.fixture
async def store(make_store: Callable[[], Store]) -> AsyncIterator[Store]:
    async with make_store() as store:
        yield store


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture(params=DIRECTORIES)
def directory(request: pytest.FixtureRequest, seconds: Seconds) -> Directory:
    return DIRECTORIES[request.param](seconds)


@pytest.fixture(params=BUSES)
def buses(request: pytest.FixtureRequest) -> list[Bus]:
    """The sides of up to three front ends."""
    return BUSES[request.param](3)
