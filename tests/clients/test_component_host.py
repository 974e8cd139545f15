"""People at Prosody and ejabberd reach ours, of whom those servers are told no more than: there is a component."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from slixmpp import JID

from ...bridges.xmpp.components.options import ComponentOptions
from ...bridges.xmpp.options import XmppOptions
from ...bridges.xmpp.plugin import XmppBridge
from ...core.federation import LinkState
from ...core.front_end import FrontEnd
from ...core.identity import Identity
from ...plugins.sip.options import SipOptions
from ...plugins.sip.plugin import SipTransport
from ..people import ALICE, BOB, Clock
from ..plugins.sip.phone import Phone
from ..plugins.sip.presence.test_pidf import published
from ..stage import PASSWORD, front_end_in
from .ejabberd import Ejabberd
from .program import PATIENCE, until
from .street import Street, street_in
from .xmpp import Slix
from .xmpp_server import SECRET, XmppServer

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

OURS, ROOMS = "example.test", "conference.example.test"


@dataclass
class Suburb:
    """Somebody's server, and ours as a part of it."""

    street: Street
    host: XmppServer
    front_end: FrontEnd
    sip: SipTransport
    xmpp: XmppBridge

    async def at_ours(self, who: str, resource: str = "slix") -> Slix:
        """Somebody of ours at an XMPP client."""
        client = Slix(f"{who}@{OURS}/{resource}", PASSWORD, str(self.front_end.state / "ca.crt"))
        self.street.leaves(client)
        return await client.sign_in(self.xmpp.ports["starttls"])

    async def up(self) -> None:
        partners = self.front_end.federation.partners
        await until(lambda: [p.state for p in partners()] == [LinkState.UP] * 2, "both connections")


@asynccontextmanager
async def suburb_of(street: Street, program: str) -> AsyncIterator[Suburb]:
    host = await street.server(program, components={OURS: SECRET, ROOMS: SECRET})
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, notify_pause=0.0))
    component = ComponentOptions(port=host.component, secret=SECRET)
    xmpp = XmppBridge(XmppOptions(listen="127.0.0.1", port=0, tls_port=0, component=component))
    async with front_end_in(street.folder / "ours", sip, xmpp, clock=Clock()) as front_end:
        suburb = Suburb(street, host, front_end, sip, xmpp)
        await suburb.up()
        yield suburb


@pytest.fixture(params=["prosody", "ejabberd"])
async def suburb(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Suburb]:
    async with street_in(tmp_path) as street, suburb_of(street, request.param) as suburb:
        yield suburb


async def friends(zoe: Slix, alice: Slix) -> None:
    """Both see each other, because each asked and each said yes."""
    for one, other in ((zoe, alice), (alice, zoe)):
        one.send_presence_subscription(pto=other.boundjid.bare, ptype="subscribe")
    for one, other in ((zoe, alice), (alice, zoe)):
        there = other.boundjid.bare
        await until(lambda one=one, there=there: "available" in one.sees(there), f"{one.boundjid} to see {there}")


async def test_a_person_there_and_a_person_here_see_each_other_and_talk(suburb: Suburb) -> None:
    zoe, alice = await suburb.street.client(suburb.host, "zoe"), await suburb.at_ours("alice")
    await friends(zoe, alice)
    alice.send_presence(pshow="dnd", pstatus="at work")
    await until(lambda: place(zoe, str(alice.boundjid)) == "dnd", f"zoe to see alice busy; {zoe.shows}")
    zoe.send_message(alice.boundjid.bare, "hello alice", mtype="chat")
    await alice.hears(zoe.boundjid.bare, "hello alice")
    alice.send_message(zoe.boundjid.bare, "hello zoe <&>", mtype="chat")
    await zoe.hears(alice.boundjid.bare, "hello zoe <&>")
    zoe.send_presence(pshow="away")
    await until(lambda: place(alice, str(zoe.boundjid)) == "away", f"alice to see zoe away; {alice.shows}")
    await zoe.leave()
    await until(lambda: place(alice, str(zoe.boundjid)) == "unavailable", f"zoe to be gone; {alice.shows}")
    await alice.leave()
    again = await suburb.street.client(suburb.host, "zoe")
    assert "available" not in again.sees(f"alice@{OURS}")
    await suburb.at_ours("alice", "again")
    await until(lambda: "available" in again.sees(f"alice@{OURS}"), f"zoe to see alice again; {again.shows}")


