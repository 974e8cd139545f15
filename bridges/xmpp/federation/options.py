"""The options of federation: the table ``[xmpp.federation]``."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ....core.options import ReadableFile
from .dialback import domain_of

Port = Annotated[int, Meta(ge=0, le=65535)]
Verify = Literal["certificate", "dialback"]
Kind = Literal["federated", "public-verified", "public-unverified"]


class PartnerOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [xmpp.federation.partners."other.example"]; it counts for the domains below that one too."""

    next_hop: str = ""
    """Where its server is, as in "xmpp.other.example:5269"; empty: the DNS says so."""
    direct_tls: bool = False
    """Whether the server at next_hop expects TLS from the first byte, without STARTTLS."""
    ca: ReadableFile = ""
    """A PEM file with the only authorities or certificates that are believed about it; empty: those of this machine."""
    verify: Verify = "certificate"
    """What proves that it is who it says; "dialback" only asks the DNS, for servers whose certificate nobody signed."""
    kind: Kind = "federated"
    """Who is there: a house like ours, or a public provider, whose people may do less; of one that does not know its
    people either ("public-unverified"), only those are heard whom somebody here asked, let see, or wrote to first."""

    def __post_init__(self) -> None:
        if self.next_hop and host_and_port(self.next_hop) is None:
            raise ValueError('next_hop is none: "xmpp.other.example:5269" is one')
        if self.direct_tls and not self.next_hop:
            raise ValueError("direct_tls is for a next_hop; where there is none, the DNS says how to begin")
        if self.ca and self.verify == "dialback":
            raise ValueError('ca and verify = "dialback" do not go together: nobody would look at the certificate')


class FederationOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [xmpp.federation]."""

    port: Port = 5269
    """Where other servers begin in the clear and must go on in TLS; 0 for any free port."""
    direct_tls: bool = False
    """Whether to open tls_port, too."""
    tls_port: Port = 5270
    """Where other servers begin in TLS; 0 for any free port."""
    partners: dict[str, PartnerOptions] = msgspec.field(default_factory=dict)
    """The domains to speak with, each in quotes: [xmpp.federation.partners."other.example"]."""
    open: bool = False
    """Whether to speak with every other domain, too, to which the DNS leads."""
    open_verify: Verify = "certificate"
    """What proves who they are, as in a partner's verify."""
    open_kind: Kind = "public-unverified"
    """Who they are, as in a partner's kind."""
    blocked: list[str] = []
    """Domains that are not spoken with, nor those below them."""

    def __post_init__(self) -> None:
        for name, domains in (("partners", list(self.partners)), ("blocked", self.blocked)):
            for domain in domains:
                if not domain_of(domain):
                    raise ValueError(f'{name} has "{domain[:80]}", which is no domain')


def host_and_port(text: str) -> tuple[str, int] | None:
    """``host:port`` or ``[address]:port`` in its two parts; None when it is neither."""
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host.strip("[]")
    if not colon or not host or (":" in host and not bracketed) or any(c.isspace() or c in "/@" for c in host):
        return None
    if not port.isascii() or not port.isdecimal() or len(port) > 5 or not 0 < int(port) < 65536:
        return None
    return host, int(port)
