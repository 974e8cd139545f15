"""Accepting messages: numbers without gaps, each (sender, origin) once.

Runs in the writer's thread, inside its transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..errors import Gone, HereaboutsError
from ..identity import Identity
from ..message import Message
from ..store import Accepted
from .files import chunked, savepoint, values
from .rows import MESSAGE, identity_of, message_of, message_row, micros, moment, numbered

MAX_REMEMBERED = 20_000
"""Conversations whose last number is kept in memory."""

COLUMNS = len(MESSAGE.split(","))
INSERT = f"INSERT INTO messages ({MESSAGE}) VALUES "
KNOWN = f"SELECT {MESSAGE} FROM messages WHERE sender = ? AND origin = ? AND origin <> ''"
LAST = """
    SELECT m.seq, m.sent_at FROM conversations AS c LEFT JOIN messages AS m
    ON m.conversation = c.id AND m.seq = (SELECT max(seq) FROM messages WHERE conversation = c.id)
    WHERE c.id = ? AND c.ended_at IS NULL
"""
ATTENDANCE = "SELECT who, instance, client FROM attendance WHERE conversation = ?"
ATTEND = """
    INSERT INTO attendance (conversation, who, instance, client, first_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET client = excluded.client WHERE client = ''
"""

HOPELESS = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_PROTOCOL,
}
"""What is wrong with the storage, not with one job."""


def hopeless(error: BaseException) -> bool:
    """Whether no job of the batch can succeed."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in HOPELESS


@dataclass(slots=True)
class Tail:
    """The end of an open conversation: its newest number and time, and which endpoints attend, with which client."""

    last: int
    said_at: datetime | None
    attending: dict[tuple[Identity, str], str] = field(default_factory=dict)


class Appends:
    """Numbers messages.  Remembers the tails of open conversations; what is not remembered is read from the tables.

    A remembered tail must never be ahead of the tables: ``forget`` after a rollback.
    """

    def __init__(self) -> None:
        self._tails: dict[str, Tail] = {}

    def accept(self, db: sqlite3.Connection, messages: Sequence[Message]) -> list[Accepted | Exception]:
        """All at once; if that fails and it is not the storage's fault, one by one: a bad one harms itself only."""
        try:
            with savepoint(db):
                return self._accept_all(db, messages)
        except Exception as error:
            if hopeless(error):
                raise
        self.forget({message.conversation for message in messages})
        return [self._accept_alone(db, message) for message in messages]

    def tail(self, db: sqlite3.Connection, conversation: str) -> Tail | None:
        """The end of an open conversation; None when it has ended or never was."""
        tail = self._tails.get(conversation)
        if tail is None and (row := db.execute(LAST, [conversation]).fetchone()):
            last, said_at = row
            tail = Tail(last or 0, None if said_at is None else moment(said_at))
            for who, instance, client in db.execute(ATTENDANCE, [conversation]):
                tail.attending[identity_of(who), instance] = client
            if len(self._tails) >= MAX_REMEMBERED:
                del self._tails[next(iter(self._tails))]
            self._tails[conversation] = tail
        return tail

    def forget(self, conversations: set[str] | None = None) -> None:
        """These tails, or all."""
        if conversations is None:
            self._tails.clear()
        else:
            for conversation in conversations:
                self._tails.pop(conversation, None)

    def attend(self, db: sqlite3.Connection, notes: list[tuple[str, Identity, str, str, datetime]]) -> None:
        """Note (conversation, person, instance, client, time) for those that the tables do not have yet."""
        db.executemany(ATTEND, [(c, str(who), instance, client, micros(at)) for c, who, instance, client, at in notes])

    def _accept_all(self, db: sqlite3.Connection, messages: Sequence[Message]) -> list[Accepted | Exception]:
        """Without looking for duplicates: the unique index finds them, and they are rare.  Raises IntegrityError."""
        outcomes: list[Accepted | Exception] = []
        rows: list[tuple[Any, ...]] = []
        notes: list[tuple[str, Identity, str, str, datetime]] = []
        for m in messages:
            tail = self._tails.get(m.conversation) or self.tail(db, m.conversation)
            if tail is None:
                insert(db, rows)  # what it repeats may be among these
                rows.clear()
                outcomes.append(self._known(db, m) or Gone("this conversation has ended"))
                continue
            sent_at = m.sent_at if tail.said_at is None or m.sent_at >= tail.said_at else tail.said_at
            tail.last += 1
            tail.said_at = sent_at
            rows.append(message_row(m, tail.last, str(m.sender), micros(sent_at)))
            outcomes.append(Accepted(numbered(m, tail.last, sent_at)))
            if arrives(tail, m.sender, m.endpoint, m.client):
                notes.append((m.conversation, m.sender, m.endpoint, m.client, sent_at))
        insert(db, rows)
        if notes:
            self.attend(db, notes)
        return outcomes

    def _accept_alone(self, db: sqlite3.Connection, message: Message) -> Accepted | Exception:
        try:
            if known := self._known(db, message):
                return known
            with savepoint(db):
                return self._accept_all(db, [message])[0]
        except Exception as error:
            if hopeless(error):
                raise
            self.forget({message.conversation})
            return clear(error)

    def _known(self, db: sqlite3.Connection, message: Message) -> Accepted | None:
        if message.origin and (row := db.execute(KNOWN, [str(message.sender), message.origin]).fetchone()):
            return Accepted(message_of(row), duplicate=True)
        return None


def insert(db: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Messages, as rows of their table."""
    for portion in chunked(rows):
        db.execute(INSERT + values(COLUMNS, len(portion)), [value for row in portion for value in row])


def arrives(tail: Tail, who: Identity, instance: str, client: str) -> bool:
    """Whether this is news about who attends; if so, it is so from now on."""
    before = tail.attending.get((who, instance))
    if before or (before == "" and not client) or not instance:
        return False
    tail.attending[who, instance] = client
    return True


def clear(error: Exception) -> Exception:
    """What a job failed with, in our own words where the caller gave something that cannot be kept."""
    if isinstance(error, UnicodeEncodeError):
        return HereaboutsError("this is no valid Unicode text: it has half of a surrogate pair")
    return error
