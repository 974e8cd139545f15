"""Everything of XMPP that is served by HTTP: its routes, where they are reached, and a port of its own for them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from ....core.errors import SettingsError
from ....web.admission import Doorkeeper
from ....web.problems import Problem
from ....web.server import BACKLOG, application, shut
from ....web.site import site_of
from ....web.visits import Door, Porch
from ..stream.house import House
from ..upload.transfers import Transfers, upload_routes
from ..upload.uploads import LOOPBACK, Uploads
from .host_meta import HostMeta
from .options import WebOptions
from .websocket import WebSockets

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

WEBSOCKET = "/xmpp-websocket"


class WebService:
    """XMPP on the web, for one run of the server."""

    def __init__(
        self, front_end: FrontEnd, options: WebOptions, house: House, listen: str, shared: Sequence[str]
    ) -> None:
        """``listen``, ``shared``: the address of XMPP's own ports, and the addresses that many people come from."""
        self._front_end = front_end
        self._options = options
        self._listen = listen
        self._shared = (*shared, *options.proxies)
        self._port = 0
        self.websockets = WebSockets(house, lambda: front_end.stopping, options.origins, options.proxies)
        self.host_meta = HostMeta(self.websocket_address)
        self.uploads = self.transfers = None
        if options.upload.enabled:
            self.uploads = Uploads(front_end, options.upload, self.public_url, local=listen in LOOPBACK)
            self.transfers = Transfers(self.uploads)

    def public_url(self) -> str:
        """How browsers reach us; nothing where they cannot."""
        if self._options.public_url:
            return self._options.public_url.rstrip("/")
        if self._port:
            return f"https://{self._front_end.domains[0]}:{self._port}"
        try:
            return site_of(self._front_end).public_url
        except LookupError:
            return ""

    def websocket_address(self) -> str:
        """Where clients in browsers sign in; nothing where they cannot."""
        url = self.public_url()
        return f"{url.replace('http', 'ws', 1)}{WEBSOCKET}" if url and self._options.websocket else ""

    @asynccontextmanager
    async def listening(self, ports: dict[str, int]) -> AsyncIterator[None]:
        """The port of our own, if there is to be one."""
        if self._options.port is None:
            yield
            return
        app = application(web_routes(self._options, lambda: self))
        runner, listening = web.AppRunner(app), self._socket(self._options.port)
        await runner.setup()
        assert runner.server is not None
        door = Door(runner.server, Doorkeeper(self._shared), asyncio.get_running_loop().time)
        porch = Porch(door, self._front_end.certificate(), listening)
        self._port = ports["web"] = listening.getsockname()[1]
        try:
            yield
        finally:
            await porch.close()
            await shut(app, door)
            await runner.cleanup()

    def _socket(self, port: int) -> socket.socket:
        host = self._listen
        try:
            if not host and socket.has_dualstack_ipv6():
                return socket.create_server(("::", port), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            return socket.create_server((host, port), family=family, backlog=BACKLOG)
        except OSError as why:
            reason = os.strerror(why.errno).lower() if why.errno else str(why)
            place = f"{host or 'any address'} port {port}"
            raise SettingsError([f"[xmpp.web] cannot listen on {place}: {reason}; choose another port"]) from None


def web_routes(options: WebOptions, service: Callable[[], WebService | None]) -> Sequence[web.RouteDef]:
    """The routes; ``service`` is None while XMPP is not served."""

    def running() -> WebService:
        found = service()
        if found is None:
            raise Problem("busy", "XMPP is not served yet", retry_after=1)
        return found

    async def websocket(request: web.Request) -> web.StreamResponse:
        return await running().websockets.serve(request)

    async def xrd(request: web.Request) -> web.StreamResponse:
        return await running().host_meta.xrd(request)

    async def jrd(request: web.Request) -> web.StreamResponse:
        return await running().host_meta.jrd(request)

    routes = [web.get("/.well-known/host-meta", xrd), web.get("/.well-known/host-meta.json", jrd)]
    if options.websocket:
        routes.append(web.get(WEBSOCKET, websocket))
    if options.upload.enabled:
        routes += upload_routes(lambda: running().transfers)
    return routes
