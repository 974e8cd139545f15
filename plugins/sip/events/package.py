"""An event package: what may be subscribed to, who may, and what one subscriber is shown (RFC 6665 section 5.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ....core.identity import Identity
from ..syntax.message import Request

TERMINATED = "terminated"


class Feed(Protocol):
    """What one subscription is shown."""

    event: str
    """What Event says in NOTIFYs where that is not what the SUBSCRIBE said; empty as a rule."""
    headers: Sequence[tuple[str, object]]
    """More headers of each NOTIFY and of the 2xx to the SUBSCRIBE."""

    async def start(self, due: Callable[[], None]) -> None:
        """Begin to watch.  ``due`` is called when there is something new to show; it may be called at once."""

    async def refreshed(self, request: Request) -> None:
        """A SUBSCRIBE inside the subscription; it may bring a new body.  Raises Refusal."""

    def stop(self) -> None:
        """Watch no more."""

    def state(self) -> str:
        """``active``, ``pending`` while nobody said that the subscriber may see it, TERMINATED when it ends."""

    def body(self, full: bool, plain: bool) -> tuple[str, bytes] | tuple[str, bytes, str] | None:
        """Content type and bytes of the next NOTIFY, and how they are encoded if they are; None for no body.

        ``full``: the subscriber has nothing yet, or may have lost something.  ``plain``: in the shortest and simplest
        form there is, because the subscriber takes no other, or UDP carries no more.
        """


class Package(Protocol):
    """Kept in ``Subscriptions.packages`` by its name."""

    content_types: Sequence[str]
    """What its documents may be."""

    async def subscribe(self, request: Request, who: Identity, instance: str) -> Feed:
        """Somebody wants to subscribe to the Request-URI.  Raises Refusal, NotFound, BadAddress."""
