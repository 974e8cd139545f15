"""The HTTP connections: how many an address may have, how long a silent one stays, what a malformed request gets."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import LineTooLong

from .admission import Doorkeeper
from .problems import Problem, language_of, problem_answer

log = logging.getLogger(__name__)

SILENCE = 6.0
"""Seconds a connection may be silent or dribble a request's head; it is also how long an idle one is kept."""
HANDSHAKE = 15.0
"""Seconds for TLS."""
LINGER = 1.0
"""Seconds that the rest of a request nobody wants is read, so that its sender sees the answer and not a reset."""
MAX_LINE = 8 * 1024
"""Bytes of a request line."""
MAX_FIELD = 8000
"""Bytes of one header field; not MAX_LINE, so that the parser's complaint tells which of the two it was."""
MAX_FIELDS = 64
"""Header fields of a request."""
MAX_HEAD = 16 * 1024
"""Bytes of a request's line and header fields together."""
ACCEPT_REST = 0.5
"""Seconds without accepting after the system could not: it has no file descriptors left, for example."""
MAX_COMPLAINTS = 10
"""Lines a second about malformed requests; what comes beyond is counted and told with the next line."""


class Visit(web.RequestHandler):
    """One connection.  ``on_lost`` is called once when it is gone."""

    __slots__ = ("_address", "_door", "_unread", "on_lost")

    def __init__(self, door: Door, address: str | None = None, **limits: Any) -> None:
        """``address`` is given when the connection has been let in already."""
        super().__init__(door, **limits)
        self._door = door
        self._address = address
        self._unread = 0
        self.on_lost: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or close it without a word: an address over its limit gets no work done."""
        if self._address is None:
            self._address = self._door.let_in(transport)
        if self._address is None:
            return
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is gone."""
        if self._address is None:
            return
        self._door.keeper.left(self._address)
        self._address = None
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        """Bytes of a request; a head that goes on for too long is not waited for."""
        super().data_received(data)
        if self._waiter is None or self._waiter.done():
            self._unread = 0
            return
        self._unread += len(data)
        if self._unread > MAX_HEAD:
            self._door.complain(f"a head of more than {MAX_HEAD} bytes", self._address or "")
            self.force_close()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """A request that cannot be read: one line in the log, a problem to the sender, and the connection ends."""
        if isinstance(exc, ConnectionError):
            raise exc  # nobody is there to answer, and that is no error
        if status >= 500:
            log.error("a request from %s failed", self._address, exc_info=exc)
            return problem_answer(Problem("failed"), language_of(request), close=True)
        self._door.complain(f"{type(exc).__name__}", self._address or "")
        kind = "malformed"
        if isinstance(exc, LineTooLong):
            kind = "line-too-long" if MAX_LINE in exc.args else "head-too-large"
        return problem_answer(Problem(kind), language_of(request), close=True)


class Door(web.Server):
    """Where connections come in."""

    def __init__(self, application: web.Server, keeper: Doorkeeper, now: Callable[[], float]) -> None:
        super().__init__(application.request_handler, request_factory=application.request_factory)
        self.keeper, self.now = keeper, now
        self._told = (0, 0)

    def __call__(self, address: str | None = None) -> Visit:
        """The protocol of a new connection."""
        return Visit(
            self,
            address,
            loop=self._loop,
            keepalive_timeout=SILENCE,
            lingering_time=LINGER,
            access_log=None,
            max_line_size=MAX_LINE,
            max_field_size=MAX_FIELD,
            max_headers=MAX_FIELDS,
        )

    def let_in(self, transport: asyncio.BaseTransport) -> str | None:
        """Count a connection and return its address; None when that has too many: then it is closed, without a word."""
        address = address_of(transport)
        if self.keeper.admits(address, self.now()):
            return address
        self.complain("more connections than one address may have", address)
        cast(asyncio.Transport, transport).abort()
        return None

    def complain(self, what: str, address: str) -> None:
        """One line about a request that is not answered as it wished; a flood of them is counted instead."""
        second, told = self._told
        now = int(self.now())
        if now == second and told >= MAX_COMPLAINTS:
            self._told = (second, told + 1)
            return
        untold = told - MAX_COMPLAINTS if now != second else 0
        self._told = (now, 1 if now != second else told + 1)
        log.warning("%s: %s%s", address, what, f" ({untold} more not shown)" if untold > 0 else "")


class Porch:
    """Where connections wait for TLS: counted when they are accepted, because the handshake is the expensive part."""

    def __init__(self, door: Door, context: ssl.SSLContext, listening: socket.socket) -> None:
        self._door, self._context = door, context
        self._listening = listening
        self._tasks: set[asyncio.Task[None]] = set()
        listening.setblocking(False)
        self._start(self._accept())

    async def close(self) -> None:
        """Accept nobody any more; who has not shaken hands yet is sent away."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._listening.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, peer = await loop.sock_accept(self._listening)
            except OSError as why:
                self._door.complain(f"a connection could not be accepted: {why.strerror}", "local")
                await asyncio.sleep(ACCEPT_REST)
                continue
            address = str(peer[0])
            if self._door.keeper.admits(address, self._door.now()):
                self._start(self._secure(accepted, address))
            else:
                self._door.complain("more connections than one address may have", address)
                accepted.close()

    async def _secure(self, accepted: socket.socket, address: str) -> None:
        visit, loop = self._door(address), asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                lambda: visit, accepted, ssl=self._context, ssl_handshake_timeout=HANDSHAKE
            )
        except OSError:  # ssl.SSLError is one, and so are a reset and a handshake that takes too long
            self._door.complain("no TLS handshake", address)
        finally:
            if visit.transport is None:
                self._door.keeper.left(address)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def address_of(transport: asyncio.BaseTransport) -> str:
    """The address of the other side; a socket in the file system has none."""
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else "local"
