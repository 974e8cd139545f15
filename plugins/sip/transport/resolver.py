"""Where a SIP URI leads: RFC 3263, from a name to addresses, ports and transports in the order to be tried."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from ....core.dns import Lookup, NameServers, Naptr, Remembered, Srv, in_order
from ....core.errors import Undeliverable
from ..syntax.uri import SipUri

MAX_HOPS = 16
"""Places that are tried for one URI."""
MAX_NAME = 253
"""Characters of a name that is looked up: what the DNS has room for."""

SECURE = "TLS"
PORTS = {"TLS": 5061, "TCP": 5060, "UDP": 5060}
SERVICES = {"SIPS+D2T": "TLS", "SIP+D2T": "TCP", "SIP+D2U": "UDP"}
"""What a NAPTR record offers (RFC 3263 section 4.1)."""
PREFIXES = {"TLS": "_sips._tcp.", "TCP": "_sip._tcp.", "UDP": "_sip._udp."}
"""Under which name each transport of a domain is (RFC 3263 section 4.1)."""


class NextHop(NamedTuple):
    """One place to send to; ``name`` is what its certificate must say, the domain that was looked for."""

    host: str
    port: int
    transport: str
    name: str


class Resolver:
    """``transports`` are those we can send by, in the order we like them.  ``chance`` gives numbers from 0 to 1."""

    def __init__(
        self,
        lookup: Lookup | None = None,
        *,
        transports: Sequence[str] = tuple(PORTS),
        clock: Callable[[], float] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._servers = NameServers() if lookup is None else None
        self._dns = Remembered(lookup or self._servers or NameServers(), clock)
        self._transports = tuple(transports)
        self._chance = chance

    async def hops(self, uri: SipUri, *, secure: bool = False) -> Sequence[NextHop]:
        """The places to try, the best first.  ``secure``, and a ``sips`` URI: by TLS only.

        Raises Undeliverable when there is none.
        """
        if not uri.is_sip or not uri.host:
            raise Undeliverable(f"a {uri.scheme} address leads nowhere")
        name = uri.host.strip("[]").lower().rstrip(".")
        target = (uri.params.get("maddr") or name).strip("[]").lower().rstrip(".")
        secure = secure or uri.scheme == "sips"
        allowed = [t for t in self._transports if t == SECURE or not secure]
        asked = _asked(uri, secure)
        if asked and asked not in allowed:
            raise Undeliverable(f"{name} wants {asked}, by which nothing is sent from here")
        if not allowed or len(target) > MAX_NAME:
            raise Undeliverable(f"nothing can be sent to {name[:80]}")
        hops = await self._found(target, uri.port, asked, allowed)
        if not hops:
            raise Undeliverable(f"the DNS does not know where {name} is")
        return [NextHop(host, port, transport, name) for host, port, transport in hops[:MAX_HOPS]]

    async def close(self) -> None:
        """Ask nobody any more."""
        self._dns.close()
        if self._servers is not None:
            await self._servers.close()

    async def _found(
        self, target: str, port: int | None, asked: str, allowed: Sequence[str]
    ) -> list[tuple[str, int, str]]:
        """Address, port and transport of each place."""
        default = asked or ("UDP" if "UDP" in allowed else allowed[-1])
        if (address := _numeric(target)) is not None:
            return [(address, port or PORTS[default], default)]
        if port is not None:
            return [(host, port, default) for host in await self._addresses(target)]
        names = [(asked, PREFIXES[asked] + target)] if asked else await self._services(target, allowed)
        places: list[tuple[str, int, str]] = []
        for transport, name in names:
            for srv in in_order(await self._srv(name), self._chance):
                places += [(host, srv.port, transport) for host in await self._addresses(srv.target)]
                if len(places) >= MAX_HOPS:
                    return places
        return places or [(host, PORTS[default], default) for host in await self._addresses(target)]

    async def _services(self, target: str, allowed: Sequence[str]) -> list[tuple[str, str]]:
        """By NAPTR, in the order the domain wishes; without them, by what we like."""
        records = [r for r in await self._records_or_none("NAPTR", target) if isinstance(r, Naptr)]
        offered = [
            (SERVICES[record.service.upper()], record.replacement)
            for record in sorted(records, key=lambda record: (record.order, record.preference))
            if record.flags.lower() == "s" and record.service.upper() in SERVICES and record.replacement.strip(".")
        ]
        usable = [(transport, name) for transport, name in offered if transport in allowed]
        return usable or [(transport, PREFIXES[transport] + target) for transport in allowed]

    async def _srv(self, name: str) -> list[Srv]:
        """RFC 2782: a single record whose target is the root says that there is no such service."""
        records = [r for r in await self._records_or_none("SRV", name) if isinstance(r, Srv)]
        return [record for record in records if record.target.strip(".")]

    async def _addresses(self, name: str) -> list[str]:
        if (address := _numeric(name)) is not None:
            return [address]
        return [r for r in await self._dns.records("ADDRESS", name) if isinstance(r, str)]

    async def _records_or_none(self, kind: str, name: str) -> Sequence[object]:
        """A name server that does not know a kind of record is no reason not to look for another kind."""
        try:
            return await self._dns.records("NAPTR" if kind == "NAPTR" else "SRV", name)
        except Undeliverable:
            return ()


def _asked(uri: SipUri, secure: bool) -> str:
    """The transport a URI names; over TCP, what must be secure is TLS (RFC 3261 section 26.2.2)."""
    asked = (uri.params.get("transport") or "").upper()
    return SECURE if secure and asked == "TCP" else asked


def _numeric(host: str) -> str | None:
    """The address, when that is what the host is."""
    try:
        return str(ip_address(host))
    except ValueError:
        return None
