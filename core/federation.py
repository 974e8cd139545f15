"""Other domains: how each of them is doing, and what their people show to ours.  Knows no protocol."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from .access import AccessLevel
from .identity import Identity


class LinkState(enum.StrEnum):
    """How it stands with another domain."""

    IDLE = "idle"
    """Nothing was to be said to it yet."""
    UP = "up"
    FAILING = "failing"
    """The last try failed; the next one comes by itself."""


class Partner(msgspec.Struct, frozen=True):
    """Another domain, as the administrator sees it."""

    domain: str
    protocol: str
    """sip or xmpp."""
    state: LinkState
    error: str = ""
    """Why it failed last, in one sentence; empty once it works again."""
    queued: int = 0
    """Messages that wait to go there."""
    sent: int = 0
    received: int = 0
    """Messages since the start."""
    refused: int = 0
    """Requests of theirs that were refused since the start."""
    watched: int = 0
    """People there whom somebody here watches."""
    since: datetime | None = None
    """When the state last changed."""


class Federation:
    """What protocols that speak with other domains put in common."""

    def __init__(self) -> None:
        self.sources: list[Callable[[], Iterable[Partner]]] = []
        """Each protocol says here how its partners are."""
        self._shown: dict[tuple[Identity, Identity], AccessLevel] = {}

    def partners(self) -> list[Partner]:
        """All of them, by domain."""
        found = [partner for source in self.sources for partner in source()]
        return sorted(found, key=lambda partner: (partner.domain, partner.protocol))

    def shows(self, watcher: Identity, who: Identity, level: AccessLevel | None) -> bool:
        """The other domain shows somebody of its own to one of ours, so far; None: not any more.

        Returns whether that is a change.
        """
        before = self._shown.get((watcher, who))
        if level is None:
            self._shown.pop((watcher, who), None)
        else:
            self._shown[watcher, who] = level
        return before != level

    def level(self, watcher: Identity, who: Identity) -> AccessLevel:
        """How much of somebody elsewhere a watcher of ours is shown."""
        return self._shown.get((watcher, who), AccessLevel.STRANGER)
