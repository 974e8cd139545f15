"""One lock for each person, there only while somebody holds it or waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from .identity import Identity


class Locks:
    """What concerns several people locks all of them."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Identity, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def held(self, *people: Identity) -> AsyncIterator[None]:
        """Nobody else holds these meanwhile.  In order of address, so that no two wait for each other."""
        async with AsyncExitStack() as stack:
            for who in sorted(set(people)):
                lock = self._locks.get(who)
                if lock is None:
                    lock = self._locks[who] = asyncio.Lock()
                await stack.enter_async_context(lock)
            yield
