"""The one thread that reads, on a connection of its own: each question sees one moment of the database."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Concatenate, ParamSpec, TypeVar

from ..errors import Busy
from .appends import clear
from .files import transaction

log = logging.getLogger(__name__)

MAX_WAITING = 10_000
"""Questions that may wait for the thread."""

T = TypeVar("T")
P = ParamSpec("P")


class Reader:
    """Asks the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._thread = ThreadPoolExecutor(1, "sqlite reader")
        self._waiting = 0
        self._closing = False
        self.broken = False
        """The last question could not be answered: the disk or the file is damaged."""

    async def ask(
        self, question: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The answer of ``question(connection, …)``.  Raises Busy."""
        if self._closing:
            raise Busy("the server is stopping")
        if self._waiting >= MAX_WAITING:
            raise Busy("too many are waiting to read from the storage")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, lambda: self._answer(lambda db: question(db, *args, **kwargs))
            )
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Answer what was asked; refuse what comes now."""
        self._closing = True
        await asyncio.to_thread(self._thread.shutdown)
        self._connection.close()

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with transaction(self._connection, "BEGIN"):
                answer = question(self._connection)
        except sqlite3.Error as error:
            if not self.broken:
                log.exception("the storage cannot be read")
            self.broken = True
            raise Busy("the storage cannot be read") from error
        except UnicodeEncodeError as error:
            raise clear(error) from error
        self.broken = False
        return answer
