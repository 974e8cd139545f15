"""The records of calls: written as the calls go on, and later where the storage does not take them at once."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from .errors import Conflict, Gone, HereaboutsError

if TYPE_CHECKING:
    from .call import Call
    from .hookspecs import Hooks
    from .store import Journal

log = logging.getLogger(__name__)

MAX_LATE = 20_000
"""Calls whose records wait for a storage that does not take them; those beyond are closed at the next start."""
WRITE_AGAIN = 5.0
"""Seconds until what the storage did not take is written again."""


class CallRecords:
    """Takes what calls have ``unwritten`` to the journal."""

    def __init__(self, store: Journal, hooks: Hooks) -> None:
        self._store = store
        self._hooks = hooks
        self._late: dict[Call, None] = {}
        self._again: asyncio.Task[None] | None = None

    async def begin(self, call: Call) -> None:
        """Returns when the call is on the disk.  Raises Busy, but not for an emergency call: that is written later."""
        try:
            await self._store.begin(call.conversation, call.unwritten)
        except HereaboutsError as why:
            if not call.emergency:
                raise
            self._put_off(call, why)
        else:
            call.recorded, call.unwritten = True, []

    async def save(self, call: Call) -> None:
        """Write what the journal does not have yet.  What it does not take is tried again until it does."""
        try:
            await self._write(call)
        except Gone as why:
            log.warning("the record of call %s cannot be changed any more: %s", call.id, why)
            call.unwritten.clear()
        except HereaboutsError as why:
            self._put_off(call, why)
            return
        self._late.pop(call, None)

    async def close(self) -> None:
        """At stop: try what is late once more.  What is not written even then is closed at the next start."""
        if self._again is not None:
            self._again.cancel()
        await asyncio.gather(*[self.save(call) for call in list(self._late)])
        if self._again is not None:
            self._again.cancel()

    async def _write(self, call: Call) -> None:
        async with call.writing:
            events, call.unwritten = call.unwritten, []
            if not events:
                return
            try:
                if not call.recorded:
                    await self._begin_late(call)
                record = await self._store.change(call.conversation, events)
            except BaseException:
                call.unwritten[:0] = events
                raise
        if record is not None:
            self._hooks.record_closed(record=record)

    async def _begin_late(self, call: Call) -> None:
        try:
            await self._store.begin(call.conversation, [])
        except Conflict:
            pass  # it was on the disk, though nobody could say so
        call.recorded = True

    def _put_off(self, call: Call, why: HereaboutsError) -> None:
        if not self._late:
            log.error("the records of calls cannot be written (%s); the calls go on, and it is tried again", why)
        if call in self._late or len(self._late) < MAX_LATE:
            self._late[call] = None
        if self._again is None or self._again.done():
            self._again = asyncio.ensure_future(self._write_late())

    async def _write_late(self) -> None:
        while self._late:
            await asyncio.sleep(WRITE_AGAIN)
            for call in list(self._late):
                await self.save(call)
