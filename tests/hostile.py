"""Stores, directories and buses that behave as badly as they may, and a bus that joins front ends of one process.

Each wraps a well-behaved one: `FullStore(store)`, `LossyBus(bus, seed=7)`.  The core keeps its promises on top of them.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from ..core.errors import Busy
from ..core.identity import Endpoint, Identity
from ..core.store import Bus, Directory, Frame, Mode, Shown, Store, Whereabouts

WRITES = frozenset(
    [
        *("append", "begin", "change", "acknowledge"),
        *("put_person", "remove_person", "put_credentials", "put_contacts", "put_blocked", "put_document"),
    ]
)
"""What a store cannot do when it only reads."""


class LocalBus:
    """Joins front ends of one process: whatever one sends, all others get, in order, as if it had travelled as JSON."""

    def __init__(self) -> None:
        self._ends: list[BusEnd] = []

    def join(self) -> BusEnd:
        """One more front end."""
        end = BusEnd(self._ends)
        self._ends.append(end)
        return end


class BusEnd:
    """One front end's side of a LocalBus."""

    def __init__(self, ends: list[BusEnd]) -> None:
        self._ends = ends
        self._arrived: asyncio.Queue[str | None] = asyncio.Queue()

    def send(self, frame: Frame) -> None:
        for end in self._ends:
            if end is not self:
                end._arrived.put_nowait(json.dumps(frame))

    async def frames(self) -> AsyncIterator[Frame]:
        while (text := await self._arrived.get()) is not None:
            yield Frame(*json.loads(text))

    def close(self) -> None:
        if self in self._ends:
            self._ends.remove(self)
            self._arrived.put_nowait(None)


class LossyBus:
    """Drops three frames of ten, repeats one of ten, and lets one of five be overtaken by those behind it."""

    def __init__(
        self, bus: Bus, *, seed: int, drop: float = 0.3, repeat: float = 0.1, overtaken: float = 0.2, behind: int = 3
    ) -> None:
        self._bus = bus
        self._dice = random.Random(seed)
        self._drop, self._repeat, self._overtaken, self._behind = drop, repeat, overtaken, behind
        self._held: list[tuple[int, Frame]] = []
        self.dropped = self.repeated = self.reordered = 0

    def send(self, frame: Frame) -> None:
        if self._dice.random() < self._drop:
            self.dropped += 1
        elif self._dice.random() < self._overtaken:
            self.reordered += 1
            self._held.append((self._dice.randint(1, self._behind), frame))
            return
        else:
            self._pass(frame)
        self._let_go()

    def frames(self) -> AsyncIterator[Frame]:
        return self._bus.frames()

    def close(self) -> None:
        """What was held back arrives at last."""
        for _, frame in self._held:
            self._pass(frame)
        self._held.clear()
        self._bus.close()

    def _pass(self, frame: Frame) -> None:
        self._bus.send(frame)
        if self._dice.random() < self._repeat:
            self.repeated += 1
            self._bus.send(frame)

    def _let_go(self) -> None:
        """Another frame has gone by those that are held back."""
        waiting, self._held = [(left - 1, frame) for left, frame in self._held], []
        for left, frame in waiting:
            if left > 0:
                self._held.append((left, frame))
            else:
                self._pass(frame)


class StaleDirectory:
    """Answers as it did up to ``age`` seconds ago; while ``empty`` is true it knows nobody, as after a restart."""

    def __init__(self, directory: Directory, *, clock: Callable[[], float], age: float = 5.0) -> None:
        self._directory = directory
        self._clock = clock
        self._age = age
        self._answers: dict[Identity, tuple[float, Sequence[Whereabouts]]] = {}
        self.empty = False

    async def bind(self, endpoint: Endpoint, node: str) -> None:
        await self._directory.bind(endpoint, node)

    async def unbind(self, endpoint: Endpoint, node: str) -> None:
        await self._directory.unbind(endpoint, node)

    async def where(self, people: Iterable[Identity]) -> Mapping[Identity, Sequence[Whereabouts]]:
        if self.empty:
            return {}
        now, asked = self._clock(), list(people)
        fresh = [who for who in asked if who not in self._answers or self._answers[who][0] <= now - self._age]
        answer = await self._directory.where(fresh)
        self._answers.update({who: (now, answer.get(who, ())) for who in fresh})
        return {who: self._answers[who][1] for who in asked if self._answers[who][1]}

    async def count(self, key: str, window: float) -> int:
        return 1 if self.empty else await self._directory.count(key, window)


class WrappedStore:
    """Everything is the wrapped store's; subclasses come between in ``_call``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __aenter__(self) -> WrappedStore:
        await self._store.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._store.__aexit__(*exc)

    @property
    def mode(self) -> Mode:
        return self._store.mode

    @property
    def incarnation(self) -> str:
        return self._store.incarnation

    def shown(self, what: Shown) -> None:
        self._store.shown(what)

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._call(name, inner, args, kwargs)

        return call

    async def _call(self, name: str, inner: Any, args: Any, kwargs: Any) -> Any:
        return await inner(*args, **kwargs)


class FullStore(WrappedStore):
    """Reads, and refuses to write as long as ``full``."""

    def __init__(self, store: Store, *, full: bool = True) -> None:
        super().__init__(store)
        self.full = full

    @property
    def mode(self) -> Mode:
        return Mode.READ if self.full else self._store.mode

    def shown(self, what: Shown) -> None:
        if not self.full:
            self._store.shown(what)

    async def _call(self, name: str, inner: Any, args: Any, kwargs: Any) -> Any:
        if self.full and name in WRITES:
            raise Busy("the storage is full", 30)
        return await inner(*args, **kwargs)


class FailingStore(WrappedStore):
    """Fails chosen calls: ``failing.fail("append", Busy("not now"), times=2)``; with ``after`` the deed is done first.

    A failure after the deed is a connection lost between the commit and its answer: the caller cannot know.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._failures: dict[str, list[tuple[Exception, bool]]] = {}
        self.calls: list[str] = []

    def fail(self, name: str, error: Exception, *, times: int = 1, after: bool = False) -> None:
        """The next ``times`` calls of this method fail."""
        self._failures.setdefault(name, []).extend([(error, after)] * times)

    async def _call(self, name: str, inner: Any, args: Any, kwargs: Any) -> Any:
        self.calls.append(name)
        failures = self._failures.get(name)
        if not failures:
            return await inner(*args, **kwargs)
        error, after = failures.pop(0)
        if after:
            await inner(*args, **kwargs)
        raise error


class SlowStore(WrappedStore):
    """Takes its time: ``pause()`` is awaited before every call: `lambda: asyncio.sleep(1)`, or an event's `wait`."""

    def __init__(self, store: Store, pause: Callable[[], Any]) -> None:
        super().__init__(store)
        self._pause = pause

    async def _call(self, name: str, inner: Any, args: Any, kwargs: Any) -> Any:
        await self._pause()
        return await inner(*args, **kwargs)
