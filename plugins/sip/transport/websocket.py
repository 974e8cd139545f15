"""SIP over WebSocket, for phones in browsers: RFC 7118.  One frame is one message; the web server has the sockets."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMsgType, web

from ....web.problems import Problem
from ..syntax.framing import PONG
from ..syntax.grammar import MalformedSip
from ..syntax.message import Request, Response, parse
from .connection import Reception
from .flow import Address, Flow
from .limits import CLOSE_WITHIN, MAX_BEFORE_SIGN_IN, MAX_HEAD, Limits
from .overload import Bucket, Doorkeeper
from .sockets import address_of

PROTOCOL = "sip"
"""The sub-protocol (section 4.1)."""
ASK_AFTER = 50.0
"""Seconds of silence after which a browser is asked whether it is still there; without an answer it is gone."""


class WebSockets:
    """The route ``/sip``.  Pages of other hosts than ours may come only when ``origins`` names them."""

    def __init__(self, reception: Reception, origins: Sequence[str] = ()) -> None:
        self._reception = reception
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._door = Doorkeeper(reception.limits)
        self._open: set[WebSocketWire] = set()
        self._stopping = False

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One WebSocket, until it is over.  Raises Problem for what is none, or comes from a strange page."""
        self._check(request)
        socket = web.WebSocketResponse(
            protocols=(PROTOCOL,),
            timeout=CLOSE_WITHIN,
            heartbeat=ASK_AFTER,
            compress=False,
            max_msg_size=MAX_HEAD + self._reception.limits.max_body,
        )
        if not socket.can_prepare(request):
            raise Problem("malformed", "here is a WebSocket with the protocol sip")
        remote, local = _ends(request)
        if refusal := self._door.admit(remote.host, self._reception.clock()):
            raise Problem("too-many", refusal, retry_after=5)
        try:
            await socket.prepare(request)
            name = "WSS" if request.secure else "WS"
            wire = WebSocketWire(self._reception, socket, request.transport, name, remote, local)
            self._open.add(wire)
            try:
                await wire.run()
            finally:
                self._open.discard(wire)
        finally:
            self._door.release(remote.host)
        return socket

    async def close(self) -> None:
        """Let nobody in any more, and close what is open."""
        self._stopping = True
        await asyncio.gather(*(wire.end("the server is stopping") for wire in list(self._open)))

    def __len__(self) -> int:
        return len(self._open)

    def _check(self, request: web.Request) -> None:
        if self._stopping:
            raise Problem("busy", "the server is stopping", retry_after=5)
        offered = [name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        if PROTOCOL not in offered:
            raise Problem("malformed", "the sub-protocol sip is not asked for")
        origin = request.headers.get("Origin", "").lower().rstrip("/")
        if origin and origin not in self._origins and urlsplit(origin).netloc != request.host.lower():
            raise Problem(
                "refused", "pages of this origin may not sign in here; the option origins of [sip] names some"
            )


class WebSocketWire:
    """One of them, as the wire of its flow."""

    def __init__(
        self,
        reception: Reception,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        name: str,
        remote: Address,
        local: Address,
    ) -> None:
        self._reception = reception
        self._limits: Limits = reception.limits
        self._socket = socket
        self._transport = transport
        self._unsent: deque[bytes] = deque()
        self._waiting = 0
        self._work = asyncio.Event()
        self._closing = False
        self._owed = 0
        self._spoke = False
        now = reception.clock()
        self._rate = Bucket(self._limits.rate_before_sign_in, self._limits.burst_before_sign_in, now)
        self._pings = Bucket(self._limits.keep_alives_per_second, self._limits.keep_alives_per_second, now)
        self._signed_in = False
        self._over = asyncio.Event()
        self._ending: asyncio.TimerHandle | None = None
        self.flow: Flow = reception.opened(self, name, remote, local)

    # ---- the wire

    def write(self, data: bytes) -> None:
        """Send, after what was said before."""
        self._unsent.append(data)
        self._waiting += len(data)
        limits = self._limits
        if self._waiting > (limits.max_unsent if self.flow.known else limits.max_unsent_before_sign_in):
            self.flow.reason = self.flow.reason or "it does not read what it is sent"
            self._abort()
        self._work.set()

    @property
    def allowance(self) -> int:
        """A stream carries anything."""
        return sys.maxsize

    def expect(self) -> None:
        """One more answer from there is free."""
        self._owed += 1

    def close(self) -> None:
        """Send what is left and close."""
        self._closing = True
        self._work.set()
        self._ending = self._ending or asyncio.get_running_loop().call_later(CLOSE_WITHIN, self._abort)

    async def end(self, reason: str) -> None:
        """Close, and wait until it is closed."""
        self.flow.close(reason)
        await self._over.wait()

    # ---- its life

    async def run(self) -> None:
        """Until one side closes."""
        writing = asyncio.ensure_future(self._write())
        deadline = asyncio.get_running_loop().call_later(self._limits.first_request_within, self._must_have_spoken)
        sign_in = asyncio.get_running_loop().call_later(self._limits.sign_in_within, self._must_have_signed_in)
        try:
            async for frame in self._socket:
                if frame.type is WSMsgType.TEXT:
                    await self._take(frame.data.encode("utf-8", "surrogateescape"))
                elif frame.type is WSMsgType.BINARY:
                    await self._take(frame.data)
        finally:
            deadline.cancel()
            sign_in.cancel()
            self.flow.closed = True
            self.flow.reason = self.flow.reason or "the browser closed the WebSocket"
            self._reception.closed(self.flow)
            self.close()
            await asyncio.gather(writing, return_exceptions=True)
            if self._ending is not None:
                self._ending.cancel()
            self._over.set()

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._unsent and not self._socket.closed:
                data = self._unsent.popleft()
                await self._send(data)
                self._waiting -= len(data)
            if self._closing:
                await self._socket.close(code=WSCloseCode.GOING_AWAY)
                return

    async def _send(self, data: bytes) -> None:
        """Text where it is text: browsers read that without being told how (section 4.2 allows both)."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            await self._socket.send_bytes(data)
        else:
            await self._socket.send_str(text)

    async def _take(self, data: bytes) -> None:
        if self.flow.closed or self._closing:
            return
        if not data.strip(b"\r\n"):
            return self._ping(data)
        try:
            if len(data) > MAX_BEFORE_SIGN_IN and not self.flow.known:
                raise MalformedSip("a message this long before anybody signed in", status=513)
            message = parse(data)
        except MalformedSip as malformed:
            await self._turn(None)
            self._reception.malformed(malformed, self.flow)
            if malformed.status == 513:
                self.flow.close(f"not readable: {malformed.reason}")
            return
        await self._turn(message)
        self._spoke = True
        self._reception.received(message, self.flow)

    async def _turn(self, message: Request | Response | None) -> None:
        """Wait where more comes than may; meanwhile nothing is read, and the browser's sending waits."""
        if self.flow.known and not self._signed_in:
            self._signed_in = True
            self._rate = self._rate.refilled(self._limits.rate, self._limits.burst, self._reception.clock())
        if isinstance(message, Response) and self._owed:
            self._owed -= 1
            return
        if wait := self._rate.wait(self._reception.clock()):
            await asyncio.sleep(wait)
        self._rate.take(self._reception.clock())

    def _ping(self, data: bytes) -> None:
        """The keep-alive of RFC 5626 section 3.5.1, which RFC 7118 section 6 has, too; a single CRLF is an answer."""
        if not self._pings.take(self._reception.clock()):
            self.flow.close("too many keep-alives")
        elif len(data) >= 2 * len(PONG):
            self.write(PONG)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _must_have_spoken(self) -> None:
        if not self._spoke:
            self.flow.close("nothing said")

    def _must_have_signed_in(self) -> None:
        if not self.flow.known:
            self.flow.close("nobody signed in")


def _ends(request: web.Request) -> tuple[Address, Address]:
    """Where the browser, or the proxy before us, is, and where it has reached us."""
    transport = request.transport
    names = [transport.get_extra_info(name) if transport is not None else None for name in ("peername", "sockname")]
    remote, local = (address_of(name) if isinstance(name, tuple) else Address("0.0.0.0", 0) for name in names)
    return remote, local
