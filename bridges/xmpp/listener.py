"""Listening for clients: STARTTLS on one port, TLS from the first byte on another."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from ...core.tls_memory import small_tls_buffers
from .connection import Connection
from .house import House
from .limits import BACKLOG, STOP_TIME

log = logging.getLogger(__name__)


class Listener:
    """The ports, and the connections that came by them."""

    def __init__(self, house: House) -> None:
        self._house = house
        house.empty.set()
        self._servers: list[asyncio.Server] = []

    async def open(self, host: str, port: int, *, direct: bool = False) -> int:
        """Listen.  Returns the port, which is a free one where 0 was asked for.  Raises OSError."""
        small_tls_buffers()
        server = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._house, direct=direct), host or None, port, backlog=BACKLOG
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Accept nobody any more, say goodbye to everybody (RFC 6120 section 4.9.3.21), and wait for them a little."""
        for server in self._servers:
            server.close()
        for connection in list(self._house.connections):
            connection.close("system-shutdown", "the server is stopping")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIME):
                await self._house.empty.wait()
        for connection in list(self._house.connections):
            connection.abort()
        self._servers.clear()
