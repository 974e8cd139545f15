"""Call detail records as CSV: one row a conversation or call, in order, each at least once.

Who reads the file takes each number (the first column) once and has every record exactly once.  No cell holds a line
break, and none begins with a character that makes a spreadsheet compute it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from ..core.cdr import CallDetailRecord
from ..core.hooks import hookimpl
from ..core.outbox import Outbox, append_lines

if TYPE_CHECKING:
    from ..core.front_end import FrontEnd

COLUMNS = (
    "number",
    "conversation",
    "shape",
    "started_at",
    "ended_at",
    "seconds",
    "reason",
    "address",
    "subject",
    "continues",
    "participants",
    "stays",
    "clients",
    "messages",
    "messages_by",
    "caller",
    "callee",
    "direction",
    "answered_by",
    "answered_at",
    "talked",
    "outcome",
    "media",
    "route",
    "transferred_to",
    "emergency",
)
"""The last eleven are empty where a record is not a call's; "talked" is in seconds."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell must not begin with: spreadsheets take it for a formula."""


class CsvFile:
    """Writes every finished conversation's record as a row of a CSV file."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        path: str = "records.csv"
        """The file to append to; a relative name begins in the state folder.  It may be rotated at any time."""
        exporter: str = "cdr_csv"
        """The name under which the store keeps this exporter's place; a second table needs another one."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._outbox: Outbox | None = None

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        path = front_end.state / self.options.path

        def write(records: Sequence[CallDetailRecord]) -> None:
            append_lines(path, as_csv([row_of(record) for record in records]), as_csv([COLUMNS]))

        self._outbox = Outbox(front_end.store, self.options.exporter, write)
        async with self._outbox.running():
            yield

    @hookimpl
    def record_closed(self) -> None:
        if self._outbox is not None:
            self._outbox.wake()


def row_of(record: CallDetailRecord) -> tuple[object, ...]:
    """One record as COLUMNS; what is many in one cell is separated by semicolons."""
    ended_at = record.ended_at or record.started_at
    stays = [f"{s.who} {_time(s.joined_at)} {_time(s.left_at)} {s.reason}".rstrip() for s in record.seats]
    clients = [f"{who}/{a.instance} {a.client}".rstrip() for who, here in record.endpoints.items() for a in here]
    return (
        record.number,
        record.conversation,
        record.shape,
        _time(record.started_at),
        _time(record.ended_at),
        round((ended_at - record.started_at).total_seconds()),
        record.reason,
        record.address,
        record.subject,
        record.continues,
        "; ".join(record.participants),
        "; ".join(stays),
        "; ".join(clients),
        record.said,
        "; ".join(f"{who} {count}" for who, count in record.messages.items()),
        *_of_call(record),
    )


def _of_call(record: CallDetailRecord) -> tuple[object, ...]:
    call = record.call
    if call is None:
        return ("",) * 11
    return (
        call.caller,
        call.callee,
        call.direction,
        call.answered_by,
        _time(call.answered_at),
        round(record.talked),
        call.outcome,
        "; ".join(call.media),
        call.route,
        "; ".join(call.transferred_to),
        "yes" if call.emergency else "",
    )


def as_csv(rows: Sequence[Sequence[object]]) -> bytes:
    """Rows as RFC 4180 writes them, in UTF-8, one line each."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[cell if isinstance(cell, int) else _cell(str(cell)) for cell in row] for row in rows])
    return text.getvalue().encode("utf-8", "replace")


def _cell(text: str) -> str:
    text = " ".join(text.splitlines())
    return f"'{text}" if text.startswith(FORMULA) else text


def _time(at: datetime | None) -> str:
    return at.isoformat(timespec="milliseconds") if at else ""


plugin = CsvFile
