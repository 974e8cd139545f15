"""The rooms there are, each a face of one conference of the IMMCU, and who may know of which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.conversation import Conversation
from ....core.identity import Identity
from ....core.standing import Standing
from ..errors import item_not_found
from ..resource import Resource
from ..syntax.stanza import Stanza
from .entry import at_home
from .room import Room
from .seat import State

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


class Premises:
    """A room is made when it is first needed, and kept as long as anybody sits in it."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._rooms: dict[Identity, Room] = {}
        self._key = front_end.store.incarnation.encode()

    def of(self, conversation: Conversation) -> Room:
        """The room of a conference; made when it is first needed."""
        assert conversation.address is not None
        room = self._rooms.get(conversation.address)
        if room is None:
            room = self._rooms[conversation.address] = Room(conversation, self._key)
        room.conversation = conversation
        return room

    def at(self, address: Identity) -> Room | None:
        """The room at this address, if anybody has been in it."""
        return self._rooms.get(address)

    def shown(self, conversation: Conversation) -> Room:
        """The room of a conference to show what was said in it: the one there is, or one for this moment only."""
        assert conversation.address is not None
        return self._rooms.get(conversation.address) or Room(conversation, self._key)

    def close(self, room: Room) -> None:
        """Nobody will need it any more."""
        self._rooms.pop(room.address, None)

    def sitting(self, resource: Resource, address: Identity) -> Room | None:
        """The room at this address, if the resource sits in it."""
        seat = resource.seats.get(address)
        return self._rooms.get(address) if seat is not None and seat.state is State.TAKEN else None

    async def conference(self, resource: Resource, iq: Stanza, *, asleep: bool = False) -> Conversation:
        """The conference a question is about; ``asleep``: it need not be woken for the answer.

        Raises StanzaError item-not-found, the same for none and for one that hides.
        """
        assert iq.to is not None
        immcu, address = self._front_end.immcu, iq.to.identity
        conversation = await (immcu.known(address) if asleep else immcu.at(address))
        if conversation is None or not seen_by(self._front_end, conversation, resource.identity):
            raise item_not_found()
        return conversation


def seen_by(front_end: FrontEnd, conversation: Conversation, who: Identity) -> bool:
    """Whether a conference exists for somebody: it is open, or listed, or they belong to it."""
    if who in conversation.participants or conversation.standing(who) is not Standing.NONE:
        return True
    assert conversation.address is not None
    found = conversation.open_door or (conversation.charter.listed and not conversation.keeps_seats)
    return found and at_home(front_end, who, conversation.address)
