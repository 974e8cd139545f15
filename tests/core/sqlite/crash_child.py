"""A process that says a lot and prints what was accepted, until it is killed: run by test_sqlite_crash.py."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from ....core.conversation import Conversation, ConversationEnded
from ....core.message import Message
from ....core.sqlite.store import SqliteStore
from ...people import ALICE, BOB

SPEAKERS = 20
LENGTH = 25
"""Messages in one conversation."""


async def speak(store: SqliteStore, name: str) -> None:
    """One conversation after another; every line is written after the store has said that it is on the disk."""
    for n in count():
        conversation = Conversation(f"{name}-{n}", datetime.now(UTC))
        await store.begin(
            conversation, conversation.join(ALICE, datetime.now(UTC)) + conversation.join(BOB, datetime.now(UTC))
        )
        for place in range(LENGTH):
            id = f"{conversation.id}-{place}"
            message = Message(id, conversation.id, ALICE, "x" * 200, datetime.now(UTC), endpoint="desk", origin=id)
            accepted = await store.append(message)
            print("said", accepted.message.conversation, accepted.message.seq, accepted.message.id, flush=True)
        record = await store.change(conversation, [ConversationEnded(conversation.id, datetime.now(UTC), "idle")])
        assert record is not None
        print("ended", record.conversation, record.number, record.said, flush=True)


async def main(path: Path, life: str) -> None:
    async with SqliteStore(path, clock=lambda: datetime.now(UTC)) as store:
        for orphan in await store.open_conversations():
            end = ConversationEnded(orphan.id, datetime.now(UTC), "server restart")
            record = await store.change(orphan, [end])
            assert record is not None
            print("ended", record.conversation, record.number, record.said, flush=True)
        await asyncio.gather(*(speak(store, f"{life}-{n}") for n in range(SPEAKERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
