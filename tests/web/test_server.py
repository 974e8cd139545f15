"""The web server: what every answer has, what no request may do, and how it starts and stops."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl

import aiohttp
import pytest
from aiohttp import web

from ...core.errors import Busy, NotFound, SettingsError
from ...core.front_end import FrontEnd
from ...core.hooks import hookimpl
from ...core.settings import FrontEndSettings
from ...web import WebServer, visits
from ...web.admission import MAX_CONNECTIONS
from ...web.server import MAX_BODY, zone_of
from ...web.visits import MAX_FIELD, MAX_FIELDS, MAX_HEAD, MAX_LINE
from ..people import ALICE, Clock
from ..plugged import hooks_of
from .served import PATIENCE, Served, served


@pytest.fixture
async def site(tmp_path):
    async with served(tmp_path) as running:
        yield running


class Pages:
    """A plugin with routes of its own."""

    @hookimpl
    def routes(self):
        async def fails(request):
            raise ZeroDivisionError("a secret detail")

        async def busy(request):
            raise Busy("the disk is full", 9)

        async def missing(request):
            raise NotFound("nobody here")

        async def plain(request):
            return web.Response(text="hello")

        async def slow(request):
            await asyncio.sleep(3600)

        async def echo(request):
            return web.Response(body=await request.read())

        return [web.get(f"/{f.__name__}", f) for f in (fails, busy, missing, plain, slow)] + [web.post("/echo", echo)]


class Small:
    """A server with those pages alone."""

    def __init__(self, state, **options):
        self.web = WebServer(WebServer.Options(**{"port": 0, "shared_addresses": ["127.0.0.1"], **options}))
        self.front_end = FrontEnd(
            FrontEndSettings(), hooks_of(self.web, Pages()), {"web": self.web}, state, clock=Clock()
        )

    async def __aenter__(self) -> Served:
        await self.front_end.__aenter__()
        self.session = aiohttp.ClientSession()
        return Served(self.front_end, self.web, self.session)

    async def __aexit__(self, *exc):
        await self.session.close()
        await self.front_end.__aexit__(*exc)


# ---- every answer


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/presence/{ALICE}.svg",
        f"/presence/{ALICE}.json",
        "/presence/events?ids=nonsense",
        "/presence-badge.js",
        "/static/page.css",
        "/static/nothing.js",
        "/problems/malformed",
        "/healthz",
        "/nothing",
    ],
)
async def test_every_answer_is_hardened(site: Served, path: str):
    answer = await site.get(path)
    assert answer.header("x-content-type-options") == "nosniff"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("cross-origin-resource-policy")
    assert answer.header("server") == ""
    assert answer.head.lower().count(b"\r\ncontent-type:") == 1
    if not answer.header("content-type").startswith(("text/javascript", "text/css")):
        assert "default-src 'none'" in answer.header("content-security-policy")


async def test_errors_are_problems_and_tell_no_details(tmp_path, caplog):
    async with Small(tmp_path) as small:
        failed = await small.get("/fails")
        assert failed.status == 500 and b"secret" not in failed.body
        number = json.loads(failed.body)["detail"]
        assert number in caplog.text and "a secret detail" in caplog.text
        busy = await small.get("/busy")
        assert (busy.status, busy.header("retry-after")) == (503, "9")
        assert (await small.get("/missing")).status == 404
        wrong = await small.get("/plain", "DELETE")
        assert (wrong.status, wrong.header("allow")) == (405, "GET,HEAD")
        assert (await small.get("/plain")).header("server") == ""


async def test_health_needs_no_secret(site: Served):
    answer = await site.get("/healthz")
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})


# ---- requests nobody should send


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        (b"GET /plain HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
        (b"GET /plain HTTP/1.1\r\nHost: a\r\nX : a\r\n\r\n", 400),
        (b"GET /" + b"a" * MAX_LINE + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /plain HTTP/1.1\r\nHost: a\r\nX: " + b"a" * (MAX_FIELD + 1) + b"\r\n\r\n", 431),
        (b"GET /plain HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * (MAX_FIELDS + 1) + b"\r\n", 400),
        (b"GET /plain HTTP/1.1\r\nHost: a\r\n" + (b"X: " + b"a" * 5000 + b"\r\n") * 4 + b"\r\n", 431),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
async def test_a_malformed_request_is_a_problem_and_one_line(tmp_path, caplog, request_: bytes, status: int):
    async with Small(tmp_path) as small:
        caplog.clear()
        with caplog.at_level(logging.INFO):
            answer = await small.say(request_)
        assert answer.status == status
        assert answer.header("content-type") == "application/problem+json"
        assert answer.header("server") == "" and answer.header("x-content-type-options") == "nosniff"
        assert len(caplog.text.splitlines()) <= 1, "a malformed request must not fill the log"
        assert (await small.get("/plain")).body == b"hello", "nobody else is harmed"


async def test_a_flood_of_malformed_requests_is_counted_and_not_told(tmp_path, caplog, monkeypatch):
    async with Small(tmp_path) as small:
        monkeypatch.setattr(visits, "MAX_COMPLAINTS", 3)
        for _ in range(30):
            await small.say(b"nonsense\r\n\r\n")
        lines = [record for record in caplog.records if record.name == visits.__name__]
        assert 3 <= len(lines) < 30


async def test_a_body_has_an_end(tmp_path):
    async with Small(tmp_path) as small:
        fits = await small.get("/echo", "POST", b"a" * MAX_BODY)
        assert (fits.status, len(fits.body)) == (200, MAX_BODY)
        assert (await small.get("/echo", "POST", b"a" * (MAX_BODY + 1))).status == 413
        chunks = b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert (
            await small.say(chunks + b"8000\r\n" + b"a" * 0x8000 + b"\r\n" + b"8001\r\n" + b"a" * 0x8001)
        ).status == 413


async def test_a_body_that_never_comes_is_not_waited_for(tmp_path, monkeypatch):
    from ...web import server

    monkeypatch.setattr(server, "BODY_WITHIN", 0.05)
    async with Small(tmp_path) as small:
        answer = await small.say(
            b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc"
        )
        assert (answer.status, json.loads(answer.body)["type"]) == (408, "/problems/too-slow")


@pytest.mark.parametrize("beginning", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "])
async def test_a_silent_connection_is_closed(tmp_path, monkeypatch, beginning: bytes):
    monkeypatch.setattr(visits, "SILENCE", 0.1)
    async with Small(tmp_path) as small:
        assert (await small.say(beginning)).status == 0


async def test_a_head_that_dribbles_on_is_closed(tmp_path):
    async with Small(tmp_path) as small:
        reader, writer = await asyncio.open_connection("127.0.0.1", small.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n")
        sent = 0
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ConnectionError):
                while not reader.at_eof():
                    writer.write(b"X: " + b"a" * 997 + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.001)
                    sent += 1000
                raise ConnectionResetError
        assert sent < MAX_HEAD + 8000
        writer.close()


async def test_an_address_has_so_many_connections(tmp_path):
    async with Small(tmp_path, shared_addresses=[]) as small:
        held = [await asyncio.open_connection("127.0.0.1", small.port) for _ in range(MAX_CONNECTIONS)]
        for reader, writer in held:
            writer.write(b"GET /plain HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert (await small.get("/plain")).status == 0
        held[0][1].close()
        async with asyncio.timeout(PATIENCE):
            while (await small.get("/plain")).status == 0:
                await asyncio.sleep(0.02)
        for _, writer in held:
            writer.close()


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/static//page.css",
        "/static/page.css%00.js",
        "/static/icons/available-16.png",
    ],
)
async def test_no_path_leads_out_of_what_is_served(site: Served, path: str):
    assert (await site.get(path)).status == 404


async def test_static_files_are_kept_for_ever_under_their_own_address(site: Served):
    name = site.web.site.static.addresses["page.css"]
    versioned, plain = await site.get(name), await site.get("/static/page.css")
    assert "immutable" in versioned.header("cache-control") and "max-age=3600" in plain.header("cache-control")
    assert versioned.body == plain.body
    assert (await site.get(name, if_none_match=plain.header("etag"))).status == 304
    assert (await site.get("/presence-badge.js")).body == (await site.get("/static/presence-badge.js")).body


async def test_requests_on_one_connection_are_answered_in_order(tmp_path):
    async with Small(tmp_path) as small:
        once = b"GET /static/busy.svg HTTP/1.1\r\nHost: a\r\n\r\n"
        answer = await small.say(once * 20 + b"GET /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert answer.body.count(b"HTTP/1.1 200 OK") == 20
        assert answer.body.endswith(b"hello")


async def test_an_old_client_gets_its_answer_and_the_end_of_the_connection(site: Served):
    answer = await site.say(b"GET /static/busy.svg HTTP/1.0\r\n\r\n")
    assert (answer.status, answer.header("connection")) == (200, "close")


# ---- start and stop


async def test_https_with_the_front_ends_certificate(tmp_path):
    async with Small(tmp_path, tls=True) as small:
        assert small.scheme == "https"
        anything = ssl.create_default_context()
        anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
        async with small.session.get(f"{small.url}/plain", ssl=anything) as answer:
            assert (answer.status, await answer.text()) == (200, "hello")
        assert (await small.say(b"GET /plain HTTP/1.1\r\n\r\n")).status == 0, "no plain text where TLS is spoken"
        async with small.session.get(f"{small.url}/plain", ssl=anything) as answer:
            assert answer.status == 200


async def test_tls_is_counted_before_the_handshake(tmp_path):
    async with Small(tmp_path, tls=True, shared_addresses=[]) as small:
        held = [await asyncio.open_connection("127.0.0.1", small.port) for _ in range(MAX_CONNECTIONS)]
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", small.port)
            assert await reader.read(1) == b""
        for _, other in [*held, (reader, writer)]:
            other.close()


@pytest.mark.parametrize("tls", [False, True])
def test_it_runs_on_uvloop_as_well(tmp_path, tls: bool):
    """Its transports are no asyncio.Transport, so nothing may ask whether they are."""
    uvloop = pytest.importorskip("uvloop")
    anything = ssl.create_default_context()
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE

    async def scene():
        async with served(tmp_path, tls=tls) as site, asyncio.timeout(PATIENCE):
            token = site.token(ALICE)
            url = f"{site.url}/presence/events?ids={ALICE}&t={token}"
            async with site.session.get(url, ssl=anything) as stream:
                await site.publish(ALICE)
                seen = b""
                while b'"availability":"available"' not in seen:
                    seen += await stream.content.readline()
            async with site.session.get(f"{site.url}/presence/{ALICE}.svg?t={token}", ssl=anything) as icon:
                assert (icon.status, icon.content_type) == (200, "image/svg+xml")

    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(scene())
    finally:
        loop.close()


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
def test_no_connection_is_lost_before_its_handshake(tmp_path, library: str):
    """A client that speaks at once, as all do, must not speak before somebody listens."""
    loop = pytest.importorskip(library).new_event_loop()
    anything = ssl.create_default_context()
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE

    def shake_hands(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain, anything.wrap_socket(plain):
            pass

    async def scene():
        async with Small(tmp_path, tls=True) as small, asyncio.timeout(PATIENCE):
            for _ in range(60):
                await asyncio.to_thread(shake_hands, small.port)

    try:
        loop.run_until_complete(scene())
    finally:
        loop.close()


async def test_who_leaves_early_is_no_error(tmp_path, caplog):
    async with Small(tmp_path) as small:
        for path in ("/slow", "/plain", "/static/busy.svg"):
            _, writer = await asyncio.open_connection("127.0.0.1", small.port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            writer.transport.abort()
        for _ in range(5):
            assert (await small.get("/plain")).status == 200
        assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_the_port_is_free_again_and_requests_under_way_are_ended(tmp_path, monkeypatch):
    from ...web import server

    monkeypatch.setattr(server, "GRACE", 0.1)
    async with Small(tmp_path) as small:
        asking = asyncio.create_task(small.get("/slow"))
        idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", small.port)
        await asyncio.sleep(0.05)
    async with asyncio.timeout(PATIENCE):
        assert (await asking).status == 0
        assert await idle_reader.read(1) == b""
    idle_writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", small.port)
    assert small.web.site is None


async def test_a_port_in_use_is_one_sentence(tmp_path):
    async with Small(tmp_path / "one") as small:
        with pytest.raises(SettingsError, match=rf"\[web\] cannot listen on 127.0.0.1 port {small.port}: address"):
            async with Small(tmp_path / "two", port=small.port):
                pass


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"listen": "localhost"}, "IP address"),
        ({"shared_addresses": ["10.0.0.0/8"]}, "IP address"),
        ({"public_url": "presence.example.com"}, "https://"),
        ({"time_zone": "Mars/Olympus"}, "Europe/Berlin"),
        ({"time_zone": "../../etc/passwd"}, "Europe/Berlin"),
    ],
)
def test_wrong_options_are_refused_with_a_reason(options: dict, word: str):
    with pytest.raises(ValueError, match=word):
        WebServer.Options(**options)


def test_no_zone_is_the_servers_own():
    assert zone_of("") is None
    assert str(zone_of("Europe/Berlin")) == "Europe/Berlin"


async def test_addresses_name_where_browsers_go(tmp_path):
    async with Small(tmp_path) as small:
        assert small.web.addresses() == [("Web pages", f"http://127.0.0.1:{small.port}/")]
    public = WebServer(WebServer.Options(public_url="https://presence.example.com/"))
    assert public.addresses() == [("Web pages", "https://presence.example.com/")]


async def test_a_public_listener_without_tls_is_warned_about(tmp_path, caplog):
    async with Small(tmp_path, listen="0.0.0.0"):
        assert "plain HTTP on 0.0.0.0" in caplog.text
