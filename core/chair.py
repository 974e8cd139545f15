"""What moderators do in a conference: appoint others, mind the door, put people out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from .conversation import Conversation
from .identity import Identity

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
