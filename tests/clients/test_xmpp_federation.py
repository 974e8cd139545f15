"""Our server and those of other people: Prosody and ejabberd."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from slixmpp import JID

from ...core.federation import LinkState
from ..authority import Kind
from .our_server import OURS, our_server
from .program import until
from .street import Street, street_in

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

BOTH = pytest.mark.parametrize("program", ["prosody", "ejabberd"])
BAD: list[Kind] = ["unknown authority", "expired", "wrong name"]


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with street_in(tmp_path) as street:
        yield street


@BOTH
async def test_both_show_certificates(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        ann.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
        await bob.hears(f"ann@{OURS}", "hello bob")
        bob.send_message(f"ann@{OURS}", "hello ann", mtype="chat")
        await ann.hears(bob.boundjid.bare, "hello ann")
        assert ours.partner(theirs).state is LinkState.UP
        assert ours.partner(theirs).sent == ours.partner(theirs).received == 1


@BOTH
@pytest.mark.parametrize(("kind", "their_kind"), [("unknown authority", "good"), ("good", "unknown authority")])
async def test_one_shows_a_certificate_that_nobody_signed(
    street: Street, program: str, kind: Kind, their_kind: Kind
) -> None:
    """Dialback: each of us is called back by the other."""
    theirs = await street.server(program, kind=their_kind, demands=False)
    async with our_server(street, theirs, kind=kind, verify="dialback") as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        ann.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
        await bob.hears(f"ann@{OURS}", "hello bob")
        bob.send_message(f"ann@{OURS}", "hello ann", mtype="chat")
        await ann.hears(bob.boundjid.bare, "hello ann")


@BOTH
@pytest.mark.parametrize("kind", BAD)
async def test_their_bad_certificate_is_not_believed(street: Street, program: str, kind: Kind) -> None:
    theirs = await street.server(program, kind=kind, demands=False)
    async with our_server(street, theirs) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        bob.send_message(f"ann@{OURS}", "hello ann", mtype="chat")
        ann.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
        await until(lambda: ours.partner(theirs).state is LinkState.FAILING, "the partner to fail")
        assert "certificate" in ours.partner(theirs).error
        await until(lambda: ann.errors and bob.errors, "both to be told")
        assert not ann.said and not bob.said


@BOTH
@pytest.mark.parametrize("kind", ["unknown authority", "wrong name"])
async def test_our_bad_certificate_is_not_believed(street: Street, program: str, kind: Kind) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs, kind=kind) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        ann.send_message(bob.boundjid.bare, "hello bob", mtype="chat")
        await until(lambda: ann.errors, "ann to be told")
        assert not bob.said


@BOTH
async def test_people_see_each_other(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        bob_there = bob.boundjid.bare
        ann.auto_authorize = bob.auto_authorize = True
        ann.auto_subscribe = bob.auto_subscribe = True
        ann.send_presence_subscription(bob_there)
        await until(lambda: "available" in ann.sees(bob_there), "ann to see bob")
        await until(lambda: "available" in bob.sees(f"ann@{OURS}"), "bob to see ann")
        bob.send_presence(pshow="away")
        await until(lambda: "away" in ann.sees(bob_there), "ann to see bob go away")
        ann.send_presence(pshow="dnd", pstatus="not now")
        await until(lambda: "dnd" in bob.sees(f"ann@{OURS}"), "bob to see that ann is busy")
        await bob.leave()
        await until(lambda: "unavailable" in ann.sees(bob_there), "ann to see bob leave")
        bob = await street.client(theirs, "bob")
        await until(lambda: "dnd" in bob.sees(f"ann@{OURS}"), "bob to see ann when he is back")
        await until(lambda: "available" in ann.sees(bob_there), "ann to see bob come back")


@BOTH
async def test_they_meet_in_rooms_of_both(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        for room in (f"lounge@conference.{OURS}", f"lounge@{theirs.rooms}"):
            host, guest = (ann, bob) if OURS in room else (bob, ann)
            await host.join(room, host.boundjid.user)
            if host is bob:  # theirs is locked until its owner has agreed to how it is (XEP-0045 section 10.1.2)
                form = host.plugin["xep_0004"].make_form(ftype="submit")
                await host.plugin["xep_0045"].set_room_config(JID(room), form)
            await guest.join(room, guest.boundjid.user)
            for speaker, hearer in ((host, guest), (guest, host)):
                text = f"hello from {speaker.boundjid.user} in {room}"
                speaker.send_message(room, text, mtype="groupchat")
                await hearer.room_hears(speaker.boundjid.user, text)


@BOTH
async def test_the_partner_is_stopped_and_comes_back_in_mid_traffic(street: Street, program: str) -> None:
    """What was said meanwhile arrives, or its sender is told; nothing is lost without a word."""
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        ann.send_message(bob.boundjid.bare, "0", mtype="chat")
        await bob.hears(f"ann@{OURS}", "0")
        for number in range(1, 10):
            ann.send_message(bob.boundjid.bare, str(number), mtype="chat")
        await theirs.kill()
        bob.abort()
        for number in range(10, 20):
            ann.send_message(bob.boundjid.bare, str(number), mtype="chat")
        await until(lambda: ours.partner(theirs).state is LinkState.FAILING, "the partner to be missed")
        await theirs.start()
        bob = await street.client(theirs, "bob", "again")
        ann.send_message(bob.boundjid.bare, "the last", mtype="chat")
        await bob.hears(f"ann@{OURS}", "the last")
        await until(lambda: ours.partner(theirs).state is LinkState.UP, "the partner to be up again")
        said = {text for _, text in bob.said} | {"0"}
        assert {str(n) for n in range(10, 20)} <= said, said
