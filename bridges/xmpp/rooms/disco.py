"""Rooms under service discovery (XEP-0045 sections 6.3 to 6.6), pings within them (XEP-0410), occupants' cards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.conversation import Conversation
from ....core.identity import Identity
from ..disco import INFO, ITEMS, info, items
from ..errors import StanzaError, item_not_found
from ..queries import Place, Queries, Query
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza
from ..vcard import CARD, Cards
from .entry import at_home
from .rooms import Rooms

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

MAX_LISTED = 200
"""Rooms in one answer."""
SELF_PING = f"{xml.MUC}#self-ping-optimization"
ROOM_INFO = f"{xml.MUC}#roominfo"
ROOM_FEATURES = (
    xml.MUC,
    xml.STANZA_ID,
    xml.OCCUPANT_ID,
    SELF_PING,
    "muc_nonanonymous",
    "muc_temporary",
    "muc_unmoderated",
    "muc_unsecured",
)
"""What every room of ours is and does."""


class RoomDiscovery:
    """Rooms with an open door are listed; of all others nobody learns who is not in them."""

    def __init__(self, front_end: FrontEnd, rooms: Rooms, cards: Cards, queries: Queries) -> None:
        self._front_end = front_end
        self._rooms = rooms
        self._cards = cards
        self._queries = queries
        queries.announce(Place.ROOM, *ROOM_FEATURES)

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", ITEMS, Place.SERVICE, self.rooms, xml.DISCO_ITEMS)
        yield Query("get", INFO, Place.ROOM, self.room, xml.DISCO_INFO)
        yield Query("get", ITEMS, Place.ROOM, self.occupants, xml.DISCO_ITEMS)
        yield Query("get", f"{{{xml.PING}}}ping", Place.ROOM, self.ping_room)
        yield Query("get", f"{{{xml.PING}}}ping", Place.OCCUPANT, self.ping)
        yield Query("get", CARD, Place.OCCUPANT, self.card)

    async def rooms(self, resource: Resource, iq: Stanza) -> bytes:
        """The rooms of this service that anybody may enter (section 6.3)."""
        assert iq.to is not None
        open_ones = [
            (str(conversation.address), conversation.subject or conversation.address.user)
            for conversation in self._front_end.immcu.conversations.values()
            if conversation.address is not None
            and conversation.open_door
            and conversation.address.domain == iq.to.domain
            and at_home(self._front_end, resource.identity, conversation.address)
        ]
        return items(iq, sorted(open_ones)[:MAX_LISTED])

    async def room(self, resource: Resource, iq: Stanza) -> bytes:
        """What a room is like (section 6.4)."""
        conversation = await self._seen(resource, iq)
        assert conversation.address is not None
        node = iq.tree[0].get("node")
        if node == "x-roomuser-item":
            return self._own_nick(resource, iq, conversation.address)
        if node:
            raise item_not_found()
        door = ("muc_open", "muc_public") if conversation.open_door else ("muc_membersonly", "muc_hidden")
        features = sorted({*self._queries.features(Place.ROOM), *door})
        name = conversation.subject or conversation.address.user
        form = _form(
            {"description": name, "subject": conversation.subject, "occupants": len(conversation.participants)}
        )
        return info(iq, [("conference", "text", name)], features, form)

    async def occupants(self, resource: Resource, iq: Stanza) -> bytes:
        """Who is in it, for those who are in it too (section 6.5)."""
        conversation = await self._seen(resource, iq)
        assert conversation.address is not None
        room = self._rooms.sitting(resource, conversation.address)
        if room is None:
            return items(iq, [])
        return items(iq, [(f"{room.jid}/{occupant.nick}", "") for occupant in room.occupants.values()])

    async def ping_room(self, resource: Resource, iq: Stanza) -> bytes:
        """Whether the room is there."""
        await self._seen(resource, iq)
        return b""

    async def ping(self, resource: Resource, iq: Stanza) -> bytes:
        """Whether the client is still in the room, where it asks itself (XEP-0410 section 3.3); others answer for
        themselves."""
        assert iq.to is not None
        room = self._rooms.sitting(resource, iq.to.identity)
        if room is None:
            raise StanzaError("cancel", "not-acceptable", "you are not in this room")
        if room.occupants[resource.identity].nick != iq.to.resource:
            raise Elsewhere
        return b""

    async def card(self, resource: Resource, iq: Stanza) -> bytes:
        """An occupant's card; their own server is ours."""
        assert iq.to is not None
        _, occupant = self._rooms.occupant(resource, iq.to)
        return await self._cards.seen_by(resource.identity, occupant.who)

    async def _seen(self, resource: Resource, iq: Stanza) -> Conversation:
        """The conference asked about.  Raises StanzaError, the same for none and for one that hides."""
        assert iq.to is not None
        conversation = await self._front_end.immcu.at(iq.to.identity)
        if conversation is None:
            raise item_not_found()
        open_to_them = conversation.open_door and at_home(self._front_end, resource.identity, iq.to.identity)
        if not open_to_them and resource.identity not in conversation.participants:
            raise item_not_found()
        return conversation

    def _own_nick(self, resource: Resource, iq: Stanza, address: Identity) -> bytes:
        """Under which nickname the asker is known there (section 7.12)."""
        room = self._rooms.sitting(resource, address)
        identities = [("conference", "text", room.occupants[resource.identity].nick)] if room is not None else []
        return info(iq, identities, [])


class Elsewhere(Exception):
    """The question is for another client, not for us."""


def _form(fields: dict[str, object]) -> bytes:
    """The room's particulars (section 6.4): a result form of XEP-0004."""
    parts = [_field("FORM_TYPE", ROOM_INFO, "hidden")]
    parts += [_field(f"muc#roominfo_{name}", str(value)) for name, value in fields.items()]
    return xml.element("x", {"xmlns": xml.DATA_FORM, "type": "result"}, b"".join(parts))


def _field(var: str, value: str, type: str | None = None) -> bytes:
    return xml.element("field", {"var": var, "type": type}, xml.element("value", None, xml.text(value)))
