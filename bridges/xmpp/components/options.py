"""The options of components: the tables ``[xmpp.component]`` and ``[xmpp.gateways]``."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta

from ....core.errors import BadAddress
from ....core.identity import prepared
from ....core.options import Secret

Port = Annotated[int, Meta(ge=0, le=65535)]


class SecretOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [xmpp.component.domains."im.example.org"]: where the host wants another secret for each domain."""

    secret: Secret = ""
    """What this domain proves itself with."""


class ComponentOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [xmpp.component]: our domains are components of somebody's XMPP server (XEP-0114)."""

    host: str = "127.0.0.1"
    """Where that server takes components; what is said there is not encrypted."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 5347
    """Its port for components."""
    secret: Secret = ""
    """What our domains and their conference domains prove themselves with."""
    domains: dict[str, SecretOptions] = msgspec.field(default_factory=dict)
    """Domains with another secret, each in quotes: [xmpp.component.domains."conference.im.example.org"]."""
    reaches: list[str] = []
    """Other domains that are reached through it; empty for all that nobody else leads to."""
    remote: bool = False
    """Whether the host may be on another machine: only through a tunnel that encrypts."""
    clients: bool = True
    """Whether the ports for clients are open as well."""

    def __post_init__(self) -> None:
        if not self.remote and not is_loopback(self.host):
            raise ValueError(
                f'host is "{self.host}", which is another machine, and components speak in the clear: '
                "make a tunnel and name its end on this machine, or set remote = true"
            )
        if not self.secret and not any(table.secret for table in self.domains.values()):
            raise ValueError("secret is missing: write the one that the host has for this component")
        check_domains("domains", self.domains)
        check_domains("reaches", self.reaches)

    def secret_of(self, domain: str) -> str:
        """What this domain proves itself with."""
        own = self.domains.get(domain)
        return own.secret if own is not None and own.secret else self.secret


class GatewayOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [xmpp.gateways.domains."irc.example.org"]: a domain that somebody's gateway serves."""

    secret: Secret
    """What the gateway proves itself with."""
    name: str = ""
    """How it is called in the list of services; empty for its domain."""

    def __post_init__(self) -> None:
        if not self.secret:
            raise ValueError("secret is empty: anybody could speak for this domain")


class GatewaysOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [xmpp.gateways]: other people's gateways are components of this server (XEP-0114)."""

    listen: str = "127.0.0.1"
    """The address for gateways; what is said there is not encrypted."""
    port: Port = 5347
    """The port for gateways; 0 for any free one."""
    domains: dict[str, GatewayOptions] = msgspec.field(default_factory=dict)
    """The domains they serve, each in quotes: [xmpp.gateways.domains."irc.example.org"]."""
    remote: bool = False
    """Whether gateways may be on other machines: only through a tunnel that encrypts."""

    def __post_init__(self) -> None:
        if not self.remote and not is_loopback(self.listen):
            raise ValueError(
                f'listen is "{self.listen}", which other machines reach, and components speak in the clear: '
                'use "127.0.0.1" and a tunnel, or set remote = true'
            )
        check_domains("domains", self.domains)


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can be meant."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_domains(name: str, domains: Iterable[str]) -> None:
    """Raises ValueError for what is no domain, or is not written as it is compared."""
    for domain in domains:
        try:
            spelled = prepared(domain)
        except BadAddress:
            raise ValueError(f'{name} has "{domain[:80]}", which is no domain') from None
        if not domain or spelled != domain or set("@/ ") & set(domain):
            raise ValueError(f'{name} has "{domain[:80]}"; write a domain in small letters, such as "irc.example.org"')
