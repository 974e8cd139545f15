"""Entering a room, changing one's nickname and presence in it, and going (XEP-0045 sections 7.2, 7.6, 7.7, 7.14)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ....core.charter import Charter
from ....core.conversation import Conversation
from ....core.errors import Banned, Conflict, Gone, NotAllowed, NotFound, TooLarge, WrongPassword
from ....core.identity import Identity
from ....core.message import Message
from ....core.standing import Standing
from ..errors import StanzaError, item_not_found
from ..presence import photo
from ..resource import Resource
from ..server_owned import PRESENCE_TAGS, without
from ..syntax import xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from . import stanzas as room_stanzas
from .history import MAX_HISTORY, Wish, newest, wanted, wish_of
from .names import Names, nick_asked
from .room import Occupant, Room
from .seat import Seat, State
from .stanzas import Shown
from .talk import RoomTalk
from .words import CREATED, KICKED, LOGGED, NICK_CHANGE, NICK_CHANGED_BY_ROOM, NON_ANONYMOUS, TECHNICAL

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

WISH = f"{{{xml.MUC}}}x"
PASSWORD = f"{{{xml.MUC}}}password"


class RoomEntry:
    """One room at a time, one resource at a time; the order of what is sent is section 7.1's."""

    def __init__(
        self, front_end: FrontEnd, names: Names, talk: RoomTalk, room_of: Callable[[Conversation], Room]
    ) -> None:
        self._front_end = front_end
        self._names = names
        self._talk = talk
        self._room_of = room_of

    async def enter(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        """Come in, and make the room if there is none.  Raises StanzaError and what the IMMCU raises."""
        nick = nick_asked(to.resource)
        joining = stanza.child(WISH)
        wish = wish_of(joining, self._front_end.clock())
        password = (joining.findtext(PASSWORD) if joining is not None else "") or ""
        seat = resource.seats.setdefault(to.identity, Seat())
        seat.state, room = State.ENTERING, None
        try:
            conversation, created = await self._conversation(resource.identity, to.identity)
            await self._names.learn([resource.identity], anew=True)
            await self._names.learn(conversation.participants)
            room = self._room_of(conversation)
            room.expected.add(resource.identity)
            await self._take_part(room, resource, nick, password)
            past = await self._front_end.immcu.history(conversation, resource.identity, MAX_HISTORY)
        except Exception:
            self._turn_away(resource, seat, to.identity, room)
            raise
        finally:
            if room is not None:
                room.expected.discard(resource.identity)
        if resource.seats.get(to.identity) is not seat or resource.session.closed:
            resource.send(room_stanzas.not_here(room.jid, nick).to(resource.session.jid_bytes))
            await self._never_came(room, resource.identity)
            return
        # From here on nothing waits, so that nothing comes in between.
        codes = (CREATED,) if created else ()
        self._sit_down(room, resource, seat, nick, photo.shown(resource, stanza), codes)
        self._tell_past(room, resource, past, wish)
        self._tell_subject(room, resource)
        self._talk.show_held(room, resource, seat, after=past[-1].seq if past else 0)

    async def change(self, resource: Resource, stanza: Stanza, room: Room, nick: str) -> None:
        """A client that sits in the room shows other presence, or another nickname.  Raises StanzaError."""
        occupant = room.occupants[resource.identity]
        occupant.inner = photo.shown(resource, stanza)
        nick = nick_asked(nick)
        if nick != occupant.nick:
            other = room.called(nick)
            if (other is not None and other is not occupant) or _reserved(room, nick, resource.identity):
                raise nick_taken()
            self._rename(room, occupant, nick)
        else:
            show(room, occupant, room_stanzas.presence(room, occupant))

    async def leave(self, resource: Resource, stanza: Stanza, room: Room) -> None:
        """Go.  The person leaves the conversation with their last client."""
        seat = resource.seats.pop(room.address, None)
        occupant = room.occupants.get(resource.identity)
        if seat is not None:
            seat.give_up()
        if occupant is None or resource not in occupant.resources:
            return
        shown = room_stanzas.presence(room, occupant, gone=True, inner=without(stanza, PRESENCE_TAGS))
        resource.send(shown.own.to(resource.session.jid_bytes))
        occupant.resources.remove(resource)
        if not occupant.resources:
            show(room, occupant, shown)
            room.hide(resource.identity)
            await self._front_end.immcu.leave(room.conversation, resource.identity)

    async def lost(self, resource: Resource, room: Room) -> None:
        """What the room sent to a client came back: it is not there any more (section 17.6)."""
        occupant = room.occupants.get(resource.identity)
        seat = resource.seats.pop(room.address, None)
        if seat is not None:
            seat.give_up()
        if occupant is None or resource not in occupant.resources:
            return
        occupant.resources.remove(resource)
        if not occupant.resources:
            codes = (KICKED, TECHNICAL)
            show(room, occupant, room_stanzas.presence(room, occupant, gone=True, codes=codes, inner=b""))
            room.hide(resource.identity)
            await self._front_end.immcu.leave(room.conversation, resource.identity, reason="connection lost")

    async def again(self, resource: Resource, stanza: Stanza, room: Room) -> None:
        """A client that sits in the room has lost track of it: it is told everything once more."""
        occupant = room.occupants[resource.identity]
        occupant.inner = photo.shown(resource, stanza)
        past = await self._front_end.immcu.history(room.conversation, resource.identity, MAX_HISTORY)
        if resource not in occupant.resources:
            return
        self._tell_occupants(room, resource)
        own = room_stanzas.presence(room, occupant, own_codes=_warnings(room)).own
        resource.send(own.to(resource.session.jid_bytes))
        self._tell_past(room, resource, past, wish_of(stanza.child(WISH), self._front_end.clock()))
        self._tell_subject(room, resource)

    # ---- inside

    async def _conversation(self, who: Identity, address: Identity) -> tuple[Conversation, bool]:
        """The conference at this address; a new one where none has been, or people came and went."""
        immcu = self._front_end.immcu
        found = await immcu.at(address)
        if not at_home(self._front_end, who, address) and (found is None or not _belongs(found, who)):
            raise item_not_found()
        if found is not None:
            return found, False
        if not self._front_end.ours(who.domain):
            raise StanzaError("cancel", "not-allowed", "only people of this server make rooms here")
        last = await self._front_end.store.last_at(address)
        if last is not None and last.keeps_seats:
            raise StanzaError("cancel", "gone", "this conference has ended")
        try:
            return await immcu.open_room(address, who, charter=Charter(configured=False)), True
        except Conflict:
            found = await immcu.at(address)
            if found is None:
                raise
            return found, False

    async def _take_part(self, room: Room, resource: Resource, nick: str, password: str) -> None:
        """Become a participant, seen under a nickname that is not taken.  Sections 7.2.5 to 7.2.11 name the errors."""
        conversation, who = room.conversation, resource.identity
        other = room.called(nick)
        if (other is not None and other.who != who) or _reserved(room, nick, who):
            raise nick_taken()
        if who not in conversation.participants:
            try:
                await self._front_end.immcu.enter(conversation, who, password=password)
            except TooLarge as why:
                raise StanzaError("wait", "service-unavailable", str(why)) from why
            except NotFound as why:
                raise StanzaError("cancel", "item-not-found", str(why)) from why
            except (Banned, WrongPassword):
                raise
            except NotAllowed as why:
                raise StanzaError("auth", "registration-required", str(why)) from why
            except Gone as why:
                raise StanzaError("cancel", "gone", str(why)) from why

    def _turn_away(self, resource: Resource, seat: Seat, address: Identity, room: Room | None) -> None:
        """The client does not come in; a participant goes on hearing what is said as chat."""
        if room is not None and resource.identity in room.conversation.participants:
            seat.state = State.RELAYED
            self._talk.relay_held(room, resource, seat)
        else:
            seat.give_up()
            resource.seats.pop(address, None)

    async def _never_came(self, room: Room, who: Identity) -> None:
        """The client was gone, or had been put out, before it sat down."""
        occupant = room.occupants.get(who)
        if not room.conversation.keeps_seats and (occupant is None or not occupant.resources):
            await self._front_end.immcu.leave(room.conversation, who, reason="connection lost")

    def _sit_down(
        self, room: Room, resource: Resource, seat: Seat, nick: str, inner: bytes, codes: Iterable[int]
    ) -> None:
        seat.expect(None)
        seat.state = State.TAKEN
        self._show_the_others(room, resource.identity)
        self._tell_occupants(room, resource)
        occupant = room.occupants.get(resource.identity)
        if occupant is None:
            occupant = room.show(resource.identity, nick)
        elif occupant.nick != nick and not occupant.resources and room.called(nick) is None:
            self._rename(room, occupant, nick)
        occupant.inner = inner
        occupant.resources.append(resource)
        if occupant.nick != nick:
            codes = (*codes, NICK_CHANGED_BY_ROOM)
        shown = room_stanzas.presence(room, occupant, own_codes=(*_warnings(room), *codes))
        for other in room.resources():
            if other is not resource:
                other.send(shown.for_client(room, occupant, other))
        resource.send(shown.own.to(resource.session.jid_bytes))

    def _show_the_others(self, room: Room, but: Identity) -> None:
        """Participants who hear what is said without a client in the room are seen in it too."""
        for who in room.conversation.participants:
            if who != but and who not in room.occupants and who not in room.expected and hears(self._front_end, who):
                occupant = room.show(who, self._names.nick_of(who))
                show(room, occupant, room_stanzas.presence(room, occupant))

    def _tell_occupants(self, room: Room, resource: Resource) -> None:
        """Before the occupants the room shows itself, if it has a picture to show."""
        if room.picture:
            resource.send(room_stanzas.picture(room).to(resource.session.jid_bytes))
        for other in room.occupants.values():
            if other.who != resource.identity:
                resource.send(room_stanzas.presence(room, other).for_client(room, other, resource))

    def _tell_past(self, room: Room, resource: Resource, past: Sequence[Message], wish: Wish) -> None:
        to = resource.session.jid_bytes
        stanzas = [self._talk.halves(room, said, delayed=True).to(to) for said in wanted(past, wish)]
        resource.session.send_all(newest(stanzas, wish.characters))

    def _tell_subject(self, room: Room, resource: Resource) -> None:
        """The last thing that somebody gets who comes in."""
        resource.send(room_stanzas.subject(room, room.subject_by).to(resource.session.jid_bytes))

    def _rename(self, room: Room, occupant: Occupant, nick: str) -> None:
        going = room_stanzas.presence(room, occupant, gone=True, codes=(NICK_CHANGE,), new_nick=nick, inner=b"")
        show(room, occupant, going)
        room.rename(occupant, nick)
        show(room, occupant, room_stanzas.presence(room, occupant))


def at_home(front_end: FrontEnd, who: Identity, address: Identity) -> bool:
    """Whether an open door is open for somebody: those of the room's own domain, and people of other servers.

    Where several domains live here, rooms of one are for those of another who were invited.
    """
    return not front_end.ours(who.domain) or front_end.conference_domain(who.domain) == address.domain


def hears(front_end: FrontEnd, who: Identity) -> bool:
    """Whether what is said reaches somebody now, by whatever way."""
    return not front_end.ours(who.domain) or bool(front_end.registrar.ready(who))


def show(room: Room, occupant: Occupant, shown: Shown) -> None:
    """An occupant's presence, to every client in the room."""
    for resource in room.resources():
        resource.send(shown.for_client(room, occupant, resource))


def _belongs(conversation: Conversation, who: Identity) -> bool:
    return who in conversation.participants or conversation.standing(who) is not Standing.NONE


def nick_taken() -> StanzaError:
    """Somebody else has that nickname (section 7.2.8)."""
    return StanzaError("cancel", "conflict", "somebody here has this nickname")


def _warnings(room: Room) -> tuple[int, ...]:
    """What somebody must know who comes in (sections 7.2.3 and 7.2.12)."""
    charter = room.conversation.charter
    return (NON_ANONYMOUS,) * charter.addresses_shown + (LOGGED,) * charter.published


def _reserved(room: Room, nick: str, who: Identity) -> bool:
    """Whether this nickname is kept for somebody else even while they are away (section 7.10)."""
    names = room.conversation.names
    return bool(names) and any(name == nick and owner != who for owner, name in names.items())
