"""The roll of open conversations in text: by id, pair, address and participant.  It makes changes durable."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .conversation import (
    BecameConference,
    Conversation,
    ConversationEnded,
    Event,
    ParticipantJoined,
    ParticipantLeft,
    Shape,
)
from .identity import Identity
from .message import Happened
from .store import Store

if TYPE_CHECKING:
    from .hookspecs import Hooks
    from .registrar import Registrar


COPIED = ("participants", "moderators", "silent", "standings", "names")
"""Of a conversation: what a draft needs of its own."""
TAKEN = ("shape", "address", "subject", "open_door", "locked", "charter")
"""What else is taken over from a draft that is true now."""


class Roll:
    """Every open conversation this front end knows.  A change is worked out on a draft, written, and only then true."""

    def __init__(self, store: Store, registrar: Registrar, hooks: Hooks) -> None:
        self.by_id: dict[str, Conversation] = {}
        self.by_pair: dict[frozenset[Identity], Conversation] = {}
        self.by_address: dict[Identity, Conversation] = {}
        self._by_person: dict[Identity, dict[str, Conversation]] = {}
        self._changing: dict[str, asyncio.Lock] = {}
        self._store = store
        self._registrar = registrar
        self._hooks = hooks
        self.changed: list[Callable[[Conversation], None]] = []
        """Core services that must know when a conversation is not what it was."""

    def of(self, who: Identity) -> list[Conversation]:
        """The conversations somebody is in."""
        return list(self._by_person.get(who, {}).values())

    def enter(self, conversation: Conversation) -> None:
        """Put a conversation on the roll, or find it by what it has become."""
        self.by_id[conversation.id] = conversation
        pair = frozenset(conversation.participants)
        if conversation.shape is Shape.TWO_PARTY:
            self.by_pair[pair] = conversation
        if conversation.address is not None:
            self.by_address[conversation.address] = conversation
        for who in conversation.participants:
            self._by_person.setdefault(who, {})[conversation.id] = conversation

    async def find(self, id: str) -> Conversation | None:
        """A conversation by its id, ended ones too; one that another front end began is on our roll from now on."""
        found = self.by_id.get(id)
        if found is None:
            found = await self._store.conversation(id)
            if found is not None and found.shape not in (Shape.ENDED, Shape.CALL):
                found = self.by_id.get(id) or found
                self.enter(found)
        return found

    async def refresh(self, id: str) -> None:
        """Another front end changed a conversation: see what it is now."""
        known = self.by_id.get(id)
        if known is not None:
            now = await self._store.conversation(id)
            if now is not None:
                self._become(known, now)

    def strike(self, conversation: Conversation) -> None:
        """Take a conversation off the roll."""
        self.by_id.pop(conversation.id, None)
        self._changing.pop(conversation.id, None)
        for pair in [p for p, c in self._pairs_of(conversation) if c is conversation]:
            del self.by_pair[pair]
        if conversation.address is not None and self.by_address.get(conversation.address) is conversation:
            del self.by_address[conversation.address]
        for who in conversation.participants:
            self._strike_person(who, conversation)

    async def change(
        self, conversation: Conversation, deed: Callable[[Conversation], list[Event]], *, quiet: bool = False
    ) -> None:
        """Do something to a conversation: to a draft first; when the store has it, to the real one; then tell
        everybody.

        ``quiet`` tells plugins but not the participants.
        """
        async with self._changing.setdefault(conversation.id, asyncio.Lock()):
            draft = copy.copy(conversation)
            for part in COPIED:
                setattr(draft, part, copy.copy(getattr(conversation, part)))
            events = deed(draft)
            if not events:
                return
            record = await self._store.change(draft, events)
            before = list(conversation.participants)
            self._become(conversation, draft)
            for told in self.changed:
                told(conversation)
            for event in events:
                self._announce(event, conversation)
                if not quiet:
                    for who in dict.fromkeys([*before, *conversation.participants]):
                        self._registrar.tell(who, Happened(event, conversation))
            if record is not None:
                self._hooks.record_closed(record=record)

    def announce_beginning(self, conversation: Conversation, events: Sequence[Event]) -> None:
        """Tell plugins of a new conversation and of who is in it."""
        self._hooks.conversation_started(conversation=conversation)
        for event in events:
            self._announce(event, conversation)

    def _become(self, conversation: Conversation, draft: Conversation) -> None:
        was_talk, pair = conversation.shape is Shape.TWO_PARTY, frozenset(conversation.participants)
        for who in set(conversation.participants) - set(draft.participants):
            self._strike_person(who, conversation)
        for part in (*COPIED, *TAKEN):
            setattr(conversation, part, getattr(draft, part))
        if was_talk and draft.shape is not Shape.TWO_PARTY and self.by_pair.get(pair) is conversation:
            del self.by_pair[pair]
        if draft.shape is Shape.ENDED:
            self.strike(conversation)
        else:
            self.enter(conversation)

    def _pairs_of(self, conversation: Conversation) -> list[tuple[frozenset[Identity], Conversation]]:
        pair = frozenset(conversation.participants)
        return [(pair, self.by_pair[pair])] if pair in self.by_pair else []

    def _strike_person(self, who: Identity, conversation: Conversation) -> None:
        theirs = self._by_person.get(who, {})
        theirs.pop(conversation.id, None)
        if not theirs:
            self._by_person.pop(who, None)

    def _announce(self, event: Event, conversation: Conversation) -> None:
        match event:
            case ParticipantJoined():
                self._hooks.participant_joined(event=event)
            case BecameConference():
                self._hooks.conference_began(event=event)
            case ParticipantLeft():
                self._hooks.participant_left(event=event)
            case ConversationEnded():
                self._hooks.conversation_ended(event=event)
