"""XMPP over WebSocket, through a real web server: sign-in, talk, resumption, goodbyes, and who may not come in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from .....bridges.xmpp.components.options import ComponentOptions
from .....bridges.xmpp.options import XmppOptions
from .....bridges.xmpp.plugin import XmppBridge
from .....bridges.xmpp.stream import pipe
from .....bridges.xmpp.stream.limits import AFTER_SIGN_IN, MAX_TRIES
from .....bridges.xmpp.web import websocket
from .....bridges.xmpp.web.options import WebOptions
from .....bridges.xmpp.web.websocket import MAX_BEYOND, FrameTransport, WebSockets
from .....core.front_end import FrontEnd
from .....core.identity import Endpoint
from .....web.server import WebServer
from ....people import ALICE, BOB
from ....stage import PASSWORD, front_end_in
from ..socket_client import SASL, SocketClient
from .browser import CLIENT, FRAMING, STREAMS, Browser

MESSAGE, PRESENCE, IQ = (f"{{{CLIENT}}}{name}" for name in ("message", "presence", "iq"))
CLOSE, ERROR = f"{{{FRAMING}}}close", f"{{{STREAMS}}}error"
SM = "urn:xmpp:sm:3"


class Place:
    """A server with a web server, and where things are."""

    def __init__(self, front_end: FrontEnd, bridge: XmppBridge, server: WebServer) -> None:
        self.front_end, self.bridge, self.server = front_end, bridge, server
        self.url = f"ws://127.0.0.1:{server.ports['http']}/xmpp-websocket"

    @property
    def connections(self) -> int:
        assert self.bridge.services is not None
        return len(self.bridge.services.house.connections)


@asynccontextmanager
async def place_in(state: Path, web: WebOptions | None = None, **options: object) -> AsyncIterator[Place]:
    bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, web=web or WebOptions(), **options))  # type: ignore[arg-type]
    server = WebServer(WebServer.Options(port=0))
    async with front_end_in(state, bridge, server) as front_end:
        yield Place(front_end, bridge, server)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as running:
        yield running


async def become(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def available(browser: Browser) -> None:
    await browser.say(f"<presence xmlns='{CLIENT}'/>")
    await browser.until(PRESENCE)


def condition_of(error: Element) -> str:
    return error[0].tag.rpartition("}")[2]


async def test_a_page_and_a_desk_client_talk(place: Place):
    page = await Browser.signed_in(place.url, ALICE, PASSWORD)
    await available(page)
    desk = await SocketClient.signed_in(place.bridge.ports, BOB, PASSWORD)
    desk.say("<presence/><message to='alice@example.test' type='chat'><body>grüße &amp; &lt;3</body></message>")
    said = await page.until(MESSAGE)
    assert said.findtext(f"{{{CLIENT}}}body") == "grüße & <3" and said.get("from") == "bob@example.test/desk"
    await page.say(f"<message xmlns='{CLIENT}' to='bob@example.test' type='chat'><body>to you</body></message>")
    assert "<body>to you</body>" in await desk.until("</message>")
    await page.close()
    desk.close()


async def test_two_pages_get_stanzas_that_say_their_namespace_once(place: Place):
    alice, bob = [await Browser.signed_in(place.url, who, PASSWORD) for who in (ALICE, BOB)]
    await available(bob)
    await alice.say(f"<message xmlns='{CLIENT}' to='bob@example.test'><body>x</body><y xmlns='u:y'/></message>")
    said = await bob.until(MESSAGE)
    assert [kid.tag for kid in said][:2] == [f"{{{CLIENT}}}body", "{u:y}y"]
    await alice.close()
    await bob.close()


async def test_nothing_is_compressed(place: Place):
    async with ClientSession() as session:
        socket = await session.ws_connect(place.url, protocols=("xmpp",), compress=15)
        assert socket.compress == 0 and socket.protocol == "xmpp"
        await socket.close()


async def test_scram_is_offered_and_tls_is_not(place: Place):
    page = await Browser.connect(place.url)
    features = await page.open()
    names = {mechanism.text for mechanism in features.iter(f"{{{SASL}}}mechanism")}
    assert {"SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"} <= names
    assert "starttls" not in {kid.tag.rpartition("}")[2] for kid in features}
    await page.close()


async def test_wrong_passwords_end_in_an_error_and_a_close(place: Place):
    page = await Browser.connect(place.url)
    await page.open()
    for _ in range(MAX_TRIES):
        assert (await page.plain(ALICE, "wrong")).tag == f"{{{SASL}}}failure"
    error, close = await page.rest()
    assert (error.tag, condition_of(error), close.tag) == (ERROR, "policy-violation", CLOSE)
    assert page.socket.close_code == 1008
    await page.close()


async def test_who_closes_the_stream_is_signed_out(place: Place):
    page = await Browser.signed_in(place.url, ALICE, PASSWORD)
    await page.say(f"<close xmlns='{FRAMING}'/>")
    assert [element.tag for element in await page.rest()] == [CLOSE]
    assert page.socket.close_code == 1000
    await become(lambda: place.front_end.registrar.at(Endpoint(ALICE, "page")) is None and not place.connections)
    await page.close()


@pytest.mark.parametrize("how", ["closed", "cut"])
async def test_a_session_goes_on_over_another_websocket(place: Place, how: str):
    page = await Browser.signed_in(place.url, ALICE, PASSWORD)
    await available(page)
    await page.say(f"<enable xmlns='{SM}' resume='true'/>")
    previous = (await page.until(f"{{{SM}}}enabled")).get("id")
    if how == "closed":  # the WebSocket, not the stream
        await page.close()
    else:
        page.socket._response.connection.transport.abort()  # type: ignore[union-attr]
    await become(lambda: not place.connections)
    assert place.front_end.registrar.at(Endpoint(ALICE, "page")) is not None
    desk = await SocketClient.signed_in(place.bridge.ports, BOB, PASSWORD)
    desk.say("<message to='alice@example.test' type='chat'><body>missed</body></message>")
    again = await Browser.connect(place.url)
    await again.open()
    await again.plain(ALICE, PASSWORD)
    await again.open()
    await again.say(f"<resume xmlns='{SM}' previd='{previous}' h='0'/>")
    assert (await again.until(f"{{{SM}}}resumed")).get("previd") == previous
    while (await again.until(MESSAGE)).findtext(f"{{{CLIENT}}}body") != "missed":
        pass
    await again.close()
    desk.close()
    await page.close()


@pytest.mark.parametrize(
    "frame, condition, code",
    [
        ("<message", "bad-format", 1002),
        ("hello", "bad-format", 1002),
        ("<presence/><presence/>", "bad-format", 1002),
        ("<a></b>", "not-well-formed", 1002),
        ("<a><!-- a comment --></a>", "restricted-xml", 1008),
        ("<x>" + "x" * AFTER_SIGN_IN.stanza + "</x>", "policy-violation", 1008),
        (b"<presence/>", "bad-format", 1002),
    ],
)
async def test_a_malformed_frame_ends_the_stream_and_the_websocket(
    place: Place, frame: str | bytes, condition: str, code: int
):
    page = await Browser.signed_in(place.url, ALICE, PASSWORD)
    if isinstance(frame, str):
        await page.say(frame)
    else:
        await page.socket.send_bytes(frame)
    error, close = (await page.rest())[-2:]
    assert (error.tag, condition_of(error), close.tag) == (ERROR, condition, CLOSE)
    assert page.socket.close_code == code
    await page.close()
    again = await Browser.signed_in(place.url, ALICE, PASSWORD)
    await again.close()


async def test_a_frame_that_is_far_too_long_is_not_read(place: Place):
    page = await Browser.signed_in(place.url, ALICE, PASSWORD)
    await page.say("<x>" + "x" * (AFTER_SIGN_IN.stanza + MAX_BEYOND) + "</x>")
    await page.rest()
    assert page.socket.close_code == 1009
    await become(lambda: not place.connections)
    await page.close()


async def test_what_is_said_before_open_is_answered_in_frames(place: Place):
    page = await Browser.connect(place.url)
    await page.say(f"<presence xmlns='{CLIENT}'/>")
    opened, error, close = await page.rest()
    assert (opened.tag, condition_of(error), close.tag) == (f"{{{FRAMING}}}open", "bad-format", CLOSE)
    await page.close()


async def test_an_unknown_domain(place: Place):
    page = await Browser.connect(place.url)
    await page.say(f"<open xmlns='{FRAMING}' to='elsewhere.test' version='1.0'/>")
    _, error, close = await page.rest()
    assert (condition_of(error), close.tag) == ("host-unknown", CLOSE)
    await page.close()


async def test_a_flood_is_read_slowly_and_loses_nothing(tmp_path: Path):
    async with place_in(tmp_path, stanzas_per_second=20) as place:
        page = await Browser.signed_in(place.url, ALICE, PASSWORD)
        for number in range(120):
            await page.say(f"<iq xmlns='{CLIENT}' type='get' id='{number}'><ping xmlns='urn:xmpp:ping'/></iq>")
        answered = [(await page.until(IQ, type="result")).get("id") for _ in range(120)]
        assert answered == [str(number) for number in range(120)]
        await page.close()


async def test_silence_is_asked_about_and_a_dead_page_is_found_out(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(websocket, "ASK_AFTER", 0.3)
    alive, dead = await Browser.connect(place.url), None
    session = ClientSession()
    dead = await session.ws_connect(place.url, protocols=("xmpp",), autoping=False)
    reading = asyncio.create_task(alive.next())  # who reads answers pings
    await become(lambda: place.connections == 2)
    await become(lambda: place.connections == 1)
    reading.cancel()
    await dead.close()
    await session.close()
    await alive.close()


async def test_who_does_not_read_is_cut_off_and_may_come_back(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pipe, "MAX_UNSENT_BURST", 256 * 1024)
    page = await Browser.signed_in(place.url, ALICE, PASSWORD)
    await page.say(f"<enable xmlns='{SM}' resume='true'/>")
    await page.until(f"{{{SM}}}enabled")
    page.socket._response.connection.transport.pause_reading()  # type: ignore[union-attr]
    assert place.bridge.services is not None
    (session, _) = place.bridge.services.house.sessions._open[Endpoint(ALICE, "page")]
    async with asyncio.timeout(30):
        while place.connections:
            session.send(b"<message><body>" + b"x" * 50_000 + b"</body></message>")
            await asyncio.sleep(0)
    await page.close()


async def test_goodbye_when_the_server_stops(tmp_path: Path):
    async with place_in(tmp_path) as place:
        page = await Browser.signed_in(place.url, ALICE, PASSWORD)
        leaving = asyncio.create_task(page.rest())
    error, close = (await leaving)[-2:]
    assert (condition_of(error), close.tag, page.socket.close_code) == ("system-shutdown", CLOSE, 1001)
    await page.close()


# ---- who may come in


async def test_pages_of_strange_hosts_may_not_sign_in(tmp_path: Path):
    async with place_in(tmp_path, WebOptions(origins=["https://www.example.org"])) as place:
        own = place.url.replace("ws", "http", 1).removesuffix("/xmpp-websocket")
        for origin in ("https://www.example.org", "HTTPS://WWW.example.org", own):
            await (await Browser.connect(place.url, headers={"Origin": origin})).close()
        for origin in ("https://evil.example", "null", "https://www.example.org.evil.example"):
            with pytest.raises(WSServerHandshakeError) as refused:
                await Browser.connect(place.url, headers={"Origin": origin})
            assert refused.value.status == 403


async def test_any_page_where_the_settings_say_so(tmp_path: Path):
    async with place_in(tmp_path, WebOptions(origins=["*"])) as place:
        await (await Browser.connect(place.url, headers={"Origin": "https://anybody.example"})).close()


async def test_what_is_no_websocket_or_speaks_no_xmpp(place: Place):
    async with ClientSession() as session:
        async with session.get(place.url.replace("ws", "http", 1)) as answer:
            assert answer.status == 400
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(place.url, protocols=("sip",))
        assert refused.value.status == 400
        headers = {"Sec-WebSocket-Protocol": "xmpp"}
        async with session.get(place.url.replace("ws", "http", 1), headers=headers) as answer:
            assert answer.status == 400


async def test_it_can_be_turned_off(tmp_path: Path):
    async with place_in(tmp_path, WebOptions(websocket=False)) as place:
        with pytest.raises(WSServerHandshakeError) as refused:
            await Browser.connect(place.url)
        assert refused.value.status == 404


async def test_where_no_clients_sign_in_none_do_by_websocket(tmp_path: Path):
    component = ComponentOptions(secret="north", clients=False)
    async with place_in(tmp_path, component=component) as place:
        with pytest.raises(WSServerHandshakeError) as refused:
            await Browser.connect(place.url)
        assert refused.value.status == 404
        assert place.bridge.services is not None and place.bridge.services.web.uploads is None


async def test_no_more_than_may_from_one_address(tmp_path: Path):
    async with place_in(tmp_path, open_per_address=2) as place:
        pages = [await Browser.connect(place.url) for _ in range(2)]
        with pytest.raises(WSServerHandshakeError) as refused:
            await Browser.connect(place.url)
        assert refused.value.status == 429
        for page in pages:
            await page.close()
        await become(lambda: not place.connections)
        await (await Browser.connect(place.url)).close()


async def test_over_a_port_of_its_own_with_tls(tmp_path: Path):
    bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, web=WebOptions(port=0)))
    async with front_end_in(tmp_path, bridge) as front_end:
        url = f"wss://127.0.0.1:{bridge.ports['web']}/xmpp-websocket"
        page = await Browser.signed_in(url, ALICE, PASSWORD)
        assert bridge.services is not None
        assert bridge.services.web.websocket_address() == f"wss://example.test:{bridge.ports['web']}/xmpp-websocket"
        assert front_end.registrar.at(Endpoint(ALICE, "page")) is not None
        leaving = asyncio.create_task(page.rest())
    assert condition_of((await leaving)[-2]) == "system-shutdown"
    await page.close()


class Request:
    """As much of a request as is asked about where it comes from."""

    def __init__(self, remote: str, *, secure: bool = False, forwarded: tuple[str, ...] = ()) -> None:
        from multidict import CIMultiDict

        self.remote, self.secure = remote, secure
        self.headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])


@pytest.mark.parametrize(
    "request_, address",
    [
        (Request("192.0.2.1", secure=True), "192.0.2.1"),
        (Request("127.0.0.1"), "127.0.0.1"),
        (Request("::1"), "::1"),
        (Request("::ffff:127.0.0.1"), "::ffff:127.0.0.1"),
        (Request("::ffff:10.0.0.5", forwarded=("198.51.100.7",)), "198.51.100.7"),
        (Request("192.0.2.1"), None),
        (Request(""), None),
        (Request("10.0.0.5", forwarded=("198.51.100.7",)), "198.51.100.7"),
        (Request("10.0.0.5", forwarded=("1.1.1.1, 198.51.100.7",)), "198.51.100.7"),
        (Request("10.0.0.5", forwarded=("1.1.1.1", "198.51.100.7")), "198.51.100.7"),
        (Request("10.0.0.5", forwarded=("nonsense",)), "10.0.0.5"),
        (Request("10.0.0.5"), "10.0.0.5"),
        (Request("192.0.2.1", secure=True, forwarded=("198.51.100.7",)), "192.0.2.1"),
    ],
)
def test_where_somebody_is_and_whether_tls_protects_their_password(request_: Request, address: str | None):
    sockets = WebSockets(None, proxies=["10.0.0.5"])  # type: ignore[arg-type]
    if address is None:
        with pytest.raises(Exception, match=r"TLS|no address"):
            sockets._remote(request_)  # type: ignore[arg-type]
    else:
        assert sockets._remote(request_) == address  # type: ignore[arg-type]


class Socket:
    """A WebSocket that is not closed, as far as it knows."""

    closed = False


class Below(asyncio.Transport):
    """A connection that is gone, as some event loops have them: whoever touches it fails."""

    def is_closing(self) -> bool:
        return True

    def write(self, data: object) -> None:
        raise RuntimeError("the handler is closed")

    def get_write_buffer_size(self) -> int:
        raise RuntimeError("the handler is closed")


def test_what_is_said_to_a_connection_that_is_gone_is_dropped():
    gone = FrameTransport(Socket(), Below(), lambda: "")  # type: ignore[arg-type]
    gone.write(b"\x81\x00")
    assert gone.get_write_buffer_size() == 0
