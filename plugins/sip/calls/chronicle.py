"""What the core is told of one call, in the order in which it happened, however long the disk takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ....core.call import Call, Party
from ....core.calls import Calls

log = logging.getLogger(__name__)


class Chronicle:
    """One call's.  Its end is told once, whoever comes to it first."""

    def __init__(self, calls: Calls, call: Call, start: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self._calls = calls
        self._start = start
        self._turn = asyncio.Lock()
        self.call = call
        self.over = False

    def native(self, **facts: str) -> None:
        """What the protocol calls it; told with what is told next."""
        self.call.native |= facts

    def ringing(self, party: Party, *, stopped: bool = False) -> None:
        """It rings there, or no more."""
        self._tell(lambda: self._calls.ringing(self.call, party, stopped=stopped))

    def answered(self, by: Party, media: frozenset[str]) -> None:
        """Somebody took it."""
        self._tell(lambda: self._calls.answered(self.call, by, media))

    def changed(self, *, held: bool | None = None, media: frozenset[str] | None = None) -> None:
        """On hold, or not; other media."""
        self._tell(lambda: self._calls.changed(self.call, held=held, media=media))

    def transferred(self, to: Party) -> None:
        """One side was sent to somebody else."""
        self._tell(lambda: self._calls.transferred(self.call, to))

    def ended(self, reason: str, by: Party | None = None) -> None:
        """It is over."""
        if not self.over:
            self._tell(lambda: self._calls.ended(self.call, reason, by))
            self.over = True

    def _tell(self, work: Callable[[], Awaitable[None]]) -> None:
        if not self.over:
            self._start(self._in_turn(work))

    async def _in_turn(self, work: Callable[[], Awaitable[None]]) -> None:
        async with self._turn:
            await work()
