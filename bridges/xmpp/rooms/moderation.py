"""Moderators take back what others said (XEP-0425, version 1 and the one before it)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.archive import Question
from ....core.errors import NotFound
from ..errors import bad_request, item_not_found
from ..queries import Place, Query
from ..resource import Resource
from ..syntax.stanza import Stanza
from .retractions import FASTENING, MODERATION, OLD_MODERATION, OLD_RETRACTION, RETRACTION
from .rooms import Rooms

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

MODERATE = f"{{{MODERATION}}}moderate"
APPLY = f"{{{FASTENING}}}apply-to"
OLD_MODERATE = f"{{{OLD_MODERATION}}}moderate"

MAX_REASON = 256
"""Characters of why a message was taken back."""


class Moderation:
    """The journal keeps what was said; the room and its archive show that it was taken back."""

    def __init__(self, front_end: FrontEnd, rooms: Rooms) -> None:
        self._front_end = front_end
        self._rooms = rooms

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("set", MODERATE, Place.ROOM, self.moderate, MODERATION)
        yield Query("set", APPLY, Place.ROOM, self.moderate, OLD_MODERATION)

    async def moderate(self, resource: Resource, iq: Stanza) -> bytes:
        """Section 4: the message is named by the id that the room gave it."""
        conversation = await self._rooms.conference(resource, iq)
        wrapper = iq.tree[0]
        old = wrapper.tag == APPLY
        wish = wrapper.find(OLD_MODERATE) if old else wrapper
        retract = f"{{{OLD_RETRACTION if old else RETRACTION}}}retract"
        if wish is None or wish.find(retract) is None:
            raise bad_request("messages are retracted, and nothing else is done to them")
        reason = (wish.findtext(f"{{{OLD_MODERATION if old else MODERATION}}}reason") or "").strip()[:MAX_REASON]
        question = Question(
            resource.identity, room=conversation.address, everything=True, ids=(wrapper.get("id", ""),), limit=1
        )
        try:
            (said,) = (await self._front_end.store.archived(question)).messages
        except NotFound as why:
            raise item_not_found() from why
        await self._front_end.immcu.chair.retract(conversation, said, resource.identity, reason)
        return b""
