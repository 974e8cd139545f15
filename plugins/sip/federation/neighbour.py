"""Another domain: what we know of it, how it is doing, and how much it may ask of us."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from ....core.errors import BadAddress
from ....core.federation import LinkState, Partner
from ....core.identity import Identity, prepared
from ..transport.overload import Bucket, Rates
from .options import PartnerOptions

RATE_PER_DOMAIN = 500
BURST_PER_DOMAIN = 1000
"""Requests per second from one domain; beyond them 503."""
RATE_PER_SENDER = 50
BURST_PER_SENDER = 100
"""Requests per second from one person of another domain; beyond them 503."""
BACK_OFF = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds until the next try to reach a domain; the last is repeated."""
MAX_ERROR = 200
"""Characters of the sentence that says why it failed."""


class Neighbour:
    """One domain.  ``ascii`` is its name as certificates and the DNS spell it."""

    def __init__(
        self, domain: str, options: PartnerOptions, clock: Callable[[], float], wall: Callable[[], datetime]
    ) -> None:
        self.domain = prepared(domain)
        self.options = options
        self.ascii = ascii_of(self.domain)
        self.certificate_name = options.certificate_name.lower() or self.ascii
        self.retry_at = 0.0
        self.queued: Callable[[], int] = lambda: 0
        self.watched: Callable[[], int] = lambda: 0
        self.sent = self.received = self.refused = 0
        self._clock = clock
        self._wall = wall
        self._failures = 0
        self._state = LinkState.IDLE
        self._error = ""
        self._since = wall()
        self._budget = Bucket(RATE_PER_DOMAIN, BURST_PER_DOMAIN, clock())
        self._senders = Rates(RATE_PER_SENDER, BURST_PER_SENDER)

    def may_ask(self, who: Identity) -> bool:
        """Whether one more request of theirs is within its budget."""
        now = self._clock()
        if self._senders.take(str(who), now) and self._budget.take(now):
            return True
        self.refused += 1
        return False

    def worked(self) -> None:
        """It was reached."""
        self._failures, self.retry_at, self._error = 0, 0.0, ""
        self._becomes(LinkState.UP)

    def heard(self) -> None:
        """It has reached us, which says nothing of whether we reach it."""
        if self._state is LinkState.IDLE:
            self._becomes(LinkState.UP)

    def failed(self, why: str) -> None:
        """It was not reached: the next try has to wait, longer each time."""
        pause = BACK_OFF[min(self._failures, len(BACK_OFF) - 1)]
        self._failures += 1
        self.retry_at = self._clock() + pause
        self._error = why[:MAX_ERROR]
        self._becomes(LinkState.FAILING)

    def rest(self) -> float:
        """Seconds until it may be tried again."""
        return max(0.0, self.retry_at - self._clock())

    @property
    def error(self) -> str:
        """Why it failed last."""
        return self._error

    @property
    def status(self) -> Partner:
        """For the administrator."""
        return Partner(
            self.domain,
            "sip",
            self._state,
            self._error,
            self.queued(),
            self.sent,
            self.received,
            self.refused,
            self.watched(),
            self._since,
        )

    def _becomes(self, state: LinkState) -> None:
        if state is not self._state:
            self._state, self._since = state, self._wall()


class ProvenDomain:
    """A Peer: the other end of a flow whose certificate names these domains."""

    kind = "domain"

    def __init__(self, neighbours: Sequence[Neighbour]) -> None:
        self._neighbours = {neighbour.domain: neighbour for neighbour in neighbours}
        self.name = ", ".join(self._neighbours)

    def speaks_for(self, who: Identity) -> bool:
        """For people of its own domain, and for its conferences, which are below that; for nobody else."""
        return self.of(who.domain) is not None

    def of(self, domain: str) -> Neighbour | None:
        """Which of them a domain belongs to."""
        return nearest(self._neighbours, domain)

    @property
    def neighbours(self) -> Sequence[Neighbour]:
        """All that it is."""
        return tuple(self._neighbours.values())


def nearest(neighbours: Mapping[str, Neighbour], domain: str) -> Neighbour | None:
    """The neighbour that a domain is, or is below of."""
    while domain:
        if (found := neighbours.get(domain)) is not None:
            return found
        domain = domain.partition(".")[2]
    return None


def ascii_of(domain: str) -> str:
    """A domain as the DNS spells it.  Raises BadAddress."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadAddress(f"{domain[:80]!r} is no domain") from None
