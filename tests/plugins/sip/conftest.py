"""A front end that serves SIP on a free port, and phones for the cast."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ....core.front_end import FrontEnd
from ....core.identity import Identity
from ....plugins.sip.plugin import SipOptions, SipTransport
from ...people import ALICE, BOB, Clock
from ...stage import front_end_in
from .phone import Phone


@dataclass
class Exchange:
    """The server, and everybody's phones."""

    front_end: FrontEnd
    sip: SipTransport
    clock: Clock
    phones: list[Phone] = field(default_factory=list)

    async def phone(self, who: Identity, *, registered: bool = True, **more: str) -> Phone:
        """A connected phone, signed in unless told otherwise."""
        phone = await Phone(who, self.sip.ports["tcp"], **more).connect()
        self.phones.append(phone)
        if registered:
            response = await phone.register()
            assert response.status == 200, response
        return phone

    async def friends(self, one: Identity, other: Identity) -> None:
        """Each on the other's list, each allowed to look."""
        for owner, contact in ((one, other), (other, one)):
            await self.front_end.contacts.put(owner, contact, name="", groups=())
            await self.front_end.contacts.grant(owner, contact)
            await self.front_end.contacts.ask(owner, contact)


Served = Callable[..., Awaitable[Exchange]]


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    """Alice and Bob are friends; nobody is signed in."""
    clock = Clock()
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, notify_pause=0.0))
    async with front_end_in(tmp_path, sip, clock=clock) as front_end:
        served = Exchange(front_end, sip, clock)
        await served.friends(ALICE, BOB)
        yield served
        for phone in served.phones:
            await phone.close()
