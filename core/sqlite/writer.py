"""The one thread that writes: natural group commit.

There is no timer: while one batch is being committed, the next one gathers.  A job is a message to accept or a piece of
work on the connection; its future is resolved on the loop after the commit, with one wake-up of the loop for a batch.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

from ..errors import Busy
from ..identity import Endpoint
from ..message import Message
from ..store import Accepted, Mode, Shown
from .appends import Appends, clear, hopeless
from .files import savepoint, transaction
from .positions import move

log = logging.getLogger(__name__)

MAX_BATCH = 2000
"""Jobs in one transaction."""
MAX_QUEUED = 20_000
"""Jobs that may wait; the next one is refused with Busy."""
MAX_QUEUED_SIZE = 64 * 1024 * 1024
"""Characters of text and bytes of payload in the messages that wait."""
MAX_SHOWN = 100_000
"""Positions that may wait while the disk is full; later ones are dropped, and their messages are shown again."""
FOLD_AFTER = 500
"""Jobs after which the write-ahead log is folded into the database as soon as nobody waits for a commit."""
SHOWN_DELAY = 1.0
"""Seconds that positions wait for a commit of something else."""
PROBE_DELAY = 5.0
"""Seconds between attempts to write again after the storage refused."""
RETRY_QUEUED = 2
RETRY_STORAGE = 30
"""Seconds after which to try again: the queue is short-lived, a full disk is not."""

TROUBLE = {
    sqlite3.SQLITE_FULL: "the storage is full",
    sqlite3.SQLITE_BUSY: "the storage is locked by another program",
    sqlite3.SQLITE_LOCKED: "the storage is locked by another program",
    sqlite3.SQLITE_READONLY: "the storage is read-only",
    sqlite3.SQLITE_CORRUPT: "the storage is damaged",
    sqlite3.SQLITE_NOTADB: "the storage is damaged",
}

T = TypeVar("T")
Given = TypeVarTuple("Given")
Work = Callable[[sqlite3.Connection, Appends], Any]


class Job(NamedTuple):
    what: Message | Work
    done: asyncio.Future[Any]
    size: int


class Handed(NamedTuple):
    """What the loop hands to the thread at once: its jobs of one turn, in order."""

    jobs: list[Job]
    shown: list[Shown]


class Settled(NamedTuple):
    """What the thread hands back: an outcome for each job, and what is wrong with the storage, if anything is."""

    handed: Handed
    outcomes: Sequence[Any]
    trouble: str


class Writer:
    """Owns the writing connection.  Made, used and closed on one loop."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._appends = Appends()
        self._loop = asyncio.get_running_loop()
        self._handed: queue.SimpleQueue[Handed | None] = queue.SimpleQueue()
        self._held: Handed | None = None
        self._turn: list[Job] = []
        self._queued = self._queued_size = 0
        self._shown: dict[tuple[Endpoint, str], Shown] = {}
        self._moving = 0
        self._timer: asyncio.TimerHandle | None = None
        self._trouble = ""
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="sqlite writer", daemon=True)
        self._thread.start()

    # ---- on the loop

    @property
    def mode(self) -> Mode:
        if self._closing:
            return Mode.DOWN
        return Mode.READ if self._trouble else Mode.WRITE

    def append(self, message: Message) -> asyncio.Future[Accepted]:
        """Accept a message.  Raises Busy."""
        return self._enqueue(message, len(message.text) + (len(message.native.payload) if message.native else 0))

    def run(self, work: Callable[[sqlite3.Connection, Appends, *Given], T], *given: *Given) -> asyncio.Future[T]:
        """Do some work in a transaction; what it raises undoes this work only.  Raises Busy."""
        return self._enqueue(lambda connection, appends: work(connection, appends, *given))

    def shown(self, what: Shown) -> None:
        """Note a position: the newest of each endpoint in each conversation goes into the next commit."""
        key = (what.endpoint, what.conversation)
        before = self._shown.get(key)
        if before is not None:
            if before.seq < what.seq:
                self._shown[key] = what._replace(at=before.at, client=before.client or what.client)
        elif len(self._shown) < MAX_SHOWN and not self._closing:
            self._shown[key] = what
            self._arm(SHOWN_DELAY)

    async def flush(self) -> None:
        """Return when the positions noted so far are written, or cannot be."""
        if (self._shown or self._moving) and not self._closing:
            try:
                await self.run(lambda connection, appends: None)
            except Busy:
                pass

    async def close(self) -> None:
        """Commit what was promised; refuse what comes now."""
        if self._closing:
            return
        self._closing = True
        if self._timer:
            self._timer.cancel()
        self._hand_over()
        self._handed.put(None)
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _enqueue(self, what: Message | Work, size: int = 0) -> asyncio.Future[Any]:
        if self._closing:
            raise Busy("the server is stopping")
        if self._queued >= MAX_QUEUED or self._queued_size > MAX_QUEUED_SIZE:
            raise Busy("too much is waiting to be stored", RETRY_QUEUED)
        self._queued += 1
        self._queued_size += size
        done = self._loop.create_future()
        if not self._turn:
            self._loop.call_soon(self._hand_over)
        self._turn.append(Job(what, done, size))
        return done

    def _hand_over(self) -> None:
        """Give the thread what this turn of the loop has gathered."""
        turn, self._turn = self._turn, []
        shown, self._shown = list(self._shown.values()), {}
        self._moving += len(shown)
        for start in range(0, len(turn), MAX_BATCH):
            self._handed.put(Handed(turn[start : start + MAX_BATCH], shown))
            shown = []
        if shown:
            self._handed.put(Handed([], shown))

    def _arm(self, delay: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(delay, self._tick)

    def _tick(self) -> None:
        """Positions have waited long enough, or it is time to see whether the storage takes writes again."""
        self._timer = None
        if self._shown:
            self._hand_over()
        elif self._trouble:
            self._handed.put(Handed([], []))

    def _settle(self, settled: Settled) -> None:
        self._queued -= len(settled.outcomes)
        self._moving -= len(settled.handed.shown)
        if settled.trouble and not self._trouble:
            log.error("%s: what is there can be read, nothing new is accepted", settled.trouble)
        elif self._trouble and not settled.trouble:
            log.warning("the storage takes writes again")
        self._trouble = settled.trouble
        if settled.trouble:
            for what in settled.handed.shown:
                self.shown(what)
            if not self._closing:
                self._arm(PROBE_DELAY)
        for (_, done, size), outcome in zip(settled.handed.jobs, settled.outcomes):
            self._queued_size -= size
            if done.done():
                continue
            if isinstance(outcome, BaseException):
                done.set_exception(outcome)
            else:
                done.set_result(outcome)

    # ---- in the thread

    def _run(self) -> None:
        unfolded = 0
        while (handed := self._next()) is not None:
            try:
                settled = Settled(handed, self._commit(handed), "")
            except Exception as error:
                settled = self._failed(handed, error)
            try:
                self._loop.call_soon_threadsafe(self._settle, settled)
            except RuntimeError:  # the loop was closed before the store: nobody is left to tell
                return
            unfolded += len(handed.jobs)
            if unfolded >= FOLD_AFTER and self._held is None and self._handed.empty():
                self._fold()
                unfolded = 0

    def _fold(self) -> None:
        """Between batches, so that no commit takes the time for it."""
        try:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except sqlite3.Error as error:
            log.warning("the write-ahead log stays as it is: %s", error)

    def _next(self) -> Handed | None:
        """Wait for something to do, then take all there is, up to MAX_BATCH."""
        handed, self._held = self._held or self._handed.get(), None
        if handed is None:
            return None
        jobs, shown = handed
        while len(jobs) < MAX_BATCH:
            try:
                more = self._handed.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._handed.put(None)
                break
            if len(jobs) + len(more.jobs) > MAX_BATCH:
                self._held = more
                break
            jobs += more.jobs
            shown += more.shown
        return handed

    def _commit(self, handed: Handed) -> list[Any]:
        outcomes: list[Any] = []
        with transaction(self._connection):
            for accepting, jobs in groupby(handed.jobs, key=lambda job: type(job.what) is Message):
                if accepting:
                    outcomes += self._appends.accept(self._connection, [job.what for job in jobs])  # type: ignore[misc]
                else:
                    outcomes += [self._work(job.what) for job in jobs]  # type: ignore[arg-type]
            self._move(handed.shown)
            if not handed.jobs and not handed.shown:
                self._connection.execute("UPDATE store SET value = value")
        return outcomes

    def _work(self, work: Work) -> Any:
        try:
            with savepoint(self._connection):
                return work(self._connection, self._appends)
        except Exception as error:
            if hopeless(error):
                raise
            return clear(error)

    def _move(self, shown: Iterable[Shown]) -> None:
        """Positions never cost a message: they are dropped if something other than the storage is wrong with them."""
        try:
            with savepoint(self._connection):
                move(self._connection, self._appends, shown)
        except Exception as error:
            if hopeless(error):
                raise
            self._appends.forget()
            log.exception("positions could not be written")

    def _failed(self, handed: Handed, error: Exception) -> Settled:
        """The batch was rolled back."""
        self._appends.forget()
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        trouble = TROUBLE.get(code, f"the storage cannot be written ({error})")
        if not hopeless(error):
            log.error("a batch failed", exc_info=error)
        return Settled(handed, [Busy(trouble, RETRY_STORAGE) for _ in handed.jobs], trouble)
