"""The way of call detail records out of the store: in order, at least once, acknowledged when they are written."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from .cdr import CallDetailRecord
from .errors import HereaboutsError
from .store import Journal

log = logging.getLogger(__name__)

BATCH = 100
"""Records written, synced and acknowledged together."""
TRY_AGAIN = (1.0, 5.0, 30.0, 60.0)
"""Seconds until the next attempt after one that failed; the last is repeated."""
MAX_LINE = 1024 * 1024
"""Bytes of one line; a longer one is not ours."""
PATIENCE = 5.0
"""Seconds that the last round at stop may take."""

Writer = Callable[[Sequence[CallDetailRecord]], None]


class Outbox:
    """One exporter's place in the list of records.  ``write`` returns when they are safe; it runs beside the loop."""

    def __init__(self, store: Journal, exporter: str, write: Writer) -> None:
        self._store = store
        self._exporter = exporter
        self._write = write
        self._woken = asyncio.Event()
        self._failed = 0

    def wake(self) -> None:
        """There may be something new."""
        self._woken.set()

    async def drain(self) -> None:
        """Write everything that is not acknowledged yet.  Raises OSError, HereaboutsError."""
        after = await self._store.exported(self._exporter)
        while records := await self._store.records(after, BATCH):
            await asyncio.to_thread(self._write, records)
            after = records[-1].number
            await self._store.acknowledge(self._exporter, after)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Catch up, then write what comes; on leaving, write what is left."""
        exporting = asyncio.create_task(self._run())
        try:
            yield
        finally:
            exporting.cancel()
            await asyncio.wait([exporting])
            try:
                async with asyncio.timeout(PATIENCE):
                    await self.drain()
            except (OSError, HereaboutsError) as wrong:
                log.warning("%s is behind (%s); it goes on at the next start", self._exporter, wrong)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self.drain()
            except (OSError, HereaboutsError) as wrong:
                await self._failure(wrong)
            else:
                if self._failed:
                    log.info("%s writes again", self._exporter)
                self._failed = 0
                await self._woken.wait()

    async def _failure(self, wrong: Exception) -> None:
        if not self._failed:
            log.error(
                "%s cannot write (%s); the records wait in the store, and it is tried again", self._exporter, wrong
            )
        wait = TRY_AGAIN[min(self._failed, len(TRY_AGAIN) - 1)]
        self._failed += 1
        await asyncio.sleep(wait)


def append_lines(path: Path, lines: bytes, header: bytes = b"") -> None:
    """Add whole lines to a file and sync it.

    The file is opened for each call, so it may be moved away at any time.  A line that a crash left unfinished was
    never acknowledged: it is cut off before it is written again.  Raises OSError, HereaboutsError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640), "r+b") as file:
        end = _whole_lines(file.fileno(), path)
        file.truncate(end)
        file.seek(end)
        file.write(lines if end else header + lines)
        file.flush()
        os.fsync(file.fileno())


def _whole_lines(file: int, path: Path) -> int:
    """Where the last whole line ends."""
    end = os.fstat(file).st_size
    begin = max(0, end - MAX_LINE)
    newline = os.pread(file, end - begin, begin).rfind(b"\n")
    if newline < 0 and begin:
        raise HereaboutsError(f"{path} does not consist of lines: is it another program's file?")
    return begin + newline + 1
