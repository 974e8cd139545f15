"""The directory and the bus of a single machine: nothing leaves the process."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

from .identity import Endpoint, Identity
from .store import Frame, Whereabouts

MAX_KEYS = 50_000
"""Keys that are counted at once; beyond it the one counted longest ago is forgotten."""
SLICES = 64
"""Parts of a window that are told apart: a count is late in falling by a 64th of its window at most."""


class StandaloneDirectory:
    """Implements Directory in a dict."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._where: dict[Identity, dict[Whereabouts, None]] = {}
        self._counts: OrderedDict[str, SlidingCount] = OrderedDict()

    async def bind(self, endpoint: Endpoint, node: str) -> None:
        self._where.setdefault(endpoint.identity, {})[Whereabouts(endpoint, node)] = None

    async def unbind(self, endpoint: Endpoint, node: str) -> None:
        here = self._where.get(endpoint.identity, {})
        here.pop(Whereabouts(endpoint, node), None)
        if not here:
            self._where.pop(endpoint.identity, None)

    async def where(self, people: Iterable[Identity]) -> Mapping[Identity, Sequence[Whereabouts]]:
        return {who: list(self._where[who]) for who in people if who in self._where}

    async def count(self, key: str, window: float) -> int:
        now = self._clock()
        count = self._counts.pop(key, None)
        if count is None or count.window != window:
            count = SlidingCount(window)
        while self._counts and (len(self._counts) >= MAX_KEYS or next(iter(self._counts.values())).over(now)):
            self._counts.popitem(last=False)
        self._counts[key] = count  # last: the first is the one counted longest ago
        return count.one_more(now)


class SlidingCount:
    """How often something happened in the last ``window`` seconds, in a few numbers however often it did."""

    __slots__ = ("_slices", "_total", "window")

    def __init__(self, window: float) -> None:
        self.window = window
        self._slices: list[tuple[float, float, int]] = []
        self._total = 0

    def one_more(self, now: float) -> int:
        """Count one; the sum."""
        slices = self._slices
        while slices and slices[0][1] <= now - self.window:
            self._total -= slices.pop(0)[2]
        self._total += 1
        if slices and now - slices[-1][0] < self.window / SLICES:
            first, _, n = slices[-1]
            slices[-1] = (first, now, n + 1)
        else:
            slices.append((now, now, 1))
        return self._total

    def over(self, now: float) -> bool:
        """Whether nothing that was counted is inside the window any more."""
        return bool(self._slices) and self._slices[-1][1] <= now - self.window


class StandaloneBus:
    """Implements Bus for a front end that has no others."""

    def __init__(self) -> None:
        self._closed = asyncio.Event()

    def send(self, frame: Frame) -> None:
        """Nobody is there to hear it."""

    async def frames(self) -> AsyncIterator[Frame]:
        await self._closed.wait()
        return
        yield  # makes this an asynchronous generator

    def close(self) -> None:
        self._closed.set()
