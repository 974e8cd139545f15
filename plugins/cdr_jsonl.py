"""Call detail records as JSON lines: one object a line, in order, each at least once.

The object is the record as ``core/cdr.py`` declares it.  Who reads the file takes each ``number`` once and has every
record exactly once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from ..core.cdr import CallDetailRecord
from ..core.hooks import hookimpl
from ..core.outbox import Outbox, append_lines

if TYPE_CHECKING:
    from ..core.front_end import FrontEnd


class JsonLines:
    """Writes every finished conversation's record to a file of JSON lines."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        path: str = "records.jsonl"
        """The file to append to; a relative name begins in the state folder.  It may be rotated at any time."""
        exporter: str = "cdr_jsonl"
        """The name under which the store keeps this exporter's place; a second table needs another one."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._outbox: Outbox | None = None

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        path = front_end.state / self.options.path

        def write(records: Sequence[CallDetailRecord]) -> None:
            append_lines(path, b"".join(msgspec.json.encode(record) + b"\n" for record in records))

        self._outbox = Outbox(front_end.store, self.options.exporter, write)
        async with self._outbox.running():
            yield

    @hookimpl
    def record_closed(self) -> None:
        if self._outbox is not None:
            self._outbox.wake()


plugin = JsonLines
