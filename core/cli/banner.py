"""The demo's banner: addresses, accounts, and how to sign in, in the reader's language."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING

import click

from . import show
from .process import addresses_of, ports_of
from .words import Language, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..front_end import FrontEnd

PAGE = "Who is around"
"""How the page of everybody's presence calls its address."""


def reachable(listen: str) -> str:
    """How others reach a server that listens there: its address, or this machine's name where it listens everywhere."""
    address = ipaddress.ip_address(listen)
    if address.is_unspecified:
        return socket.getfqdn()
    return f"[{address}]" if address.version == 6 else str(address)


def print_banner(
    front_end: FrontEnd, host: str, accounts: Mapping[str, str], language: Language, seconds: float
) -> None:
    """Everything somebody needs to know who has never seen this server."""

    def tell(key: str, **what: object) -> str:
        return say(key, language, **what)

    ports, addresses = ports_of(front_end), addresses_of(front_end)
    first, second = list(accounts)[:2]
    domains = ", ".join(front_end.domains)
    click.echo(click.style(tell("ready", version=front_end.version, domains=domains), fg="green", bold=True))
    click.echo(tell("ready in", seconds=seconds))
    _head(tell("addresses"))
    show.print_facts(addresses)
    _head(tell("accounts"))
    click.echo("  ".join(accounts))
    click.echo(tell("password for all", password=click.style(accounts[first], bold=True)))
    if "sip_tls" in ports:
        user, _, domain = first.partition("@")
        _head(tell("sip client"))
        click.echo(tell("sip client how", user=user, domain=domain, host=host, port=ports["sip_tls"]))
        if "sip_tcp" in ports:
            click.echo(tell("sip plain", host=host, port=ports["sip_tcp"]))
    if "xmpp_starttls" in ports:
        _head(tell("xmpp client"))
        click.echo(tell("xmpp client how", who=second, host=host, port=ports["xmpp_starttls"]))
    if front_end.tls.made:
        click.echo(tell("trust", authority=front_end.tls.authority))
    page = next((address for name, address in addresses if name.startswith(PAGE)), "")
    if page:
        _head(tell("page"))
        click.echo(click.style(page, underline=True))
    click.echo()
    click.echo(tell("state", state=front_end.state))
    click.echo(tell("ask"))
    click.echo(tell("stop"))


def _head(text: str) -> None:
    click.echo()
    click.echo(click.style(text, bold=True))
