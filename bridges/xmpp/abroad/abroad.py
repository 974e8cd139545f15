"""People of other domains: one place where their stanzas arrive, and ours leave by whichever carrier serves them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ....core.identity import Identity
from ....core.presence import Availability
from ..resource import Start
from ..syntax.stanza import Stanza
from .arrivals import Incoming, Receive
from .audience import Audience
from .bounces import Bounces
from .carrier import Carrier, Undelivered
from .correspondence import Correspondence
from .guests import Guests
from .outgoing import Outgoing
from .presences import Presences
from .sights import Sights

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ....core.registrar import Channel
    from ..parts import Parts
    from .carrier import Arrivals

MAX_MISSED = 10_000
"""Domains of which it is remembered that something did not arrive there."""

log = logging.getLogger(__name__)


class Abroad:
    """Federation, components and gateways put themselves among the ``carriers``; the first that serves a domain
    carries."""

    def __init__(
        self,
        front_end: FrontEnd,
        parts: Parts,
        receive: Receive,
        start: Start,
        *,
        dnd: Availability = Availability.BUSY,
        everything: bool = True,
    ) -> None:
        """``everything``: contacts elsewhere are shown presence as it is, not the availability alone."""
        self.carriers: list[Carrier] = []
        self.guests = Guests(self.send, self.serves, self._bounced)
        self._bounces = Bounces(front_end, parts, self.guests, start)
        goodbyes = parts.availabilities.goodbyes
        self.sights = Sights(front_end, self.guests, goodbyes, start, dnd=dnd)
        self.audience = Audience(
            front_end, self.guests, goodbyes, parts.personal.photos.of, start, everything=everything
        )
        presences = Presences(front_end, parts, self.guests, self.sights, self.audience, start)
        self._incoming = Incoming(front_end, parts, self.guests, self._bounces, presences, receive)
        self.outgoing = Outgoing(front_end, parts, self.guests)
        self._correspondence = Correspondence(parts, self.guests, presences, parts.threads)
        self._missed: set[str] = set()
        parts.resources.abroad = self.guests
        front_end.registrar.elsewhere.append(self._correspondence.hear)

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
        """Nothing can be heard of a domain any more: its people leave our rooms, and are nowhere."""
        self._miss(domain)
        self.sights.lost(domain)
        for guest in self.guests.at_domain(domain):
            self._bounces.lost(guest)

    def found(self, domain: str) -> None:
        """The way to a domain is open again: both sides learn what they missed."""
        if domain in self._missed:
            self._missed.discard(domain)
            self.sights.found(domain)
            self.audience.found(domain)

    # ---- inside

    def _miss(self, domain: str) -> None:
        if len(self._missed) >= MAX_MISSED:
            self._missed.clear()
        self._missed.add(domain)

    def _bounced(self, domain: str, stanza: bytes, condition: str, text: str) -> None:
        self._miss(domain)
        self._bounces.undelivered(stanza, condition, text)


if TYPE_CHECKING:

    def _are_arrivals(abroad: Abroad) -> Arrivals:
        return abroad
