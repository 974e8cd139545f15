"""A front end that carries calls over TCP, UDP and TLS, handsets for the cast, and what the core has heard."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .....core.call import Call
from .....core.cdr import CallDetailRecord
from .....core.front_end import FrontEnd
from .....core.hooks import hookimpl
from .....core.identity import Identity
from .....plugins.sip.options import SipOptions
from .....plugins.sip.plugin import SipTransport
from ....people import ALICE, BOB, CAROL
from ....stage import front_end_in
from ..phone import PATIENCE
from .handset import Handset


class Records:
    """A plugin that keeps what is told of calls."""

    def __init__(self) -> None:
        self.closed: list[CallDetailRecord] = []

    @hookimpl
    def record_closed(self, record: CallDetailRecord) -> None:
        self.closed.append(record)


@dataclass
class Exchange:
    """The server and its phones."""

    front_end: FrontEnd
    sip: SipTransport
    records: Records
    phones: list[Handset] = field(default_factory=list)

    async def phone(self, who: Identity, transport: str = "TCP", *, registered: bool = True, **more: str) -> Handset:
        """A connected handset, signed in unless told otherwise."""
        tls: dict[str, object] = {}
        if transport == "TLS":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            tls = {"ssl": context, "server_hostname": "localhost"}
        phone = await Handset(who, self.sip.ports[transport.lower()], transport=transport, **more).connect(**tls)
        self.phones.append(phone)
        if registered:
            response = await phone.register()
            assert response.status == 200, response
        return phone

    @property
    def calls(self) -> list[Call]:
        return list(self.front_end.calls.open.values())

    async def until(self, condition: object, what: str) -> None:
        """Wait for what will be true."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():  # type: ignore[operator]
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"waited for {what}; calls {self.calls}, records {self.records.closed}") from None

    async def recorded(self, number: int = 1) -> CallDetailRecord:
        """The last record, once there are so many and no call is open."""
        closed = self.records.closed
        await self.until(lambda: len(closed) >= number and not self.calls, f"{number} records")
        assert len(closed) == number, closed
        return closed[-1]


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    """Nobody is signed in yet; everybody sees everybody."""
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=0, tcp_port=0, udp_port=0, notify_pause=0.0))
    records = Records()
    async with front_end_in(tmp_path, sip, records) as front_end:
        served = Exchange(front_end, sip, records)
        yield served
        for phone in served.phones:
            await phone.close()


@pytest.fixture
async def alice(exchange: Exchange) -> Handset:
    return await exchange.phone(ALICE)


@pytest.fixture
async def bob(exchange: Exchange) -> Handset:
    return await exchange.phone(BOB)


@pytest.fixture
async def carol(exchange: Exchange) -> Handset:
    return await exchange.phone(CAROL)
