"""People of our domain and people at Prosody and ejabberd: who sees whom, rooms on both sides, talks that grow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ...core.identity import Identity
from .our_server import OURS, OurServer, our_server
from .program import until
from .street import Street, street_in
from .xmpp import Slix
from .xmpp_server import XmppServer

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

BOTH = pytest.mark.parametrize("program", ["prosody", "ejabberd"])
ANN, CID = f"ann@{OURS}", f"cid@{OURS}"
ROOM = f"lounge@conference.{OURS}"


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with street_in(tmp_path) as street:
        yield street


async def friends(ours: OurServer, street: Street, theirs: XmppServer) -> tuple[Slix, Slix]:
    """Ann and Bob ask each other, and their clients say yes."""
    ann, bob = await ours.client(), await street.client(theirs, "bob")
    there = bob.boundjid.bare
    for client in (ann, bob):
        client.auto_authorize, client.auto_subscribe = True, True
    ann.send_presence_subscription(there)
    await sees(ann, there, "available")
    await sees(bob, ANN, "available")
    return ann, bob


async def sees(client: Slix, person: str, kind: str) -> None:
    await until(lambda: kind in client.sees(person), f"{client.boundjid} to see {person} {kind}: {client.shows}")


def inside(client: Slix, room: str) -> set[str]:
    """Whom a client sees in a room."""
    return set(client.plugin["xep_0045"].get_roster(room))


@BOTH
async def test_two_who_see_each_other(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await friends(ours, street, theirs)
        there = bob.boundjid.bare
        entry = await ours.front_end.contacts.get(Identity.parse(ANN), Identity.parse(there))
        assert entry is not None and entry.sees and entry.seen
        assert ours.partner(theirs).watched == 1
        ann.send_presence(pshow="xa", pstatus="at lunch")
        await sees(bob, ANN, "xa")
        bob.send_presence(pshow="dnd", pstatus="In a meeting")
        await sees(ann, there, "dnd")
        assert ours.front_end.presence.of(Identity.parse(there)).activity.value == "meeting"
        tablet = await ours.client("ann", "tablet")
        await sees(tablet, there, "dnd")
        await until(lambda: "tablet" in bob.shows[ANN], "bob to see both places")
        await tablet.leave()
        await until(lambda: bob.shows[ANN]["tablet"] == "unavailable", "bob to see the tablet go")
        await bob.leave()
        await sees(ann, there, "unavailable")
        bob = await street.client(theirs, "bob")
        await sees(ann, there, "available")
        await sees(bob, ANN, "xa")
        ann.send_presence_subscription(there, ptype="unsubscribed")
        await sees(bob, ANN, "unavailable")


@BOTH
async def test_their_server_dies_and_comes_back(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await friends(ours, street, theirs)
        there = bob.boundjid.bare
        await ann.join(ROOM, "Ann")
        await bob.join(ROOM, "Bob")
        await until(lambda: "Bob" in inside(ann, ROOM), "ann to see bob in the room")
        bob.abort()
        # What ejabberd knows of its people is on its disk some time after they said it.
        await (theirs.kill() if program == "prosody" else theirs.stop())
        await until(lambda: "Bob" not in inside(ann, ROOM), "the ghost to leave the room")
        await sees(ann, there, "unavailable")
        await theirs.start()
        again = await street.client(theirs, "bob")
        await sees(again, ANN, "available")
        await sees(ann, there, "available")


@BOTH
async def test_rooms_of_both(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        await ann.join(ROOM, "Ann")
        ann.send_message(ROOM, "early", mtype="groupchat")
        await ann.room_hears("Ann", "early")
        await bob.join(ROOM, "Bob")
        await bob.room_hears("Ann", "early")
        bob.send_message(ROOM, "hello ann", mtype="groupchat")
        await ann.room_hears("Bob", "hello ann")
        await bob.room_hears("Bob", "hello ann")
        bob.plugin["xep_0045"].leave_muc(ROOM, "Bob")
        await until(lambda: "Bob" not in inside(ann, ROOM), "ann to see bob go")
        room = f"garden@{theirs.rooms}"
        await bob.join(room, "Bob")
        bob.send_message(room, "come in", mtype="groupchat")
        await bob.room_hears("Bob", "come in")
        await ann.join(room, "Ann")
        await ann.room_hears("Bob", "come in")
        ann.send_message(room, "here I am", mtype="groupchat")
        await bob.room_hears("Ann", "here I am")
        await ann.room_hears("Ann", "here I am")
        assert not ours.front_end.immcu.of(Identity.parse(ANN)) or all(
            talk.address is not None and talk.address.domain == f"conference.{OURS}"
            for talk in ours.front_end.immcu.of(Identity.parse(ANN))
        )
        await ann.leave()
        await until(lambda: "Ann" not in inside(bob, room), "bob to see ann go")


@BOTH
async def test_a_talk_grows(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, cid, bob = await ours.client(), await ours.client("cid"), await street.client(theirs, "bob")
        there = bob.boundjid.bare
        ann.send_message(there, "hello bob", mtype="chat")
        await bob.hears(ANN, "hello bob")
        immcu = ours.front_end.immcu
        talk = await immcu.between(Identity.parse(ANN), Identity.parse(there))
        assert talk is not None
        await immcu.add(talk, Identity.parse(CID), by=Identity.parse(ANN))
        room = str(talk.address)
        await until(lambda: room in bob.invitations, "bob to be invited")
        await bob.join(room, "Bob")
        await cid.join(room, "Cid")
        await ann.join(room, "Ann")
        bob.send_message(room, "three of us", mtype="groupchat")
        for client in (ann, cid, bob):
            await client.room_hears("Bob", "three of us")


@BOTH
async def test_questions(street: Street, program: str) -> None:
    theirs = await street.server(program)
    async with our_server(street, theirs) as ours:
        ann, bob = await ours.client(), await street.client(theirs, "bob")
        info = await ann.plugin["xep_0030"].get_info(jid=theirs.domain)
        assert {identity[0] for identity in info["disco_info"]["identities"]} >= {"server"}
        info = await bob.plugin["xep_0030"].get_info(jid=OURS)
        assert {identity[0] for identity in info["disco_info"]["identities"]} >= {"server"}
        items = await bob.plugin["xep_0030"].get_items(jid=OURS)
        assert f"conference.{OURS}" in {str(item[0]) for item in items["disco_items"]["items"]}
        assert await bob.plugin["xep_0199"].ping(jid=OURS) is not None
        assert await ann.plugin["xep_0199"].ping(jid=bob.boundjid) is not None
        assert await bob.plugin["xep_0199"].ping(jid=ann.boundjid) is not None
