"""The administrator's door: the HTTP API of web/admin_api on a socket that only the server's own user may open."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from ..core.hooks import hookimpl
from ..core.unix_socket import listening
from ..web.admin_api import admin_application

if TYPE_CHECKING:
    from ..core.front_end import FrontEnd

PATIENCE = 2.0
"""Seconds that requests under way have to end when the server stops."""


class AdminSocket:
    """Lets the command line and scripts of the same user look at the running server and change it."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        socket: str = "admin.sock"
        """The socket's file; a relative name begins in the state folder.  Who may write to it is an administrator."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.path = Path()

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        self.path = front_end.state / self.options.socket
        door = listening(self.path)
        try:
            runner = web.AppRunner(admin_application(front_end), access_log=None, shutdown_timeout=PATIENCE)
            await runner.setup()
            try:
                await web.SockSite(runner, door).start()
                yield
            finally:
                await runner.cleanup()
        finally:
            door.close()
            self.path.unlink(missing_ok=True)

    @hookimpl
    def addresses(self) -> Sequence[tuple[str, str]]:
        return [("Administration", str(self.path))]


plugin = AdminSocket
