"""The work that one client's stanzas have set off and that is not done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .limits import MAX_IN_FLIGHT
from .session import Session

log = logging.getLogger(__name__)


class InFlight:
    """``room`` is called when there is room for more work again."""

    __slots__ = ("_room", "_work")

    def __init__(self, room: Callable[[], None]) -> None:
        self._room = room
        self._work: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        return len(self._work)

    @property
    def full(self) -> bool:
        """Whether the client has to wait before more is read from it."""
        return len(self._work) >= MAX_IN_FLIGHT

    def start(self, work: Awaitable[None], session: Session | None = None, number: int = 0) -> None:
        """Do this; when it is done, stanza ``number`` of the session is handled."""
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(lambda done: self._done(done, session, number))

    def _done(self, task: asyncio.Future[None], session: Session | None, number: int) -> None:
        full = self.full
        self._work.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work for %s failed", session, exc_info=error)
        if session is not None and number:
            session.done(number)
        if full:
            self._room()
