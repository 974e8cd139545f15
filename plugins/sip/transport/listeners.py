"""Listening sockets: a connection is counted before it costs a TLS handshake."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Coroutine
from contextlib import suppress

from ....core.tls_memory import small_tls_buffers
from .connection import Connection, Reception
from .flow import Address
from .limits import CLOSE_WITHIN, FIRST_REQUEST_WITHIN
from .overload import Doorkeeper
from .sockets import address_of, bound

log = logging.getLogger(__name__)

BACKLOG = 512
RETRY_ACCEPT = 1.0
"""Seconds of rest when the system gives no more sockets."""


class Listener:
    """One TCP port; with a context, its connections are TLS."""

    def __init__(
        self,
        reception: Reception,
        door: Doorkeeper,
        context: ssl.SSLContext | None = None,
        kind: type[Connection] = Connection,
    ) -> None:
        self._reception = reception
        self._kind = kind
        self._door = door
        self._context = context
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_is_gone = asyncio.Event()

    @property
    def transport(self) -> str:
        """What Via calls it."""
        return "TCP" if self._context is None else "TLS"

    async def open(self, host: str, port: int) -> int:
        """Listen.  Returns the port, which is a free one when 0 was asked for.  Raises OSError."""
        self._socket = await bound(host, port, socket.SOCK_STREAM)
        self._socket.listen(BACKLOG)
        small_tls_buffers()
        self._start(self._accept())
        return int(self._socket.getsockname()[1])

    async def close(self) -> None:
        """Accept nobody any more, and close what is open; who does not take what is left loses it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()
        for connection in list(self._connections):
            connection.flow.close("the server is stopping")
        if self._connections:
            self._last_is_gone.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._last_is_gone.wait(), CLOSE_WITHIN)
        for connection in list(self._connections):
            connection.abort()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._socket)
            except ConnectionError:
                continue
            except OSError as error:
                log.error("no more connections can be accepted: %s", error)
                await asyncio.sleep(RETRY_ACCEPT)
                continue
            remote = address_of(address)
            refusal = self._door.admit(remote.host, self._reception.clock())
            if refusal:
                log.debug("%s refused: %s", remote, refusal)
                connection.close()
            else:
                self._start(self._welcome(connection, remote))

    async def _welcome(self, accepted: socket.socket, remote: Address) -> None:
        connection = self._kind(self._reception, self.transport, remote, lambda: self._over(connection, remote.host))
        self._connections.add(connection)
        handshake = FIRST_REQUEST_WITHIN if self._context else None
        shutdown = CLOSE_WITHIN if self._context else None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=handshake,
                ssl_shutdown_timeout=shutdown,
            )
        except (OSError, TimeoutError) as error:
            log.debug("no connection with %s: %s", remote, error)
        finally:
            if not connection.made:
                self._over(connection, remote.host)

    def _over(self, connection: Connection, host: str) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            self._door.release(host)
        if not self._connections:
            self._last_is_gone.set()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
