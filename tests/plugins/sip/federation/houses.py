"""Two servers of two domains on the loopback, each with its own authority, that federate over mutual TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .....core.certificates import Certificate
from .....core.front_end import FrontEnd
from .....core.identity import Identity
from .....core.settings import FrontEndSettings
from .....plugins.sip.federation.federation import Federation
from .....plugins.sip.federation.options import FederationOptions, PartnerOptions
from .....plugins.sip.options import SipOptions
from .....plugins.sip.plugin import SipTransport
from ....people import ALICE, CAROL, Clock
from ....ports import free_port
from ....stage import enrol, front_end_in
from ..phone import Phone

HERE, THERE = "example.test", "other.example"
BOB, DORA = Identity("bob", THERE), Identity("dora", THERE)
PATIENCE = 20.0

__all__ = ["ALICE", "BOB", "CAROL", "DORA", "HERE", "THERE", "House", "Town", "until"]


async def until(condition: Callable[[], object], what: str = "") -> None:
    """Wait for what will be true."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"waited for {what or condition}") from None


@dataclass
class House:
    """One domain's server, and its people's phones."""

    domain: str
    state: Path
    port: int
    phones: list[Phone] = field(default_factory=list)
    sip: SipTransport | None = None
    running: FrontEnd | None = None

    @property
    def front_end(self) -> FrontEnd:
        assert self.running is not None
        return self.running

    @property
    def plugin(self) -> SipTransport:
        assert self.sip is not None
        return self.sip

    @property
    def federation(self) -> Federation:
        services = self.plugin.services
        assert services is not None and services.federation is not None
        return services.federation

    @property
    def authority(self) -> str:
        """Its own little certificate authority, made before anything starts."""
        self.state.mkdir(mode=0o700, exist_ok=True)
        Certificate(FrontEndSettings(domains=(self.domain,)), self.state, (self.domain,))
        return str(self.state / "ca.crt")

    def partner(self, of: str) -> dict[str, object]:
        """How this domain is doing, seen from here."""
        found = [p for p in self.front_end.federation.partners() if p.domain == of]
        return {name: getattr(found[0], name) for name in found[0].__struct_fields__}

    async def phone(self, who: Identity, **more: str) -> Phone:
        """A phone of one of its people, registered."""
        phone = await Phone(who, self.plugin.ports["tcp"], **more).connect()
        self.phones.append(phone)
        assert (await phone.register()).status == 200
        return phone

    async def asked(self, owner: Identity) -> Identity:
        """Who asks to see one of its people; waits for the question."""
        async with asyncio.timeout(PATIENCE):
            while not (questions := await self.front_end.contacts.questions(owner)):
                await asyncio.sleep(0.005)
        assert len(questions) == 1
        return questions[0].address

    async def opens_to(self, owner: Identity, other: Identity) -> None:
        """One of its people has somebody on the list, lets them look, and wants to see them."""
        contacts = self.front_end.contacts
        await contacts.put(owner, other, name="", groups=())
        await contacts.grant(owner, other)
        await contacts.ask(owner, other)


@dataclass
class Town:
    """Both of them."""

    here: House
    there: House
    stack: AsyncExitStack

    async def start(self, house: House, *plugins: object, **options: object) -> None:
        """Start one, with the other as its partner unless it is told otherwise."""
        other = self.there if house is self.here else self.here
        given = FederationOptions(
            port=house.port,
            partners={other.domain: PartnerOptions(next_hop=f"127.0.0.1:{other.port}", ca=other.authority)},
        )
        options.setdefault("federation", given)
        sip = house.sip = SipTransport(
            SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, notify_pause=0.0, **options)  # type: ignore
        )
        front_end = front_end_in(house.state, sip, *plugins, clock=Clock(), domains=(house.domain,))
        house.running = await self.stack.enter_async_context(front_end)
        for who in (BOB, DORA) if house.domain == THERE else ():
            await enrol(house.running, who, who.user.title())

    async def start_both(self) -> Town:
        await self.start(self.here)
        await self.start(self.there)
        return self

    async def friends(self, one: Identity, other: Identity) -> None:
        """Of two domains; each lets the other look."""
        for owner, contact in ((one, other), (other, one)):
            house = self.here if owner.domain == HERE else self.there
            await house.opens_to(owner, contact)


@asynccontextmanager
async def town_in(folder: Path) -> AsyncIterator[Town]:
    """Two houses, not yet started."""
    houses = [House(domain, folder / domain, free_port()) for domain in (HERE, THERE)]
    async with AsyncExitStack() as stack:
        town = Town(*houses, stack)
        try:
            yield town
        finally:
            for house in houses:
                for phone in house.phones:
                    await phone.close()
