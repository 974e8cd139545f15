"""Who has been shown what: the positions of seats.  Runs in the writer's thread, inside its transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime

from ..identity import Identity
from ..store import Shown
from .appends import Appends, arrives
from .files import chunked, values
from .rows import bounded

NOTHING_LEFT = """
    last IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM messages AS m WHERE m.conversation = seats.conversation
        AND m.seq > {position} AND m.seq <= seats.last AND m.sender <> seats.who
    )
"""
"""Whether a seat is closed, by leaving or by the conversation's end, and nothing said by others is left to be shown."""
REACHED = "min(moved.seq, coalesce(last, moved.newest))"
"""A position never leads: no further than the newest message, or the last one the seat covers."""
MOVED = "WITH moved (conversation, who, seq, newest) AS (VALUES {rows}) "
MOVE = f"""
    UPDATE seats SET position = {REACHED}, settled = {NOTHING_LEFT.format(position=REACHED)} FROM moved
    WHERE seats.conversation = moved.conversation AND seats.who = moved.who AND settled = 0 AND position < {REACHED}
"""
SETTLE = f"""
    UPDATE seats SET settled = 1
    WHERE conversation = ? AND settled = 0 AND {NOTHING_LEFT.format(position="position")}
"""


def move(db: sqlite3.Connection, appends: Appends, shown: Iterable[Shown]) -> None:
    """Move the positions of people, never back, and note the endpoints as attending."""
    furthest: dict[tuple[Identity, str], int] = {}
    notes: list[tuple[str, Identity, str, str, datetime]] = []
    for endpoint, conversation, seq, client, at in shown:
        who, instance = endpoint
        furthest[who, conversation] = max(seq, furthest.get((who, conversation), 0))
        tail = appends.tail(db, conversation)
        if tail is not None and arrives(tail, who, instance, client):
            notes.append((conversation, who, instance, client, at))
    positions = []
    for (who, conversation), seq in furthest.items():
        tail = appends.tail(db, conversation)
        newest = tail.last if tail is not None else 0
        positions.append((conversation, str(who), bounded(seq), newest))
    for portion in chunked(positions):
        moved = MOVED.format(rows=values(4, len(portion)))
        db.execute(moved + MOVE, [value for position in portion for value in position])
    if notes:
        appends.attend(db, notes)


def settle(db: sqlite3.Connection, conversation: str) -> None:
    """Mark the seats of a conversation that have nothing left to be shown: `unseen` need not look at them again."""
    db.execute(SETTLE, [conversation])
