"""The questions that the journal answers.  Runs in the reader's thread, inside its transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypeVar

from ..cdr import CallDetailRecord
from ..conversation import Conversation
from ..identity import Identity
from ..message import Message
from ..store import Retraction
from .changes import closed_record, record_of, records
from .charters import restore
from .rows import CONVERSATION, MESSAGE, Row, bounded, conversation_of, identity_of, message_of, moment

SEATED = "SELECT who FROM seats WHERE conversation = ? AND left_at IS NULL ORDER BY id"
NEWEST = "SELECT seq, sent_at FROM messages WHERE conversation = ? ORDER BY seq DESC LIMIT 1"
UNSETTLED = """
    SELECT s.conversation, s.position, s.last
    FROM seats AS s INDEXED BY seats_unsettled JOIN conversations AS c ON c.id = s.conversation
    WHERE s.who = ? AND s.settled = 0 ORDER BY c.started_at, s.conversation, s.position
"""
UNSEEN = f"""
    SELECT {MESSAGE} FROM messages
    WHERE conversation = ? AND seq > ? AND seq <= ? AND sender <> ?
    AND id NOT IN (SELECT message FROM retractions) ORDER BY seq LIMIT ?
"""
T = TypeVar("T")

NO_END = 2**62
"""The last number of a seat that somebody still has."""


def conversation(db: sqlite3.Connection, id: str) -> Conversation | None:
    found = _conversations(db, "id = ?", id)
    return found[0] if found else None


def open_conversations(db: sqlite3.Connection) -> list[Conversation]:
    """Oldest first."""
    return _conversations(db, "ended_at IS NULL ORDER BY started_at, rowid")


def last_at(db: sqlite3.Connection, address: Identity) -> Conversation | None:
    found = _conversations(db, "address = ? ORDER BY started_at DESC, rowid DESC LIMIT 1", str(address))
    return found[0] if found else None


def asleep(db: sqlite3.Connection, limit: int) -> list[Conversation]:
    """By address."""
    return _conversations(db, f"persistent = 1 AND ended_at IS NOT NULL ORDER BY address LIMIT {bounded(limit)}")


def retractions(db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Retraction]:
    """Of those messages that were taken back: by whom, when and why."""
    marks = ", ".join("?" for _ in ids)
    rows = db.execute(f"SELECT message, by, at, reason FROM retractions WHERE message IN ({marks})", list(ids))
    return {id: Retraction(identity_of(by), moment(at), reason) for id, by, at, reason in rows}


def messages(db: sqlite3.Connection, conversation: str, after: int, limit: int, last: bool) -> list[Message]:
    order = "DESC" if last else "ASC"
    rows = db.execute(
        f"SELECT {MESSAGE} FROM messages WHERE conversation = ? AND seq > ? ORDER BY seq {order} LIMIT ?",
        [conversation, bounded(after), bounded(limit)],
    )
    return _oldest_first([message_of(row) for row in rows], last)


def first_visible(db: sqlite3.Connection, conversation: str, who: Identity) -> int:
    seat = db.execute(
        "SELECT first FROM seats WHERE conversation = ? AND who = ? ORDER BY id DESC LIMIT 1", [conversation, str(who)]
    ).fetchone()
    if seat is not None:
        return int(seat[0])
    newest = db.execute(NEWEST, [conversation]).fetchone()
    return int(newest[0]) + 1 if newest else 1


def unseen(db: sqlite3.Connection, who: Identity, limit: int) -> list[Message]:
    """Seat by seat, so that a long absence costs no more than ``limit`` messages."""
    found: list[Message] = []
    limit = bounded(limit)
    for conversation, rows in groupby(db.execute(UNSETTLED, [str(who)]).fetchall(), key=lambda row: row[0]):
        for after, upto in spans((position, NO_END if last is None else last) for _, position, last in rows):
            found += map(message_of, db.execute(UNSEEN, [conversation, after, upto, str(who), limit - len(found)]))
            if len(found) >= limit:
                return found
    return found


def spans(seats: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges (above, up to) that the seats of one person cover together, each number once.  By their beginnings."""
    joined: list[tuple[int, int]] = []
    for after, upto in seats:
        if joined and after <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], upto))
        else:
            joined.append((after, upto))
    return joined


def record(db: sqlite3.Connection, conversation: str) -> CallDetailRecord | None:
    return closed_record(db, conversation) or record_of(db, conversation)


def closed_records(db: sqlite3.Connection, after: int, limit: int, last: bool) -> list[CallDetailRecord]:
    order = "DESC" if last else "ASC"
    rows = db.execute(
        f"SELECT record FROM records WHERE number > ? ORDER BY number {order} LIMIT ?", [bounded(after), bounded(limit)]
    )
    return _oldest_first([records.decode(text) for (text,) in rows], last)


def exported(db: sqlite3.Connection, exporter: str) -> int:
    row = db.execute("SELECT number FROM exporters WHERE name = ?", [exporter]).fetchone()
    return row[0] if row else 0


def _conversations(db: sqlite3.Connection, where: str, *given: str) -> list[Conversation]:
    rows: Sequence[Row] = db.execute(f"SELECT {CONVERSATION} FROM conversations WHERE {where}", given).fetchall()
    return [
        restore(
            conversation_of(
                row,
                [identity_of(who) for (who,) in db.execute(SEATED, [row[0]])],
                db.execute(NEWEST, [row[0]]).fetchone(),
            ),
            row[-1],
        )
        for row in rows
    ]


def _oldest_first(found: list[T], newest_first: bool) -> list[T]:
    return found[::-1] if newest_first else found
