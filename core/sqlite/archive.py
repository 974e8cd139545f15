"""Pages of what was said (see core/archive.py).  Runs in the reader's thread, inside its transaction."""

from __future__ import annotations

import sqlite3
from typing import Any

from ..archive import MAX_ASKED, MAX_PAGE, Page, Question
from ..errors import NotFound, TooLarge
from .rows import MESSAGE, message_of, micros

SEATED = """
    EXISTS (SELECT 1 FROM seats AS s WHERE s.conversation = m.conversation AND s.who = ?
            AND m.seq >= s.first AND (s.last IS NULL OR m.seq <= s.last))
"""
TALKS = """
    m.conversation IN (SELECT s.conversation FROM seats AS s JOIN conversations AS c ON c.id = s.conversation
                       WHERE s.who = ? AND c.shape = 'two-party')
"""
COLUMNS = ", ".join(f"m.{column}" for column in MESSAGE.split(", "))


def page(db: sqlite3.Connection, question: Question) -> Page:
    """Raises NotFound for an id that is not in the archive, TooLarge for too many ids."""
    where, given = _archive(question)
    for id, relation in ((question.after, ">"), (question.before, "<")):
        if id:
            where, given = f"{where} AND m.place {relation} {_place(db, where, given, id)}", given
    if len(question.ids) > MAX_ASKED:
        raise TooLarge(f"at most {MAX_ASKED} messages are found by their ids at once")
    if question.ids:
        for id in question.ids:
            _place(db, where, given, id)
        where += f" AND m.id IN ({', '.join('?' for _ in question.ids)})"
        given = [*given, *question.ids]
    where, given = _filtered(question, where, given)
    limit = max(0, min(question.limit, MAX_PAGE))
    if not limit:
        (count,) = db.execute(f"SELECT count(*) FROM messages AS m WHERE {where}", given).fetchone()
        return Page([], not count, count)
    order = "DESC" if question.last else "ASC"
    rows = db.execute(
        f"SELECT {COLUMNS} FROM messages AS m WHERE {where} ORDER BY m.place {order} LIMIT ?", [*given, limit + 1]
    ).fetchall()
    found = [message_of(row) for row in rows[:limit]]
    return Page(found[::-1] if question.last else found, len(rows) <= limit)


def _archive(question: Question) -> tuple[str, list[Any]]:
    """Which messages there are at all for this person."""
    who = str(question.who)
    if question.room is None:
        return f"{TALKS} AND {SEATED}", [who, who]
    where = "m.conversation IN (SELECT id FROM conversations WHERE address = ?)"
    if question.everything:
        return where, [str(question.room)]
    return f"{where} AND {SEATED}", [str(question.room), who]


def _filtered(question: Question, where: str, given: list[Any]) -> tuple[str, list[Any]]:
    if question.other is not None:
        where += " AND m.conversation IN (SELECT conversation FROM seats WHERE who = ?)"
        given = [*given, str(question.other)]
    if question.since is not None:
        where, given = f"{where} AND m.sent_at >= ?", [*given, micros(question.since)]
    if question.until is not None:
        where, given = f"{where} AND m.sent_at <= ?", [*given, micros(question.until)]
    return where, given


def _place(db: sqlite3.Connection, where: str, given: list[Any], id: str) -> int:
    row = db.execute(f"SELECT m.place FROM messages AS m WHERE {where} AND m.id = ?", [*given, id]).fetchone()
    if row is None:
        raise NotFound("there is no such message in this archive")
    return int(row[0])
