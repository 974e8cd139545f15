"""The options of SIP: the table ``[sip]``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ...core.options import ReadableFile
from .calls.settings import CallOptions, TrunkOptions, doubts, fitting
from .federation.options import FederationOptions

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=86400)]


class SipOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [sip]."""

    listen: str = ""
    """The address to listen on; empty for every address of the machine."""
    tls_port: Port | None = 5061
    """SIP over TLS; 0 for any free port."""
    tcp_port: Port | None = None
    """SIP over TCP without encryption; off unless a port is given, 5060 as a rule."""
    udp_port: Port | None = None
    """SIP over UDP without encryption; off unless a port is given, 5060 as a rule."""
    public_host: str = ""
    """What clients are told to call this server, where it stands behind address translation."""
    client_ca: ReadableFile = ""
    """A PEM file with authorities; over TLS, whom their certificate names as sip:user@domain needs no password."""
    origins: list[str] = msgspec.field(default_factory=list)
    """Web pages of other hosts that may sign in over WebSocket, such as "https://phone.example.org"."""
    min_expires: Seconds = 60
    """The shortest registration, subscription or publication, in seconds."""
    max_expires: Seconds = 3600
    """The longest one; also what is given to those who do not ask."""
    notify_pause: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 1.0
    """Seconds between two notices about one person to one subscriber; the first change after quiet is told at once."""
    md5_only: list[str] = msgspec.field(default_factory=lambda: ["baresip", "sipsak", "SIPp", "Purple"])
    """Clients, by how their User-Agent begins, that fail when SHA-256 is offered beside MD5."""
    xcap: bool = True
    """Whether the web server lets people read and change their own lists and rules under /xcap."""
    conference_factory: str = "conference-factory"
    """The user part of the address that makes a conference for whoever calls it, in each domain; empty for none."""

    calls: CallOptions = CallOptions()
    """Calls: numbers, ways to the outside, emergencies."""
    trunks: dict[str, TrunkOptions] = msgspec.field(default_factory=dict)
    """Lines to PBXs and providers, each with a name."""
    federation: FederationOptions | None = None
    """Other domains to speak SIP with; without this table there are none."""

    def __post_init__(self) -> None:
        fitting(self.calls, self.trunks)
        if self.tls_port is None and self.tcp_port is None and self.udp_port is None:
            raise ValueError("tls_port is off, and so are tcp_port and udp_port; SIP needs one of them")
        if self.min_expires > self.max_expires:
            raise ValueError("min_expires is greater than max_expires")

    def doubts(self) -> list[str]:
        """What is no mistake and should be known before somebody needs it."""
        return doubts(self.calls, self.trunks)
