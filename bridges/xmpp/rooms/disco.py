"""Rooms under service discovery (XEP-0045 sections 6.3 to 6.6), pings within them (XEP-0410), occupants' cards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.conversation import Conversation, Shape
from ..disco import INFO, ITEMS, info, items
from ..errors import StanzaError, bad_request, item_not_found
from ..forms import Field, form
from ..queries import Place, Queries, Query
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza
from ..vcard import CARD, Cards
from .entry import at_home
from .pictures import RoomPictures
from .retractions import RETRACTION
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
    f"{xml.MUC}#stable_id",
    f"{xml.MUC}#register",
    f"{xml.MUC}#roomconfig",
    f"{xml.MUC}#request",
    RETRACTION,
)
"""What every room of ours does."""


class RoomDiscovery:
    """Rooms that want to be found are listed; of those with closed doors nobody learns who does not belong to them."""

    def __init__(
        self, front_end: FrontEnd, rooms: Rooms, cards: Cards, pictures: RoomPictures, queries: Queries
    ) -> None:
        self._front_end = front_end
        self._rooms = rooms
        self._cards = cards
        self._pictures = pictures
        self._queries = queries
        queries.announce(Place.ROOM, *ROOM_FEATURES)
        queries.announce(Place.SERVICE, xml.VCARD)  # rooms have pictures (XEP-0486 section 3.1)

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", ITEMS, Place.SERVICE, self.rooms, xml.DISCO_ITEMS)
        yield Query("get", INFO, Place.ROOM, self.room, xml.DISCO_INFO)
        yield Query("get", ITEMS, Place.ROOM, self.occupants, xml.DISCO_ITEMS)
        yield Query("get", f"{{{xml.PING}}}ping", Place.ROOM, self.ping_room)
        yield Query("get", f"{{{xml.PING}}}ping", Place.OCCUPANT, self.ping)
        yield Query("get", CARD, Place.OCCUPANT, self.card)
        yield Query("get", INFO, Place.OCCUPANT, self.of_occupant)
        yield Query("get", ITEMS, Place.OCCUPANT, self.of_occupant)

    async def rooms(self, resource: Resource, iq: Stanza) -> bytes:
        """The rooms of this service that want to be found (section 6.3)."""
        assert iq.to is not None
        immcu, found = self._front_end.immcu, {}
        for conversation in (*await self._front_end.store.asleep(), *immcu.conversations.values()):
            address = conversation.address
            if address is None or address.domain != iq.to.domain or conversation.shape is Shape.CALL:
                continue
            if _listed(conversation) and at_home(self._front_end, resource.identity, address):
                found[str(address)] = _name(conversation)
        return items(iq, sorted(found.items())[:MAX_LISTED])

    async def room(self, resource: Resource, iq: Stanza) -> bytes:
        """What a room is like (section 6.4)."""
        conversation = await self._rooms.conference(resource, iq, asleep=True)
        node = iq.tree[0].get("node")
        if node == "x-roomuser-item":
            return self._own_nick(resource, iq, conversation)
        if node:
            raise item_not_found()
        features = sorted({*self._queries.features(Place.ROOM), *features_of(conversation)})
        charter, fields = conversation.charter, []
        for name, value in (
            ("description", charter.description or _name(conversation)),
            ("subject", conversation.subject),
            ("occupants", str(len(conversation.participants))),
            ("lang", charter.language),
            ("changesubject", str(int(charter.anybody_names))),
            ("avatarhash", await self._pictures.hash(conversation)),
        ):
            if value or name == "subject":
                fields.append(Field(f"muc#roominfo_{name}", values=(value,)))
        about = form(fields, type="result", form_type=ROOM_INFO)
        return info(iq, [("conference", "text", _name(conversation))], features, about)

    async def occupants(self, resource: Resource, iq: Stanza) -> bytes:
        """Who is in it (section 6.5): where whoever asks could come in and look, and for those who are inside."""
        conversation = await self._rooms.conference(resource, iq, asleep=True)
        assert conversation.address is not None
        inside = self._rooms.sitting(resource, conversation.address) is not None
        if not inside and not (_listed(conversation) and conversation.open_door and not conversation.charter.password):
            return items(iq, [])
        room = self._rooms.shown(conversation)
        return items(iq, [(f"{room.jid}/{occupant.nick}", "") for occupant in room.occupants.values()])

    async def ping_room(self, resource: Resource, iq: Stanza) -> bytes:
        """Whether the room is there."""
        await self._rooms.conference(resource, iq, asleep=True)
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

    async def of_occupant(self, resource: Resource, iq: Stanza) -> bytes:
        """What an occupant's client can do is for the client to say; who is outside may not even ask (section 6.6)."""
        assert iq.to is not None
        if self._rooms.sitting(resource, iq.to.identity) is None:
            raise bad_request("you are not in this room")
        raise Elsewhere

    async def card(self, resource: Resource, iq: Stanza) -> bytes:
        """An occupant's card; their own server is ours.  It would tell who they are where that is hidden."""
        assert iq.to is not None
        room, occupant = self._rooms.occupant(resource, iq.to)
        if not room.knows(resource.identity):
            raise StanzaError("auth", "forbidden", "who is who is hidden in this room")
        return await self._cards.seen_by(resource.identity, occupant.who)

    def _own_nick(self, resource: Resource, iq: Stanza, conversation: Conversation) -> bytes:
        """Under which nickname the asker is known there: the one that is kept for them (section 7.12), or they have."""
        assert conversation.address is not None
        room = self._rooms.sitting(resource, conversation.address)
        now = room.occupants[resource.identity].nick if room is not None else ""
        nick = conversation.names.get(resource.identity, now)
        return info(iq, [("conference", "text", nick)] if nick else [], [])


class Elsewhere(Exception):
    """The question is for another client, not for us."""


def features_of(conversation: Conversation) -> list[str]:
    """What this room is like, in the words of section 15.3."""
    charter, open_door = conversation.charter, conversation.open_door
    return [
        "muc_open" if open_door else "muc_membersonly",
        "muc_public" if _listed(conversation) else "muc_hidden",
        "muc_persistent" if charter.persistent or conversation.keeps_seats else "muc_temporary",
        "muc_moderated" if charter.moderated else "muc_unmoderated",
        "muc_passwordprotected" if charter.password else "muc_unsecured",
        "muc_nonanonymous" if charter.addresses_shown else "muc_semianonymous",
    ]


def _listed(conversation: Conversation) -> bool:
    """What grew out of a talk is nobody else's business."""
    return conversation.charter.listed and conversation.charter.configured and not conversation.keeps_seats


def _name(conversation: Conversation) -> str:
    assert conversation.address is not None
    return conversation.charter.name or conversation.subject or conversation.address.user
