"""Journeys to conferences: rooms of Linphone, and clients of many kinds in one conversation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from ...core.identity import Identity
from ..plugins.sip.phone import Phone
from . import node
from .conftest import DOMAIN, Visitors
from .program import Program, needs, until

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

ALICE, BOB, CAROL, DAVE, ERIN = (f"sip:{name}@{DOMAIN}" for name in ("alice", "bob", "carol", "dave", "erin"))
ROOM = f"@conference.{DOMAIN}"


async def team(visitors: Visitors) -> dict[str, Program]:
    """Alice, Bob and Carol with Linphone, in a room that Alice made."""
    phones = {name: await visitors.linphone(name, "tcp") for name in ("alice", "bob", "carol")}
    for phone in phones.values():
        await phone.wait("register", state="ok")
    phones["alice"].do(f"group Team {BOB} {CAROL}")
    for phone in phones.values():
        await phone.wait("room", state="created", subject="Team")
    return phones


async def sees(client: Program, people: dict[str, bool], subject: str = "Team") -> None:
    """The client shows these others, who of them moderates, and the subject."""

    def shown() -> bool:
        client.do("gwho")
        return client.seen("who", client.mark - 3, people=people, subject=subject) is not None

    await until(shown, f"{client.name} to show {people}, {subject}")


async def test_three_linphones_in_a_room_talk_in_all_directions(visitors: Visitors) -> None:
    phones = await team(visitors)
    await sees(phones["alice"], {BOB: False, CAROL: False})
    await sees(phones["bob"], {ALICE: True, CAROL: False})
    for speaker, phone in phones.items():
        phone.do(f"gsay from {speaker} to all")
        for name, other in phones.items():
            if name != speaker:
                heard = await other.wait("message", text=f"from {speaker} to all")
                assert heard["sender"] == f"sip:{speaker}@{DOMAIN}" and heard["room"].endswith(ROOM)
        await phone.wait("message-state", state="delivered-to-user", text=f"from {speaker} to all")
    phones["carol"].do("gcompose")
    for name in ("alice", "bob"):
        await phones[name].wait("composing", active=True)
    [room] = await visitors.server.cli("conversations")
    assert (room["shape"], room["messages"], room["subject"]) == ("conference", 3, "Team")


async def test_what_moderators_do_in_linphone(visitors: Visitors) -> None:
    phones = await team(visitors)
    alice, bob, carol = phones.values()
    await sees(alice, {BOB: False, CAROL: False})
    alice.do(f"gadmin {BOB}")
    await sees(carol, {ALICE: True, BOB: True})
    bob.do("gsubject Tea time")
    await sees(alice, {BOB: True, CAROL: False}, "Tea time")
    await sees(carol, {ALICE: True, BOB: True}, "Tea time")
    bob.do(f"gadd {DAVE}")
    await sees(alice, {BOB: True, CAROL: False, DAVE: False}, "Tea time")
    dave = await visitors.linphone("dave", "tcp")
    await dave.wait("register", state="ok")
    bob.do("gsay welcome Dave")
    await dave.wait("message", sender=BOB, text="welcome Dave")
    carol.do("gleave")
    await carol.wait("room", state="terminated")
    await sees(alice, {BOB: True, DAVE: False}, "Tea time")
    alice.do(f"gremove {DAVE}")
    await dave.wait("room", state="terminated")
    await sees(bob, {ALICE: True}, "Tea time")
    dave.do("gsay am I still in?")
    bob.do("gsay only we two are left")
    await alice.wait("message", sender=BOB, text="only we two are left")
    assert alice.seen("message", text="am I still in?") is None


async def test_a_linphone_that_was_away_comes_back_to_its_room(visitors: Visitors) -> None:
    phones = await team(visitors)
    await phones["carol"].close()
    phones["alice"].do("gsay while you were away")
    await phones["bob"].wait("message", text="while you were away")
    carol = await visitors.linphone("carol", "tcp")
    await carol.wait("message", sender=ALICE, text="while you were away")
    phones["bob"].do("gsay welcome back")
    heard = await carol.wait("message", sender=BOB, text="welcome back")
    assert heard["room"].endswith(ROOM)


async def test_a_room_outlasts_a_crash_of_the_server(visitors: Visitors) -> None:
    phones = await team(visitors)
    phones["alice"].do("gsay before")
    await phones["carol"].wait("message", sender=ALICE, text="before")
    marks = {name: phone.mark for name, phone in phones.items()}
    await visitors.server.kill()
    await visitors.server.start("--sip-plain")
    for name, phone in phones.items():
        await phone.wait("register", marks[name], state="failed")
        phone.do("register")
        await phone.wait("register", marks[name], state="ok")
    phones["bob"].do("gsay after")
    for name in ("alice", "carol"):
        heard = await phones[name].wait("message", sender=BOB, text="after")
        assert heard["room"].endswith(ROOM)
    await sees(phones["carol"], {ALICE: True, BOB: False})


@pytest.fixture
async def erin(visitors: Visitors) -> AsyncIterator[Phone]:
    """A fifth person, whose phone is a script."""
    account = await visitors.server.cli("user", "add", "erin", "--name", "Erin Engel", "--generate")
    password = str(account["password"])
    phone = Phone(Identity("erin", DOMAIN), visitors.server.ports["sip_tcp"], password=password)
    await phone.connect()
    assert (await phone.register()).status == 200
    yield phone
    await phone.close()


async def test_five_kinds_of_clients_in_one_conference(visitors: Visitors, erin: Phone) -> None:
    """Linphone has a room for it, slixmpp another kind of room; baresip, JsSIP and a script know only text."""
    needs("node", "npm")
    async with AsyncExitStack() as stack:
        alice = await visitors.linphone("alice", "tcp")
        await alice.wait("register", state="ok")
        bob = await visitors.baresip("bob", "alice")
        await bob.shows("200 OK")
        carol = await visitors.slix("carol")
        url = f"ws://127.0.0.1:{visitors.server.ports['web']}/sip"
        dave = await node.phone("jssip", url, "dave", DOMAIN, visitors.password("dave"))
        stack.push_async_callback(dave.close)
        await dave.wait("register", state="ok")

        alice.do(f"msg {BOB} shall we ask the others?")
        await bob.shows("shall we ask the others?")
        for name in ("carol", "dave", "erin"):
            talks = await visitors.server.cli("conversations")
            await visitors.server.cli("add", talks[0]["id"], f"{name}@{DOMAIN}", "--by", f"alice@{DOMAIN}")
        await until(lambda: carol.invitations, "Carol to be invited")
        room = carol.invitations[0]
        await alice.wait("room", state="created", room=f"sip:{room}")
        await carol.join(room, "Carol Christ")
        others = "Alice Adler, Bob Berger and Carol Christ"
        added = f"Alice Adler added you to a conversation with {others}. Write here to all."
        await dave.wait("message", text=added)

        async def all_hear(speaker: str, words: str) -> None:
            if not speaker.startswith("Alice"):
                await alice.wait("message", text=words)
            if not speaker.startswith("Carol"):
                await carol.room_hears(speaker, words)
            if not speaker.startswith("Bob"):
                await bob.shows(f"{speaker}: {words}")
            if not speaker.startswith("Dave"):
                await dave.wait("message", text=f"{speaker}: {words}")
            if not speaker.startswith("Erin"):
                await erin.text(f"{speaker}: {words}")

        alice.do("gsay hello from Linphone")
        await all_hear("Alice Adler", "hello from Linphone")
        carol.send_message(room, "hello from XMPP", mtype="groupchat")
        await all_hear("Carol Christ", "hello from XMPP")
        dave.do(f"msg sip:{room} hello from a page")
        await all_hear("Dave Dorn", "hello from a page")
        assert (await erin.say(f"sip:{room}", "hello from a script")).status == 200
        await all_hear("Erin Engel", "hello from a script")
        await sees(alice, {BOB: True, CAROL: False, DAVE: False, ERIN: False}, "")
