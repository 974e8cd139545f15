"""XMPP clients for browsers, which nobody here wrote, under node: Strophe.js, stanza and xmpp.js."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import ClientSession

from ...bridges.xmpp.external.options import ExternalService
from ...bridges.xmpp.options import XmppOptions
from ...bridges.xmpp.plugin import XmppBridge
from ...bridges.xmpp.web.options import WebOptions
from ...web.server import WebServer
from ..people import Clock
from ..stage import PASSWORD, front_end_in
from . import node
from .conftest import DOMAIN, Visitors
from .program import Program, needs, until

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

ALICE, BOB, CAROL, DAVE = (f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol", "dave"))
ROOM = f"tower@conference.{DOMAIN}"
WEBSOCKET = ("strophe", "stanzajs", "xmppjs")


class Pages:
    """Browser clients of one server."""

    def __init__(self, visitors: Visitors, stack: AsyncExitStack) -> None:
        self._visitors, self._stack = visitors, stack
        ports = visitors.server.ports
        self.tcp = f"xmpp://127.0.0.1:{ports['xmpp']}"
        self.websocket = f"ws://127.0.0.1:{ports['web']}/xmpp-websocket"

    async def open(self, kind: str, name: str, *, password: str = "", origin: str = "", url: str = "") -> Program:
        """One of them, signed in unless its password is wrong or its page a stranger's."""
        given = password or self._visitors.password(name)
        page = await node.phone(kind, url or self.websocket, name, DOMAIN, given, origin=origin, ca=self._visitors.ca)
        self._stack.push_async_callback(page.close)
        if not password and not origin:
            await page.wait("online", resumed=False)
        return page


@pytest.fixture
async def pages(visitors: Visitors) -> AsyncIterator[Pages]:
    needs("node", "npm")
    async with AsyncExitStack() as stack:
        yield Pages(visitors, stack)


async def hears(page: Program, sender: str, text: str, since: int = 0) -> None:
    """The page shows a message from somebody."""
    await until(
        lambda: any(
            event["text"] == text and event["sender"].startswith(sender)
            for event in page.events[since:]
            if event["ev"] == "message"
        ),
        f"{page.name} to hear {text} from {sender}; it reported {page.events[-8:]}",
    )


@pytest.mark.parametrize("kind", WEBSOCKET)
async def test_roster_presence_and_chat_with_a_desk_client(pages: Pages, visitors: Visitors, kind: str) -> None:
    page = await pages.open(kind, "alice")
    bob = await visitors.slix("bob")
    page.do("roster")
    assert (await page.wait("roster"))["items"] == [BOB, CAROL, DAVE]
    await until(lambda: "available" in bob.sees(ALICE), "bob to see alice")
    page.do("presence dnd")
    await until(lambda: "dnd" in bob.sees(ALICE), "bob to see that alice is busy")
    bob.send_presence(pshow="away")
    await until(
        lambda: any(e["ev"] == "presence" and e["show"] == "away" and e["sender"].startswith(BOB) for e in page.events),
        "the page to see that bob is away",
    )
    page.do(f"msg {BOB} grüße from the page & <friends> 🙂")
    await bob.hears(ALICE, "grüße from the page & <friends> 🙂")
    bob.send_message(ALICE, "grüße from the desk & <others> 🙂", mtype="chat")
    await hears(page, BOB, "grüße from the desk & <others> 🙂")
    page.do("quit")
    await until(lambda: bob.sees(ALICE) == {"unavailable"}, "bob to see that alice has left")


async def test_three_kinds_of_pages_and_a_desk_client_in_a_room(pages: Pages, visitors: Visitors) -> None:
    names = dict(zip(WEBSOCKET, ("alice", "carol", "dave"), strict=True))
    opened = {kind: await pages.open(kind, name) for kind, name in names.items()}
    bob = await visitors.slix("bob")
    await bob.join(ROOM, "bob")
    for kind, page in opened.items():
        page.do(f"join {ROOM} {names[kind]}")
        await page.wait("presence", sender=f"{ROOM}/bob")
    for kind, page in opened.items():
        page.do(f"say {ROOM} hello from {kind}")
        await bob.room_hears(names[kind], f"hello from {kind}")
        for other in opened.values():
            await hears(other, f"{ROOM}/{names[kind]}", f"hello from {kind}")


