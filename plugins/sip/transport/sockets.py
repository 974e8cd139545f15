"""Sockets before anything speaks over them: bound to one address or to all, and what their addresses are called."""

from __future__ import annotations

import asyncio
import socket

from .flow import Address

KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""How a peer that vanished without a word is found out: within two minutes."""
EVERYWHERE = ("0.0.0.0", "::")


async def bound(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A socket bound to the host's address; without a host, to every address of the machine, IPv4 and IPv6 alike.

    Raises OSError.
    """
    if not host:
        try:
            return _bind(socket.AF_INET6, kind, ("::", port))
        except OSError:
            if not _lacks_ipv6():
                raise
            host = "0.0.0.0"
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=kind)
    family, _, _, _, address = found[0]
    return _bind(family, kind, address)


def address_of(name: tuple[str, int] | tuple[str, int, int, int]) -> Address:
    """A socket's address, IPv4 inside IPv6 unwrapped, without zone."""
    host = name[0].partition("%")[0]
    return Address(host.removeprefix("::ffff:") if "." in host else host, name[1])


def local_to(remote: Address, local: Address) -> Address:
    """By which address the remote one knows us, where the socket is bound to all of them."""
    if local.host not in EVERYWHERE:
        return local
    family = socket.AF_INET6 if ":" in remote.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote.host, remote.port or 1))  # asks the routing table, sends nothing
        except OSError:
            return local
        return Address(address_of(probe.getsockname()).host, local.port)


def watch_for_death(connection: socket.socket | None) -> None:
    """Let the system ask now and then whether the peer still exists."""
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in KEEP_ALIVE:
        connection.setsockopt(socket.IPPROTO_TCP, option, seconds)


def _bind(family: int, kind: socket.SocketKind, address: object) -> socket.socket:
    made = socket.socket(family, kind)
    try:
        if kind is socket.SOCK_STREAM:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.setblocking(False)
        made.bind(address)  # type: ignore[arg-type]
    except OSError:
        made.close()
        raise
    return made


def _lacks_ipv6() -> bool:
    try:
        _bind(socket.AF_INET6, socket.SOCK_DGRAM, ("::", 0)).close()
    except OSError:
        return True
    return False
