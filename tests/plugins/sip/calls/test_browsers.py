"""Calls between phones in browsers and phones on desks: each side reaches us by its own transport (RFC 7118)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .....plugins.sip.options import SipOptions
from .....plugins.sip.plugin import SipTransport
from .....web.server import WebServer
from ....people import ALICE, BOB
from ....stage import front_end_in
from ..browser import BrowserPhone
from .conftest import Exchange, Records
from .handset import Handset, connected


class BrowserHandset(BrowserPhone, Handset):
    """A handset over a WebSocket."""


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Handset, Handset]]:
    """Alice in a browser, bob at a desk."""
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, udp_port=0))
    server = WebServer(WebServer.Options(port=0, shared_addresses=["127.0.0.1"]))
    records = Records()
    async with front_end_in(tmp_path, server, sip, records) as front_end:
        bob = await Exchange(front_end, sip, records).phone(BOB, "UDP")
        alice = await BrowserHandset(ALICE, server.ports["http"], transport="WS").connect()
        assert (await alice.register()).status == 200
        yield alice, bob
        for phone in (alice, bob):
            await phone.close()


@pytest.mark.parametrize("caller", [0, 1])
async def test_each_side_is_shown_its_own_transport(both: tuple[Handset, Handset], caller: int) -> None:
    one, other = both[caller], both[1 - caller]
    lines = await connected(one, other)
    for line in lines:
        assert len(line.routes) == 2 and f"transport={line.phone.transport.lower()};" in line.routes[0]
    assert (await lines[1].ask("INFO")).status == 200
    await one.hears("INFO")
    assert (await lines[0].ask("BYE")).status == 200
    await other.hears("BYE")
