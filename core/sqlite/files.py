"""The database file: locked, opened and brought up to date, or one sentence that says why not and what to do."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from ..errors import HereaboutsError
from .schema import MIGRATIONS, unknown_migrations

T = TypeVar("T")

BUSY_TIMEOUT = 5000
"""Milliseconds to wait while a backup or another tool holds the database."""
CACHED_STATEMENTS = 256
MAX_LOG = 16_000
"""Pages of write-ahead log (64 MB) after which a commit folds it into the database, whoever waits."""
PAGE_CACHE = 16 * 1024
"""KiB of pages that a connection keeps in memory."""

DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


class Lock:
    """One process at a time: ``<database>.lock``, with the number of the process that has it.

    The file stays behind when the lock is released: taking it away would let two processes lock two files of one name.
    """

    def __init__(self, path: Path) -> None:
        """Raises HereaboutsError."""
        self._path = path.with_name(path.name + ".lock")
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HereaboutsError(_unopened(path, error)) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise HereaboutsError(
                f"process {holder} has the database {path} open: stop that process, or name another database"
            ) from error
        with suppress(OSError):  # a full disk: the lock holds without the number, too
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)


def prepare(path: Path) -> str:
    """Make the file if there is none, bring its tables up to date, and return its incarnation.

    Only its owner may read it: it holds keys and conversations.  Raises HereaboutsError.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise HereaboutsError(_unopened(path, error)) from error
    connection: sqlite3.Connection | None = None
    try:
        connection = connected(path)
        db = Database(connection, execute_plugins=False)
        if unknown := unknown_migrations(db):
            raise HereaboutsError(
                f"the database {path} was written by a newer version of this program ({unknown[-1]}): "
                "install that version, or restore a backup from before"
            )
        MIGRATIONS.apply(db)
        return str(connection.execute("SELECT value FROM store WHERE name = 'incarnation'").fetchone()[0])
    except sqlite3.Error as error:
        raise HereaboutsError(_unusable(path, error)) from error
    finally:
        if connection is not None:
            connection.close()


def connected(path: Path, *, reading: bool = False) -> sqlite3.Connection:
    """A connection that commits durably, or one that only reads."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=CACHED_STATEMENTS
    )
    try:
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT}",
            "journal_mode = WAL",
            "synchronous = FULL",
            f"wal_autocheckpoint = {MAX_LOG}",
            f"cache_size = -{PAGE_CACHE}",
            f"query_only = {int(reading)}",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """All of it, or nothing."""
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite ends it by itself when the disk is full
            connection.execute("ROLLBACK")
        raise


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it, or nothing, inside a transaction that goes on."""
    connection.execute("SAVEPOINT job")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
        raise
    connection.execute("RELEASE job")


def _unopened(path: Path, error: OSError) -> str:
    reason = error.strerror or type(error).__name__
    return f"the database {path} cannot be opened ({reason}): make its folder, or let this user read and write there"


def _unusable(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in DAMAGED:
        return f"the database {path} is damaged or no database: restore a backup, or name another file"
    if code == sqlite3.SQLITE_FULL:
        return f"there is no room for the database {path}: free some space on that disk"
    advice = "close other programs that have it open, and see that its disk is well and has room"
    return f"the database {path} cannot be used ({error}): {advice}"


CHUNKS = (256, 64, 16, 4, 1)
"""Rows of one statement, so that few texts of statements serve any number of rows."""


def chunked(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """The rows in as few portions as CHUNKS allows.

    Python takes its lock again after each step of SQLite, and another thread may have it by then: a hundred rows in one
    step wait for it once, a hundred rows in ``executemany`` a hundred times.
    """
    start = 0
    for size in CHUNKS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@cache
def values(columns: int, rows: int) -> str:
    """``(?, ?), (?, ?)`` for two columns and two rows."""
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)
