"""What moderators, admins and owners do in a conference: appoint others, mind the door, put people out, make rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from . import bylaws
from .charter import Charter
from .conversation import Conversation, Event, MessageRetracted
from .errors import NotAllowed
from .identity import Identity
from .message import Message
from .standing import Role, Standing

if TYPE_CHECKING:
    from .roll import Roll


class Chair:
    """Every deed raises NotAllowed for who is no moderator, Gone where it is over, Busy where the disk is."""

    def __init__(self, roll: Roll, clock: Callable[[], datetime]) -> None:
        self._roll = roll
        self._clock = clock

    async def appoint(self, conversation: Conversation, who: Identity, by: Identity, *, moderator: bool) -> None:
        """Make a participant a moderator, or no moderator any more.  Raises NotFound for who is not there."""
        await self._roll.change(conversation, lambda draft: draft.appoint(who, by, self._clock(), moderator=moderator))

    async def set_door(
        self, conversation: Conversation, by: Identity, *, open_door: bool | None = None, locked: bool | None = None
    ) -> None:
        """``open_door``: people come in by themselves.  ``locked``: nobody comes in whom no moderator brings."""
        await self._roll.change(
            conversation, lambda draft: draft.set_door(by, self._clock(), open_door=open_door, locked=locked)
        )

    async def eject(self, conversation: Conversation, who: Identity, by: Identity, *, reason: str = "left") -> None:
        """Put somebody out."""
        await self._roll.change(conversation, lambda draft: draft.eject(who, by, self._clock(), reason=reason))

    async def set_roles(
        self,
        conversation: Conversation,
        wished: Mapping[Identity, Role],
        by: Identity,
        reasons: Mapping[Identity, str] = {},
    ) -> None:
        """What participants may do while they are there: all of these or none.

        Raises Protected, Conflict, NotFound too.
        """
        at = self._clock()

        def change(draft: Conversation) -> list[Event]:
            changes = [bylaws.set_role(draft, who, by, at, role, reasons.get(who, "")) for who, role in wished.items()]
            return [event for events in changes for event in events]

        await self._roll.change(conversation, change)

    async def set_standings(
        self,
        conversation: Conversation,
        wished: Mapping[Identity, Standing],
        by: Identity,
        reasons: Mapping[Identity, str] = {},
    ) -> None:
        """How people belong to it, whether they are there or not: all of these or none.

        Raises Protected, Conflict for who bans themselves or the last owner who resigns, TooLarge too.
        """
        await self._roll.change(
            conversation, lambda draft: bylaws.set_standings(draft, wished, by, self._clock(), reasons)
        )

    async def admit(self, conversation: Conversation, who: Identity, by: Identity) -> None:
        """Make somebody a member who is none yet: an admin does, and a member where the charter says so."""
        await self._roll.change(conversation, lambda draft: bylaws.admit(draft, who, by, self._clock()))

    async def register(self, conversation: Conversation, who: Identity, nickname: str) -> None:
        """Keep a nickname for somebody who becomes a member by that; without one, neither.  Raises Conflict too."""
        await self._roll.change(conversation, lambda draft: bylaws.register(draft, who, nickname, self._clock()))

    async def set_charter(
        self, conversation: Conversation, by: Identity, charter: Charter, *, open_door: bool | None = None
    ) -> None:
        """Other rules.  Raises TooLarge too."""
        await self._roll.change(
            conversation, lambda draft: bylaws.set_charter(draft, by, self._clock(), charter, open_door=open_door)
        )

    async def settle(self, conversation: Conversation, by: Identity) -> None:
        """Who made it takes it as it is, if they have not said yet what it is to be."""
        if not conversation.charter.configured:
            await self.set_charter(conversation, by, replace(conversation.charter, configured=True))

    async def retract(
        self, conversation: Conversation, message: Message, by: Identity, reason: str = "", *, quiet: bool = False
    ) -> None:
        """Take back what somebody said: the journal keeps it, participants do not get it any more.

        ``quiet``: who takes back their own words says so to the others themselves.
        """
        if by not in conversation.moderators and not (quiet and by == message.sender):
            raise NotAllowed("only a moderator takes back what others said")
        gone = MessageRetracted(conversation.id, message.id, message.sender, self._clock(), by, reason)
        await self._roll.change(conversation, lambda _: [gone], quiet=quiet)
