"""Connections that we open: each is used again, in both directions, until nothing was said on it for a while."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from ....core.errors import Undeliverable
from ....core.tls_memory import small_tls_buffers
from .certified import certified
from .connection import Connection, Reception
from .datagrams import UdpPort
from .flow import Address, Flow
from .limits import CLOSE_WITHIN
from .resolver import NextHop

log = logging.getLogger(__name__)

CONNECT_WITHIN = 5.0
"""Seconds for a connection of ours to be there, its TLS handshake included."""
IDLE_AFTER = 600.0
"""Seconds after which a connection of ours on which nothing was said is closed."""
MAX_OUTGOING = 2_000
"""Connections of ours at a time; for one more the one that was silent longest is closed."""

Key = tuple[NextHop, ssl.SSLContext | None]


class Ports(Reception, Protocol):
    """Who takes what arrives, and has UDP ports."""

    @property
    def udp(self) -> Sequence[UdpPort]:
        """Those that are open."""


class Outward(Connection):
    """A connection we opened.  Over TLS its peer must be who we were looking for, or there is no flow."""

    def __init__(self, reception: Reception, hop: NextHop, port: int | None, done: Callable[[], None]) -> None:
        super().__init__(reception, hop.transport, Address(hop.host, hop.port), done)
        self._hop = hop
        self._listens_at = port
        self.refused = ""
        self.used = reception.clock()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected, and through the handshake."""
        named = certified(transport.get_extra_info("peercert"))
        if self._hop.transport == "TLS" and not named.names(self._hop.name):
            self.refused = f"its certificate does not name {self._hop.name}"
            return transport.abort()  # type: ignore[attr-defined,no-any-return]
        super().connection_made(transport)
        self.expect_no_sign_in()
        self.flow.called = True
        if self._listens_at:
            # in Via and Contact stands where we can be called back when this connection is gone
            self.flow.local = Address(self.flow.local.host, self._listens_at)

    def data_received(self, data: bytes) -> None:
        """A portion of the stream."""
        self.used = self._reception.clock()
        if self.made:
            super().data_received(data)

    def write(self, data: bytes) -> None:
        """Send."""
        self.used = self._reception.clock()
        super().write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The end."""
        if self.made:
            super().connection_lost(exc)


class Outgoing:
    """Flows to other servers.

    ``ports`` are those we listen on, by transport in lower case; ``context`` checks certificates, and shows ours.
    """

    def __init__(self, server: Ports, ports: Mapping[str, int], context: ssl.SSLContext | None = None) -> None:
        self._server = server
        self._ports = ports
        self._context = context
        self._open: dict[Key, Outward] = {}
        self._opening: dict[Key, asyncio.Task[Flow]] = {}
        self._adopted: dict[NextHop, Flow] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    async def flow(self, hop: NextHop, *, context: ssl.SSLContext | None = None) -> Flow:
        """The flow to this place, opened when there is none.  Raises Undeliverable."""
        if hop.transport == "UDP":
            return self._datagrams(hop)
        adopted = self._adopted.get(hop)
        if adopted is not None and not adopted.closed:
            return adopted
        key = hop, (context or self._trusting()) if hop.transport == "TLS" else None
        there = self._open.get(key)
        if there is not None and not there.flow.closed and not there.is_closing:
            return there.flow
        opening = self._opening.get(key)
        if opening is None:
            opening = self._opening[key] = asyncio.ensure_future(self._connect(key))
            opening.add_done_callback(lambda _: self._opening.pop(key, None))
        return await asyncio.shield(opening)

    async def first(self, hops: Iterable[NextHop], *, context: ssl.SSLContext | None = None) -> Flow:
        """The flow to the first place that can be reached (RFC 3263 section 4.3).  Raises Undeliverable."""
        why = Undeliverable("there is no place to send to")
        for hop in hops:
            try:
                return await self.flow(hop, context=context)
            except Undeliverable as failed:
                log.debug("%s", failed)
                why = failed
        raise why

    def adopt(self, flow: Flow, hop: NextHop) -> bool:
        """Use somebody else's connection for what goes to them, as RFC 5923 has it; False when it is not proven theirs.

        ``hop`` is where they say they listen: a name their certificate has to have.
        """
        if flow.transport != "TLS" or hop.transport != "TLS" or not flow.certified.names(hop.name):
            return False
        self._adopted = {place: other for place, other in self._adopted.items() if not other.closed}
        if len(self._adopted) < MAX_OUTGOING:
            self._adopted[hop] = flow
        return True

    def __len__(self) -> int:
        return len(self._open)

    async def close(self) -> None:
        """Open no more, and close what is open."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        opening = list(self._opening.values())
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        for connection in list(self._open.values()):
            connection.flow.close("the server is stopping")

    # ---- inside

    def _datagrams(self, hop: NextHop) -> Flow:
        address = Address(hop.host, hop.port)
        port = next((port for port in self._server.udp if port.reaches(address)), None)
        if port is None:
            raise Undeliverable(f"there is no UDP port here from which {address} is reached")
        return port.flow_to(address)

    async def _connect(self, key: Key) -> Flow:
        hop, context = key
        place = f"{Address(hop.host, hop.port)} by {hop.transport}"
        self._make_room()
        small_tls_buffers()
        listens_at = self._ports.get(hop.transport.lower())
        connection = Outward(self._server, hop, listens_at, lambda: self._over(key, connection))
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                await asyncio.get_running_loop().create_connection(
                    lambda: connection,
                    hop.host,
                    hop.port,
                    ssl=context,
                    server_hostname=hop.name if context else None,
                    ssl_shutdown_timeout=CLOSE_WITHIN if context else None,
                )
        except TimeoutError:
            raise Undeliverable(f"{place} does not answer") from None
        except asyncio.CancelledError:  # by close() alone: who waits for it is shielded
            raise Undeliverable("the server is stopping") from None
        except ssl.SSLCertVerificationError as why:
            raise Undeliverable(f"{place} is not believed: {why.verify_message}") from None
        except (OSError, UnicodeError) as why:
            raise Undeliverable(f"{place} cannot be reached: {why}") from None
        if connection.refused:
            raise Undeliverable(f"{place} is not believed: {connection.refused}")
        self._open[key] = connection
        self._sweep_later()
        return connection.flow

    def _over(self, key: Key, connection: Outward) -> None:
        if self._open.get(key) is connection:
            del self._open[key]

    def _make_room(self) -> None:
        if len(self._open) + len(self._opening) > MAX_OUTGOING:
            if not self._open:
                raise Undeliverable("too many connections are being opened")
            min(self._open.values(), key=lambda connection: connection.used).flow.close("another is wanted more")

    def _sweep_later(self) -> None:
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(IDLE_AFTER / 10, self._sweep)

    def _sweep(self) -> None:
        self._sweeping = None
        now = self._server.clock()
        for connection in list(self._open.values()):
            if now - connection.used > IDLE_AFTER:
                connection.flow.close("nothing was said for a while")
        if self._open:
            self._sweep_later()

    def _trusting(self) -> ssl.SSLContext:
        """The context that checks certificates against the authorities of this machine, unless another was given."""
        if self._context is None:
            self._context = checking()
        return self._context


def checking() -> ssl.SSLContext:
    """A context that wants a certificate of a known authority.  Whom it names is looked at here, not by OpenSSL."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    return context
