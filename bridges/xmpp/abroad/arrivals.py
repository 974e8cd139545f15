"""What people of other domains send to us: to people here, to rooms and services, from rooms of theirs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ....core.errors import BadAddress, HereaboutsError
from ....core.message import Utterance
from ..errors import NOBODY, error_answer
from ..messages import payload
from ..resource import Resource, Rest
from ..rooms.invitations import DIRECT, MEDIATED
from ..server_owned import from_abroad
from ..stream.session import Session
from ..syntax import jid, xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from .bounces import TYPES
from .outgoing import in_room_elsewhere

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..parts import Parts
    from .bounces import Bounces
    from .guests import Guests
    from .presences import Presences

INVITATIONS = frozenset({MEDIATED, DIRECT})

Receive = Callable[[Session, Stanza], Awaitable[None] | None]
"""What happens with the stanzas of sessions, whosever they are."""


class Incoming:
    """Guests are treated as clients are, except where their own server knows better: errors, presence, their rooms."""

    def __init__(
        self,
        front_end: FrontEnd,
        parts: Parts,
        guests: Guests,
        bounces: Bounces,
        presences: Presences,
        receive: Receive,
    ) -> None:
        self._front_end = front_end
        self._parts = parts
        self._guests = guests
        self._bounces = bounces
        self._presences = presences
        self._receive = receive

    def take(self, stanza: Stanza) -> Awaitable[None] | None:
        """One stanza, whose sender's domain was proven."""
        try:
            sender = jid.parse(stanza.attrs.get("from", ""))
        except BadAddress:
            return None
        guest = self._guests.at(sender)
        try:
            to = stanza.to
        except BadAddress:
            self._refuse(guest, stanza, "jid-malformed", by=self._front_end.domains[0])
            return None
        if to is None or not self._is_ours(to.domain):
            self._refuse(guest, stanza, "remote-server-not-found", by=self._front_end.domains[0])
            return None
        if self._front_end.is_conference(to.domain):
            return self._to_room(guest, stanza, to)
        if stanza.type == "error" and stanza.name != "iq":
            self._bounces.take(stanza, sender, to)
            return None
        if stanza.name == "presence":
            self._presences.take(stanza, sender, to)
            return None
        if stanza.name == "message" and to.user:
            return self._message(guest, stanza, sender, to)
        return self._receive(guest.session, stanza)

    def _to_room(self, guest: Resource, stanza: Stanza, to: Jid) -> Awaitable[None] | None:
        """A guest in a room is a client like others; one that cannot be remembered would be a ghost at once."""
        if not guest.identity.user and stanza.name != "iq":
            self._refuse(guest, stanza, "forbidden")
            return None
        if stanza.name != "presence" or stanza.type == "error":
            return self._receive(guest.session, stanza)
        if not stanza.type and not self._guests.remembered(guest):
            self._refuse(guest, stanza, "resource-constraint")
            return None
        work = self._receive(guest.session, stanza)
        return self._entered(work, guest, to) if work is not None and to.user else work

    async def _entered(self, work: Awaitable[None], guest: Resource, to: Jid) -> None:
        """Whoever came in with a program of theirs hears the room there, and not as chat besides."""
        await work
        person = self._guests.of(guest.identity)
        if person is not guest and self._parts.rooms.sitting(guest, to.identity) is not None:
            seat = person.seats.pop(to.identity, None)
            for held in seat.take_held() if seat is not None else ():
                if not held.shown.done():
                    held.shown.set_result(None)
            if seat is not None:
                seat.give_up()

    def _message(self, guest: Resource, stanza: Stanza, sender: Jid, to: Jid) -> Awaitable[None] | None:
        """Talk goes through the IMMCU; what a room of theirs says goes to the client that is in it."""
        at = self._parts.resources.at(to.endpoint) if to.resource else None
        if at is not None and (stanza.type == "groupchat" or in_room_elsewhere(at, sender)):
            at.send(readdressed(stanza, sender, to))
            return None
        if not sender.user:
            self._from_domain(guest, stanza, sender, to)
            return None
        if INVITATIONS.isdisjoint(stanza.kids) or to.resource or self._parts.resources.reachable(to.identity):
            return self._receive(guest.session, stanza)
        return guest.lanes.take(to.bare, self._keep_invitation, guest, stanza, to)

    def _from_domain(self, guest: Resource, stanza: Stanza, sender: Jid, to: Jid) -> None:
        """A server or a gateway says something itself: to clients that are there, for there is nobody to talk with."""
        at = self._parts.resources.at(to.endpoint) if to.resource else None
        addressed = [at] if at is not None else self._parts.resources.reachable(to.identity)
        for resource in addressed:
            resource.send(readdressed(stanza, sender, to))
        if not addressed:
            self._refuse(guest, stanza, "service-unavailable")

    async def _keep_invitation(self, guest: Resource, stanza: Stanza, to: Jid) -> Rest:
        """An invitation to a room of theirs, for somebody without a client that could follow it now: it waits, or is
        told in words."""
        room = invited_to(stanza)
        inner = from_abroad(stanza, guest.identity.domain)
        text = payload.text_of(stanza) or f"You are invited to the room {room}."
        utterance = Utterance(
            guest.endpoint, text, origin=payload.origin_of(stanza), native=payload.native(stanza, inner)
        )
        try:
            await self._front_end.immcu.send(utterance, to.identity)
        except HereaboutsError as why:
            guest.send(error_answer(guest.session, stanza, why, NOBODY))
        return None

    def _is_ours(self, domain: str) -> bool:
        return self._front_end.ours(domain) or self._front_end.is_conference(domain)

    def _refuse(self, guest: Resource, stanza: Stanza, condition: str, *, by: str = "") -> None:
        """In the name of whom it was for, or ``by`` a domain of ours where that is nobody of ours."""
        if stanza.type not in ("error", "result"):
            attrs = {"id": stanza.attrs.get("id"), "from": by or stanza.attrs["to"], "to": guest.session.jid}
            guest.send(xml.error_to(stanza.name, attrs, TYPES.get(condition, "cancel"), condition))


def invited_to(stanza: Stanza) -> str:
    """The room an invitation leads to: the one that sends it, or the one that it names (XEP-0249)."""
    direct = stanza.child(DIRECT)
    named = direct.get("jid", "") if direct is not None else ""
    return named or stanza.attrs["from"].partition("/")[0]


def readdressed(stanza: Stanza, sender: Jid, to: Jid) -> bytes:
    """A stanza of another domain as one of our clients gets it: as it was, without what only we may say."""
    attrs = {**stanza.attrs, "from": sender.full, "to": to.full}
    return xml.element(stanza.name, attrs, from_abroad(stanza, sender.domain))
