"""One conversation told to a journal once more, as its record and its messages have it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime

from .cdr import Attendance, Seat
from .conversation import (
    CallChanged,
    Conversation,
    ConversationEnded,
    Event,
    History,
    MessageRetracted,
    ParticipantJoined,
    ParticipantLeft,
    Shape,
)
from .errors import BadRequest, Conflict
from .identity import Endpoint, Identity
from .message import Message
from .store import Journal, Shown
from .transfer_lines import ConversationLine, Retracted

BATCH = 200
"""Messages on their way to the disk at once."""


class Replay:
    """``begin``, then ``say`` every message in order, then ``finish``.

    Comings and goings take place between the messages where their times put them; who may see from a certain message on
    sits down just before it, so that nobody sees more, or less, than they did.  A record does not tell what somebody
    who came back had been let see the first time: nothing from before, then.
    """

    def __init__(self, line: ConversationLine, store: Journal) -> None:
        record = line.record
        self._line, self._record, self._store = line, record, store
        self.conversation = Conversation(
            id=record.conversation,
            started_at=record.started_at,
            shape=Shape(record.shape),
            address=Identity.parse(record.address) if record.address else None,
            subject=record.subject,
            moderators={Identity.parse(who) for who in line.moderators},
            open_door=line.open_door,
            locked=line.locked,
            keeps_seats=line.keeps_seats,
            continues=record.continues,
            charter=line.charter,
            standings={Identity.parse(who): standing for who, standing in line.standings.items()},
            names={Identity.parse(who): name for who, name in line.names.items()},
        )
        self._coming: deque[Seat] = deque(record.seats)
        self._going: list[Seat] = []
        attending = [(a.first_at, who, a) for who, each in record.endpoints.items() for a in each]
        self._attending: deque[tuple[datetime, str, Attendance]] = deque(sorted(attending, key=lambda entry: entry[0]))
        self._said = 0
        self._batch: list[Message] = []
        self._retracted: list[Event] = []

    async def begin(self) -> None:
        """Raises Conflict when the journal has a conversation of this id."""
        call = self._record.call
        known = [CallChanged(self.conversation.id, call, self._record.started_at)] if call is not None else []
        await self._store.begin(self.conversation, known)

    async def say(self, message: Message, gone: Retracted | None = None) -> None:
        """The next message, and whether it was taken back.  Raises BadRequest when it is not the next."""
        if message.seq != self._said + 1:
            raise BadRequest(f"message {message.seq} of {self._record.conversation} follows message {self._said}")
        await self._happen(self._due(message.sent_at, before_message=True))
        self._attend(message.sent_at)
        self._batch.append(message)
        self._said += 1
        if gone is not None:
            by, author = Identity.parse(gone.by), message.sender
            retracted = MessageRetracted(message.conversation, message.id, author, gone.at, by, gone.reason)
            self._retracted.append(retracted)
        if len(self._batch) >= BATCH:
            await self._append()

    async def finish(self) -> None:
        """What happened after the last message, where everybody had got to, and the end, if it is over."""
        await self._happen(self._due(datetime.max.replace(tzinfo=UTC), before_message=False))
        await self._append()
        self._attend(datetime.max.replace(tzinfo=UTC))
        for who in self._record.participants:
            seq = self._line.positions.get(who, self._said)
            self._store.shown(
                Shown(Endpoint(Identity.parse(who), ""), self._record.conversation, seq, "", self._record.started_at)
            )
        await self._store.change(self.conversation, self._retracted)
        if self._record.ended_at is not None:
            end = ConversationEnded(self._record.conversation, self._record.ended_at, self._record.reason)
            await self._store.change(self.conversation, [end])

    def _due(self, until: datetime, *, before_message: bool) -> list[Event]:
        """Who comes and goes until then, in order; whoever goes at the very time of a message has still heard it."""
        events: list[Event] = []
        while True:
            leaving = min(self._going, key=_left_at, default=None)
            if leaving and (_left_at(leaving) > until or (before_message and _left_at(leaving) == until)):
                leaving = None
            coming = self._coming[0] if self._coming else None
            if coming and (coming.joined_at > until or (before_message and self._first(coming) > self._said + 1)):
                coming = None
            if leaving and (coming is None or _left_at(leaving) <= coming.joined_at):
                self._going.remove(leaving)
                events.append(self._leaves(leaving))
            elif coming:
                self._coming.popleft()
                events.append(self._joins(coming))
                if coming.left_at and (coming.left_at, coming.reason) != (self._record.ended_at, self._record.reason):
                    self._going.append(coming)
            else:
                return events

    def _first(self, seat: Seat) -> int:
        """The first message they may see; known of everybody's last seat."""
        later = any(other.who == seat.who for other in self._coming if other is not seat)
        return 0 if later else self._line.first_visible.get(seat.who, 0)

    def _joins(self, seat: Seat) -> ParticipantJoined:
        first = self._first(seat)
        history = History.NONE
        if 0 < first <= self._said:
            history = History.ALL if first == 1 and self._said > 1 else History.NOW
        return ParticipantJoined(self._record.conversation, Identity.parse(seat.who), seat.joined_at, history=history)

    def _leaves(self, seat: Seat) -> ParticipantLeft:
        return ParticipantLeft(self._record.conversation, Identity.parse(seat.who), _left_at(seat), seat.reason)

    def _attend(self, until: datetime) -> None:
        """Endpoints that came to attend by then."""
        while self._attending and self._attending[0][0] <= until:
            at, who, attendance = self._attending.popleft()
            endpoint = Endpoint(Identity.parse(who), attendance.instance)
            self._store.shown(Shown(endpoint, self._record.conversation, 0, attendance.client, at))

    async def _happen(self, events: Sequence[Event]) -> None:
        if events:
            await self._append()
            await self._store.change(self.conversation, events)

    async def _append(self) -> None:
        batch, self._batch = self._batch, []
        if batch:
            for message, accepted in zip(batch, await asyncio.gather(*map(self._store.append, batch))):
                if accepted.message.seq != message.seq:
                    raise Conflict(f"message {message.id} of {message.conversation} is there already")


def _left_at(seat: Seat) -> datetime:
    assert seat.left_at is not None, "a seat is left at some time, or not among those that are"
    return seat.left_at
