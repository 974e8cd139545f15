"""The XMPP bridge as a plugin: its life, and what it adds to the server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp.web import RouteDef

from ...core.hooks import hookimpl
from .assembly import FEATURES
from .commands.command import Commands
from .options import XmppOptions
from .services import Services
from .web.service import web_routes

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd
    from ...core.identity import Endpoint, Identity
    from ...core.registrar import Channel


class XmppBridge:
    """XMPP clients sign in, talk, and meet in rooms (RFC 6120, RFC 6121)."""

    Options = XmppOptions

    def __init__(self, options: XmppOptions) -> None:
        self.options = options
        self.services: Services | None = None
        """What serves, while the server runs."""
        self.commands = Commands()
        """What people may have done by ad-hoc commands; another plugin adds its own in its ``lifespan``."""
        self.ports: dict[str, int] = {}
        """The ports that were really opened: "starttls", "tls"."""

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        """Everything that runs, while the server does."""
        services = self.services = Services(front_end, self.options, self.ports, self.commands)
        try:
            async with AsyncExitStack() as running:
                for feature in FEATURES:
                    await running.enter_async_context(feature(services))
                yield
        finally:
            self.ports.clear()
            self.services = None

    @hookimpl
    def endpoint_signed_in(self, endpoint: Endpoint) -> None:
        """Somebody came back, with whatever program: rooms where they have a seat show them again."""
        if self.services is not None:
            self.services.router.signed_in(endpoint.identity)

    @hookimpl
    def route(self, identity: Identity) -> Channel | None:
        """The way to people of other domains, where something carries stanzas there."""
        return self.services.router.abroad.channel(identity) if self.services is not None else None

    @hookimpl
    def routes(self, front_end: FrontEnd) -> Sequence[RouteDef]:
        """What clients in browsers need, on the ports of the web server."""
        return web_routes(self.options.on_the_web, lambda: self.services.web if self.services is not None else None)

    @hookimpl
    def addresses(self, front_end: FrontEnd) -> Sequence[tuple[str, str]]:
        """Where clients go, and other servers."""
        host = self.options.listen or front_end.domains[0]
        component = self.options.component
        if component is not None and not component.clients:
            return [("XMPP, a component of", f"{component.host}:{component.port}")]
        ports = {"starttls": self.options.port, "tls": self.options.tls_port, **self.ports}
        websocket = self.services.web.websocket_address() if self.services is not None else ""
        return [
            ("XMPP, STARTTLS", f"{host}:{ports['starttls']}"),
            ("XMPP, direct TLS", f"{host}:{ports['tls']}"),
            *((("XMPP, WebSocket", websocket),) if websocket else ()),
            *((("XMPP, other servers", f"{host}:{ports['server']}"),) if "server" in ports else ()),
        ]
