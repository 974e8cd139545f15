"""What happens in conversations: beginnings, comings and goings, ends and their records.

Runs in the writer's thread, inside its transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from ..cdr import Attendance, CallDetailRecord, CallFacts, Seat
from ..conversation import (
    BecameConference,
    CallChanged,
    Conversation,
    ConversationEnded,
    Event,
    History,
    MessageRetracted,
    ParticipantJoined,
    ParticipantLeft,
    Shape,
    SubjectChanged,
)
from ..errors import Conflict, Gone
from ..message import WORDLESS
from .appends import Appends
from .charters import kept
from .positions import settle
from .rows import json, micros, moment

BEGIN = """
    INSERT INTO conversations
    (id, shape, address, subject, moderators, open_door, locked, keeps_seats, continues, started_at, rules, persistent)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
POLICY = """
    UPDATE conversations SET moderators = ?, open_door = ?, locked = ?, keeps_seats = ?, rules = ?, persistent = ?
    WHERE id = ?
"""
GOES_ON = "UPDATE conversations SET persistent = 0 WHERE id = ?"
JOIN = """
    INSERT INTO seats (conversation, who, added_by, history, joined_at, first, position)
    VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
LEAVE = """
    UPDATE seats SET left_at = ?, reason = ?, last = ?
    WHERE conversation = ? AND who = ? AND last IS NULL
"""
BECOME = "UPDATE conversations SET shape = ?, address = ? WHERE id = ?"
SEATS = "SELECT who, joined_at, left_at, reason FROM seats WHERE conversation = ? ORDER BY id"
ATTENDANCE = "SELECT who, instance, client, first_at FROM attendance WHERE conversation = ? ORDER BY id"
SAID = f"""
    SELECT sender, count(*) FROM messages WHERE conversation = ? AND NOT (content_type = '{WORDLESS}' AND text = '')
    GROUP BY sender ORDER BY min(seq)
"""

records = msgspec.json.Decoder(CallDetailRecord)
facts_of = msgspec.json.Decoder(CallFacts)


def begin(db: sqlite3.Connection, appends: Appends, conversation: Conversation, events: Sequence[Event]) -> None:
    """Raises Conflict when the id is taken, or the address by an open conversation."""
    c = conversation
    shape = Shape.CALL if c.shape is Shape.CALL else Shape.CONFERENCE if c.address is not None else Shape.TWO_PARTY
    try:
        db.execute(
            BEGIN,
            [
                c.id,
                shape.value,
                None if c.address is None else str(c.address),
                c.subject,
                _moderators(c),
                c.open_door,
                c.locked,
                c.keeps_seats,
                c.continues,
                micros(c.started_at),
                kept(c),
                c.charter.persistent,
            ],
        )
        db.execute(GOES_ON, [c.continues])
        _apply(db, appends, c.id, events)
    except sqlite3.IntegrityError as error:
        raise _conflict(c) from error


def change(
    db: sqlite3.Connection, appends: Appends, conversation: Conversation, events: Sequence[Event]
) -> CallDetailRecord | None:
    """Raises Gone when it had ended already and ``events`` would change it, Conflict when the address is taken."""
    c = conversation
    if appends.tail(db, c.id) is None:
        record = closed_record(db, c.id)
        if record is None or not all(isinstance(event, ParticipantLeft | ConversationEnded) for event in events):
            raise Gone("this conversation has ended")
        return record
    policy = [_moderators(c), c.open_door, c.locked, c.keeps_seats, kept(c), c.charter.persistent]
    db.execute(POLICY, [*policy, c.id])
    try:
        _apply(db, appends, c.id, events)
    except sqlite3.IntegrityError as error:
        raise _conflict(c) from error
    return closed_record(db, c.id)


def acknowledge(db: sqlite3.Connection, appends: Appends, exporter: str, number: int) -> None:
    """An exporter's place in the records; a late repetition does not take it back."""
    db.execute(
        "INSERT INTO exporters VALUES (?, ?) ON CONFLICT DO UPDATE SET number = max(number, excluded.number)",
        [exporter, number],
    )


def closed_record(db: sqlite3.Connection, conversation: str) -> CallDetailRecord | None:
    """The record of a conversation that has ended."""
    row = db.execute("SELECT record FROM records WHERE conversation = ?", [conversation]).fetchone()
    return records.decode(row[0]) if row else None


