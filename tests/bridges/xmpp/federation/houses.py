"""Servers of several domains on the loopback, each a federation with a recorder where the rest of a server would be."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from .....bridges.xmpp.federation.dialback import Pair
from .....bridges.xmpp.federation.federation import Federation
from .....bridges.xmpp.federation.options import FederationOptions, PartnerOptions
from .....bridges.xmpp.syntax.stanza import Stanza
from .....core.contacts import Contact, Subscription
from .....core.dns import Found, Srv
from .....core.federation import Federation as CommonFederation
from .....core.federation import Partner
from .....core.identity import Identity
from ....authority import Authority, Kind
from ....authority import Pair as Certificate
from ....people import Clock

HERE, THERE, ELSEWHERE = "here.example", "there.example", "elsewhere.example"
PATIENCE = 20.0


async def until(condition: Callable[[], object], what: str = "") -> None:
    """Wait for what will be true."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"waited for {what or condition}") from None


class Shown:
    """What a server shows, good or bad: nobody checks it before."""

    def __init__(self, pair: Certificate) -> None:
        self.pair = pair

    def shown_by(self, context: ssl.SSLContext, domain: str = "") -> ssl.SSLContext:
        context.load_cert_chain(self.pair.certificate, self.pair.key)
        return context


class Contacts:
    """The contact lists of a house."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], Contact] = {}

    def knows(self, owner: str, address: str, **more: Any) -> None:
        one, other = Identity.parse(owner), Identity.parse(address)
        self.entries[owner, address] = Contact(one, other, **more)

    async def get(self, owner: Identity, address: Identity) -> Contact | None:
        await asyncio.sleep(0)
        return self.entries.get((str(owner), str(address)))


class Recorder:
    """What a carrier brings."""

    def __init__(self) -> None:
        self.stanzas: list[Stanza] = []
        self.lost_ones: list[str] = []
        self.found_ones: list[str] = []
        self.work: asyncio.Future[None] | None = None
        """What is still to be done for every stanza."""

    def received(self, stanza: Stanza) -> asyncio.Future[None] | None:
        self.stanzas.append(stanza)
        return asyncio.shield(self.work) if self.work is not None else None

    def lost(self, domain: str) -> None:
        self.lost_ones.append(domain)

    def found(self, domain: str) -> None:
        self.found_ones.append(domain)

    @property
    def texts(self) -> list[str]:
        """What was said."""
        return [s.tree.findtext("{jabber:client}body") or "" for s in self.stanzas if s.name == "message"]


@dataclass
class House:
    """One server."""

    town: Town
    domain: str
    federation: Federation
    arrivals: Recorder
    contacts: Contacts
    common: CommonFederation
    port: int
    returned: list[tuple[str, str, str]] = field(default_factory=list)
    """What was not delivered: what was said, the condition, the sentence."""

    def send(self, stanza: str, domain: str = "", sender: str = "") -> None:
        """Send a stanza to another domain."""
        raw = Stanza.read(stanza.encode())
        assert raw.to is not None

        def undelivered(condition: str, text: str) -> None:
            self.returned.append((raw.tree.findtext("{jabber:client}body") or raw.name, condition, text))

        self.federation.send(sender or self.domain, domain or raw.to.domain, stanza.encode(), undelivered)

    def say(self, text: str, to: str, sender: str = "ann") -> None:
        """Somebody says something."""
        self.send(f"<message from='{sender}@{self.domain}/desk' to='{to}' type='chat'><body>{text}</body></message>")

    def partner(self, domain: str) -> Partner:
        """How another domain is doing, seen from here."""
        return next(partner for partner in self.common.partners() if partner.domain == domain)

    def links(self) -> list[Any]:
        """Its connections: theirs, then ours."""
        return [*self.federation._hall.connections, *self.federation._calls.connections]

    def is_proven(self) -> bool:
        """Whether anybody who came has proven who they are."""
        return any(link.proven for link in self.federation._hall.connections)

    async def break_connections(self) -> None:
        """As if a cable was cut."""
        broken = self.links()
        for link in broken:
            link.abort()
        await until(lambda: not set(broken) & set(self.links()))

    def unconfirmed(self, domain: str) -> int:
        """How much of what was sent there is not known to have arrived; -1 while there is no connection."""
        stream = self.federation._ways._ways[Pair(self.domain, domain)]._stream
        return len(stream.confirmations) if stream is not None else -1

    async def stop(self) -> None:
        await self.federation.close()
        self.town.running.remove(self)


class Town:
    """All of them, their authority, and their name server."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder / "authority")
        self.zone: dict[tuple[str, str], list[object]] = {("ADDRESS", "localhost"): ["127.0.0.1"]}
        self.running: list[House] = []

    async def lookup(self, kind: str, name: str) -> Found:
        await asyncio.sleep(0)
        return Found(tuple(self.zone.get((kind, name), ())), 60)  # type: ignore[arg-type]

    async def start(
        self,
        domain: str,
        *partners: str,
        kind: Kind = "good",
        port: int = 0,
        partner: dict[str, Any] | None = None,
        shows: Certificate | None = None,
        **options: Any,
    ) -> House:
        """Start a server for a domain; its partners are believed by the town's authority, unless told otherwise."""
        told = {"ca": str(self.authority.file)} if partner is None else partner
        contacts, common, arrivals = Contacts(), CommonFederation(), Recorder()
        front_end = SimpleNamespace(
            clock=Clock(),
            tls=Shown(shows or self.authority.certificate(domain, f"conference.{domain}", kind=kind)),
            contacts=contacts,
            federation=common,
            ours=lambda name: name == domain,
            is_conference=lambda name: name == f"conference.{domain}",
        )
        options.setdefault("partners", {name: PartnerOptions(**told) for name in partners})
        federation = Federation(front_end, FederationOptions(port=port, **options), arrivals, self.lookup)  # type: ignore
        ports = await federation.open("127.0.0.1")
        house = House(self, domain, federation, arrivals, contacts, common, ports["server"])
        self.serves(house.port, domain, f"conference.{domain}")
        self.running.append(house)
        return house

    def serves(self, port: int, *domains: str, service: str = "_xmpp-server") -> None:
        """The name server leads there."""
        for domain in domains:
            self.zone["SRV", f"{service}._tcp.{domain}"] = [Srv(0, 0, port, "localhost")]

    async def both(self, **options: Any) -> tuple[House, House]:
        """Here and there, who are partners."""
        return await self.start(HERE, THERE, **options), await self.start(THERE, HERE, **options)


@asynccontextmanager
async def town_in(folder: Path) -> AsyncIterator[Town]:
    """Nobody lives there yet."""
    town = Town(folder)
    try:
        yield town
    finally:
        for house in list(town.running):
            await house.stop()


__all__ = ["ELSEWHERE", "HERE", "THERE", "House", "Recorder", "Subscription", "Town", "town_in", "until"]
