"""Call detail records to test with, and a store that has nothing but them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ..core.cdr import Attendance, CallDetailRecord, Seat

BEGAN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def record(number: int, **changes: object) -> CallDetailRecord:
    """A closed record: Alice and Bob talked for a minute and a half."""
    ended = BEGAN + timedelta(seconds=90)
    given: dict[str, object] = {
        "conversation": f"c{number}",
        "shape": "two-party",
        "started_at": BEGAN,
        "ended_at": ended,
        "reason": "idle",
        "address": "",
        "subject": "",
        "continues": "",
        "seats": [Seat("alice@example.test", BEGAN, ended, "idle"), Seat("bob@example.test", BEGAN, ended, "idle")],
        "endpoints": {"alice@example.test": [Attendance("desk", "Linphone 5", BEGAN)]},
        "messages": {"alice@example.test": 2, "bob@example.test": 1},
        "number": number,
    }
    return CallDetailRecord(**{**given, **changes})  # type: ignore[arg-type]


class Records:
    """The part of a store that exporters use."""

    def __init__(self, *records: CallDetailRecord) -> None:
        self.closed = list(records)
        self.acknowledged: dict[str, int] = {}
        self.trouble: Exception | None = None

    async def records(self, after: int = 0, limit: int = 100, *, last: bool = False) -> list[CallDetailRecord]:
        if self.trouble:
            raise self.trouble
        return [r for r in self.closed if r.number > after][:limit]

    async def exported(self, exporter: str) -> int:
        return self.acknowledged.get(exporter, 0)

    async def acknowledge(self, exporter: str, number: int) -> None:
        self.acknowledged[exporter] = number
