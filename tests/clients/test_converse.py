"""Converse.js in Chromium, over our WebSocket: somebody signs in, chats, sits in a room, shares a file, comes back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from ...bridges.xmpp.options import XmppOptions
from ...bridges.xmpp.plugin import XmppBridge
from ...bridges.xmpp.web.options import WebOptions
from ...core.front_end import FrontEnd
from ...web.server import WebServer
from ..bridges.xmpp.socket_client import trusting
from ..people import ALICE, BOB, CAROL
from ..stage import PASSWORD, front_end_in
from .converse import CHROMIUM, FLAGS, SIZE, Converse, site
from .program import lacks, needs, until
from .xmpp import Slix

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

ROOM = "tower@conference.example.test"


class House:
    """A server, a page on another host, and a browser."""

    def __init__(
        self, front_end: FrontEnd, bridge: XmppBridge, server: WebServer, url: str, stack: AsyncExitStack
    ) -> None:
        self.front_end, self.bridge, self.server, self.url, self._stack = front_end, bridge, server, url, stack
        self.websocket = f"ws://127.0.0.1:{server.ports['http']}/xmpp-websocket"

    @property
    def resolves(self) -> tuple[str, ...]:
        """Flags for a browser that knows where the domain is, and believes its certificate."""
        rules = f"MAP example.test:443 127.0.0.1:{self.bridge.ports['web']},MAP example.test 127.0.0.1"
        return f"--host-resolver-rules={rules}", "--ignore-certificate-errors"

    async def page(self, who: Any = ALICE, *flags: str, discovers: bool = False) -> Converse:
        """Somebody at Converse, signed in; a browser that knows nothing from before."""
        from playwright.async_api import async_playwright

        playwright = await self._stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
        self._stack.push_async_callback(browser.close)
        page = Converse(await browser.new_page(viewport=SIZE))
        return await page.open(self.url, str(who), PASSWORD, "" if discovers else self.websocket)

    async def desk(self, who: Any, resource: str = "desk") -> Slix:
        """Somebody at slixmpp."""
        client = Slix(f"{who}/{resource}", PASSWORD, str(self.front_end.tls.authority))
        self._stack.push_async_callback(client.leave)
        return await client.sign_in(self.bridge.ports["starttls"])


async def befriend(front_end: FrontEnd, people: Sequence[Any]) -> None:
    """Each has all others in the roster, under a name, and sees them."""
    pairs = [(one, other) for one in people for other in people if one != other]
    for one, other in pairs:
        await front_end.contacts.ask(one, other)
    for one, other in pairs:
        await front_end.contacts.grant(one, other)
        await front_end.contacts.put(one, other, name=other.user.title(), groups=())


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    needs("node", "npm")
    lacks([] if CHROMIUM else ["chromium"])
    async with site() as url:
        web = WebOptions(port=0, origins=[url])
        bridge = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, web=web))
        server = WebServer(WebServer.Options(port=0))
        running = front_end_in(tmp_path, server, bridge, clock=lambda: datetime.now(UTC))  # type: ignore[arg-type]
        async with running as front_end, AsyncExitStack() as stack:
            await befriend(front_end, (ALICE, BOB, CAROL))
            yield House(front_end, bridge, server, url, stack)


async def test_roster_presence_and_chat(house: House, tmp_path: Path) -> None:
    bob = await house.desk(BOB)
    alice = await house.page()
    await until(lambda: "available" in bob.sees(str(ALICE)), "bob to see alice")
    bob.send_presence(pshow="dnd", pstatus="counting")
    await alice.window.wait_for_selector("converse-roster-contact:has-text('Bob') >> [title*='busy']")
    await alice.chat("Bob")
    await alice.write("grüße from a page & <friends>")
    await bob.hears(str(ALICE), "grüße from a page & <friends>")
    bob.send_message(str(ALICE), "grüße from a desk & <others>", mtype="chat")
    await alice.shows("grüße from a desk & <others>")
    await alice.picture(str(tmp_path / "chat.png"))
    carol = await house.page(CAROL)
    await carol.chat("Alice")
    await carol.write("from page to page")
    await (await alice.contact("Carol")).click()
    await alice.shows("from page to page")
    assert all(len(house.front_end.registrar.of(who)) == 1 for who in (ALICE, BOB, CAROL))


async def test_history_in_a_browser_that_knows_nothing(house: House, tmp_path: Path) -> None:
    bob = await house.desk(BOB)
    alice = await house.page()
    await alice.chat("Bob")
    await alice.write("remember this")
    await bob.hears(str(ALICE), "remember this")
    bob.send_message(str(ALICE), "and this", mtype="chat")
    await alice.shows("and this")
    await alice.window.close()
    again = await house.page()
    await again.chat("Bob")
    await again.shows("remember this")
    await again.shows("and this")
    await again.picture(str(tmp_path / "history.png"))


async def test_a_room(house: House, tmp_path: Path) -> None:
    alice, bob = await house.page(), await house.desk(BOB)
    await alice.enter(ROOM, "Alice")
    await alice.write("before anybody came")
    await alice.shows("before anybody came")
    await bob.join(ROOM, "Bob")
    await alice.window.wait_for_selector("converse-muc-sidebar >> text=Bob")
    await alice.write("a word in the room")
    await bob.room_hears("Alice", "a word in the room")
    bob.send_message(ROOM, "an answer", mtype="groupchat")
    await alice.shows("an answer")
    assert "no longer a moderator" not in await alice.window.inner_text("body")
    await alice.picture(str(tmp_path / "room.png"))
    assert ("Alice", "before anybody came") in bob.rooms_said


async def test_a_page_comes_back_when_the_connection_is_cut(house: House) -> None:
    alice, bob = await house.page(), await house.desk(BOB)
    await alice.chat("Bob")
    assert house.bridge.services is not None
    connections = [c for c in house.bridge.services.house.connections if c.remote == "127.0.0.1"]
    assert len(connections) == 2
    await alice.window.evaluate("watched.api.connection.get()._proto.socket.close()")
    bob.send_message(str(ALICE), "while you were away", mtype="chat")
    await alice.shows("while you were away")
    await alice.window.wait_for_function("watched.api.connection.connected()")
    await alice.write("back again")
    await bob.hears(str(ALICE), "back again")


async def test_a_shared_file(house: House, tmp_path: Path) -> None:
    alice, bob = await house.page(ALICE, *house.resolves), await house.desk(BOB)
    await alice.chat("Bob")
    picture = tmp_path / "a picture.png"
    await alice.picture(str(picture))
    await alice.window.set_input_files("input.fileupload", str(picture))
    await until(lambda: bob.said, "bob to be told of the file")
    sender, url = bob.said[0]
    assert sender == str(ALICE) and url.endswith("/a%20picture.png")
    async with ClientSession() as session, session.get(_here(url), ssl=trusting()) as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
        assert await answer.read() == picture.read_bytes()
    await alice.picture(str(tmp_path / "file.png"))


async def test_a_page_that_knows_the_domain_alone(house: House) -> None:
    """It asks https://example.test/.well-known/host-meta, and finds the WebSocket there."""
    bob = await house.desk(BOB)
    alice = await house.page(ALICE, *house.resolves, discovers=True)
    await alice.chat("Bob")
    await alice.write("found you")
    await bob.hears(str(ALICE), "found you")


def _here(url: str) -> str:
    """The server's name is known to nobody here."""
    return url.replace("//example.test:", "//127.0.0.1:")
