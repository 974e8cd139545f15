"""The options of XMPP: the table ``[xmpp]``.

A feature's own table is a Struct in the feature's folder; here it is a field with a line about it.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ...core.errors import BadAddress
from ...core.identity import Identity
from .components.options import ComponentOptions, GatewaysOptions
from .external.options import ExternalService
from .federation.options import FederationOptions
from .push.options import PushOptions
from .stream.limits import (
    AFTER_SIGN_IN,
    BYTES_PER_MINUTE,
    IDLE_TIME,
    KIB,
    LARGEST_STANZA,
    MAX_CONNECTIONS,
    NEW_PER_SECOND,
    OPEN_PER_ADDRESS,
    STANZAS_PER_SECOND,
)
from .upload.options import UploadOptions
from .web.options import WebOptions

Port = Annotated[int, Meta(ge=0, le=65535)]


class XmppOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an administrator may choose about XMPP."""

    listen: str = ""
    """The address to listen at; empty for all."""
    port: Port = 5222
    """Where clients begin in the clear and must go on in TLS; 0 for any free port."""
    tls_port: Port = 5223
    """Where clients begin in TLS; 0 for any free port."""
    plain: bool = True
    """Whether clients may sign in by saying their password, through TLS; some know no other way."""
    scram: bool = True
    """Whether clients may sign in without saying it; turn it off where a plugin such as LDAP checks the passwords."""
    tokens: bool = True
    """Whether clients may keep a token in place of the password for their next sign-ins (XEP-0484); never where a
    plugin checks the passwords."""
    max_stanza: Annotated[int, Meta(ge=10_000, le=LARGEST_STANZA)] = AFTER_SIGN_IN.stanza
    """Bytes in the largest stanza a client may send."""
    idle_seconds: Annotated[int, Meta(ge=30, le=86400)] = int(IDLE_TIME)
    """Seconds of silence after which a client is asked whether it is still there."""
    stanzas_per_second: Annotated[int, Meta(ge=1)] = STANZAS_PER_SECOND
    """Stanzas a client may send in a second, for long; faster ones are read more slowly."""
    bytes_per_minute: Annotated[int, Meta(ge=64 * KIB)] = BYTES_PER_MINUTE
    """Bytes a client may send in a minute, for long."""
    open_per_address: Annotated[int, Meta(ge=1)] = OPEN_PER_ADDRESS
    """Connections that have not signed in, from one address."""
    new_per_second: Annotated[int, Meta(ge=1)] = NEW_PER_SECOND
    """New connections in a second from one address."""
    shared_addresses: list[str] = []
    """Addresses and networks that many people share, such as an office's; they may have six times as many."""
    max_connections: Annotated[int, Meta(ge=1)] = MAX_CONNECTIONS
    """Client connections in all."""
    dnd_means: Literal["busy", "dnd"] = "busy"
    """What a client's do-not-disturb means to others; most people who set it are just busy."""
    presence_abroad: Literal["everything", "availability"] = "everything"
    """What contacts of other domains see who were told yes: presence as clients send it, with notes, or availability
    alone."""
    relay_until_joined: bool = True
    """Whether clients that were invited to a room and do not enter it get what is said there as chat."""

    registration: bool = False
    """Whether whoever can reach the server may make an account for themselves from their client (XEP-0077)."""
    admins: list[str] = []
    """People who may administer the server from their client, such as "alice@example.org" (XEP-0133)."""
    web: WebOptions = WebOptions()
    """Clients in browsers, and files that people share."""
    services: dict[str, ExternalService] = {}
    """What clients use beside XMPP, such as STUN and TURN for calls; each with a name of your own."""
    push: PushOptions = PushOptions()
    """Phones that are woken when a message waits."""
    component: ComponentOptions | None = None
    """Our domains are components of somebody's XMPP server: people keep it, and reach ours from there."""
    gateways: GatewaysOptions | None = None
    """Other people's gateways are components of this server."""
    federation: FederationOptions | None = None
    """Other domains' servers, and the people there."""

    @property
    def on_the_web(self) -> WebOptions:
        """What there is on the web: nothing, where clients sign in at somebody else's server."""
        if self.component is None or self.component.clients:
            return self.web
        return WebOptions(websocket=False, upload=UploadOptions(enabled=False))

    def __post_init__(self) -> None:
        for address in self.admins:
            try:
                Identity.parse(address)
            except BadAddress:
                raise ValueError(f'admins: "{address}" is no address such as alice@example.org') from None
        for text in self.shared_addresses:
            try:
                ipaddress.ip_network(text, strict=False)
            except ValueError:
                raise ValueError(f'shared_addresses: "{text}" is neither an address nor a network') from None
        if not self.plain and not self.scram:
            raise ValueError("plain and scram are both false: nobody could sign in")