@pytest.mark.parametrize("kind, way", [("stanzajs", "websocket"), ("xmppjs", "websocket"), ("xmppjs", "tcp")])
async def test_a_page_comes_back_after_a_cut(pages: Pages, visitors: Visitors, kind: str, way: str) -> None:
    page = await pages.open(kind, "alice", url=pages.tcp if way == "tcp" else "")
    bob = await visitors.slix("bob")
    await until(lambda: "available" in bob.sees(ALICE), "bob to see alice")
    seen = len(bob.shows[ALICE])
    mark = page.mark
    page.do("cut")
    await page.wait("disconnected", mark)
    bob.send_message(ALICE, "while you were away", mtype="chat")
    await page.wait("online", mark, resumed=True)
    await hears(page, BOB, "while you were away", mark)
    page.do(f"msg {BOB} back again")
    await bob.hears(ALICE, "back again")
    assert "available" in bob.sees(ALICE) and len(bob.shows[ALICE]) == seen
    assert "RuntimeError" not in visitors.server.log


async def test_a_page_without_stream_management_signs_in_again(pages: Pages, visitors: Visitors) -> None:
    page = await pages.open("strophe", "alice")
    page.do("cut")
    await page.wait("status", state="DISCONNECTED")
    again = await pages.open("strophe", "alice")
    bob = await visitors.slix("bob")
    bob.send_message(ALICE, "welcome back", mtype="chat")
    await hears(again, BOB, "welcome back")


async def test_stanza_asks_for_carbons_and_history(pages: Pages) -> None:
    alice, bob = await pages.open("stanzajs", "alice"), await pages.open("stanzajs", "bob")
    alice.do("carbons")
    await alice.wait("carbons")
    bob.do(f"msg {ALICE} remember this")
    await hears(alice, BOB, "remember this")
    alice.do(f"history {BOB}")
    assert (await alice.wait("history"))["texts"] == ["remember this"]


@pytest.mark.parametrize("kind", WEBSOCKET)
async def test_a_wrong_password(pages: Pages, visitors: Visitors, kind: str) -> None:
    page = await pages.open(kind, "alice", password="not this one")
    await page.wait("status", state="AUTHFAIL")
    assert not page.seen("online") and await visitors.server.cli("who") == []


async def test_a_page_of_a_strange_host_is_refused(pages: Pages, visitors: Visitors) -> None:
    page = await pages.open("xmppjs", "alice", origin="https://evil.example")
    await page.wait("status", state="ERROR")
    assert not page.seen("online") and await visitors.server.cli("who") == []


async def test_a_file_of_slixmpp(pages: Pages, visitors: Visitors, tmp_path: Path) -> None:
    alice, bob = await pages.open("xmppjs", "alice"), await visitors.slix("bob")
    bob.register_plugin("xep_0363")
    file = tmp_path / "büro plan.txt"
    file.write_bytes(b"second floor\n" * 5000)
    url = await bob.plugin["xep_0363"].upload_file(file, domain=DOMAIN, timeout=20)
    bob.send_message(ALICE, url, mtype="chat")
    await hears(alice, BOB, url)
    async with ClientSession() as browser, browser.get(url) as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert await answer.read() == file.read_bytes()


async def test_over_tls_with_the_address_from_host_meta_and_turn(tmp_path: Path) -> None:
    """As a web author would have it: ask the domain where the WebSocket is, then sign in there."""
    needs("node", "npm")
    turn = ExternalService("turn", "turn.example.test", secret="north")
    bridge = XmppBridge(
        XmppOptions(listen="127.0.0.1", port=0, tls_port=0, web=WebOptions(port=0), services={"relay": turn})
    )
    server = WebServer(WebServer.Options(port=0))
    async with front_end_in(tmp_path, server, bridge, clock=Clock()) as front_end:
        async with ClientSession() as browser:
            url = f"http://127.0.0.1:{server.ports['http']}/.well-known/host-meta.json"
            async with browser.get(url) as answer:
                (link,) = json.loads(await answer.read())["links"]
        assert link["href"] == f"wss://{DOMAIN}:{bridge.ports['web']}/xmpp-websocket"
        here = link["href"].replace(DOMAIN, "localhost")
        page = await node.phone("stanzajs", here, "alice", DOMAIN, PASSWORD, ca=str(front_end.tls.authority))
        await page.wait("online")
        page.do("services")
        (service,) = (await page.wait("services"))["services"]
        assert (service["type"], service["host"], service["restricted"]) == ("turn", "turn.example.test", True)
        page.do(f"features upload.{DOMAIN}")
        assert "urn:xmpp:http:upload:0" in (await page.wait("features"))["features"]
        await page.close()