async def test_a_person_there_and_a_person_at_a_sip_phone(suburb: Suburb) -> None:
    zoe = await suburb.street.client(suburb.host, "zoe")
    phone = await Phone(BOB, suburb.sip.ports["tcp"]).connect()
    try:
        assert (await phone.register()).status == 200
        zoe.send_message(str(BOB), "hello phone", mtype="chat")
        heard = await phone.text("hello phone")
        assert str(heard.from_.uri) == f"sip:{zoe.boundjid.bare}"
        assert (await phone.say(f"sip:{zoe.boundjid.bare}", "hello from the phone")).status == 200
        await zoe.hears(str(BOB), "hello from the phone")
        zoe.send_presence_subscription(pto=str(BOB), ptype="subscribe")
        asker = await until_asked(suburb.front_end, BOB)
        await suburb.front_end.contacts.grant(BOB, asker)
        document = published(activities="<rpid:on-the-phone/>", note="on a call")
        assert (await phone.publish(document)).status == 200
        await until(lambda: "dnd" in zoe.sees(str(BOB)), f"zoe to see bob on the phone; {zoe.shows}")
    finally:
        await phone.close()


async def test_a_room_of_ours_and_a_person_there(suburb: Suburb) -> None:
    zoe, alice = await suburb.street.client(suburb.host, "zoe"), await suburb.at_ours("alice")
    room = f"lounge@{ROOMS}"
    await alice.join(room, "Alice")
    await alice.plugin["xep_0045"].set_room_config(JID(room), alice.plugin["xep_0004"].make_form("submit"))
    await zoe.join(room, "Zoe")
    zoe.send_message(room, "hello all", mtype="groupchat")
    await alice.room_hears("Zoe", "hello all")
    alice.send_message(room, "welcome", mtype="groupchat")
    await zoe.room_hears("Alice", "welcome")
    inside = alice.plugin["xep_0045"].get_roster
    assert sorted(inside(room)) == ["Alice", "Zoe"]
    await zoe.leave()
    await until(lambda: list(inside(room)) == ["Alice"], "zoe to leave the room")


async def test_who_is_nobody_is_told_both_ways(suburb: Suburb) -> None:
    zoe, alice = await suburb.street.client(suburb.host, "zoe"), await suburb.at_ours("alice")
    zoe.send_message(f"nobody@{OURS}", "hello?", mtype="chat")
    await until(lambda: zoe.errors, "zoe to be told")
    alice.send_message(f"nobody@{suburb.host.domain}", "hello?", mtype="chat")
    await until(lambda: alice.errors, "alice to be told")


async def test_when_the_host_is_restarted_presence_comes_again_and_nothing_is_asked(suburb: Suburb) -> None:
    zoe, alice = await suburb.street.client(suburb.host, "zoe"), await suburb.at_ours("alice")
    await friends(zoe, alice)
    zoe.abort()
    await suburb.host.stop()
    there = f"zoe@{suburb.host.domain}"
    await until(lambda: place(alice, str(zoe.boundjid)) == "unavailable", f"the ghost to go; {alice.shows}")
    alice.send_message(there, "are you there?", mtype="chat")
    asked: list[object] = []
    alice.add_event_handler("presence_subscribe", asked.append)
    await suburb.host.start()
    again = await suburb.street.client(suburb.host, "zoe", "again")
    await suburb.up()
    again.add_event_handler("presence_subscribe", asked.append)
    await until(lambda: "available" in again.sees(str(ALICE)), f"zoe to see alice again; {again.shows}")
    await until(lambda: "available" in alice.sees(there), f"alice to see zoe again; {alice.shows}")
    await again.hears(str(ALICE), "are you there?")
    assert asked == [] and alice.errors == []


def place(client: Slix, other: str) -> str:
    """What a client sees at one place of somebody's."""
    bare, _, resource = other.partition("/")
    return client.shows.get(bare, {}).get(resource, "")


async def until_asked(front_end: FrontEnd, who: Identity) -> Identity:
    """Who wants to see somebody of ours."""
    async with asyncio.timeout(PATIENCE):
        while not (questions := await front_end.contacts.questions(who)):
            await asyncio.sleep(0.05)
    return questions[0].address


async def test_nothing_is_lost_where_ejabberd_takes_our_domains_for_one_pool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ejabberd, "shared", True)
    async with street_in(tmp_path) as street, suburb_of(street, "ejabberd") as suburb:
        zoe, alice = await street.client(suburb.host, "zoe"), await suburb.at_ours("alice")
        texts = {f"message {number}" for number in range(30)}
        for text in texts:
            zoe.send_message(alice.boundjid.bare, text, mtype="chat")
            alice.send_message(zoe.boundjid.bare, text, mtype="chat")
        for client in (alice, zoe):
            await until(lambda client=client: {said for _, said in client.said} == texts, f"all; {client.said}")
