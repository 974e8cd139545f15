"""Journeys of people at Gajim and Dino, in windows: what they see is kept as pictures in the test's folder."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TypeAlias

import pytest

from .conftest import DOMAIN, Visitors
from .program import lacks, until
from .windows import BUNDLE, Cable, Dino, Gajim, Screen, Window, missing
from .xmpp import Slix

pytestmark = [pytest.mark.client, pytest.mark.timeout(300)]

ALICE, BOB, CAROL = (f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol"))
PLACE = "127.0.0.34"
NEEDED = ("Xvfb", "xdotool", "import", "unshare", "setpriv", "dbus-run-session")

Desk: TypeAlias = "Callable[[type[Window], str], Awaitable[tuple[Window, Screen]]]"


def may_make_a_namespace() -> bool:
    """Only root on a machine of its own may."""
    return subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0


@pytest.fixture
async def cable(visitors: Visitors) -> AsyncIterator[Cable]:
    """The way from the windows to the server."""
    async with Cable(PLACE, visitors.server.ports["xmpp"]) as cable:
        yield cable


@pytest.fixture
async def desk(visitors: Visitors, cable: Cable, tmp_path: Path) -> AsyncIterator[Desk]:
    """Seats somebody at a screen of their own with a program that knows our names and our authority."""
    lacks(missing(NEEDED))
    if not may_make_a_namespace():
        pytest.skip("only who may make a mount namespace can give a window names of its own")
    hosts, authorities = tmp_path / "hosts", tmp_path / "authorities.crt"
    hosts.write_text(f"127.0.0.1 localhost\n{PLACE} {DOMAIN} conference.{DOMAIN}\n")
    authorities.write_bytes(BUNDLE.read_bytes() + Path(visitors.ca).read_bytes())
    for folder in (*reversed(tmp_path.parents), tmp_path):
        if folder.stat().st_uid == 0 and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    async with AsyncExitStack() as stack:

        async def seated(kind: type[Window], name: str) -> tuple[Window, Screen]:
            lacks(missing([kind.link]))
            screen = await stack.enter_async_context(Screen())
            window = kind(screen, tmp_path / f"{kind.__name__}-{name}", f"{name}@{DOMAIN}", visitors.password(name))
            stack.push_async_callback(window.close)
            await window.start(hosts, authorities)
            return window, screen

        yield seated


async def chat(visitors: Visitors, desk: Desk, kind: type[Window], tmp_path: Path) -> tuple[Slix, Window]:
    """Alice, who has talked with Bob at a window."""
    alice = await visitors.slix("alice")
    bob, screen = await desk(kind, "bob")
    await until(lambda: "available" in alice.sees(BOB), "alice to see bob")
    alice.send_message(BOB, "hello window", mtype="chat")
    await bob.hears("hello window")
    await bob.open(ALICE)
    before = await screen.picture(tmp_path / "before.png")
    await screen.write("typed in a window")
    await alice.hears(BOB, "typed in a window")
    after = await screen.picture(tmp_path / "after.png")
    assert before.tobytes() != after.tobytes() and len(after.getcolors(1 << 24)) > 8
    return alice, bob


async def test_gajim_chats_and_misses_nothing_when_its_connection_is_cut(
    visitors: Visitors, desk: Desk, cable: Cable, tmp_path: Path
) -> None:
    alice, bob = await chat(visitors, desk, Gajim, tmp_path)
    cable.plugged = False
    cable.cut()
    alice.send_message(BOB, "while the cable was cut", mtype="chat")
    await asyncio.sleep(0)
    cable.plugged = True
    await bob.hears("while the cable was cut")
    alice.send_message(BOB, "and after it", mtype="chat")
    await bob.hears("and after it")
    assert bob.heard().count("hello window") == 1


async def test_dino_chats_and_misses_nothing_while_it_is_switched_off(
    visitors: Visitors, desk: Desk, tmp_path: Path
) -> None:
    """Switched off, because a TLS connection that ends with no goodbye is not noticed by Dino 0.4."""
    alice, bob = await chat(visitors, desk, Dino, tmp_path)
    await bob.close()
    alice.send_message(BOB, "while you were away", mtype="chat")
    await bob.again()
    await bob.hears("while you were away")
    alice.send_message(BOB, "and now", mtype="chat")
    await bob.hears("and now")
    assert bob.heard().count("hello window") == 1


async def test_a_talk_of_two_becomes_a_room_of_three_windows_and_all_join_by_themselves(
    visitors: Visitors, desk: Desk, tmp_path: Path
) -> None:
    """Dino enters because of the bookmark, Gajim because of the invitation that continues the talk."""
    alice = await visitors.slix("alice")
    bob, _ = await desk(Dino, "bob")
    carol, screen = await desk(Gajim, "carol")
    for who in (BOB, CAROL):
        await until(lambda who=who: "available" in alice.sees(who), f"alice to see {who}")
    alice.send_message(BOB, "shall we ask carol?", mtype="chat")
    await bob.hears("shall we ask carol?")
    alice.send_message(BOB, "/add carol history all", mtype="chat")
    await until(lambda: alice.invitations, "alice to be invited")
    room = alice.invitations[0]
    await alice.join(room, "Alice")
    for nick in ("Bob Berger", "Carol Christ"):
        await until(lambda nick=nick: nick in alice.plugin["xep_0045"].get_roster(room), f"{nick} to be in the room")
    alice.send_message(room, "welcome, all", mtype="groupchat")
    await bob.hears("welcome, all")
    await carol.hears("welcome, all")
    await carol.hears("shall we ask carol?")
    await screen.picture(tmp_path / "room.png")
