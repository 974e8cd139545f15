"""People of other domains: one place where their stanzas arrive, and ours leave by whichever carrier serves them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ....core.identity import Identity
from ..resource import Start
from ..syntax.stanza import Stanza
from .arrivals import Incoming, Receive
from .bounces import Bounces
from .carrier import Carrier, Undelivered
from .correspondence import Correspondence
from .guests import Guests
from .outgoing import Outgoing

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ....core.registrar import Channel
    from ..parts import Parts
    from .carrier import Arrivals

log = logging.getLogger(__name__)


class Abroad:
    """Federation, components and gateways put themselves among the ``carriers``; the first that serves a domain
    carries."""

    def __init__(self, front_end: FrontEnd, parts: Parts, receive: Receive, start: Start) -> None:
        self.carriers: list[Carrier] = []
        self._front_end = front_end
        self._start = start
        self.guests = Guests(self.send, self.serves, self._bounced)
        self._bounces = Bounces(front_end, parts, self.guests, start)
        self._incoming = Incoming(front_end, parts, self.guests, self._bounces, receive)
        self.outgoing = Outgoing(front_end, parts, self.guests)
        self._correspondence = Correspondence(parts, self.guests, parts.threads)
        parts.resources.abroad = self.guests
        front_end.registrar.elsewhere.append(self._correspondence.hear)

    def close(self) -> None:
        """The bridge stops."""
        self._front_end.registrar.elsewhere.remove(self._correspondence.hear)

    # ---- the way out

    def serves(self, domain: str) -> bool:
        """Whether stanzas can be sent to this domain.  Ours are not among those."""
        return any(carrier.serves(domain) for carrier in self.carriers)

    def send(self, sender: str, domain: str, stanza: bytes, undelivered: Undelivered | None = None) -> None:
        """Queue one stanza from a domain of ours for another; see Carrier."""
        for carrier in self.carriers:
            if carrier.serves(domain):
                carrier.send(sender, domain, stanza, undelivered)
                return
        if undelivered is not None:
            undelivered("remote-server-not-found", "no way leads to that domain")

    def channel(self, who: Identity) -> Channel | None:
        """The core's way to somebody of another domain."""
        return self._correspondence if self.serves(who.domain) else None

    # ---- the way in

    def received(self, stanza: Stanza) -> Awaitable[None] | None:
        """A stanza from another domain; see Arrivals."""
        try:
            return self._incoming.take(stanza)
        except Exception:
            log.exception("a %s from %s could not be handled", stanza.name, stanza.attrs.get("from"))
            return None

    def lost(self, domain: str) -> None:
        """Nothing can be heard of a domain any more: its people leave our rooms."""
        for guest in self.guests.at_domain(domain):
            self._bounces.lost(guest)

    def found(self, domain: str) -> None:
        """The way to a domain is open again."""

    # ---- what carriers may ask

    async def invited(self, local: Identity, stranger: Identity) -> bool:
        """Whether somebody here has turned to somebody of another domain first: as a contact, or by writing."""
        entry = await self._front_end.contacts.get(local, stranger)
        if entry is not None and entry.listed:
            return True
        return await self._front_end.immcu.between(local, stranger) is not None

    def _bounced(self, stanza: bytes, condition: str, text: str) -> None:
        self._bounces.undelivered(stanza, condition, text)


if TYPE_CHECKING:

    def _are_arrivals(abroad: Abroad) -> Arrivals:
        return abroad
