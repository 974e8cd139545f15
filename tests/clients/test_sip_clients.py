"""Journeys with SIP clients of two more makers: twinkle, and Pidgin's library with its SIMPLE protocol."""

from __future__ import annotations

import pytest

from .conftest import DOMAIN, Visitors
from .program import until

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

ALICE, BOB = (f"{name}@{DOMAIN}" for name in ("alice", "bob"))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_twinkle_registers_publishes_and_chats(visitors: Visitors, transport: str) -> None:
    bob = await visitors.slix("bob")
    alice = await visitors.twinkle("alice", transport)
    alice.do("presence -b online")
    await until(lambda: "available" in bob.sees(ALICE), "bob to see alice at her twinkle")
    alice.say(f"sip:{BOB}", "hello from a third maker's phone")
    await bob.hears(ALICE, "hello from a third maker's phone")
    bob.send_message(ALICE, "hello twinkle", mtype="chat")
    await alice.shows("hello twinkle")
    alice.do("presence -b offline")
    await until(lambda: "available" not in bob.sees(ALICE), "bob to see that alice went offline")
    assert "algorithm=MD5" in alice.log and "SIP/2.0 403" not in alice.log


async def test_twinkle_and_linphone_see_and_hear_each_other(visitors: Visitors) -> None:
    bob = await visitors.linphone("bob")
    await bob.wait("register", state="ok")
    alice = await visitors.twinkle("alice")
    bob.do(f"friend sip:{ALICE}")
    alice.do("presence -b online")
    await bob.wait("presence", uri=f"sip:{ALICE}", status="online")
    mark = bob.mark
    alice.do("presence -b offline")
    await bob.wait("presence", mark, uri=f"sip:{ALICE}", status="offline")
    alice.say(f"sip:{BOB}", "from twinkle to linphone")
    await bob.wait("message", text="from twinkle to linphone")
    bob.do(f"msg sip:{ALICE} from linphone to twinkle")
    await alice.shows("from linphone to twinkle")


async def test_pidgins_simple_registers_publishes_watches_and_chats(visitors: Visitors) -> None:
    bob = await visitors.linphone("bob")
    await bob.wait("register", state="ok")
    alice = await visitors.pidgin("alice", "tcp")
    await alice.wait("signed-on")
    alice.do(f"friend sip:{BOB}")
    await alice.wait("on", who=f"sip:{BOB}")
    bob.do(f"friend sip:{ALICE}")
    await bob.wait("presence", uri=f"sip:{ALICE}", status="online")
    mark = alice.mark
    bob.do("presence offline")
    await alice.wait("off", mark, who=f"sip:{BOB}")
    bob.do("presence online")
    await alice.wait("on", mark, who=f"sip:{BOB}")
    alice.do(f"msg sip:{BOB} hello from SIMPLE")
    heard = await bob.wait("message")
    assert "hello from SIMPLE" in heard["text"]
    bob.do(f"compose sip:{ALICE}")
    await alice.wait("typing")
    bob.do(f"msg sip:{ALICE} hello SIMPLE")
    said = await alice.wait("message")
    assert "hello SIMPLE" in said["text"]
    mark = bob.mark
    alice.do("quit")
    await bob.wait("presence", mark, uri=f"sip:{ALICE}", status="offline")
