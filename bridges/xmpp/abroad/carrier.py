"""What carries stanzas to other domains and brings theirs: federation, a component's host, somebody's gateway."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from ..syntax.stanza import Stanza

Undelivered = Callable[[str, str], None]
"""Called at most once, with an error condition of RFC 6120 section 8.3.3 and a sentence: the stanza will not arrive."""


class Carrier(Protocol):
    """A way to other domains.  Whoever has several asks them in turn; the first that serves a domain carries."""

    def serves(self, domain: str) -> bool:
        """Whether stanzas to this domain leave by here.  Asked for each stanza: no waiting, no DNS."""

    def send(self, sender: str, domain: str, stanza: bytes, undelivered: Undelivered | None = None) -> None:
        """Queue one stanza from one of our domains, ``sender``, to another.  Never waits.

        The stanza stands where ``jabber:client`` is the default namespace, with no prefix but ``xml:``, both addresses
        in it.
        """


class Arrivals(Protocol):
    """What happens with what carriers bring."""

    def received(self, stanza: Stanza) -> Awaitable[None] | None:
        """A stanza in ``jabber:client``; its sender's domain was proven, and its addressee is at a domain of ours.

        Calls come in the order of the stream; an awaitable is work still to be done, and the next stanza need not wait
        for it.  Never raises: what is wrong with the stanza is answered to its sender.
        """

    def lost(self, domain: str) -> None:
        """Nothing can be heard of this domain any more: its people are not where they were."""

    def found(self, domain: str) -> None:
        """The way to it is open, for the first time or again: whoever watches or is watched there says so again."""
