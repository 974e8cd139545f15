"""Ports at which others are let in, by a door that knows how many there may be."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Protocol, cast

from ....core.tls_memory import small_tls_buffers
from .budget import Door
from .limits import ACCEPT_REST, BACKLOG, CLOSE_TIME, STEP_TIME, STOP_TIME

log = logging.getLogger(__name__)

NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""What a machine says that speaks IPv4 alone."""


class Guest(Protocol):
    """A connection that was let in: an ``asyncio.Protocol`` with last words."""

    made: bool
    """Whether there was a connection: it will tell the door when it is over."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...

    def close(self, condition: str | None, text: str) -> None:
        """Say goodbye."""

    def abort(self) -> None:
        """Close without another word."""


class Hall(Protocol):
    """What those who were let in share."""

    @property
    def door(self) -> Door: ...

    @property
    def tls(self) -> ssl.SSLContext: ...

    @property
    def connections(self) -> Collection[Guest]: ...

    @property
    def empty(self) -> asyncio.Event: ...


class Ports:
    """Who is not let in costs an accept and a close: no transport, no handshake."""

    def __init__(self, house: Hall, make: Callable[[str, bool], Guest]) -> None:
        """``make`` gives what carries a connection from an address, which begins in TLS or does not."""
        self._house = house
        self._make = make
        house.empty.set()
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int, *, direct: bool = False) -> int:
        """Listen at every address of the host, or of this machine.  Returns the port, a free one for 0.

        Raises OSError.
        """
        small_tls_buffers()
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        opened = 0
        for family, address in sorted({(family, str(address[0])) for family, _, _, _, address in found}):
            try:
                listening = _listening(family, address, port)
            except OSError as why:
                if opened and why.errno in NO_SUCH_FAMILY:
                    continue
                raise
            opened += 1
            port = port or int(listening.getsockname()[1])
            self._sockets.append(listening)
            self._start(self._accept(listening, direct))
        return port

    async def close(self) -> None:
        """Accept nobody any more, say goodbye to everybody (RFC 6120 section 4.9.3.20), and wait for them a little."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in self._sockets:
            each.close()
        self._sockets.clear()
        for connection in list(self._house.connections):
            connection.close("system-shutdown", "the server is stopping")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIME):
                await self._house.empty.wait()
        for connection in list(self._house.connections):
            connection.abort()

    async def _accept(self, listening: socket.socket, direct: bool) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, peer = await loop.sock_accept(listening)
            except ConnectionError:
                continue
            except OSError as why:
                log.error("nobody can be accepted for now: %s", why.strerror)
                await asyncio.sleep(ACCEPT_REST)
                continue
            address = str(peer[0])
            if refusal := self._house.door.admit(address, loop.time()):
                log.debug("%s is not let in: %s", address, refusal)
                accepted.close()
            else:
                self._start(self._welcome(accepted, address, direct))

    async def _welcome(self, accepted: socket.socket, address: str, direct: bool) -> None:
        connection = self._make(address, direct)
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: cast(asyncio.Protocol, connection),
                accepted,
                ssl=self._house.tls if direct else None,
                ssl_handshake_timeout=STEP_TIME if direct else None,
                ssl_shutdown_timeout=CLOSE_TIME if direct else None,
            )
        except (OSError, TimeoutError) as why:  # ssl.SSLError is an OSError
            log.debug("no TLS with %s: %s", address, why)
        finally:
            if not connection.made:
                self._house.door.leave(address, known=False)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _listening(family: int, address: str, port: int) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((address, port))
        listening.listen(BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening
