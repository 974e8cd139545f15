"""The options of federation: the table ``[sip.federation]``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ....core.errors import BadAddress
from ....core.identity import prepared
from ....core.options import ReadableFile
from ..syntax.grammar import MalformedSip
from ..syntax.uri import SipUri


class PartnerOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [sip.federation.partners."other.example"]."""

    next_hop: str = ""
    """Where its server is, as in "sip.other.example:5061"; empty: the DNS says so (_sips._tcp)."""
    ca: ReadableFile = ""
    """A PEM file with the only authorities that are believed about it; empty: those that this machine trusts."""
    certificate_name: str = ""
    """The name its certificate has, where that is not the domain."""

    def __post_init__(self) -> None:
        if self.next_hop:
            try:
                SipUri.parse(f"sip:{self.next_hop}")
            except MalformedSip:
                raise ValueError('next_hop is none: "sip.other.example:5061" is one') from None


class FederationOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [sip.federation]."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 5062
    """The TLS port for other servers; whoever comes there without a certificate is not let in.  0: any free port."""
    partners: dict[str, PartnerOptions] = msgspec.field(default_factory=dict)
    """The domains to speak with, each in quotes: [sip.federation.partners."other.example"]."""
    open: bool = False
    """Whether to speak with every other domain too, if its certificate is publicly signed and the DNS leads to it."""

    def __post_init__(self) -> None:
        for domain in self.partners:
            try:
                prepared(domain)
            except BadAddress:
                raise ValueError(f'partners has "{domain[:80]}", which is no domain') from None
