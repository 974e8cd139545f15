"""Another domain: what the administrator wrote about it, how it is doing, and how fast its people may be."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime

from ....core.federation import LinkState, Partner
from ....core.identity import prepared
from ..stream.budget import Bucket
from .limits import MAX_SENDERS, PUBLIC_SENDER_BURST, PUBLIC_SENDER_RATE, SENDER_BURST, SENDER_RATE
from .names import ascii_of, names
from .options import PartnerOptions

MAX_ERROR = 200
"""Characters of the sentence that says why it failed."""


class Neighbour:
    """One domain with all that are below it.  Raises BadAddress for what is no domain."""

    def __init__(
        self, domain: str, options: PartnerOptions, wall: Callable[[], datetime], *, written: bool = True
    ) -> None:
        """``written``: the administrator wrote it down, and did not just open the door to everybody."""
        self.written = written
        self.domain = prepared(domain)
        ascii_of(self.domain)
        self.options = options
        self.queued = 0
        """Stanzas that wait to go there, when it was counted last."""
        self.watched = 0
        """People there whom somebody here watches, likewise."""
        self.sent = self.received = self.refused = 0
        self.error = ""
        """Why it failed last, in one sentence; empty once it works."""
        self._wall = wall
        self._state = LinkState.IDLE
        self._since = wall()
        self._senders: OrderedDict[str, Bucket] = OrderedDict()

    @property
    def needs_certificate(self) -> bool:
        """Whether only a certificate proves who is there."""
        return self.options.verify == "certificate"

    @property
    def asked_for_certificate(self) -> bool:
        """Whether it is asked for one when it connects.  Public authorities issue none for that any more, so those
        whom nobody wrote down are called back at once."""
        return self.needs_certificate and self.written

    def named_by(self, certificate: Mapping[str, object] | None, domain: str) -> bool:
        """Whether a certificate speaks for this domain of the neighbour's: whoever is the neighbour speaks for all
        domains below."""
        return names(certificate, domain) or names(certificate, self.domain)

    def may_say(self, sender: str, now: float) -> bool:
        """Whether one more stanza of this person is within their pace."""
        bucket = self._senders.get(sender)
        if bucket is None:
            public = self.options.kind != "federated"
            rate, burst = (PUBLIC_SENDER_RATE, PUBLIC_SENDER_BURST) if public else (SENDER_RATE, SENDER_BURST)
            bucket = self._senders[sender] = Bucket(rate, burst, now)
            if len(self._senders) > MAX_SENDERS:
                self._senders.popitem(last=False)
        self._senders.move_to_end(sender)
        if not bucket.has(1, now):
            return False
        bucket.spend(1, now)
        return True

    # ---- how it is doing

    def worked(self) -> None:
        """It was reached."""
        self.error = ""
        self._becomes(LinkState.UP)

    def heard(self) -> None:
        """It has reached us, which says nothing of whether we reach it."""
        if self._state is LinkState.IDLE:
            self._becomes(LinkState.UP)

    def failed(self, why: str) -> bool:
        """It was not reached.  Returns whether that is news."""
        news = self._state is not LinkState.FAILING or self.error != why[:MAX_ERROR]
        self.error = why[:MAX_ERROR]
        self._becomes(LinkState.FAILING)
        return news

    @property
    def status(self) -> Partner:
        """For the administrator."""
        return Partner(
            self.domain,
            "xmpp",
            self._state,
            self.error,
            self.queued,
            self.sent,
            self.received,
            self.refused,
            self.watched,
            self._since,
        )

    def _becomes(self, state: LinkState) -> None:
        if state is not self._state:
            self._state, self._since = state, self._wall()


def nearest(neighbours: Mapping[str, Neighbour], domain: str) -> Neighbour | None:
    """The neighbour that a domain is, or is below of."""
    while domain:
        if (found := neighbours.get(domain)) is not None:
            return found
        domain = domain.partition(".")[2]
    return None
