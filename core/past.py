"""What was said before: the history a participant may see, and conferences that can be resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from .conversation import Conversation, Shape
from .housekeeping import RESUMABLE
from .identity import Identity
from .message import Message

if TYPE_CHECKING:
    from .store import Store

MAX_EARLIER = 5
"""Conversations that a conference resumed, one after another, whose messages its history still includes."""


class Past:
    """Reads the journal for those who were there."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, conversation: Conversation, who: Identity, limit: int) -> Sequence[Message]:
        """The newest messages this participant may see, oldest first, without those that were taken back and those
        without words.

        Where people come and go, whoever is let in may read what was said before.
        """
        found: list[Message] = []
        if who not in conversation.participants:
            return found
        id = conversation.id
        for _ in range(MAX_EARLIER):
            free = conversation.open_door or not conversation.keeps_seats
            first = 1 if free else await self._store.first_visible(id, who)
            found[:0] = await self._store.read(id, after=first - 1, limit=limit - len(found), last=True)
            earlier = await self._store.conversation(id) if len(found) < limit else None
            if earlier is None or not earlier.continues:
                break
            id = earlier.continues
        gone = await self._store.retractions([said.id for said in found])
        return [said for said in found if said.id not in gone and not said.wordless]

    async def resumed(self, address: Identity, id: str, at: datetime) -> tuple[Conversation, Sequence[Identity]] | None:
        """The conference that was last at an address as it may go on under a new id, and its people.

        Where people come and go they come again by themselves, and get their role as they come.
        """
        last = await self._store.last_at(address)
        record = await self._store.record(last.id) if last is not None else None
        if last is None or record is None or record.ended_at is None:
            return None
        if not last.charter.persistent and not (last.participants and record.reason in RESUMABLE):
            return None
        resumed = replace(last, id=id, started_at=at, shape=Shape.CONFERENCE, participants=[])
        if not last.keeps_seats:
            resumed.moderators, resumed.silent = set(), set()
        resumed.last_seq, resumed.continues, resumed.last_said = 0, last.id, None
        return resumed, last.participants if last.keeps_seats else []

    async def at(self, address: Identity) -> Conversation | None:
        """The conference that was last at an address, where it may still go on: as it was, and not open."""
        resumed = await self.resumed(address, "", datetime.min)
        return replace(resumed[0], participants=list(resumed[1])) if resumed is not None else None
