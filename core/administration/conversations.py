"""Deeds about conversations: which are open, a third person for one of them, and the records of those that ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from ..cdr import CallDetailRecord
from ..conversation import Conversation, History
from ..errors import NotFound
from ..front_end import FrontEnd
from .addresses import named, running

MAX_RECORDS = 1000
"""Records given at once."""


class Open(msgspec.Struct, frozen=True):
    """One open conversation."""

    id: str
    shape: str
    address: str
    subject: str
    participants: list[str]
    started_at: datetime
    last_said: datetime | None
    messages: int


async def conversations(front_end: FrontEnd, who: str = "") -> list[Open]:
    """The open conversations, of everybody or of one person, oldest first."""
    immcu = front_end.immcu
    found = immcu.of(named(front_end, who)) if who else immcu.conversations.values()
    return [_open(conversation) for conversation in sorted(found, key=lambda c: c.started_at)]


async def add_participant(
    front_end: FrontEnd, conversation: str, who: str, by: str = "", history: History = History.NONE
) -> Open:
    """Bring somebody into a conversation; the third person makes it a conference."""
    found = await running(front_end, conversation)
    adder = named(front_end, by) if by else None
    await front_end.immcu.add(found, named(front_end, who), by=adder, history=history)
    return _open(found)


async def remove_participant(front_end: FrontEnd, conversation: str, who: str) -> Open:
    """Take somebody out of a conversation."""
    found, person = await running(front_end, conversation), named(front_end, who)
    if person not in found.participants:
        raise NotFound(f"{person} is not in this conversation")
    await front_end.immcu.leave(found, person, reason="removed by an administrator")
    return _open(found)


async def end_conversation(front_end: FrontEnd, conversation: str) -> CallDetailRecord:
    """End a conversation; its record is complete then."""
    found = await running(front_end, conversation)
    await front_end.immcu.end(found, "ended by an administrator")
    return await record(front_end, found.id)


async def records(
    front_end: FrontEnd,
    after: Annotated[int, msgspec.Meta(ge=0)] = 0,
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_RECORDS)] = 100,
    last: bool = False,
) -> Sequence[CallDetailRecord]:
    """The records of conversations that ended, by number; ``last`` gives the newest ones."""
    return await front_end.store.records(after, limit, last=last)


async def record(front_end: FrontEnd, conversation: str) -> CallDetailRecord:
    """One conversation's record; without an end while it runs."""
    found = await front_end.store.record(conversation)
    if found is None:
        raise NotFound(f"there is no record of a conversation {conversation}")
    return found


def _open(conversation: Conversation) -> Open:
    return Open(
        conversation.id,
        conversation.shape.value,
        str(conversation.address or ""),
        conversation.subject,
        [str(participant) for participant in conversation.participants],
        conversation.started_at,
        conversation.last_said,
        conversation.last_seq,
    )
