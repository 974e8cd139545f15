"""The door for other servers: a TLS port of their own, at which everybody shows a certificate."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Callable, Sequence

from ..syntax.grammar import MalformedSip
from ..syntax.message import Request, Response
from ..transaction.server import SipServer
from ..transport.connection import Connection
from ..transport.datagrams import UdpPort
from ..transport.flow import Address, Flow, Wire
from ..transport.limits import Limits
from ..transport.listeners import Listener
from ..transport.overload import Doorkeeper
from .neighbour import ProvenDomain

log = logging.getLogger(__name__)

CONNECTIONS_PER_DOMAIN = 4
"""Connections of one domain to us at a time."""
MAX_BODY_ABROAD = 256 * 1024
"""Bytes of a body from another domain."""
MAX_UNSENT_ABROAD = 1024 * 1024
"""Bytes kept for a domain that does not read; beyond, the connection is closed."""
NEIGHBOURLY = Limits(
    max_body=MAX_BODY_ABROAD,
    max_unsent=MAX_UNSENT_ABROAD,
    rate=2000,
    burst=4000,
)
"""A connection carries a whole domain: how much that may ask is counted by the domain, with an answer."""

Prove = Callable[[ssl.SSLObject, "dict[str, object] | None"], ProvenDomain | None]


class Doorstep:
    """Between these connections and the server: the same server, other limits."""

    udp: Sequence[UdpPort] = ()

    def __init__(self, server: SipServer, prove: Prove) -> None:
        self._server = server
        self.limits = NEIGHBOURLY
        self.clock = server.clock
        self.prove = prove
        self.inside: Counter[str] = Counter()
        """Connections by the name of whoever came."""

    def opened(self, wire: Wire, transport: str, remote: Address, local: Address) -> Flow:
        """A new flow."""
        return self._server.opened(wire, transport, remote, local)

    def received(self, message: Request | Response, flow: Flow) -> None:
        """A message."""
        self._server.received(message, flow)

    def malformed(self, why: MalformedSip, flow: Flow) -> None:
        """Something that should have been one."""
        self._server.malformed(why, flow)

    def closed(self, flow: Flow) -> None:
        """A flow is over."""
        self._server.closed(flow)


class Arrival(Connection):
    """A connection of another server.  Who does not prove to be a domain we speak with is not let in."""

    _reception: Doorstep
    _proven: ProvenDomain | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Through the handshake."""
        peer = self._reception.prove(transport.get_extra_info("ssl_object"), transport.get_extra_info("peercert"))
        if peer is None or self._reception.inside[peer.name] >= CONNECTIONS_PER_DOMAIN:
            why = "is no domain we speak with" if peer is None else "has enough connections already"
            log.warning("%s, another server, was turned away: it %s", self._remote, why)
            return transport.abort()  # type: ignore[attr-defined,no-any-return]
        super().connection_made(transport)
        self._proven = self.flow.peer = peer
        self._reception.inside[peer.name] += 1
        self.expect_no_sign_in()
        log.info("%s connected from %s", peer.name, self._remote)

    def data_received(self, data: bytes) -> None:
        """A portion of the stream."""
        if self.made:
            super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        if self._proven is not None:
            self._reception.inside[self._proven.name] -= 1
        if self.made:
            super().connection_lost(exc)


def entrance(doorstep: Doorstep, context: ssl.SSLContext) -> Listener:
    """The listener, still closed."""
    return Listener(doorstep, Doorkeeper(doorstep.limits), context, Arrival)
