"""The domains whose people sign in here, and the domains of their conferences."""

from __future__ import annotations

from collections.abc import Sequence

CONFERENCE = "conference."
"""What a domain's conferences are called under."""


class Domains:
    """Ours, and what is derived from them."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._ours = frozenset(names)
        self._conferences = frozenset(CONFERENCE + name for name in names)

    @property
    def main(self) -> str:
        """The one meant where none is named."""
        return self.names[0]

    def ours(self, domain: str) -> bool:
        """Whether people of this domain sign in here."""
        return domain in self._ours

    def conference(self, domain: str = "") -> str:
        """Where the conferences of a domain of ours are addressed."""
        return CONFERENCE + (domain or self.main)

    def is_conference(self, domain: str) -> bool:
        """Whether addresses of this domain are our conferences."""
        return domain in self._conferences
