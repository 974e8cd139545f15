"""Two domains, each with a front end and a router of its own, and what carries stanzas between them in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .....bridges.xmpp.syntax.stanza import Stanza
from .....core.front_end import FrontEnd
from .....core.hooks import hookimpl
from .....core.identity import Endpoint, Identity
from .....core.people import Person
from .....core.settings import FrontEndSettings
from ....people import DOMAIN, Clock, who
from ....plugged import hooks_of
from ..house import Client, House, Options

if TYPE_CHECKING:
    from .....bridges.xmpp.abroad.abroad import Abroad
    from .....bridges.xmpp.abroad.carrier import Undelivered
    from .....bridges.xmpp.router import ClientRouter

DEFAULT = Options()
ELSEWHERE = "capulet.example"
JULIET, NURSE, TYBALT = (who(f"{name}@{ELSEWHERE}") for name in ("juliet", "nurse", "tybalt"))


class Routes:
    """Answers hooks as the plugin does."""

    def __init__(self) -> None:
        self.abroad: Abroad | None = None
        self.router: ClientRouter | None = None

    @hookimpl
    def endpoint_signed_in(self, endpoint: Endpoint) -> None:
        if self.router is not None:
            self.router.signed_in(endpoint.identity)

    @hookimpl
    def route(self, identity: Identity) -> object:
        return self.abroad.channel(identity) if self.abroad is not None else None


@dataclass
class Road:
    """A carrier: ``sent`` keeps what left; ``lead`` is where it goes, if anywhere; ``why`` is why nothing arrives."""

    domains: frozenset[str]
    lead: Callable[[Stanza], object] | None = None
    sent: list[bytes] = field(default_factory=list)
    why: str = ""

    def serves(self, domain: str) -> bool:
        return domain in self.domains

    def send(self, sender: str, domain: str, stanza: bytes, undelivered: Undelivered | None = None) -> None:
        self.sent.append(stanza)
        if self.why and undelivered is not None:
            asyncio.get_running_loop().call_soon(undelivered, self.why, "it did not arrive")
        elif self.lead is not None and not self.why:
            asyncio.get_running_loop().call_soon(self.lead, Stanza.read(stanza))

    def took(self, name: str = "", **attrs: str) -> list[Stanza]:
        """What left since the last call, whose name and attributes are these; the rest is dropped."""
        sent, self.sent = self.sent, []
        stanzas = [Stanza.read(stanza) for stanza in sent]
        return [
            s
            for s in stanzas
            if s.name == (name or s.name) and all(s.attrs.get(k.rstrip("_"), "") == v for k, v in attrs.items())
        ]


class Domain(House):
    """A house whose people know of other domains."""

    def __init__(self, front_end: FrontEnd, routes: Routes, options: Options = DEFAULT) -> None:
        super().__init__(front_end, options)
        routes.router = self.router
        routes.abroad = self.abroad = self.router.abroad
        self.under_way: set[asyncio.Future[None]] = set()
        self.neighbour: Domain | None = None

    def hears(self, stanza: Stanza | str) -> None:
        """A stanza comes from another domain."""
        if isinstance(stanza, str):
            stanza = Stanza.read(stanza.encode())
        work = self.abroad.received(stanza)
        if work is not None:
            task = asyncio.ensure_future(work)
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)

    async def heard(self, *stanzas: str) -> None:
        """They come, and everything happens that comes of them."""
        for stanza in stanzas:
            self.hears(stanza)
        await self.quiet()

    async def quiet(self) -> None:
        """Until nothing is under way here or in the other domain."""
        for _ in range(4):
            for house in (self, self.neighbour):
                if house is not None:
                    await house.front_end.hooks.heard()
                    while house.under_way:
                        await asyncio.wait(set(house.under_way), timeout=5)
                    await House.quiet(house)
                    while house.front_end.fan_out._abroad:
                        await asyncio.wait(set(house.front_end.fan_out._abroad), timeout=5)
            await asyncio.sleep(0)


@asynccontextmanager
async def domain_at(
    state: Path, domain: str, *names: str, options: Options = DEFAULT, **settings: object
) -> AsyncIterator[Domain]:
    """One domain with these people."""
    routes = Routes()
    running = FrontEnd(
        FrontEndSettings(domains=[domain], **settings),  # type: ignore[arg-type]
        hooks_of(routes),
        {},
        state,
        clock=Clock(),
    )
    async with running:
        for name in names:
            address = Identity(name, domain)
            if not await running.accounts.exists(address):
                await running.accounts.add(address, None, Person(str(address), name.title()))
        yield Domain(running, routes, options)


@asynccontextmanager
async def two_domains(state: Path) -> AsyncIterator[tuple[Domain, Domain]]:
    """Ours and another one, joined."""
    async with (
        domain_at(state / "ours", DOMAIN, "alice", "bob", "carol", "dave") as ours,
        domain_at(state / "theirs", ELSEWHERE, "juliet", "nurse", "tybalt") as theirs,
    ):
        ours.neighbour, theirs.neighbour = theirs, ours
        ours.abroad.carriers.append(road_to(theirs, ELSEWHERE))
        theirs.abroad.carriers.append(road_to(ours, DOMAIN))
        yield ours, theirs


def road_to(house: Domain | None, *domains: str) -> Road:
    """The way to a domain and its conferences."""
    return Road(frozenset(domains) | {f"conference.{d}" for d in domains}, house.hears if house else None)


@asynccontextmanager
async def our_domain(state: Path) -> AsyncIterator[tuple[Domain, Road]]:
    """Ours alone; what leaves for the other one is kept, and a test says what comes from there."""
    async with domain_at(state, DOMAIN, "alice", "bob", "carol", "dave") as ours:
        road = road_to(None, ELSEWHERE)
        ours.abroad.carriers.append(road)
        yield ours, road


__all__ = ["ELSEWHERE", "JULIET", "NURSE", "TYBALT", "Client", "Domain", "Road", "our_domain", "two_domains"]
