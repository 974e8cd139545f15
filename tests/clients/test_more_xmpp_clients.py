"""Journeys with poezio and aioxmpp: signing in, chatting, a room made out of a talk, and a connection that is cut."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path

import pytest

from .conftest import DOMAIN, Visitors
from .program import Program, needs, until
from .terminal import Terminal
from .windows import NOBODY, Cable

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

AIOXMPP = Path(__file__).parents[2] / "build" / "aioxmpp"
ALICE, BOB, CAROL = (f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol"))


@cache
def aioxmpp_of_its_own() -> str:
    """aioxmpp wants an older lxml than the server: it lives in a folder that only its driver looks into."""
    with open(__file__, "rb") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        if not (AIOXMPP / "aioxmpp").is_dir():
            wanted = ["aioxmpp==0.13.3", "pytz"]
            subprocess.run(
                [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(AIOXMPP), *wanted],
                check=True, timeout=180, capture_output=True,
            )  # fmt: skip
    return str(AIOXMPP)


@pytest.fixture
async def aioxmpp(visitors: Visitors) -> AsyncIterator[tuple[Program, Cable]]:
    """Bob at aioxmpp, and his cable."""
    async with Cable("127.0.0.35", visitors.server.ports["xmpp"]) as cable:
        client = Program("aioxmpp")
        await client.start(
            sys.executable, str(Path(__file__).with_name("aioxmpp_driver.py")), "--user", f"{BOB}/aio",
            "--password", visitors.password("bob"), "--host", cable.address,
            env={"PYTHONPATH": aioxmpp_of_its_own()},
        )  # fmt: skip
        yield client, cable
        await client.close()


async def test_aioxmpp_chats_and_takes_part_in_a_room_that_grew_out_of_the_talk(
    visitors: Visitors, aioxmpp: tuple[Program, Cable]
) -> None:
    bob, _ = aioxmpp
    ready = await bob.wait("ready")
    assert ready["contacts"] == [ALICE, CAROL, f"dave@{DOMAIN}"]
    alice = await visitors.slix("alice")
    await bob.wait("available", who=ALICE)
    alice.send_message(BOB, "hello aioxmpp", mtype="chat")
    await bob.wait("message", who=ALICE, text="hello aioxmpp")
    bob.do(f"say {ALICE} hello slixmpp")
    await alice.hears(BOB, "hello slixmpp")
    bob.do(f"say {ALICE} /add carol history all")
    await until(lambda: alice.invitations, "alice to be invited")
    room = alice.invitations[0]
    await alice.join(room, "Alice")
    bob.do(f"join {room} Bob")
    assert "Alice" in (await bob.wait("joined"))["nicks"]
    alice.send_message(room, "welcome", mtype="groupchat")
    await bob.wait("room", nick="Alice", text="welcome")
    bob.do("room thank you")
    await alice.room_hears("Bob", "thank you")


async def test_aioxmpp_goes_on_where_its_connection_was_cut(visitors: Visitors, aioxmpp: tuple[Program, Cable]) -> None:
    bob, cable = aioxmpp
    await bob.wait("ready")
    alice = await visitors.slix("alice")
    alice.send_message(BOB, "before", mtype="chat")
    await bob.wait("message", text="before")
    cable.cut()
    for number in range(10):
        alice.send_message(BOB, f"meanwhile {number}", mtype="chat")
    await bob.wait("suspended")  # a stanza on its way at that moment would end aioxmpp itself
    bob.do(f"say {ALICE} and I")
    await bob.wait("resumed")
    await alice.hears(BOB, "and I")
    await bob.wait("message", text="meanwhile 9")
    heard = [event["text"] for event in bob.events if event["ev"] == "message"]
    assert heard == ["before", *(f"meanwhile {number}" for number in range(10))]
    assert alice.said.count((BOB, "and I")) == 1


async def test_poezio_signs_in_and_chats(visitors: Visitors) -> None:
    needs("poezio", "setpriv")
    home = visitors.homes / "poezio"
    (home / "config" / "poezio").mkdir(parents=True)
    (home / "config" / "poezio" / "poezio.cfg").write_text(
        f"[Poezio]\njid = {CAROL}\npassword = {visitors.password('carol')}\ncustom_host = 127.0.0.1\n"
        f"custom_port = {visitors.server.ports['xmpp']}\nca_cert_path = {visitors.ca}\nrooms =\nuse_log = false\n"
    )
    command = "poezio"
    if os.getuid() == 0:  # which poezio does not want
        command = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups poezio"
        for path in (visitors.homes, home, *home.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        for folder in visitors.homes.parents:
            if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
                folder.chmod(folder.stat().st_mode | 0o011)
    alice = await visitors.slix("alice")
    screen = Terminal(command, home)

    async def say(line: str) -> None:
        """A stroke, then another: together they would count as pasted."""
        await screen.key(line[0])
        await screen.key(line[1:])
        await screen.key("\r")

    try:
        await until(lambda: "available" in alice.sees(CAROL), "alice to see carol at poezio")
        await screen.shows("Connected to")
        await screen.shows("Your JID")
        await say(f"/message {ALICE} hello from poezio")
        await alice.hears(CAROL, "hello from poezio")
        alice.send_message(CAROL, "hello poezio", mtype="chat")
        await screen.shows("hello poezio")
    finally:
        screen.close()
