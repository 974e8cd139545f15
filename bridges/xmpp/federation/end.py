"""What is said on a connection with another server, as the connection sees it; and what went wrong, in words."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Protocol

from ..syntax import xml
from ..syntax.framer import Header
from ..syntax.stanza import Stanza

if TYPE_CHECKING:
    from .link import Link


class End(Protocol):
    """One of our connections to them, or one of theirs to us.  What tells it something may raise StreamError."""

    @property
    def busy(self) -> bool:
        """Whether nothing more can be taken for now."""

    def due(self) -> float | None:
        """When to call ``tick``."""

    def connected(self, link: Link) -> None:
        """There is a connection, behind TLS if it begins in TLS."""

    def header(self, header: Header) -> None:
        """The other server opened its stream, for the first time or again."""

    def element(self, element: Stanza) -> None:
        """It said something."""

    def secured(self) -> None:
        """TLS is there."""

    def unsecured(self, why: BaseException) -> None:
        """The handshake failed; ``over`` follows."""

    def tick(self, now: float) -> None:
        """Time has passed."""

    def room(self) -> None:
        """The other server reads on."""

    def over(self, reason: str, *, clean: bool) -> None:
        """It is over; ``clean``: without an error.  Called once, and nothing after it."""


def said_in(error: Stanza) -> str:
    """What a stream error of theirs says."""
    names = [xml.split(kid)[1] for kid in error.kids]
    texts = [kid.text or "" for kid in error.tree if xml.split(kid.tag)[1] == "text"]
    return ": ".join([*(name for name in names[:1] if name != "text"), *(text[:100] for text in texts[:1])]) or "error"


def words_for(why: BaseException) -> str:
    """Why there is no TLS."""
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"the certificate is not believed: {why.verify_message}"
    if isinstance(why, ssl.SSLError):
        return f"no TLS: {(why.reason or str(why)).lower().replace('_', ' ')}"
    return f"no TLS: {str(why) or 'no answer'}"
