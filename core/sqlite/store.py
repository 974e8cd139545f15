"""The truth in one SQLite file: the store of a single machine."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from ..store import Mode
from .files import Lock, connected, prepare
from .journal import SqliteJournal
from .profiles import SqliteProfiles
from .reader import Reader
from .writer import Writer


class SqliteStore(SqliteJournal, SqliteProfiles):
    """Implements Store.  ``async with SqliteStore(path, clock=…) as store``; one process has the file at a time.

    Entering raises HereaboutsError when the file cannot be used, in a sentence that says what to do.
    """

    def __init__(self, path: Path | str, *, clock: Callable[[], datetime]) -> None:
        self._path = Path(path)
        self._clock = clock
        self._incarnation = ""
        self._open = False

    async def __aenter__(self) -> SqliteStore:
        self._lock, self._incarnation, writing, reading = await asyncio.to_thread(_opened, self._path)
        self._writer = Writer(writing)
        self._reader = Reader(reading)
        self._open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._open = False
        await self._reader.close()
        await self._writer.close()  # the last connection to close folds the write-ahead log into the database
        self._lock.release()

    @property
    def mode(self) -> Mode:
        if not self._open or self._reader.broken:
            return Mode.DOWN
        return self._writer.mode

    @property
    def incarnation(self) -> str:
        return self._incarnation


def _opened(path: Path) -> tuple[Lock, str, sqlite3.Connection, sqlite3.Connection]:
    lock = Lock(path)
    try:
        return lock, prepare(path), connected(path), connected(path, reading=True)
    except BaseException:
        lock.release()
        raise
