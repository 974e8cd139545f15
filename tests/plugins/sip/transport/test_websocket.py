"""SIP over WebSocket through the real web server: RFC 7118."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from .....core.front_end import FrontEnd
from .....core.identity import Identity
from .....plugins.sip.options import SipOptions
from .....plugins.sip.plugin import SipTransport
from .....plugins.sip.syntax.headers import NameAddr
from .....plugins.sip.transport.limits import MAX_BEFORE_SIGN_IN, Limits
from .....web import WebServer
from ....people import ALICE, BOB, CAROL, Clock
from ....stage import front_end_in
from ..browser import BrowserPhone
from ..phone import Phone
from ..talker import until
from ..wire import request

HOME = "sip:example.test"


@dataclass
class Web:
    front_end: FrontEnd
    sip: SipTransport
    port: int
    phones: list[Phone] = field(default_factory=list)

    async def browser(self, who: Identity, *, registered: bool = True, **more: object) -> BrowserPhone:
        phone = await BrowserPhone(who, self.port, **more).connect()  # type: ignore[arg-type]
        self.phones.append(phone)
        if registered:
            assert (await phone.register()).status == 200
        return phone

    async def desk(self, who: Identity) -> Phone:
        phone = await Phone(who, self.sip.ports["tcp"]).connect()
        self.phones.append(phone)
        assert (await phone.register()).status == 200
        return phone


@pytest.fixture
async def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Web]:
    options = SipOptions(
        listen="127.0.0.1", tls_port=None, tcp_port=0, notify_pause=0.0, origins=["https://phone.example.org/"]
    )
    sip = SipTransport(options)
    server = WebServer(WebServer.Options(port=0, shared_addresses=["127.0.0.1"]))
    async with front_end_in(tmp_path, server, sip, clock=Clock(), same_domain="everyone") as front_end:
        running = Web(front_end, sip, server.ports["http"])
        yield running
        for phone in running.phones:
            await phone.close()


async def status_of(port: int, **headers: str) -> int:
    """What a handshake is answered with."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/sip", headers={**upgrade, **key, **named}) as response,
    ):
        return response.status


# ---- the handshake


async def test_the_sub_protocol_is_sip_or_there_is_no_websocket(served: Web) -> None:
    assert await status_of(served.port) == 400
    assert await status_of(served.port, Sec_WebSocket_Protocol="xmpp, chat") == 400
    assert await status_of(served.port, Sec_WebSocket_Protocol="sip", Upgrade="h2c") == 400
    assert await status_of(served.port, Sec_WebSocket_Protocol="chat, sip") == 101


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://evil.example", 403),
        ("http://127.0.0.1", 403),
        ("null", 403),
        ("http://127.0.0.1:{port}", 101),
        ("https://phone.example.org", 101),
        ("https://Phone.example.org", 101),
        ("http://phone.example.org", 403),
    ],
)
async def test_pages_of_other_hosts_come_only_where_they_are_named(served: Web, origin: str, status: int) -> None:
    headers = {"Sec_WebSocket_Protocol": "sip", "Origin": origin.format(port=served.port)}
    assert await status_of(served.port, **headers) == status


# ---- messages


@pytest.mark.parametrize("binary", [False, True])
async def test_a_browser_signs_in_and_both_sides_write(served: Web, binary: bool) -> None:
    alice = await served.browser(ALICE, binary=binary, origin=f"http://127.0.0.1:{served.port}")
    bob = await served.desk(BOB)
    binding = served.front_end.registrar.of(ALICE)[0]
    assert binding.client == "phone"
    assert (await alice.say(f"sip:{BOB}", "hällo from the page")).status == 200
    await bob.text("hällo from the page")
    assert (await bob.say(f"sip:{ALICE}", "hällo back")).status == 200
    heard = await alice.text("hällo back")
    assert NameAddr.parse(alice.contact).uri == NameAddr.parse(f"<{heard.uri}>").uri, "a Contact nobody could look up"
    assert heard.via[0].transport == "WS" and isinstance(alice.raw[0], str)


async def test_presence_goes_both_ways(served: Web) -> None:
    alice = await served.browser(ALICE)
    bob = await served.desk(BOB)
    assert (await alice.subscribe(f"sip:{BOB}")).status == 200
    await alice.sees("open")
    assert (await bob.subscribe(f"sip:{ALICE}")).status == 200
    await bob.sees("open")
    await alice.crash()
    served.phones.remove(alice)
    await until(lambda: served.front_end.registrar.of(ALICE) == [])


async def test_content_length_may_be_left_out(served: Web) -> None:
    alice = await served.browser(ALICE, registered=False)
    text = request("OPTIONS", HOME, via="SIP/2.0/WS x.invalid", length=False)
    await alice.socket.send_str(text.decode())
    await until(lambda: any("200 OK" in str(frame) for frame in alice.raw))
    wrong = request("OPTIONS", HOME, branch="z9hG4bK2", length=False)
    await alice.socket.send_str(wrong.decode()[:-2] + "Content-Length: 99\r\n\r\n")
    await until(lambda: any("400 " in str(frame) for frame in alice.raw))


