"""Call detail records: who met whom, when, by which client, and how much was said.  Never what was said."""

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


class CallDetailRecord(msgspec.Struct, frozen=True):
    """One conversation, from the journal.  ``ended_at`` is None while it runs (an interim record).

    ``number`` counts closed records from 1 and is 0 before; ``messages`` counts by address of the sender.
    """

    conversation: str
    shape: str
    """two-party or conference: the greatest shape it had."""
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

    @property
    def participants(self) -> list[str]:
        """Everybody who ever took part, in order of joining."""
        return list(dict.fromkeys(seat.who for seat in self.seats))

    @property
    def said(self) -> int:
        """Messages in all."""
        return sum(self.messages.values())
