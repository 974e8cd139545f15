"""Our server for one domain, in the test's own process, among the servers of a street."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ...bridges.xmpp.federation.options import FederationOptions, PartnerOptions
from ...bridges.xmpp.options import XmppOptions
from ...bridges.xmpp.plugin import XmppBridge
from ...core.federation import Partner
from ...core.front_end import FrontEnd
from ...core.identity import Identity
from ..authority import Kind
from ..people import Clock
from ..ports import free_port
from ..stage import PASSWORD, enrol, front_end_in
from .street import Street
from .xmpp import Slix
from .xmpp_server import XmppServer

OURS = "ours.example"


class OurServer:
    """Ann and Cid have accounts here."""

    def __init__(self, street: Street, front_end: FrontEnd, bridge: XmppBridge) -> None:
        self.street, self.front_end, self.bridge = street, front_end, bridge
        self.clients: list[Slix] = []

    async def client(self, user: str = "ann", resource: str = "slix") -> Slix:
        """Somebody signed in here."""
        client = Slix(f"{user}@{OURS}/{resource}", PASSWORD, str(self.street.authority.file))
        client.ssl_context.check_hostname = False
        client.ssl_context.verify_mode = ssl.CERT_NONE  # what servers think of a bad one is looked at, not clients
        self.clients.append(client)
        return await client.sign_in(self.bridge.ports["starttls"])

    def partner(self, server: XmppServer) -> Partner:
        """How another server is doing, seen from here."""
        return next(one for one in self.front_end.federation.partners() if one.domain == server.domain)


@asynccontextmanager
async def our_server(
    street: Street, *servers: XmppServer, kind: Kind = "good", port: int = 0, **partner: Any
) -> AsyncIterator[OurServer]:
    """It runs, and the servers are its partners: by certificate, unless ``partner`` says more."""
    shown = street.authority.certificate(OURS, f"conference.{OURS}", kind=kind)
    told = partner or {"ca": str(street.authority.file)}
    partners = {s.domain: PartnerOptions(next_hop=f"127.0.0.1:{s.s2s}", **told) for s in servers}
    port = port or free_port()
    options = XmppOptions(
        listen="127.0.0.1", port=0, tls_port=0, federation=FederationOptions(port=port, partners=partners)
    )
    bridge = XmppBridge(options)
    street.names.serves_xmpp(port, OURS, f"conference.{OURS}")
    files = {"certificate": str(shown.certificate), "key": str(shown.key)}
    async with front_end_in(street.folder / "ours", bridge, clock=Clock(), domains=(OURS,), **files) as front_end:
        for user in ("ann", "cid"):
            await enrol(front_end, Identity(user, OURS), user.title())
        ours = OurServer(street, front_end, bridge)
        try:
            yield ours
        finally:
            for client in ours.clients:
                if client.is_connected():
                    await client.leave()