async def test_several_flows_of_one_browser(served: Web) -> None:
    """What JsSIP says: reg-id, an instance, ``.invalid``."""
    first, second = [await served.browser(ALICE, registered=False, instance="urn:uuid:1") for _ in range(2)]
    for number, phone in enumerate((first, second), 1):
        headers = [("Contact", f"{phone.contact};reg-id={number}"), ("Supported", "path,gruu,outbound")]
        response = await phone.ask("REGISTER", HOME, to=phone.uri, headers=headers, call=f"c{number}")
        assert response.all("Require") == ["outbound"] and "pub-gruu" in str(response.first("Contact"))
    await second.crash()
    served.phones.remove(second)
    table = served.sip.services.registrations  # type: ignore[union-attr]
    assert table is not None
    await until(lambda: [way.flow.remote.port for way in table.ways(ALICE)] == [_port(first)])
    bob = await served.desk(BOB)
    assert (await bob.say(f"sip:{ALICE}", "still there?")).status == 200
    await first.text("still there?")


def _port(phone: BrowserPhone) -> int:
    return int(phone.socket.get_extra_info("sockname")[1])


# ---- keeping it alive, and its limits


async def test_keep_alives(served: Web) -> None:
    alice = await served.browser(ALICE)
    await alice.socket.send_str("\r\n\r\n")
    await until(lambda: alice.raw[-1] == "\r\n")
    await alice.socket.send_str("\r\n")
    await alice.socket.ping()
    assert (await alice.say(f"sip:{CAROL}", "after the pings")).status == 202
    assert alice.raw.count("\r\n") == 1


async def test_too_many_keep_alives(served: Web) -> None:
    alice = await served.browser(ALICE)
    for _ in range(30):
        await alice.socket.send_str("\r\n\r\n")
    assert await alice.is_hung_up_on()


async def test_who_says_nothing_or_does_not_sign_in_is_sent_away(served: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served.sip.services is not None
    limits = Limits(first_request_within=0.1, sign_in_within=0.4)
    monkeypatch.setattr(served.sip.services.sockets._reception, "limits", limits)
    mute = await served.browser(ALICE, registered=False)
    assert await mute.is_hung_up_on()
    stranger = await served.browser(ALICE, registered=False)
    assert (await stranger.exchange(stranger.request("OPTIONS", HOME))).status == 200
    assert await stranger.is_hung_up_on()
    signed_in = await served.browser(BOB)
    await asyncio.sleep(0.5)
    assert (await signed_in.register()).status == 200


async def test_a_message_too_long_before_sign_in(served: Web) -> None:
    stranger = await served.browser(ALICE, registered=False)
    await stranger.socket.send_bytes(request("OPTIONS", HOME, body=b"x" * MAX_BEFORE_SIGN_IN))
    assert await stranger.is_hung_up_on()
    known = await served.browser(ALICE)
    assert (await known.say(f"sip:{BOB}", "x" * 20_000)).status == 202
    await known.socket.send_bytes(b"x" * 500_000)
    assert await known.is_hung_up_on()


async def test_nonsense_harms_nobody_else(served: Web) -> None:
    alice = await served.browser(ALICE)
    other = await served.browser(ALICE, registered=False)
    for text in ("GET / HTTP/1.1\r\n\r\n", "MESSAGE\r\n\r\n", "\x00\x01", "a" * 5000):
        await other.socket.send_str(text)
    assert (await other.exchange(other.request("OPTIONS", HOME))).status == 200
    assert (await alice.say(f"sip:{BOB}", "unharmed")).status == 202


async def test_what_comes_too_fast_waits(served: Web) -> None:
    stranger = await served.browser(ALICE, registered=False)
    asked = [stranger.request("OPTIONS", HOME) for _ in range(25)]
    began = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(stranger.exchange(one) for one in asked))
    assert {answer.status for answer in answers} == {200}
    assert asyncio.get_running_loop().time() - began > 0.5


async def test_who_does_not_read_is_sent_away(served: Web) -> None:
    await served.browser(ALICE)
    table = served.sip.services.registrations  # type: ignore[union-attr]
    assert table is not None
    flow = table.ways(ALICE)[0].flow
    for _ in range(600):
        flow.send(b"x" * 1000)
    await until(lambda: flow.closed)
    assert flow.reason == "it does not read what it is sent"
    assert served.front_end.registrar.of(ALICE) == []


async def test_connections_of_one_address_are_counted(served: Web) -> None:
    phones = [await served.browser(ALICE, registered=False) for _ in range(20)]
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await served.browser(ALICE, registered=False)
    await phones[0].close()
    sockets = served.sip.services.sockets
    assert sockets is not None
    await until(lambda: len(sockets) == 19)


async def test_at_the_end_browsers_are_told(tmp_path: Path) -> None:
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0))
    server = WebServer(WebServer.Options(port=0, shared_addresses=["127.0.0.1"]))
    async with front_end_in(tmp_path, server, sip, clock=Clock()):
        phone = await BrowserPhone(ALICE, server.ports["http"]).connect()
        await phone.register()
        port = server.ports["http"]
        await sip.services.sockets.close()  # type: ignore[union-attr]
        assert await phone.is_hung_up_on() and phone.socket.close_code == 1001
        assert await status_of(port, Sec_WebSocket_Protocol="sip") == 503
    await phone.close()
