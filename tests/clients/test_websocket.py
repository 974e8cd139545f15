"""SIP clients for browsers, which nobody here wrote: JsSIP and SIP.js under node, and JsSIP in Chromium."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from ...plugins.sip.options import SipOptions
from ...plugins.sip.plugin import SipTransport
from ...web.server import WebServer
from ..people import ALICE, Clock
from ..stage import PASSWORD, front_end_in
from . import node
from .conftest import DOMAIN, Visitors
from .program import PATIENCE, Program, lacks, needs, until

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
ALICES, BOBS, CAROLS = (f"sip:{name}@{DOMAIN}" for name in ("alice", "bob", "carol"))


class Phones:
    """Browser phones of one server."""

    def __init__(self, visitors: Visitors, stack: AsyncExitStack) -> None:
        self._visitors, self._stack = visitors, stack
        self.http = f"http://127.0.0.1:{visitors.server.ports['web']}"

    async def sign_in(self, kind: str, name: str, *, password: str = "", origin: str = "") -> Program:
        """One of them, signed in unless its password is wrong."""
        url = self.http.replace("http", "ws", 1) + "/sip"
        given = password or self._visitors.password(name)
        client = await node.phone(kind, url, name, DOMAIN, given, origin=origin)
        self._stack.push_async_callback(client.close)
        if not password and not origin:
            await client.wait("register", state="ok")
        return client


@pytest.fixture
async def phones(visitors: Visitors) -> AsyncIterator[Phones]:
    needs("node", "npm")
    async with AsyncExitStack() as stack:
        yield Phones(visitors, stack)


async def write(one: Program, other: Program, address: str, text: str) -> None:
    """One writes to the other, and both say so."""
    one.do(f"msg {address} {text}")
    await other.wait("message", text=text)
    assert (await one.wait("sent", text=text))["status"] == 200


async def test_jssip_and_sipjs_sign_in_and_write_both_ways(phones: Phones, visitors: Visitors) -> None:
    alice, bob = await phones.sign_in("jssip", "alice"), await phones.sign_in("sipjs", "bob")
    contact = (await alice.wait("register", state="ok"))["contact"]
    assert ".invalid" in contact and "pub-gruu" in contact and "reg-id=1" in contact
    await write(alice, bob, BOBS, "grüße from JsSIP 🙂")
    await write(bob, alice, ALICES, "grüße from SIP.js 🙂")
    rows = await visitors.server.cli("who")
    who = {row["who"]: row["client"] for row in rows}
    assert who == {f"alice@{DOMAIN}": "JsSIP in a test", f"bob@{DOMAIN}": "SIP.js in a test"}


@pytest.mark.parametrize("kind", ["jssip", "sipjs"])
async def test_a_wrong_password(phones: Phones, kind: str) -> None:
    alice = await phones.sign_in(kind, "alice", password="not this one")
    await alice.wait("register", state="failed")


async def test_presence_with_sipjs_jssip_and_linphone(phones: Phones, visitors: Visitors) -> None:
    carol, bob = await phones.sign_in("jssip", "carol"), await phones.sign_in("sipjs", "bob")
    alice = await visitors.linphone("alice")
    await alice.wait("register", state="ok")
    for watcher, others in ((bob, (ALICES, CAROLS)), (carol, (ALICES, BOBS)), (alice, (BOBS, CAROLS))):
        for other in others:
            watcher.do(f"friend {other}")
    for watcher, mark in ((alice, alice.mark), (carol, carol.mark)):
        bob.do("presence busy")
        await watcher.wait("presence", mark, uri=BOBS, activity="busy")
        mark = watcher.mark
        bob.do("presence online")  # SIP.js ends itself when it publishes before the last answer has come
        await watcher.wait("presence", mark, uri=BOBS)
    alice.do("presence away lunch")
    await bob.wait("presence", uri=ALICES, activity="away")
    await carol.wait("presence", uri=ALICES, activity="away")
    mark = bob.mark
    carol.do("quit")
    await bob.wait("presence", mark, uri=CAROLS, basic="closed")


async def test_messages_between_a_page_and_linphone(phones: Phones, visitors: Visitors) -> None:
    bob = await phones.sign_in("jssip", "bob")
    alice = await visitors.linphone("alice")
    await alice.wait("register", state="ok")
    bob.do(f"msg {ALICES} from the page")
    await alice.wait("message", text="from the page")
    alice.do(f"msg {BOBS} from the phone")
    await bob.wait("message", text="from the phone")


async def test_a_page_that_was_closed_gets_it_when_it_is_opened_again(phones: Phones) -> None:
    alice, bob = await phones.sign_in("jssip", "alice"), await phones.sign_in("sipjs", "bob")
    bob.do("quit")
    await until(lambda: bob.process.returncode is not None, "the page to close")
    alice.do(f"msg {BOBS} for later")
    assert (await alice.wait("sent", text="for later"))["status"] == 202
    again = await phones.sign_in("sipjs", "bob")
    await again.wait("message", text="for later")


async def test_keep_alives_keep_it_alive(phones: Phones) -> None:
    """SIP.js was told to send one every five seconds."""
    alice, bob = await phones.sign_in("jssip", "alice"), await phones.sign_in("sipjs", "bob")
    alice.do("ping")
    await asyncio.sleep(6)
    await write(alice, bob, BOBS, "still here")
    assert not alice.seen("disconnected") and not bob.seen("disconnected")


async def test_a_page_of_a_strange_host_is_refused(phones: Phones) -> None:
    alice = await phones.sign_in("jssip", "alice", origin="https://evil.example")
    await alice.wait("disconnected")
    assert not alice.seen("register", state="ok")
    await phones.sign_in("jssip", "alice", origin=phones.http)


async def test_over_tls(tmp_path: Path) -> None:
    needs("node", "npm")
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0))
    server = WebServer(WebServer.Options(port=0, tls=True))
    async with front_end_in(tmp_path, server, sip, clock=Clock()) as front_end:
        url, ca = f"wss://localhost:{server.ports['https']}/sip", str(front_end.tls.authority)
        alice = await node.phone("jssip", url, "alice", DOMAIN, PASSWORD, ca=ca)
        await alice.wait("register", state="ok")
        table = sip.services.registrations  # type: ignore[union-attr]
        assert table is not None
        flow = table.ways(ALICE)[0].flow
        assert flow.transport == "WSS" and flow.secure
        await alice.close()


MEDIA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
"""A microphone that beeps, and a yes to who asks for it."""
PAGE = """
window.phone = new JsSIP.UA({
  sockets: [new JsSIP.WebSocketInterface(location.origin.replace("http", "ws") + "/sip")],
  uri: "sip:%s@%s", password: "%s", session_timers: false,
});
window.heard = [];
window.state = "";
phone.on("registered", () => state = "registered");
phone.on("registrationFailed", ({cause}) => state = cause);
phone.on("newMessage", ({originator, request}) => originator === "remote" && heard.push(request.body));
const audio = { mediaConstraints: { audio: true, video: false }, rtcOfferConstraints: { offerToReceiveAudio: true } };
window.calls = [];
phone.on("newRTCSession", ({originator, session}) => {
  window.session = session;
  for (const what of ["progress", "confirmed", "ended", "failed"])
    session.on(what, ({cause}) => calls.push(cause ? what + ": " + cause : what));
  if (originator === "remote") session.answer(audio);
});
window.ring = (who) => phone.call(who, audio);
phone.start();
"""


@pytest.fixture
async def browser() -> AsyncIterator[Any]:
    """Chromium, with a microphone."""
    from playwright.async_api import async_playwright

    lacks([] if CHROMIUM else ["chromium"])
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *MEDIA])
        yield running
        await running.close()


async def page_of(browser: Any, phones: Phones, visitors: Visitors, name: str) -> Any:
    """A page in which somebody has signed in."""
    window = await (await browser.new_context(bypass_csp=True)).new_page()
    window.set_default_timeout(PATIENCE * 1000)
    await window.goto(f"{phones.http}/healthz")
    await window.add_script_tag(content=node.for_browsers())
    await window.add_script_tag(content=PAGE % (name, DOMAIN, visitors.password(name)))
    await window.wait_for_function("state === 'registered'")
    return window


async def test_jssip_in_chromium_writes(browser: Any, phones: Phones, visitors: Visitors) -> None:
    window = await page_of(browser, phones, visitors, "alice")
    bob = await phones.sign_in("sipjs", "bob")
    bob.do(f"msg {ALICES} hello browser")
    assert (await bob.wait("sent", text="hello browser"))["status"] == 200
    await window.wait_for_function("heard.includes('hello browser')")
    await window.evaluate(f"phone.sendMessage('{BOBS}', 'hello node')")
    await bob.wait("message", text="hello node")


async def test_one_page_calls_another(browser: Any, phones: Phones, visitors: Visitors) -> None:
    alice, bob = [await page_of(browser, phones, visitors, name) for name in ("alice", "bob")]
    await alice.evaluate(f"ring('{BOBS}') && 0")
    for window in (alice, bob):
        await window.wait_for_function("calls.includes('confirmed')")
        await window.wait_for_function("['connected', 'completed'].includes(session.connection.iceConnectionState)")
    (call,) = await visitors.server.cli("calls")
    assert (call["caller"], call["answered_by"], call["state"], call["media"]) == (
        f"alice@{DOMAIN}",
        f"bob@{DOMAIN}",
        "confirmed",
        ["audio"],
    )
    await bob.evaluate("session.terminate()")
    for window in (alice, bob):
        await window.wait_for_function("calls.includes('ended: Terminated')")
        assert not await window.evaluate("calls.some((what) => what.startsWith('failed'))")
    assert await visitors.server.cli("calls") == []
