"""HTTP upload from end to end: a slot by IQ, a file by PUT, the file by GET; and everything that may not be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import msgspec
import pytest
from aiohttp import ClientSession

from .....bridges.xmpp.options import XmppOptions
from .....bridges.xmpp.plugin import XmppBridge
from .....bridges.xmpp.upload import transfers
from .....bridges.xmpp.upload.options import UploadOptions
from .....bridges.xmpp.upload.quota import DAY
from .....bridges.xmpp.upload.slot import GOOD_FOR
from .....bridges.xmpp.upload.uploads import Uploads
from .....bridges.xmpp.web.options import WebOptions
from .....core.front_end import FrontEnd
from .....core.settings import FrontEndSettings
from .....web.server import WebServer
from ....people import ALICE, BOB, Clock
from ....plugged import hooks_of
from ....stage import PASSWORD, front_end_in
from ..socket_client import SocketClient, trusting

NS = "urn:xmpp:http:upload:0"
SERVICE = "upload.example.test"
MIB = 1024 * 1024
TEXT = b"hello, world\n" * 1000


class Place:
    """A server, a person, and a browser."""

    def __init__(self, front_end: FrontEnd, bridge: XmppBridge, client: SocketClient, clock: Clock) -> None:
        self.front_end, self.bridge, self.client, self.clock = front_end, bridge, client, clock
        self.http = ClientSession()
        self._asked = 0

    @property
    def uploads(self) -> Uploads:
        assert self.bridge.services is not None and self.bridge.services.web.uploads is not None
        return self.bridge.services.web.uploads

    async def ask(self, payload: str, to: str = SERVICE, client: SocketClient | None = None) -> Element:
        """The answer to a question by IQ."""
        self._asked += 1
        asking = client or self.client
        asking.say(f"<iq type='get' id='q{self._asked}' to='{to}'>{payload}</iq>")
        said = await asking.until("</iq>")
        return fromstring(f"<w xmlns='jabber:client'>{said[said.index('<iq') :]}</w>")[0]

    async def slot(self, name: str = "hello.txt", size: int = len(TEXT), type: str = "text/plain") -> tuple[str, str]:
        """Where to put a file, and where it will be."""
        kind = f" content-type='{type}'" if type else ""
        answer = await self.ask(f"<request xmlns='{NS}' filename='{name}' size='{size}'{kind}/>")
        assert answer.get("type") == "result", [kid.tag for kid in answer.iter()]
        put, get = answer[0]
        return put.get("url", ""), get.get("url", "")

    async def refused(self, name: str = "x", size: str = "1", more: str = "") -> tuple[str, str, Element]:
        """The error that a wish for a slot is answered with."""
        answer = await self.ask(f"<request xmlns='{NS}' filename='{name}' size='{size}'{more}/>")
        error = answer.find("{jabber:client}error")
        assert error is not None
        return error.get("type", ""), error[0].tag.rpartition("}")[2], error

    async def put(self, url: str, content: bytes = TEXT, type: str | None = "text/plain") -> int:
        headers = {"Content-Type": type} if type is not None else {}
        skip = [] if type is not None else ["Content-Type"]
        async with self.http.put(url, data=content, headers=headers, skip_auto_headers=skip, ssl=trusting()) as answer:
            return answer.status

    async def share(self, content: bytes = TEXT, name: str = "hello.txt", type: str = "text/plain") -> str:
        """Share a file; its address."""
        put, get = await self.slot(name, len(content), type)
        assert await self.put(put, content, type) == 201
        return get

    async def get(self, url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        async with self.http.get(url, headers=headers, ssl=trusting()) as answer:
            return answer.status, await answer.read(), dict(answer.headers)


@asynccontextmanager
async def place_in(state: Path, clock: Clock | None = None, **upload: object) -> AsyncIterator[Place]:
    clock = clock or Clock()
    web = WebOptions(upload=UploadOptions(**upload))  # type: ignore[arg-type]
    bridge, server = (
        XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, web=web)),
        WebServer(WebServer.Options(port=0)),
    )
    async with front_end_in(state, bridge, server, clock=clock) as front_end:
        place = Place(front_end, bridge, await SocketClient.signed_in(bridge.ports, ALICE, PASSWORD), clock)
        try:
            yield place
        finally:
            await place.http.close()
            place.client.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with place_in(tmp_path) as running:
        yield running


async def become(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


# ---- how it is found


async def test_the_service_is_an_item_of_the_server_and_says_how_large_a_file_may_be(place: Place):
    items = await place.ask("<query xmlns='http://jabber.org/protocol/disco#items'/>", to="example.test")
    assert SERVICE in {item.get("jid") for item in items[0]}
    info = (await place.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>"))[0]
    identity = info.find("{http://jabber.org/protocol/disco#info}identity")
    assert identity is not None and (identity.get("category"), identity.get("type")) == ("store", "file")
    assert NS in {feature.get("var") for feature in info}
    fields = {field.get("var"): "".join(field.itertext()) for field in info.iter("{jabber:x:data}field")}
    assert fields == {"FORM_TYPE": NS, "max-file-size": str(20 * MIB)}
    assert len((await place.ask("<query xmlns='http://jabber.org/protocol/disco#items'/>"))[0]) == 0


def test_addresses_of_this_machine_are_of_use_on_this_machine_alone(tmp_path: Path):
    front_end = FrontEnd(FrontEndSettings(), hooks_of(), {}, tmp_path)
    for url, local, offered in (
        ("https://chat.example.test", False, True),
        ("http://127.0.0.1:8080", True, True),
        ("http://127.0.0.1:8080", False, False),
        ("http://chat.example.test", True, False),
        ("", True, False),
    ):
        assert Uploads(front_end, UploadOptions(), lambda url=url: url, local=local).offered() == offered


@pytest.mark.parametrize("how", ["off", "no TLS"])
async def test_where_there_is_no_room_there_is_no_service(tmp_path: Path, how: str):
    web = (
        WebOptions(public_url="http://chat.example.test")
        if how == "no TLS"
        else WebOptions(upload=UploadOptions(enabled=False))
    )
    bridge, server = (
        XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, web=web)),
        WebServer(WebServer.Options(port=0)),
    )
    async with front_end_in(tmp_path, bridge, server) as front_end:
        place = Place(front_end, bridge, await SocketClient.signed_in(bridge.ports, ALICE, PASSWORD), Clock())
        items = await place.ask("<query xmlns='http://jabber.org/protocol/disco#items'/>", to="example.test")
        assert SERVICE not in {item.get("jid") for item in items[0]}
        assert (await place.ask(f"<request xmlns='{NS}' filename='x' size='1'/>")).get("type") == "error"
        await place.http.close()
        place.client.close()


# ---- files


async def test_a_file_is_put_and_got(place: Place):
    url = await place.share()
    status, content, headers = await place.get(url)
    assert (status, content) == (200, TEXT)
    assert headers["Content-Type"] == "text/plain" and headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == "inline; filename*=UTF-8''hello.txt"
    assert (
        headers["Content-Security-Policy"].startswith("default-src 'none'")
        and "sandbox" in headers["Content-Security-Policy"]
    )
    assert headers["Access-Control-Allow-Origin"] == "*" and headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Server" not in headers


async def test_a_part_of_a_file(place: Place):
    url = await place.share()
    status, content, headers = await place.get(url, Range="bytes=7-11")
    assert (status, content, headers["Content-Range"]) == (206, b"world", f"bytes 7-11/{len(TEXT)}")
    assert (await place.get(url, Range=f"bytes={len(TEXT)}-"))[0] == 416
    async with place.http.head(url) as answer:
        assert (answer.status, answer.headers["Content-Length"], await answer.read()) == (200, str(len(TEXT)), b"")
    etag = (await place.get(url))[2]["Etag"]
    assert (await place.get(url, **{"If-None-Match": etag}))[0] == 304


async def test_a_large_file_with_a_strange_name(place: Place):
    content = bytes(range(256)) * 8192 * 2
    url = await place.share(content, "très &amp; cool/../b\u00fcro 100%.bin", "application/x-thing")
    assert url.endswith("/b%C3%BCro%20100%25.bin")
    status, got, headers = await place.get(url)
    assert (status, got == content) == (200, True)
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''b%C3%BCro%20100%25.bin"


@pytest.mark.parametrize("kind", ["text/html", "image/svg+xml", "application/xhtml+xml", "application/pdf"])
async def test_what_could_run_is_for_saving(place: Place, kind: str):
    _, _, headers = await place.get(await place.share(b"<script>alert(1)</script>", "x.html", kind))
    assert headers["Content-Disposition"].startswith("attachment") and "sandbox" in headers["Content-Security-Policy"]


async def test_a_file_whose_type_nobody_said(place: Place):
    put, get = await place.slot("x", 5, "")
    assert await place.put(put, b"hello", None) == 201
    assert (await place.get(get))[2]["Content-Type"] == "application/octet-stream"


async def test_pages_of_other_sites_may_ask(place: Place):
    put, _ = await place.slot()
    async with place.http.options(put, headers={"Origin": "https://chat.example"}) as answer:
        assert answer.status == 204 and answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
        assert "Content-Type" in answer.headers["Access-Control-Allow-Headers"]


async def test_files_are_there_after_a_restart_and_their_bytes_still_count(tmp_path: Path):
    async with place_in(tmp_path, per_day_mb=20) as place:
        url = await place.share()
        path = url.partition("/upload/")[2]
        held = place.uploads.quota.held
    async with place_in(tmp_path, per_day_mb=20) as place:
        base = (await place.slot())[0].partition("/upload/")[0]
        assert (await place.get(f"{base}/upload/{path}"))[:2] == (200, TEXT)
        assert place.uploads.quota.held == held
        assert (await place.refused(size=str(20 * MIB - len(TEXT))))[1] == "resource-constraint"


async def test_a_slot_from_before_a_restart_is_still_good(tmp_path: Path):
    async with place_in(tmp_path) as place:
        put = (await place.slot())[0].partition("/upload/")[2]
    async with place_in(tmp_path) as place:
        base = (await place.slot())[0].partition("/upload/")[0]
        assert await place.put(f"{base}/upload/{put}") == 201


async def test_old_files_are_thrown_away(tmp_path: Path):
    clock = Clock()
    async with place_in(tmp_path, clock, keep_days=2) as place:
        url = await place.share()
        clock.turn(seconds=1 * DAY)
        await place.uploads.tidy()
        assert (await place.get(url))[0] == 200
        clock.turn(seconds=1 * DAY + 1)
        await place.uploads.tidy()
        assert (await place.get(url))[0] == 404 and place.uploads.quota.held == 0
        assert [path for path in (tmp_path / "shared-files").rglob("*") if path.is_file()] == []


async def test_who_leaves_takes_their_files_along(place: Place):
    url = await place.share()
    await place.front_end.accounts.remove(BOB)
    assert (await place.get(url))[0] == 200
    await place.front_end.accounts.remove(ALICE)
    assert (await place.get(url))[0] == 404


# ---- wishes for slots that are not granted


@pytest.mark.parametrize("size", ["", "0", "-1", "many", "1.5", "9" * 20, "١"])
async def test_a_size_that_is_none(place: Place, size: str):
    assert (await place.refused(size=size))[:2] == ("modify", "bad-request")


async def test_a_name_or_type_that_is_none(place: Place):
    assert (await place.refused(name=""))[:2] == ("modify", "bad-request")
    assert (await place.refused(more=" content-type='nonsense'"))[:2] == ("modify", "bad-request")


async def test_too_large_a_file(place: Place):
    kind, condition, error = await place.refused(size=str(20 * MIB + 1))
    assert (kind, condition) == ("modify", "not-acceptable")
    assert error.findtext(f"{{{NS}}}file-too-large/{{{NS}}}max-file-size") == str(20 * MIB)


async def test_more_than_a_persons_day(tmp_path: Path):
    clock = Clock()
    async with place_in(tmp_path, clock, files_per_day=2) as place:
        await place.slot()
        clock.turn(seconds=60)
        await place.slot()
        kind, condition, error = await place.refused()
        retry = error.find(f"{{{NS}}}retry")
        assert (kind, condition) == ("wait", "resource-constraint") and retry is not None
        again = msgspec.convert(retry.get("stamp"), type(clock()))
        assert abs((again - clock()).total_seconds() - (DAY - 60)) < 1
        bob = await SocketClient.signed_in(place.bridge.ports, BOB, PASSWORD)
        answer = await place.ask(f"<request xmlns='{NS}' filename='x' size='1'/>", client=bob)
        assert answer.get("type") == "result"
        bob.close()


async def test_no_more_room_for_anybody(tmp_path: Path):
    async with place_in(tmp_path, max_file_mb=1, per_day_mb=2, total_mb=2) as place:
        await place.slot(size=MIB)
        bob = await SocketClient.signed_in(place.bridge.ports, BOB, PASSWORD)
        for size, kind in ((MIB, "result"), (1, "error")):
            answer = await place.ask(f"<request xmlns='{NS}' filename='x' size='{size}'/>", client=bob)
            assert answer.get("type") == kind
        bob.close()


# ---- files that nobody promised room for


async def test_addresses_that_were_not_given_out(place: Place):
    put, get = await place.slot()
    other, _ = await place.slot("other.txt")
    changed = put[:-4] + ("AAAA" if put[-4:] != "AAAA" else "BBBB")
    for url in (get, changed, other.partition("?")[0] + "?" + put.partition("?")[2]):
        assert await place.put(url) == 403
    assert place.uploads.files == {}
    place.clock.turn(seconds=GOOD_FOR + 1)
    assert await place.put(put) == 403


async def test_a_file_comes_once(place: Place):
    put, get = await place.slot()
    assert await place.put(put) == 201
    assert await place.put(put, b"x" * len(TEXT)) == 409
    assert (await place.get(get))[1] == TEXT


async def test_another_size_or_type_than_promised(place: Place):
    put, get = await place.slot()
    assert await place.put(put, TEXT + b"!") == 413
    assert await place.put(put, TEXT[:-1]) == 400
    assert await place.put(put, TEXT, "text/html") == 415

    async def unknown_length() -> AsyncIterator[bytes]:
        yield TEXT

    async with place.http.put(put, data=unknown_length()) as answer:
        assert answer.status == 400
    assert (await place.get(get))[0] == 404
    assert await place.put(put, TEXT, "text/plain; charset=utf-8") == 201


async def half(place: Place, url: str, content: bytes) -> asyncio.StreamWriter:
    """Begin to put a file, and stop there."""
    address, _, path = url.removeprefix("http://").partition("/")
    host, _, port = address.partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"PUT /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {len(TEXT)}\r\nContent-Type: text/plain\r\n\r\n"
    writer.write(head.encode() + content)
    return writer


async def test_half_a_file_is_none(place: Place):
    put, get = await place.slot()
    writer = await half(place, put, TEXT[:100])
    parts = place.uploads.shelf._folder
    await become(lambda: list(parts.rglob("*.part")))
    assert await place.put(put) == 409  # it is coming already
    writer.close()
    await become(lambda: not list(parts.rglob("*.part")))
    assert (await place.get(get))[0] == 404
    assert await place.put(put) == 201


async def test_who_stalls_is_given_up(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transfers, "MAX_STALL", 0.1)
    put, _ = await place.slot()
    writer = await half(place, put, TEXT[:100])
    parts = place.uploads.shelf._folder
    await become(lambda: place.bridge.services.web.transfers._coming)  # type: ignore[union-attr]
    await become(lambda: not place.bridge.services.web.transfers._coming)  # type: ignore[union-attr]
    assert not list(parts.rglob("*.part"))
    writer.close()


async def test_too_many_at_once(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transfers, "MAX_COMING", 1)
    one, _ = await place.slot()
    other, _ = await place.slot()
    writer = await half(place, one, TEXT[:100])
    await become(lambda: place.bridge.services.web.transfers._coming)  # type: ignore[union-attr]
    assert await place.put(other) == 503
    writer.write(TEXT[100:])
    await become(lambda: place.uploads.files)
    assert await place.put(other) == 201
    writer.close()


async def test_a_full_disk_is_said_and_logged_once(place: Place, monkeypatch: pytest.MonkeyPatch, caplog):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(place.uploads.shelf, "finish", full)
    put, _ = await place.slot()
    with caplog.at_level(logging.ERROR):
        assert await place.put(put) == 503
    assert [record.message for record in caplog.records if "No space left" in record.message] != []
    monkeypatch.undo()
    assert await place.put(put) == 201


@pytest.mark.parametrize("path", ["", "/", "/x/y", "/..%2f..%2fsecret/x", "/" + "a" * 24 + "/x", "/" + "a" * 24])
async def test_there_is_nothing_else_to_get(place: Place, path: str):
    base = (await place.slot())[0].partition("/upload/")[0]
    assert (await place.get(f"{base}/upload{path}"))[0] == 404


async def test_a_file_that_somebody_took_off_the_disk(place: Place):
    url = await place.share()
    next(iter(place.uploads.shelf._folder.glob("??/*[!n]"))).unlink()
    assert (await place.get(url))[0] == 404


async def test_a_file_has_its_own_name_and_no_other(place: Place):
    url = await place.share()
    assert (await place.get(url.replace("hello.txt", "hello.html")))[0] == 404


@pytest.mark.parametrize(
    "options", [{"max_file_mb": 0}, {"max_file_mb": 2000}, {"max_file_mb": 300}, {"total_mb": 100}, {"keep_days": 0}]
)
def test_options_that_are_wrong_are_refused(options):
    with pytest.raises((msgspec.ValidationError, ValueError)):
        msgspec.convert({"web": {"upload": options}}, XmppOptions)