def record_of(db: sqlite3.Connection, conversation: str, number: int = 0) -> CallDetailRecord | None:
    """The record as the journal's rows tell it now."""
    row = db.execute(
        "SELECT shape, started_at, ended_at, reason, address, subject, continues, call FROM conversations WHERE id = ?",
        [conversation],
    ).fetchone()
    if row is None:
        return None
    shape, started_at, ended_at, reason, address, subject, continues, call = row
    endpoints: dict[str, list[Attendance]] = {}
    for who, instance, client, first_at in db.execute(ATTENDANCE, [conversation]):
        endpoints.setdefault(who, []).append(Attendance(instance, client, moment(first_at)))
    seats = []
    for who, joined_at, left_at, why in db.execute(SEATS, [conversation]):
        if left_at is None:
            left_at, why = ended_at, reason
        seats.append(Seat(who, moment(joined_at), None if left_at is None else moment(left_at), why))
    return CallDetailRecord(
        conversation=conversation,
        shape=shape,
        started_at=moment(started_at),
        ended_at=None if ended_at is None else moment(ended_at),
        reason=reason,
        address=address or "",
        subject=subject,
        continues=continues,
        seats=seats,
        endpoints=endpoints,
        messages=dict(db.execute(SAID, [conversation]).fetchall()),
        number=number,
        call=None if call is None else facts_of.decode(call),
    )


def _apply(db: sqlite3.Connection, appends: Appends, id: str, events: Sequence[Event]) -> None:
    """Raises Gone when something is to happen after the end."""
    try:
        for event in events:
            tail = appends.tail(db, id)
            if tail is None:
                raise Gone("this conversation has ended")
            _happen(db, id, event, tail.last)
            if isinstance(event, ConversationEnded):
                appends.forget({id})
        settle(db, id)
    except BaseException:
        appends.forget({id})  # what was remembered of a change that is now undone
        raise


def _happen(db: sqlite3.Connection, id: str, event: Event, newest: int) -> None:
    match event:
        case ParticipantJoined(who=who, at=at, by=by, history=history):
            position = {History.ALL: 0, History.NOW: max(newest - 1, 0), History.NONE: newest}[history]
            added_by = None if by is None else str(by)
            db.execute(JOIN, [id, str(who), added_by, history.value, micros(at), position + 1, position])
        case ParticipantLeft(who=who, at=at, reason=reason, by=by):
            if by is not None and by != who and reason == "left":
                reason = f"removed by {by}"
            db.execute(LEAVE, [micros(at), reason, newest, id, str(who)])
        case BecameConference(address=address):
            db.execute(BECOME, [Shape.CONFERENCE.value, str(address), id])
        case SubjectChanged(subject=subject):
            db.execute("UPDATE conversations SET subject = ? WHERE id = ?", [subject, id])
        case MessageRetracted(message=message, by=by, at=at, reason=reason):
            row = [message, id, str(by), micros(at), reason]
            db.execute("INSERT INTO retractions VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
        case CallChanged(facts=facts):
            db.execute("UPDATE conversations SET call = ? WHERE id = ?", [json.encode(facts).decode(), id])
        case ConversationEnded():
            _end(db, event, newest)


def _end(db: sqlite3.Connection, event: ConversationEnded, newest: int) -> None:
    """The end and its record, numbered without gaps, come together."""
    id = event.conversation
    db.execute("UPDATE conversations SET ended_at = ?, reason = ? WHERE id = ?", [micros(event.at), event.reason, id])
    db.execute("UPDATE seats SET last = ? WHERE conversation = ? AND last IS NULL", [newest, id])
    (number,) = db.execute("SELECT coalesce(max(number), 0) + 1 FROM records").fetchone()
    record = record_of(db, id, number)
    db.execute("INSERT INTO records VALUES (?, ?, ?)", [number, id, json.encode(record).decode()])


def _moderators(conversation: Conversation) -> str:
    return json.encode(sorted(map(str, conversation.moderators))).decode()


def _conflict(conversation: Conversation) -> Conflict:
    return Conflict(f"there is a conversation at {conversation.address or conversation.id} already")
