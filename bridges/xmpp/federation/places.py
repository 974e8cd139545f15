"""Where a domain's server is: what the administrator wrote, else what the DNS says (RFC 6120 section 3.2, XEP-0368)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from ....core.dns import Lookup, NameServers, Remembered, Srv, in_order
from ....core.errors import Undeliverable
from .limits import MAX_PLACES
from .names import ascii_of
from .options import PartnerOptions, host_and_port

SERVICES = (("_xmpps-server._tcp.", True), ("_xmpp-server._tcp.", False))
"""Under which name a domain's servers are, and whether they expect TLS at once."""
PORT = 5269
"""Where a server is that no SRV record tells of (RFC 6120 section 3.2.2)."""

NOT_FOUND = "remote-server-not-found"
NO_ANSWER = "remote-server-timeout"


class Unreached(Undeliverable):
    """A domain was not reached; ``condition`` says so in the words of RFC 6120 section 8.3.3."""

    def __init__(self, text: str, condition: str = NO_ANSWER) -> None:
        super().__init__(text)
        self.condition = condition


class Place(NamedTuple):
    """One to try; ``direct``: TLS from the first byte."""

    host: str
    port: int
    direct: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Places:
    """Asks the DNS, and remembers what it said as long as it may."""

    def __init__(self, lookup: Lookup | None = None, *, chance: Callable[[], float] = random.random) -> None:
        self._servers = NameServers() if lookup is None else None
        self._dns = Remembered(lookup or self._servers or NameServers())
        self._chance = chance

    async def of(self, domain: str, options: PartnerOptions) -> Sequence[Place]:
        """The places to try, the best first.  Raises Unreached, BadAddress."""
        written = host_and_port(options.next_hop)
        if written is not None:
            host, port = written
            return [Place(address, port, options.direct_tls) for address in await self._addresses(host)]
        name = ascii_of(domain)
        found = await asyncio.gather(*(self._services(prefix + name) for prefix, _ in SERVICES))
        direct = frozenset(id(record) for record in found[0])
        records = [record for records in found for record in records]
        places: list[Place] = []
        for record in in_order((record for record in records if record.target.strip(".")), self._chance):
            addresses = await self._addresses(record.target, needed=False)
            places += [Place(address, record.port, id(record) in direct) for address in addresses]
        if not places and not records:
            places = [Place(address, PORT) for address in await self._addresses(name)]
        if not places:
            raise Unreached(f"the DNS knows no server of {domain}", NOT_FOUND)
        return places[:MAX_PLACES]

    async def close(self) -> None:
        """Ask nobody any more."""
        self._dns.close()
        if self._servers is not None:
            await self._servers.close()

    async def _services(self, name: str) -> Sequence[Srv]:
        """A name server that does not answer this is no reason not to ask for something else."""
        try:
            return [record for record in await self._dns.records("SRV", name) if isinstance(record, Srv)]
        except Undeliverable:
            return ()

    async def _addresses(self, name: str, *, needed: bool = True) -> Sequence[str]:
        try:
            return [str(ip_address(name))]
        except ValueError:
            pass
        try:
            found = [record for record in await self._dns.records("ADDRESS", name) if isinstance(record, str)]
        except Undeliverable as why:
            if not needed:
                return ()
            raise Unreached(str(why), NOT_FOUND) from None
        if needed and not found:
            raise Unreached(f"the DNS does not know where {name} is", NOT_FOUND)
        return found
