"""Two front ends on one store: the bus loses, repeats and reorders, the directory is stale, and nobody notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from ...core.conversation import Shape
from ...core.errors import Busy
from ...core.front_end import FrontEnd, utc_now
from ...core.settings import FrontEndSettings
from ...core.sqlite import SqliteStore
from ...core.standalone import StandaloneDirectory
from ...core.store import Bus, Store
from ..hostile import FullStore, LocalBus, LossyBus, StaleDirectory
from ..people import ALICE, BOB, CAROL, Desk
from ..plugged import hooks_of
from ..stage import enrol, say, sit


class Shared:
    """A store that several front ends use and none of them opens or closes."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def __aenter__(self) -> Shared:
        return self

    async def __aexit__(self, *exc: object) -> None: ...


@asynccontextmanager
async def pool(folder: Path, wrap: object = None) -> AsyncIterator[tuple[FrontEnd, FrontEnd]]:
    """Two front ends, joined by a bus of this process that ``wrap`` may spoil."""
    local = LocalBus()
    async with SqliteStore(folder / "shared.db", clock=utc_now) as store:
        ends = []
        for n in range(2):
            end = local.join()
            bus: Bus = wrap(end, n) if callable(wrap) else end
            seam = {
                "store": Shared(store),
                "directory": StaleDirectory(StandaloneDirectory(), clock=monotonic),
                "bus": bus,
            }
            ends.append(FrontEnd(FrontEndSettings(), hooks_of(), {}, folder / f"node{n}", **seam))  # type: ignore[arg-type]
        async with ends[0], ends[1]:
            for person, name in ((ALICE, "Alice"), (BOB, "Bob"), (CAROL, "Carol")):
                await enrol(ends[0], person, name)
            yield ends[0], ends[1]


async def shows(desk: Desk, texts: list[str]) -> None:
    async with asyncio.timeout(30):
        while desk.texts != texts:
            await asyncio.sleep(0.01)


async def test_a_message_reaches_somebody_at_another_front_end(tmp_path):
    async with pool(tmp_path) as (one, two):
        alice, bob = sit(one, ALICE), sit(two, BOB)
        first = await say(one, ALICE, BOB, "hello")
        await shows(bob, ["hello"])
        assert not bob.shown[0].delayed
        answer = await say(two, BOB, ALICE, "hello from over here")
        await shows(alice, ["hello from over here"])
        assert answer.conversation == first.conversation


async def test_a_third_person_is_known_at_both(tmp_path):
    async with pool(tmp_path) as (one, two):
        sit(one, ALICE)
        bob, carol = sit(two, BOB), sit(two, CAROL)
        first = await say(one, ALICE, BOB, "hello")
        await shows(bob, ["hello"])
        await one.immcu.add(one.immcu.conversations[first.conversation], CAROL, by=ALICE)
        async with asyncio.timeout(30):
            while two.immcu.conversations[first.conversation].shape is not Shape.CONFERENCE:
                await asyncio.sleep(0.01)
        await say(one, ALICE, one.immcu.conversations[first.conversation].address, "welcome")
        await shows(carol, ["welcome"])


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_bus_that_loses_repeats_and_reorders_costs_a_moment_and_no_message(tmp_path, seed):
    async with pool(tmp_path, lambda end, n: LossyBus(end, seed=seed + n, drop=0.5)) as (one, two):
        bob = sit(two, BOB)
        sit(one, ALICE)
        texts = [f"message {n}" for n in range(40)]
        for text in texts:
            await say(one, ALICE, BOB, text)
        await shows(bob, texts)


async def test_a_full_store_refuses_and_nobody_sees_what_was_refused(tmp_path):
    async with SqliteStore(tmp_path / "full.db", clock=utc_now) as store:
        full = FullStore(Shared(store))  # type: ignore[arg-type]
        one = FrontEnd(FrontEndSettings(), hooks_of(), {}, tmp_path / "node", store=full)
        full.full = False
        async with one:
            for person, name in ((ALICE, "Alice"), (BOB, "Bob")):
                await enrol(one, person, name)
            bob = sit(one, BOB)
            await say(one, ALICE, BOB, "fits")
            full.full = True
            with pytest.raises(Busy):
                await say(one, ALICE, BOB, "does not fit")
            full.full = False
            await say(one, ALICE, BOB, "fits again")
            assert bob.texts == ["fits", "fits again"]
