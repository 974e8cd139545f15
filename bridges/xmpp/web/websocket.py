"""XMPP over WebSocket, for clients in browsers (RFC 7395): the web server has the sockets; streams are as on TCP."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMsgType, web

from ....web.problems import Problem
from ....web.server import GOODBYES
from ..stream.connection import Connection
from ..stream.deeds import SIGNED_OUT
from ..stream.house import House
from ..stream.limits import CLOSE_TIME, KIB
from .frames import FRAMES

log = logging.getLogger(__name__)

PROTOCOL = "xmpp"
"""The sub-protocol (section 3.1)."""
ASK_AFTER = 50.0
"""Seconds of silence after which a browser is asked by a ping whether it is there; without an answer it is gone.

Proxies close what is silent for a minute, as a rule.
"""
MAX_BEYOND = 16 * KIB
"""Bytes that a frame may have more than a stanza, so that the stream can say what is too long."""
ANY = "*"

CLOSE_CODES: Mapping[str, WSCloseCode] = {
    SIGNED_OUT: WSCloseCode.OK,
    "closed": WSCloseCode.OK,
    "server stopping": WSCloseCode.GOING_AWAY,
    "bad-format": WSCloseCode.PROTOCOL_ERROR,
    "not-well-formed": WSCloseCode.PROTOCOL_ERROR,
    "unsupported-encoding": WSCloseCode.INVALID_TEXT,
}
"""What a WebSocket is closed with, by why its stream was ended (RFC 6455 section 7.4.1)."""


class FrameTransport(asyncio.Transport):
    """One WebSocket as what carries a connection: whole frames go straight to the socket below."""

    def __init__(self, socket: web.WebSocketResponse, below: asyncio.Transport, why: Callable[[], str]) -> None:
        """``why``: the reason for which the stream was ended."""
        super().__init__()
        self._socket = socket
        self._below = below
        self._closing: asyncio.Task[bool] | None = None
        self._readable = asyncio.Event()
        self._readable.set()
        self._why = why

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send frames; our pings and the closing handshake go the same way, each in one piece."""
        if self._closing is None and not self._socket.closed and not self._below.is_closing():
            self._below.write(data)

    def get_write_buffer_size(self) -> int:
        """Bytes that the browser has not taken."""
        return 0 if self._below.is_closing() else self._below.get_write_buffer_size()

    def pause_reading(self) -> None:
        """Take no frame for a while; then the browser's sending waits."""
        self._readable.clear()

    def resume_reading(self) -> None:
        """Take frames again."""
        self._readable.set()

    def close(self) -> None:
        """Begin the closing handshake."""
        if self._closing is None:
            code = CLOSE_CODES.get(self._why(), WSCloseCode.POLICY_VIOLATION)
            self._closing = asyncio.ensure_future(self._socket.close(code=code))
            self._readable.set()

    def abort(self) -> None:
        """Close without it."""
        self._below.abort()
        self._readable.set()

    async def next(self) -> bytes | None:
        """The content of the next frame; None when there is none any more.  Raises ValueError for bytes."""
        await self._readable.wait()
        frame = await self._socket.receive()
        if frame.type is WSMsgType.TEXT:
            return str(frame.data).encode("utf-8", "surrogateescape")
        if frame.type is WSMsgType.BINARY:
            raise ValueError("frames are text")
        return None

    async def closed(self) -> None:
        """Wait for the end of the closing handshake, if it has begun."""
        if self._closing is not None:
            await asyncio.gather(self._closing, return_exceptions=True)


class WebSockets:
    """The route of WebSocket.  Pages of other hosts may sign in only when ``origins`` names them."""

    def __init__(
        self,
        house: House,
        stopping: Callable[[], bool] = lambda: False,
        origins: Sequence[str] = (),
        proxies: Sequence[str] = (),
    ) -> None:
        """``proxies``: addresses of those that speak TLS for us, and say in X-Forwarded-For for whom."""
        self._house = house
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._proxies = frozenset(ipaddress.ip_address(proxy) for proxy in proxies)
        self._stopping = stopping

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One WebSocket, until it is over.  Raises Problem for what is none, or may not come in."""
        remote = self._admitted(request)
        socket = web.WebSocketResponse(
            protocols=(PROTOCOL,),
            timeout=CLOSE_TIME,
            heartbeat=ASK_AFTER,
            compress=False,
            max_msg_size=self._house.offer.max_stanza + MAX_BEYOND,
        )
        if not socket.can_prepare(request):
            raise Problem("malformed", "here is a WebSocket with the protocol xmpp")
        if refusal := self._house.door.admit(remote, asyncio.get_running_loop().time()):
            raise Problem("too-many", refusal, retry_after=5)
        connection = Connection(self._house, remote, secure=True, framing=FRAMES)
        goodbyes = request.app[GOODBYES]
        try:
            await socket.prepare(request)
            if request.transport is not None:
                goodbyes.add(goodbye := partial(connection.close, "system-shutdown", "the server is stopping"))
                try:
                    await _run(connection, FrameTransport(socket, request.transport, connection.why))
                finally:
                    goodbyes.discard(goodbye)
        finally:
            if not connection.made:
                self._house.door.leave(remote, known=False)
        return socket

    def _admitted(self, request: web.Request) -> str:
        """The address of whoever asks.  Raises Problem."""
        if self._stopping():
            raise Problem("busy", "the server is stopping", retry_after=5)
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        if PROTOCOL not in offered:
            raise Problem("malformed", "the sub-protocol xmpp is not asked for")
        origin = request.headers.get("Origin", "").lower().rstrip("/")
        if origin and not self._welcome(origin, request.host.lower()):
            raise Problem(
                "refused", "pages of this origin may not sign in here; the option origins of [xmpp.web] names some"
            )
        return self._remote(request)

    def _welcome(self, origin: str, host: str) -> bool:
        return origin in self._origins or ANY in self._origins or urlsplit(origin).netloc == host

    def _remote(self, request: web.Request) -> str:
        """Passwords are said here, so it takes TLS: ours, or that of a proxy.  This machine needs none."""
        peer = request.remote or ""
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
        except ValueError:
            raise Problem("refused", "there is no address at the other end") from None
        address = getattr(address, "ipv4_mapped", None) or address
        if address in self._proxies:
            return _last_hop(request) or peer
        if not request.secure and not address.is_loopback:
            raise Problem("refused", "XMPP over WebSocket needs TLS: wss, not ws")
        return peer


async def _run(connection: Connection, transport: FrameTransport) -> None:
    connection.connection_made(transport)
    try:
        while (frame := await _next(connection, transport)) is not None:
            connection.data_received(frame)
    finally:
        connection.connection_lost(None)
        await transport.closed()


async def _next(connection: Connection, transport: FrameTransport) -> bytes | None:
    try:
        return await transport.next()
    except ValueError as why:
        connection.close("bad-format", str(why))
        return b""


def _last_hop(request: web.Request) -> str:
    """Whom the proxy has let in: the last address it names, for those before it anybody can have written."""
    named = request.headers.getall("X-Forwarded-For", [""])[-1].rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(named))
    except ValueError:
        return ""
