"""Conferences as rooms (XEP-0045): which room a stanza is for, and what becomes of it there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ....core.identity import Identity
from ....core.message import Delivery, Message, Receipt, Typing
from ..errors import StanzaError, bad_request, item_not_found
from ..messages import payload
from ..resource import Resource, Rest
from ..syntax import xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from . import stanzas as room_stanzas
from .entry import WISH, RoomEntry
from .invitations import MEDIATED, Invitations
from .names import Names
from .premises import Premises
from .reception import Reception
from .room import Occupant, Room
from .talk import RoomTalk
from .voice import VoiceRequests

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

MAX_SEATS = 100
"""Rooms one resource may be in."""


UNDELIVERED = frozenset(
    {
        "gone",
        "item-not-found",
        "recipient-unavailable",
        "redirect",
        "remote-server-not-found",
        "remote-server-timeout",
        "service-unavailable",
    }
)
"""Errors that mean there is nobody any more where a room sent something."""


class Rooms(Premises):
    """The rooms that somebody with an XMPP client is in, each a face of one conference of the IMMCU."""

    def __init__(
        self, front_end: FrontEnd, names: Names, talk: RoomTalk, reception: Reception, invitations: Invitations
    ) -> None:
        super().__init__(front_end)
        self._talk = talk
        self._reception = reception
        self._invitations = invitations
        self._entry = RoomEntry(front_end, names, talk, self.of)
        self._voice = VoiceRequests(front_end)

    # ---- what clients send to rooms and occupants

    async def presence(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        """Enter, change, or leave.  Raises StanzaError and what the IMMCU raises."""
        room = self.sitting(resource, to.identity)
        if stanza.type == "unavailable":
            await self._leave(resource, stanza, room, to.identity)
        elif stanza.type:
            return
        elif not to.resource:
            raise StanzaError("modify", "jid-malformed", "a room is entered under a nickname")
        elif room is None and WISH not in stanza.kids:
            resource.send(room_stanzas.not_here(str(to.identity), to.resource).to(resource.session.jid_bytes))
        elif room is None:
            if len(resource.seats) >= MAX_SEATS:
                raise StanzaError("wait", "resource-constraint", f"a client is in at most {MAX_SEATS} rooms")
            await self._entry.enter(resource, stanza, to)
        elif WISH in stanza.kids and room.occupants[resource.identity].nick == to.resource:
            await self._entry.again(resource, stanza, room)
        else:
            await self._entry.change(resource, stanza, room, to.resource)

    async def message(self, resource: Resource, stanza: Stanza, to: Jid) -> Rest:
        """To the room or to an occupant.  Raises StanzaError and what the IMMCU raises.

        What it returns is done when the message is on the disk.
        """
        if stanza.type == "error":
            await self.bounced(resource, stanza, to)
            return None
        mediated = not to.resource and stanza.type != "groupchat" and MEDIATED in stanza.kids
        if mediated and await self._invitations.take_mediated(resource, stanza, to):
            return None
        conversation = await self._front_end.immcu.at(to.identity)
        if conversation is None:
            raise item_not_found()
        room = self.sitting(resource, to.identity)
        if room is not None:
            room = self.of(conversation)
        if not conversation.charter.configured and resource.identity not in conversation.participants:
            raise item_not_found()
        if to.resource:
            await self._private_message(resource, stanza, room, to)
        elif stanza.type == "groupchat":
            return await self._talk.say(resource, stanza, _inside(room))
        elif room is not None and await self._voice.take(resource, stanza, room):
            return None
        elif room is None and resource.identity in conversation.participants and payload.BODY in stanza.kids:
            return await self._talk.answer(resource, stanza, conversation)
        else:
            raise bad_request("a message to a room is of type groupchat")
        return None

    async def bounced(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        """What a room sent could not be delivered: the client is a ghost, and goes (section 17.6)."""
        room = self.sitting(resource, to.identity)
        error = stanza.tree.find(f"{{{xml.CLIENT}}}error") if room is not None else None
        if room is not None and error is not None and any(xml.split(kid.tag)[1] in UNDELIVERED for kid in error):
            await self._entry.lost(resource, room)

    def occupant(self, resource: Resource, to: Jid) -> tuple[Room, Occupant]:
        """The room that both are in, and whom an occupant's address names.  Raises StanzaError."""
        room = _inside(self.sitting(resource, to.identity))
        occupant = room.called(to.resource)
        if occupant is None:
            raise item_not_found()
        return room, occupant

    def forward(self, resource: Resource, iq: Stanza, to: Jid) -> None:
        """An IQ between occupants, from client to client (section 17.4).  Raises StanzaError."""
        if iq.type in ("result", "error"):
            room = self.sitting(resource, to.identity)
            asker = room.forwarded.pop((to.resource, iq.id), None) if room is not None else None
            if room is not None and asker is not None:
                asker.send(self._readdressed(room, resource, iq, asker))
            return
        room, occupant = self.occupant(resource, to)
        if not occupant.resources:
            raise StanzaError("cancel", "service-unavailable")
        room.expect_answer(room.occupants[resource.identity].nick, iq.id, resource)
        receiver = occupant.resources[0]
        receiver.send(self._readdressed(room, resource, iq, receiver))

    # ---- what the core has for clients in rooms

    def deliver(self, resource: Resource, delivery: Delivery) -> asyncio.Future[None] | None:
        """A conference's message for one client."""
        room = self.of(delivery.conversation)
        seat = resource.seats.get(room.address)
        if seat is None:
            if not delivery.conversation.keeps_seats and _sits_elsewhere(room, resource):
                return None
            seat = self._reception.expect(resource, room)
        return self._talk.deliver(room, resource, seat, delivery)

    def signal(self, resource: Resource, news: Typing | Receipt) -> None:
        """Typing and receipts in a conference; only for those who sit in the room."""
        if news.conversation.address is not None:
            room = self.sitting(resource, news.conversation.address)
            if room is not None:
                self._talk.signal(room, resource, news)

    def private_sender(self, resource: Resource, message: Message) -> bytes | None:
        """The occupant's address that a private message comes from, for a client in the same room."""
        if message.native is None or message.native.protocol != payload.PRIVATE_PROTOCOL:
            return None
        address = Identity.parse(message.native.payload.partition(b"\n")[0].decode())
        room = self.sitting(resource, address)
        occupant = room.occupants.get(message.sender) if room is not None else None
        return room.occupant_jid(occupant.nick) if room is not None and occupant is not None else None

    # ---- inside

    async def _leave(self, resource: Resource, stanza: Stanza, room: Room | None, address: Identity) -> None:
        if room is not None:
            await self._entry.leave(resource, stanza, room)
            return
        seat = resource.seats.pop(address, None)
        if seat is not None:
            seat.give_up()

    async def _private_message(self, resource: Resource, stanza: Stanza, room: Room | None, to: Jid) -> None:
        if stanza.type == "groupchat":
            raise bad_request("a message to one occupant is of type chat")
        _inside(room)
        room, occupant = self.occupant(resource, to)
        await self._talk.say_privately(resource, stanza, room, occupant)

    def _readdressed(self, room: Room, sender: Resource, iq: Stanza, receiver: Resource) -> bytes:
        attrs = {
            "from": f"{room.jid}/{room.occupants[sender.identity].nick}",
            "to": receiver.session.jid,
            "type": iq.type,
            "id": iq.id,
        }
        return xml.element("iq", attrs, iq.inner)


def _inside(room: Room | None) -> Room:
    """The room, for those who sit in it.  Raises StanzaError for all others (section 7.4)."""
    if room is None:
        raise StanzaError("modify", "not-acceptable", "you are not in this room")
    return room


def _sits_elsewhere(room: Room, resource: Resource) -> bool:
    if resource.identity in room.expected:
        return True
    occupant = room.occupants.get(resource.identity)
    return occupant is not None and bool(occupant.resources)
