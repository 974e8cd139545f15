"""The XMPP bridge as a plugin: its ports, its life."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ...core.errors import SettingsError
from ...core.hooks import hookimpl
from .commands.command import Commands
from .options import XmppOptions
from .router import ClientRouter
from .stream import sasl
from .stream.budget import Door, Pace, Share
from .stream.gatekeeper import Gatekeeper
from .stream.house import House
from .stream.limits import BYTE_BURST, NEW_BURST, SHARED_TIMES, STANZA_BURST, STANZAS_PER_SECOND
from .stream.listener import Listener
from .stream.negotiation import Offer
from .stream.sessions import Sessions
from .syntax import xml

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd
    from ...core.identity import Endpoint

FEATURES = b"".join(
    (
        xml.element("ver", {"xmlns": xml.ROSTER_VERSIONS}),
        xml.element("sub", {"xmlns": xml.PRE_APPROVAL}),
        xml.element("csi", {"xmlns": xml.CLIENT_STATE}),
    )
)
"""RFC 6121 sections 2.6.1 and 3.4, XEP-0352 section 5."""
ALPN = "xmpp-client"
"""XEP-0368: what a client may name in a TLS handshake."""


class XmppBridge:
    """XMPP clients sign in, talk, and meet in rooms (RFC 6120, RFC 6121)."""

    Options = XmppOptions

    def __init__(self, options: XmppOptions) -> None:
        self.options = options
        self._router: ClientRouter | None = None
        self.commands = Commands()
        """What people may have done by ad-hoc commands; another plugin adds its own in its ``lifespan``."""
        self.ports: dict[str, int] = {}
        """The ports that were really opened: "starttls", "tls"."""

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        """Listen while the server runs."""
        options = self.options
        house = self._house(front_end)
        listener = Listener(house)
        front_end.registrar.departed.append(house.sessions.departed)
        try:
            self.ports["starttls"] = await self._opened(listener, options.port, direct=False)
            self.ports["tls"] = await self._opened(listener, options.tls_port, direct=True)
            yield
        finally:
            self.ports.clear()
            await listener.close()
            house.sessions.resumption.end_all("server stopping")
            front_end.registrar.departed.remove(house.sessions.departed)
            self._router = None

    @hookimpl
    def endpoint_signed_in(self, endpoint: Endpoint) -> None:
        """Somebody came back, with whatever program: rooms where they have a seat show them again."""
        if self._router is not None:
            self._router.signed_in(endpoint.identity)

    @hookimpl
    def addresses(self, front_end: FrontEnd) -> Sequence[tuple[str, str]]:
        """Where clients go."""
        host = self.options.listen or front_end.domains[0]
        ports = {"starttls": self.options.port, "tls": self.options.tls_port, **self.ports}
        return [
            ("XMPP, STARTTLS", f"{host}:{ports['starttls']}"),
            ("XMPP, direct TLS", f"{host}:{ports['tls']}"),
        ]

    async def _opened(self, listener: Listener, port: int, *, direct: bool) -> int:
        try:
            return await listener.open(self.options.listen, port, direct=direct)
        except OSError as why:
            place = f"{self.options.listen or 'any address'}, port {port}"
            raise SettingsError(
                [f"[xmpp] cannot listen at {place}: {os.strerror(why.errno) if why.errno else why}; choose another"]
            ) from None

    def _house(self, front_end: FrontEnd) -> House:
        options = self.options
        router = self._router = ClientRouter(front_end, options, self.commands)
        context = front_end.certificate()
        # A client that names no protocol, or only others, is let in all the same.
        context.set_alpn_protocols([ALPN])
        share = Share(options.open_per_address, options.new_per_second, NEW_BURST * options.new_per_second)
        shared = Share(SHARED_TIMES * share.unknown, SHARED_TIMES * share.rate, SHARED_TIMES * share.burst)
        return House(
            Offer(
                ours=front_end.ours,
                domain=front_end.domains[0],
                mechanisms=(*(sasl.SCRAMS if options.scram else ()), *((sasl.PLAIN,) if options.plain else ())),
                max_stanza=options.max_stanza,
                features=FEATURES,
                idle_time=float(options.idle_seconds),
            ),
            Door(share, shared, tuple(options.shared_addresses), options.max_connections),
            Pace(
                options.stanzas_per_second,
                options.stanzas_per_second * STANZA_BURST / STANZAS_PER_SECOND,
                options.bytes_per_minute / 60,
                max(BYTE_BURST, options.bytes_per_minute / 8),
            ),
            Gatekeeper(front_end.accounts),
            Sessions(front_end.registrar, router),
            router,
            context,
        )
