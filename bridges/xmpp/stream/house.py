"""What all client connections share."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .budget import Door, Pace
from .gatekeeper import Gatekeeper
from .negotiation import Offer
from .session import Router
from .sessions import Sessions

if TYPE_CHECKING:
    from ....core.identity import Identity
    from .connection import Connection


@dataclass(frozen=True, slots=True)
class House:
    """Whom they ask, whom they tell, what they may; and all of them."""

    offer: Offer
    door: Door
    pace: Pace
    gatekeeper: Gatekeeper
    sessions: Sessions
    router: Router
    tls: ssl.SSLContext
    register: Callable[[str, str, str, str], Awaitable[None]] | None = None
    """Makes an account for somebody at an address: their domain, name and password.  Raises NotRegistered."""
    archive: Callable[[Identity], Awaitable[bytes]] | None = None
    """What there is to tell of a person's archive when they sign in (XEP-0386 section 3.2)."""
    connections: set[Connection] = field(default_factory=set)
    empty: asyncio.Event = field(default_factory=asyncio.Event)

    def enter(self, connection: Connection) -> None:
        """A connection was let in."""
        self.connections.add(connection)
        self.empty.clear()

    def leave(self, connection: Connection) -> None:
        """It is gone."""
        self.connections.discard(connection)
        if not self.connections:
            self.empty.set()
