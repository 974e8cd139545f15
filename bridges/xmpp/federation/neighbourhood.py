"""Which other domains there are for us: those written down, those the door is open to, and none that are blocked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from ....core.errors import BadAddress
from ....core.federation import LinkState, Partner
from ....core.identity import prepared
from .limits import MAX_STRANGERS
from .neighbour import Neighbour, nearest
from .options import FederationOptions, PartnerOptions
from .trust import checked


class Neighbourhood:
    """``ours`` says whether a domain is one of ours.  Raises SettingsError, BadAddress."""

    def __init__(self, options: FederationOptions, ours: Callable[[str], bool], wall: Callable[[], datetime]) -> None:
        self._options = options
        self._ours = ours
        self._wall = wall
        self._written = {n.domain: checked(n) for n in (Neighbour(d, o, wall) for d, o in options.partners.items())}
        self._strangers: dict[str, Neighbour] = {}
        self._blocked = frozenset(prepared(domain) for domain in options.blocked)
        self.queued: Callable[[Neighbour], int] = lambda neighbour: 0
        self.watched: Callable[[str], int] = lambda domain: 0

    def neighbour_of(self, domain: str) -> Neighbour | None:
        """Whom a domain belongs to; None where we do not speak with it."""
        if self._ours(domain) or self._is_blocked(domain):
            return None
        known = nearest(self._written, domain)
        if known is None and self._options.open and not any(map(self._ours, _above(domain))):
            return self._stranger(domain)
        return known

    def partners(self) -> Iterable[Partner]:
        """How all of them are doing."""
        found = [*self._written.values(), *self._strangers.values()]
        for neighbour in found:
            neighbour.queued, neighbour.watched = self.queued(neighbour), self.watched(neighbour.domain)
        return [neighbour.status for neighbour in found]

    def _is_blocked(self, domain: str) -> bool:
        return bool(self._blocked) and (domain in self._blocked or any(d in self._blocked for d in _above(domain)))

    def _stranger(self, domain: str) -> Neighbour | None:
        """A domain that nobody wrote down, where the door is open."""
        known = self._strangers.get(domain)
        if known is not None:
            return known
        if len(self._strangers) >= MAX_STRANGERS:
            self._forget_the_unreached()
            if len(self._strangers) >= MAX_STRANGERS:
                return None
        options = PartnerOptions(verify=self._options.open_verify, kind=self._options.open_kind)
        try:
            neighbour = self._strangers[domain] = Neighbour(domain, options, self._wall, written=False)
        except BadAddress:
            return None
        return neighbour

    def _forget_the_unreached(self) -> None:
        for domain, neighbour in list(self._strangers.items()):
            if neighbour.status.state is not LinkState.UP and not self.queued(neighbour):
                del self._strangers[domain]


def _above(domain: str) -> Iterator[str]:
    """The domains that a domain is below of, the nearest first."""
    while domain := domain.partition(".")[2]:
        yield domain
