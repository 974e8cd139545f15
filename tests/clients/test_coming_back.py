"""What XMPP clients come back to, with slixmpp: their session (XEP-0198), and what was said (XEP-0313)."""

from __future__ import annotations

import asyncio

import pytest

from .conftest import Visitors
from .program import until
from .test_journeys import ALICE, BOB
from .xmpp import Slix

pytestmark = [pytest.mark.client, pytest.mark.timeout(120)]


async def test_a_cut_connection_loses_nothing_and_shows_nothing_twice(visitors: Visitors) -> None:
    alice = await visitors.slix("alice")
    bob = Slix(f"{BOB}/phone", visitors.password("bob"), visitors.ca)
    visitors._stack.push_async_callback(bob.leave)
    bob.register_plugin("xep_0198")
    resumed = asyncio.Event()
    bob.add_event_handler("session_resumed", lambda _: resumed.set())
    await bob.sign_in(visitors.server.ports["xmpp"])
    await until(lambda: bool(bob.plugin["xep_0198"].sm_id), "bob's session to have an id")
    alice.send_message(BOB, "before", mtype="chat")
    await bob.hears(ALICE, "before")
    bob.transport.abort()
    await until(lambda: not bob.is_connected(), "bob to be cut off")
    alice.send_message(BOB, "meanwhile", mtype="chat")
    bob.connect("127.0.0.1", visitors.server.ports["xmpp"])
    await asyncio.wait_for(resumed.wait(), 60)
    await bob.hears(ALICE, "meanwhile")
    bob.send_message(ALICE, "here again", mtype="chat")
    await alice.hears(BOB, "here again")
    assert [text for _, text in bob.said] == ["before", "meanwhile"]


async def test_what_was_said_is_read_again_from_the_archive(visitors: Visitors) -> None:
    alice, bob = await visitors.slix("alice"), await visitors.slix("bob")
    for number in range(7):
        alice.send_message(BOB, f"number {number}", mtype="chat")
    await bob.hears(ALICE, "number 6")
    bob.register_plugin("xep_0313")
    found = []
    async for result in bob.plugin["xep_0313"].iterate(rsm={"max": "3"}, with_jid=ALICE):
        found.append(result["mam_result"]["forwarded"]["stanza"]["body"])
    assert [text for text in found if text.startswith("number")] == [f"number {number}" for number in range(7)]
