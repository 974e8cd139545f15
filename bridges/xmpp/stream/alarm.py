"""One timer for many moments: it may ring too early, never too late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings once; then it has to be set again."""

    __slots__ = ("_loop", "_ring", "_timer")

    def __init__(self, ring: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self, due: float | None) -> None:
        """Ring at this time of the loop at the latest."""
        if due is None or (self._timer is not None and self._timer.when() <= due):
            return
        self.cancel()
        self._timer = self._loop.call_at(due, self._rings)

    def cancel(self) -> None:
        """Do not ring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rings(self) -> None:
        self._timer = None
        self._ring()
