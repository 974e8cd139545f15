"""The journal in SQLite: conversations, their messages and their records."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from ..archive import Page, Question
from ..cdr import CallDetailRecord
from ..conversation import Conversation, Event
from ..errors import Busy
from ..identity import Identity
from ..message import Message
from ..store import Accepted, Retraction, Shown
from . import archive as archive
from . import changes as changes
from . import reads as reads
from .reader import Reader
from .writer import Writer


class SqliteJournal:
    """Implements Journal, method by method: each is a question to the reader or a job for the writer."""

    _writer: Writer
    _reader: Reader

    def append(self, message: Message) -> asyncio.Future[Accepted]:
        try:
            return self._writer.append(message)
        except Busy as why:
            refused: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
            refused.set_exception(why)
            return refused

    async def begin(self, conversation: Conversation, events: Sequence[Event]) -> None:
        await self._writer.run(changes.begin, conversation, events)

    async def change(self, conversation: Conversation, events: Sequence[Event]) -> CallDetailRecord | None:
        return await self._writer.run(changes.change, conversation, events)

    async def conversation(self, id: str) -> Conversation | None:
        return await self._reader.ask(reads.conversation, id)

    async def open_conversations(self) -> Sequence[Conversation]:
        return await self._reader.ask(reads.open_conversations)

    async def last_at(self, address: Identity) -> Conversation | None:
        return await self._reader.ask(reads.last_at, address)

    async def asleep(self, limit: int = 1000) -> Sequence[Conversation]:
        return await self._reader.ask(reads.asleep, limit)

    async def retractions(self, ids: Sequence[str]) -> Mapping[str, Retraction]:
        return await self._reader.ask(reads.retractions, ids) if ids else {}

    async def read(
        self, conversation: str, after: int = 0, limit: int = 100, *, last: bool = False
    ) -> Sequence[Message]:
        return await self._reader.ask(reads.messages, conversation, after, limit, last)

    async def archived(self, question: Question) -> Page:
        return await self._reader.ask(archive.page, question)

    async def first_visible(self, conversation: str, who: Identity) -> int:
        return await self._reader.ask(reads.first_visible, conversation, who)

    async def unseen(self, who: Identity, limit: int = 1000) -> Sequence[Message]:
        await self._writer.flush()
        return await self._reader.ask(reads.unseen, who, limit)

    def shown(self, what: Shown) -> None:
        self._writer.shown(what)

    async def record(self, conversation: str) -> CallDetailRecord | None:
        return await self._reader.ask(reads.record, conversation)

    async def records(self, after: int = 0, limit: int = 100, *, last: bool = False) -> Sequence[CallDetailRecord]:
        return await self._reader.ask(reads.closed_records, after, limit, last)

    async def exported(self, exporter: str) -> int:
        return await self._reader.ask(reads.exported, exporter)

    async def acknowledge(self, exporter: str, number: int) -> None:
        await self._writer.run(changes.acknowledge, exporter, number)
