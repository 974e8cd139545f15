"""What people of other domains send to us: to people here, to rooms and services, from rooms of theirs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ....core.errors import BadAddress
from ..resource import Resource
from ..server_owned import from_abroad
from ..stream.session import Session
from ..syntax import jid, xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from .outgoing import in_room_elsewhere

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..parts import Parts
    from .bounces import Bounces
    from .guests import Guests
    from .presences import Presences

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
            return self._receive(guest.session, stanza)
        if to is None or not self._is_ours(to.domain):
            self._refuse(guest, stanza, "remote-server-not-found")
            return None
        if self._front_end.is_conference(to.domain):
            return self._receive(guest.session, stanza)
        if stanza.type == "error" and stanza.name != "iq":
            self._bounces.take(stanza, sender, to)
            return None
        if stanza.name == "presence":
            self._presences.take(stanza, sender, to)
            return None
        if stanza.name == "message" and to.user:
            return self._message(guest, stanza, sender, to)
        return self._receive(guest.session, stanza)

    def _message(self, guest: Resource, stanza: Stanza, sender: Jid, to: Jid) -> Awaitable[None] | None:
        """Talk goes through the IMMCU; what a room of theirs says goes to the client that is in it."""
        at = self._parts.resources.at(to.endpoint) if to.resource else None
        if at is not None and (stanza.type == "groupchat" or in_room_elsewhere(at, sender)):
            at.send(readdressed(stanza, sender, to))
            return None
        return self._receive(guest.session, stanza)

    def _is_ours(self, domain: str) -> bool:
        return self._front_end.ours(domain) or self._front_end.is_conference(domain)

    def _refuse(self, guest: Resource, stanza: Stanza, condition: str) -> None:
        if stanza.type not in ("error", "result"):
            guest.send(xml.stanza_error(stanza, "cancel", condition))


def readdressed(stanza: Stanza, sender: Jid, to: Jid) -> bytes:
    """A stanza of another domain as one of our clients gets it: as it was, without what only we may say."""
    attrs = {**stanza.attrs, "from": sender.full, "to": to.full}
    return xml.element(stanza.name, attrs, from_abroad(stanza, sender.domain))
