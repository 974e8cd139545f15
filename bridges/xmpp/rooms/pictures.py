"""A room's card, which an owner writes, and the picture on it (XEP-0486, XEP-0054)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ....core import bylaws
from ....core.conversation import Conversation
from ....core.standing import Deed
from ..queries import Place, Query
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza
from . import stanzas as room_stanzas
from .rooms import Rooms
from .words import CONFIGURED

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

CARD = f"{{{xml.VCARD}}}vCard"
IMAGE = f"{{{xml.VCARD}}}PHOTO/{{{xml.VCARD}}}BINVAL"
KIND = "room-card"
"""The store's kind of document; its key is the room's address."""


class RoomPictures:
    """What occupants and those who look for rooms see of it: the card, and its picture's hash."""

    def __init__(self, front_end: FrontEnd, rooms: Rooms) -> None:
        self._front_end = front_end
        self._rooms = rooms

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", CARD, Place.ROOM, self.card, xml.VCARD)
        yield Query("set", CARD, Place.ROOM, self.write)

    async def card(self, resource: Resource, iq: Stanza) -> bytes:
        """The room's card, empty where nobody wrote one."""
        return await self._kept(await self._rooms.conference(resource, iq, asleep=True))

    async def write(self, resource: Resource, iq: Stanza) -> bytes:
        """A new card; everybody is told that the room is not what it was (section 3.2)."""
        conversation = await self._rooms.conference(resource, iq)
        bylaws.must(conversation, resource.identity, Deed.WRITE_CHARTER)
        card = iq.tree[0]
        body = xml.serialise(card) if len(card) else None
        await self._front_end.store.put_document(KIND, str(conversation.address), body)
        room = self._rooms.shown(conversation)
        room.picture = hash_of(card)
        for told in (room_stanzas.configured(room, (CONFIGURED,)), room_stanzas.picture(room)):
            for other in room.resources():
                other.send(told.to(other.session.jid_bytes))
        return b""

    async def hash(self, conversation: Conversation) -> str:
        """The SHA-1 of the picture; empty where there is none."""
        room = self._rooms.shown(conversation)
        if room.picture is None:
            room.picture = hash_of(Stanza.read(await self._kept(conversation)).tree)
        return room.picture

    async def _kept(self, conversation: Conversation) -> bytes:
        kept = await self._front_end.store.document(KIND, str(conversation.address))
        return kept or xml.element("vCard", {"xmlns": xml.VCARD})


def hash_of(card: Element) -> str:
    """Of the picture's bytes (XEP-0153 section 3.1); a picture that is none has none."""
    try:
        image = base64.b64decode("".join((card.findtext(IMAGE) or "").split()), validate=True)
    except binascii.Error:
        return ""
    return hashlib.sha1(image, usedforsecurity=False).hexdigest() if image else ""
