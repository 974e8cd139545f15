"""Registering with a room: becoming a member of it, under a nickname kept for oneself (XEP-0045 section 7.10)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.errors import Banned, NotAllowed
from ..errors import StanzaError, bad_request
from ..forms import FORM, Field, form
from ..queries import Place, Query
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza
from .answers import filled_in, one
from .names import nick_asked
from .rooms import Rooms

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

NAMESPACE = "jabber:iq:register"
QUERY = f"{{{NAMESPACE}}}query"
REMOVE = f"{{{NAMESPACE}}}remove"
REGISTER = f"{xml.MUC}#register"
NICK = "muc#register_roomnick"


class RoomRegistration:
    """Open rooms take everybody who is not banned; in the others only members have a nickname kept."""

    def __init__(self, front_end: FrontEnd, rooms: Rooms) -> None:
        self._front_end = front_end
        self._rooms = rooms

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", QUERY, Place.ROOM, self.form, NAMESPACE)
        yield Query("set", QUERY, Place.ROOM, self.register)

    async def form(self, resource: Resource, iq: Stanza) -> bytes:
        """What a room wants to know of its members; or under which nickname one is known already."""
        conversation = await self._rooms.conference(resource, iq, asleep=True)
        known = conversation.names.get(resource.identity)
        if known is not None:
            inside = xml.element("registered") + xml.element("username", None, xml.text(known))
            return xml.element("query", {"xmlns": NAMESPACE}, inside)
        asked = form([Field(NICK, label="Nickname", required=True)], form_type=REGISTER, title="Become a member")
        return xml.element("query", {"xmlns": NAMESPACE}, asked)

    async def register(self, resource: Resource, iq: Stanza) -> bytes:
        """A form sent back, or the end of it."""
        conversation = await self._rooms.conference(resource, iq)
        query = iq.tree[0]
        if query.find(REMOVE) is not None:
            nick = ""
        else:
            filled = query.find(FORM)
            if filled is None or filled.get("type") != "submit":
                raise bad_request("registering takes the room's form")
            given = filled_in(filled, REGISTER)
            if not given.get(NICK):
                raise bad_request("registering takes a nickname")
            nick = nick_asked(one(given[NICK]))
            taken = self._rooms.shown(conversation).called(nick)
            if taken is not None and taken.who != resource.identity:
                raise StanzaError("cancel", "conflict", "somebody here has this nickname")
        try:
            await self._front_end.immcu.chair.register(conversation, resource.identity, nick)
        except Banned:
            raise
        except NotAllowed as why:
            raise StanzaError("cancel", "not-allowed", str(why)) from why
        return b""
