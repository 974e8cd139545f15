"""What owners of rooms do: configure them, or end them (XEP-0045 section 10)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ....core import bylaws
from ....core.conversation import Conversation
from ....core.errors import BadAddress, TooLarge
from ....core.standing import Deed
from ..errors import bad_request, item_not_found
from ..forms import FORM, form
from ..queries import Place, Query
from ..resource import Resource
from ..syntax import jid, xml
from ..syntax.stanza import Stanza
from . import stanzas as room_stanzas
from .answers import filled_in
from .configuration import CONFIG, fields_of, not_acceptable, read
from .rooms import Rooms

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

QUERY = f"{{{xml.MUC_OWNER}}}query"
DESTROY = f"{{{xml.MUC_OWNER}}}destroy"
REASON = f"{{{xml.MUC_OWNER}}}reason"
PASSWORD = f"{{{xml.MUC_OWNER}}}password"

MAX_REASON = 256
"""Characters of why a room was ended."""


class RoomOwnership:
    """The owner need not be in the room."""

    def __init__(self, front_end: FrontEnd, rooms: Rooms) -> None:
        self._front_end = front_end
        self._rooms = rooms

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", QUERY, Place.ROOM, self.form)
        yield Query("set", QUERY, Place.ROOM, self.configure)

    async def form(self, resource: Resource, iq: Stanza) -> bytes:
        """The room as it is (section 10.2)."""
        conversation = await self._rooms.conference(resource, iq, asleep=True)
        bylaws.must(conversation, resource.identity, Deed.WRITE_CHARTER)
        assert conversation.address is not None
        title = f"The room {conversation.address.user}"
        return xml.element(
            "query", {"xmlns": xml.MUC_OWNER}, form(fields_of(conversation), form_type=CONFIG, title=title)
        )

    async def configure(self, resource: Resource, iq: Stanza) -> bytes:
        """Take the room as it is, change it, call it off while it is new, or end it (sections 10.1, 10.2, 10.9)."""
        conversation = await self._rooms.conference(resource, iq)
        bylaws.must(conversation, resource.identity, Deed.WRITE_CHARTER)
        query = iq.tree[0]
        if (destroy := query.find(DESTROY)) is not None:
            await self._destroy(conversation, destroy)
            return b""
        filled = query.find(FORM)
        if filled is None or filled.get("type") not in ("submit", "cancel"):
            raise bad_request("a form is submitted or cancelled")
        if filled.get("type") == "submit":
            await self._submit(resource, conversation, filled)
        elif not conversation.charter.configured:
            await self._front_end.immcu.end(conversation, "called off")
        return b""

    async def _submit(self, resource: Resource, conversation: Conversation, filled: Element) -> None:
        """Everything is checked before anything is changed: people first, for they may be refused."""
        chair, who = self._front_end.immcu.chair, resource.identity
        wanted = read(conversation, filled_in(filled, CONFIG))
        try:
            wanted.charter.check()
            if wanted.standings:
                await chair.set_standings(conversation, wanted.standings, who)
            await chair.set_charter(conversation, who, wanted.charter, open_door=wanted.open_door)
        except TooLarge as why:
            raise not_acceptable(str(why)) from why

    async def _destroy(self, conversation: Conversation, destroy: Element) -> None:
        try:
            venue = jid.parse(destroy.get("jid", "")).full if destroy.get("jid") else ""
        except BadAddress as why:
            raise item_not_found() from why
        reason = (destroy.findtext(REASON) or "").strip()[:MAX_REASON]
        password = (destroy.findtext(PASSWORD) or "").strip()[:MAX_REASON]
        self._rooms.shown(conversation).farewell = room_stanzas.destroyed(reason, venue, password)
        await self._front_end.immcu.end(conversation, reason or "destroyed")
