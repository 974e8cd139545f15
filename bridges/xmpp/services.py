"""Everything behind XMPP's listeners, made for one run of the server: what its features are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .commands.administration import administrators
from .commands.command import Commands
from .options import XmppOptions
from .registration import NewAccounts
from .router import ClientRouter
from .stream import sasl
from .stream.budget import Door, Pace, Share
from .stream.gatekeeper import Gatekeeper
from .stream.house import House
from .stream.limits import BYTE_BURST, NEW_BURST, SHARED_TIMES, STANZA_BURST, STANZAS_PER_SECOND
from .stream.negotiation import Offer
from .stream.sessions import Sessions
from .stream.sign_in import TOKENS
from .syntax import xml
from .web.service import WebService

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd

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


class Services:
    """The router, and what all client streams share."""

    def __init__(
        self, front_end: FrontEnd, options: XmppOptions, ports: dict[str, int], commands: Commands | None = None
    ) -> None:
        """``ports`` are those that are open, by what they are for; who opens one puts it there."""
        self.front_end = front_end
        self.options = options
        self.ports = ports
        self.router = ClientRouter(front_end, options, commands)
        new_accounts = NewAccounts(front_end, administrators(front_end, options.admins))
        self._register = new_accounts.make if options.registration and not self._asks_plugins else None
        self.house = self._house()
        self.web = WebService(front_end, options.on_the_web, self.house, options.listen, options.shared_addresses)

    def _house(self) -> House:
        front_end, options = self.front_end, self.options
        context = front_end.certificate()
        # A client that names no protocol, or only others, is let in all the same.
        context.set_alpn_protocols([ALPN])
        return House(
            self._offer(),
            self._door(),
            Pace(
                options.stanzas_per_second,
                options.stanzas_per_second * STANZA_BURST / STANZAS_PER_SECOND,
                options.bytes_per_minute / 60,
                max(BYTE_BURST, options.bytes_per_minute / 8),
            ),
            Gatekeeper(front_end.accounts),
            Sessions(front_end.registrar, self.router),
            self.router,
            context,
            self._register,
            self.router.archive,
        )

    def _offer(self) -> Offer:
        options = self.options
        return Offer(
            ours=self.front_end.ours,
            domain=self.front_end.domains[0],
            mechanisms=(*(sasl.SCRAMS if options.scram else ()), *((sasl.PLAIN,) if options.plain else ())),
            registration=self._register is not None,
            tokens=TOKENS if options.tokens and not self._asks_plugins else (),
            max_stanza=options.max_stanza,
            features=FEATURES,
            capabilities=self.router.capabilities,
            idle_time=float(options.idle_seconds),
        )

    @property
    def _asks_plugins(self) -> bool:
        """Whether a plugin decides who signs in: it would not be asked about those who show a token."""
        return bool(self.front_end.hooks.implemented_by("authenticate"))

    def _door(self) -> Door:
        options = self.options
        share = Share(options.open_per_address, options.new_per_second, NEW_BURST * options.new_per_second)
        shared = Share(SHARED_TIMES * share.unknown, SHARED_TIMES * share.rate, SHARED_TIMES * share.burst)
        return Door(share, shared, tuple(options.shared_addresses), options.max_connections)
