"""Where clients are invited to rooms, and messages wait a moment for those who may be about to enter."""

from __future__ import annotations

import asyncio

from ....core.identity import Identity
from ..resource import Resource, Start
from ..syntax import xml
from .invitations import Invitations
from .room import Room
from .seat import BOOKMARK_GRACE, JOIN_GRACE, Seat, State
from .talk import RoomTalk


class Reception:
    """A client that does not enter in time gets what is said in the room as chat, until it enters."""

    def __init__(self, invitations: Invitations, talk: RoomTalk, start: Start) -> None:
        self._invitations = invitations
        self._talk = talk
        self._start = start

    def invite(self, resource: Resource, room: Room, by: Identity | None) -> None:
        """Let a client know where its conversation goes on, and the person's other clients when they come."""
        seat = resource.seats.get(room.address) or self.expect(resource, room)
        if seat.state is State.AWAITED and not seat.invited:
            self._send(resource, room, seat, by)
            self._start(self._invitations.remember(resource.identity, room))

    def expect(self, resource: Resource, room: Room) -> Seat:
        """A client may enter soon."""
        seat = resource.seats[room.address] = Seat()
        loop = asyncio.get_running_loop()
        seat.expect(loop.call_later(JOIN_GRACE, self._late, resource, room, seat))
        return seat

    def _late(self, resource: Resource, room: Room, seat: Seat) -> None:
        """By now it is known what the client hears of."""
        if xml.BOOKMARKS in resource.interests and seat.state is State.AWAITED:
            loop = asyncio.get_running_loop()
            seat.expect(loop.call_later(BOOKMARK_GRACE - JOIN_GRACE, self._impatient, resource, room, seat))
        else:
            self._impatient(resource, room, seat)

    def _impatient(self, resource: Resource, room: Room, seat: Seat) -> None:
        if seat.state is State.AWAITED:
            seat.state = State.RELAYED
            if not seat.invited:
                self._send(resource, room, seat, None)
            self._talk.relay_held(room, resource, seat)

    def _send(self, resource: Resource, room: Room, seat: Seat, by: Identity | None) -> None:
        if resource.available:
            seat.invited = True
            resource.send(self._invitations.invitation(resource, room, by))
