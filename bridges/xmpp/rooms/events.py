"""What happens in conferences, as rooms show it: people come and go, clients are invited, awaited and lost."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ....core.conversation import (
    BecameConference,
    CharterChanged,
    Conversation,
    ConversationEnded,
    DoorChanged,
    Event,
    MessageRetracted,
    ParticipantJoined,
    ParticipantLeft,
    RoleChanged,
    Shape,
    StandingChanged,
    SubjectChanged,
)
from ....core.errors import HereaboutsError
from ....core.housekeeping import RESUMABLE
from ....core.identity import Identity
from ..resource import Resource, Start
from . import retractions
from . import stanzas as room_stanzas
from .entry import hears, show
from .invitations import Invitations
from .names import Names
from .reception import Reception
from .room import Occupant, Room
from .rooms import Rooms
from .seat import State
from .stanzas import NO_REASON, Why
from .words import CONFIGURED, LOGGED, NOT_LOGGED, NOW_NON_ANONYMOUS, NOW_SEMI_ANONYMOUS, REMOVALS

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


class RoomEvents:
    """Every participant's every client is told of an event; the room changes with the first, and the others change
    nothing."""

    def __init__(
        self,
        front_end: FrontEnd,
        rooms: Rooms,
        reception: Reception,
        names: Names,
        invitations: Invitations,
        start: Start,
    ) -> None:
        self._front_end = front_end
        self._rooms = rooms
        self._reception = reception
        self._names = names
        self._invitations = invitations
        self._start = start

    # ---- conversations

    def happened(self, resource: Resource, event: Event, conversation: Conversation) -> None:
        """An event in a conversation of this client's person."""
        if conversation.address is None:
            return
        room = self._rooms.of(conversation)
        match event:
            case BecameConference():
                self._reception.invite(resource, room, None)
            case ParticipantJoined() if event.who == resource.identity:
                self._joined(resource, room, event.by)
            case ParticipantJoined():
                self._start(self._appear(room, event.who))
            case ParticipantLeft():
                self._left(room, event)
                if event.who == resource.identity:
                    self._put_out(resource, room)
            case SubjectChanged():
                self._renamed(room, event)
            case RoleChanged():
                self._changed(resource, room, event.who, why(room, event.by, event.reason))
            case StandingChanged():
                self._stands(resource, room, event)
            case CharterChanged():
                self._configured(resource, room, codes_of(event))
            case DoorChanged():
                self._configured(resource, room, (CONFIGURED,))
            case MessageRetracted():
                self._retracted(resource, room, event)
            case ConversationEnded():
                self._ended(resource, room, event.reason)

    def _joined(self, resource: Resource, room: Room, by: Identity | None) -> None:
        """The person was added by somebody, or is coming in by themselves with one of their clients."""
        occupant = room.occupants.get(resource.identity)
        by_themselves = resource.identity in room.expected or (occupant is not None and occupant.resources)
        if not by_themselves:
            self._reception.invite(resource, room, by)

    async def _appear(self, room: Room, who: Identity) -> None:
        """A participant without a client in the room is seen in it too, as long as they hear what is said."""
        if who in room.expected or who in room.occupants:
            return
        await self._names.learn([who])
        if who in room.occupants or who in room.expected or who not in room.conversation.participants:
            return
        if hears(self._front_end, who):
            occupant = room.show(who, self._names.nick_of(who))
            show(room, occupant, room_stanzas.presence(room, occupant))

    def _left(self, room: Room, event: ParticipantLeft) -> None:
        occupant = room.occupants.get(event.who)
        if occupant is None:
            return
        if event.removal is None:
            self._disappear(room, occupant)
        else:
            codes = (REMOVALS[event.removal],)
            self._disappear(room, occupant, codes=codes, because=why(room, event.by, event.reason))

    def _disappear(
        self, room: Room, occupant: Occupant, *, codes: tuple[int, ...] = (), because: Why = NO_REASON
    ) -> None:
        show(room, occupant, room_stanzas.presence(room, occupant, gone=True, codes=codes, why=because, inner=b""))
        for theirs in occupant.resources:
            self._put_out(theirs, room)
        room.hide(occupant.who)

    def _put_out(self, resource: Resource, room: Room) -> None:
        seat = resource.seats.pop(room.address, None)
        if seat is not None:
            seat.give_up()
        self._start(self._invitations.forget(resource.identity, room))

    def _renamed(self, room: Room, event: SubjectChanged) -> None:
        if room.subject_shown == event.subject:
            return
        room.subject_shown = event.subject
        room.subject_by = room.nick_of(event.who, self._names.nick_of(event.who))
        halves = room_stanzas.subject(room, room.subject_by)
        for resource in room.resources():
            resource.send(halves.to(resource.session.jid_bytes))

    def _changed(self, resource: Resource, room: Room, who: Identity, because: Why) -> None:
        """What somebody may do, or how they belong here, is shown by their presence (sections 8.3 to 10.7)."""
        occupant = room.occupants.get(who)
        if occupant is not None and sits(resource, room):
            shown = room_stanzas.presence(room, occupant, why=because)
            resource.send(shown.for_client(room, occupant, resource))

    def _stands(self, resource: Resource, room: Room, event: StandingChanged) -> None:
        """Who has to go because of it is shown going instead; of who is not here the room tells in words."""
        if event.who in room.conversation.participants:
            self._changed(resource, room, event.who, why(room, event.by, event.reason))
        elif event.who not in room.occupants and sits(resource, room) and room.knows(resource.identity):
            resource.send(room_stanzas.stands(room, event.who).to(resource.session.jid_bytes))

    def _configured(self, resource: Resource, room: Room, codes: tuple[int, ...]) -> None:
        if codes and sits(resource, room):
            resource.send(room_stanzas.configured(room, codes).to(resource.session.jid_bytes))

    def _retracted(self, resource: Resource, room: Room, event: MessageRetracted) -> None:
        if sits(resource, room):
            nick = room.nick_of(event.by, self._names.nick_of(event.by))
            resource.send(retractions.retraction(room, event, nick).to(resource.session.jid_bytes))

    def _ended(self, resource: Resource, room: Room, reason: str) -> None:
        """A conference that sleeps keeps its clients: the next word wakes it.  One that is over puts them out."""
        if reason not in RESUMABLE:
            self._close(resource, room)
        if not any(True for _ in room.resources()):
            self._rooms.close(room)

    def _close(self, resource: Resource, room: Room) -> None:
        occupant = room.occupants.get(resource.identity)
        if occupant is not None and resource in occupant.resources:
            farewell = room.farewell or room_stanzas.destroyed("this conference has ended")
            shown = room_stanzas.presence(room, occupant, gone=True, inner=b"", more=farewell)
            resource.send(shown.own.to(resource.session.jid_bytes))
            occupant.resources.remove(resource)
        self._put_out(resource, room)

    # ---- clients

    async def present(self, resource: Resource) -> None:
        """A client is about to take messages: it may come back to its person's conferences by itself, or is invited."""
        for conversation in self._kept_for(resource.identity):
            await self._names.learn(conversation.participants)
            room = self._rooms.of(conversation)
            if room.address not in resource.seats:
                self._reception.expect(resource, room)

    async def returned(self, who: Identity) -> None:
        """Somebody hears again what is said in the conferences where they have a seat."""
        for conversation in self._kept_for(who):
            await self._appear(self._rooms.of(conversation), who)

    def departed(self, who: Identity) -> None:
        """An endpoint of another world is gone; without any, nobody is an occupant."""
        if hears(self._front_end, who):
            return
        for conversation in self._kept_for(who):
            room = self._rooms.of(conversation)
            occupant = room.occupants.get(who)
            if occupant is not None and not occupant.resources:
                self._disappear(room, occupant)

    def _kept_for(self, who: Identity) -> list[Conversation]:
        """The conferences where somebody has a seat even while they are away."""
        conferences = (c for c in self._front_end.immcu.of(who) if c.shape is Shape.CONFERENCE)
        return [conversation for conversation in conferences if conversation.keeps_seats]

    def absent(self, resource: Resource, reason: str) -> None:
        """A client is unavailable or gone: it sits nowhere any more."""
        seats, resource.seats = resource.seats, {}
        for address, seat in seats.items():
            seat.give_up()
            room = self._rooms.at(address)
            occupant = room.occupants.get(resource.identity) if room is not None else None
            if room is None or occupant is None:
                continue
            if resource in occupant.resources:
                occupant.resources.remove(resource)
            if not occupant.resources and not hears(self._front_end, resource.identity):
                self._disappear(room, occupant)
            if not occupant.resources and not room.conversation.keeps_seats:
                self._start(self._leave(room, resource.identity, reason))

    async def _leave(self, room: Room, who: Identity, reason: str) -> None:
        try:
            await self._front_end.immcu.leave(room.conversation, who, reason=reason)
        except HereaboutsError:
            # The server is stopping: it ends every conversation itself.
            return


def sits(resource: Resource, room: Room) -> bool:
    """Whether a client is in the room."""
    seat = resource.seats.get(room.address)
    return seat is not None and seat.state is State.TAKEN


def why(room: Room, by: Identity | None, reason: str) -> Why:
    """Who did something, as the others know them, and why."""
    actor = room.occupants.get(by) if by is not None else None
    return Why(actor.nick if actor is not None else "", reason)


def codes_of(event: CharterChanged) -> tuple[int, ...]:
    """What occupants must know of a new configuration (section 10.2.1); nothing where the room is only unlocked."""
    before, now = event.before, event.charter
    if replace(before, configured=True) == now:
        return ()
    codes: tuple[int, ...] = (CONFIGURED,)
    if before.addresses_shown != now.addresses_shown:
        codes += (NOW_NON_ANONYMOUS if now.addresses_shown else NOW_SEMI_ANONYMOUS,)
    if before.published != now.published:
        codes += (LOGGED if now.published else NOT_LOGGED,)
    return codes
