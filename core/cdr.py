"""Call detail records: who met or called whom, when, by which client, how much was said.  Never what was said."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Attendance(msgspec.Struct, frozen=True):
    """One endpoint's part in a conversation."""

    instance: str
    client: str
    first_at: datetime


class Seat(msgspec.Struct, frozen=True):
    """One participant's stay, from joining to leaving; somebody who came back has two."""

    who: str
    joined_at: datetime
    left_at: datetime | None
    reason: str
    """Why they left: "left", "removed by …", or why the conversation ended."""


class CallFacts(msgspec.Struct, frozen=True):
    """What the record of a call has beyond that of a conversation in text.

    People are addresses; a number outside is `+4930123@` and the domain that it called or was called from.
    """

    caller: str
    callee: str
    """Who was called; who answered may be somebody else."""
    direction: str = "internal"
    """internal, incoming, outgoing, or passing when neither is a person of ours."""
    answered_by: str = ""
    answered_at: datetime | None = None
    outcome: str = "unanswered"
    """answered, missed, busy, declined, cancelled or failed; unanswered while it rings, or when the server went down
    then."""
    media: list[str] = []
    """audio, video: everything that was used at some time."""
    route: str = ""
    """The trunk it came or went by."""
    transferred_to: list[str] = []
    emergency: bool = False


class CallDetailRecord(msgspec.Struct, frozen=True):
    """One conversation or call, from the journal.  ``ended_at`` is None while it runs (an interim record).

    ``number`` counts closed records from 1 and is 0 before; ``messages`` counts by address of the sender.
    """

    conversation: str
    shape: str
    """two-party or conference, the greatest shape it had; or call."""
    started_at: datetime
    ended_at: datetime | None
    reason: str
    """How it ended: "idle", "alice@example.test left", "server restart", …"""
    address: str
    subject: str
    continues: str
    seats: list[Seat]
    endpoints: dict[str, list[Attendance]]
    messages: dict[str, int]
    number: int = 0
    call: CallFacts | None = None
    """None unless it is a call."""

    @property
    def participants(self) -> list[str]:
        """Everybody who ever took part, in order of joining."""
        return list(dict.fromkeys(seat.who for seat in self.seats))

    @property
    def talked(self) -> float:
        """Seconds from a call's being answered to its end; 0 when nobody answered, or while it runs."""
        answered_at = self.call.answered_at if self.call is not None else None
        return (self.ended_at - answered_at).total_seconds() if answered_at and self.ended_at else 0.0

    @property
    def said(self) -> int:
        """Messages in all."""
        return sum(self.messages.values())
