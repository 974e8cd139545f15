"""Linphone watches a long list in one subscription: everybody on it is seen, and a change arrives."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from ...core.front_end import FrontEnd
from ...core.identity import Identity
from ...core.people import Person
from ...core.presence import Activity, Availability, Publication, Source
from ...plugins.sip.plugin import SipOptions, SipTransport
from ...web import WebServer
from ..people import ALICE, DOMAIN, NOON, Clock
from ..stage import PASSWORD, front_end_in
from .program import PATIENCE, Program, needs, until

pytestmark = [pytest.mark.client, pytest.mark.timeout(180)]

CROWD = [Identity(f"colleague{number:03}", DOMAIN) for number in range(200)]
HERE = Path(__file__).parent


@dataclass
class Office:
    """A front end with two hundred people at work, and Alice's Linphone."""

    front_end: FrontEnd
    sip: SipTransport
    web: WebServer
    home: Path

    async def curl(self, method: str, node: str, body: str = "") -> int:
        """Change a part of Alice's contact list over XCAP; the status of the answer."""
        needs("curl")
        url = f"http://127.0.0.1:{self.web.ports['http']}/xcap/resource-lists/users/sip:{ALICE}/index/~~/{quote(node)}"
        process = await asyncio.create_subprocess_exec(
            "curl", "--silent", "--digest", "--user", f"{ALICE.user}:{PASSWORD}", "--request", method,
            "--header", "Content-Type: application/xcap-el+xml", "--data-binary", body, "--output", "/dev/null",
            "--write-out", "%{http_code}", url, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        return int(out)

    async def linphone(self, *options: str, transport: str = "tcp") -> Program:
        needs(files=("liblinphone.so.10",))
        client = Program("linphone alice")
        await client.start(
            sys.executable, str(HERE / "linphone_driver.py"), "--home", str(self.home), "--user", ALICE.user,
            "--domain", DOMAIN, "--password", PASSWORD, "--transport", transport, *options,
            "--server", f"sip:127.0.0.1:{self.sip.ports[transport]};transport={transport}",
        )  # fmt: skip
        await client.wait("register", state="ok")
        return client

    async def publish(self, who: Identity, availability: Availability, activity: Activity = Activity.NONE) -> None:
        claim = Publication("desk", Source.MACHINE, availability, NOON, activity=activity, instance="desk")
        await self.front_end.presence.publish(who, claim)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    """Everybody may see everybody of the domain."""
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, udp_port=0))
    web = WebServer(WebServer.Options(port=0))
    async with front_end_in(tmp_path / "state", sip, web, clock=Clock(), same_domain="everyone") as front_end:
        served = Office(front_end, sip, web, tmp_path / "linphone")
        for person in CROWD:
            await front_end.store.put_person(person, Person(str(person), person.user.title()))
            await served.publish(person, Availability.AVAILABLE)
        yield served


def online(client: Program, since: int = 0) -> set[str]:
    return {e["uri"] for e in client.events[since:] if e["ev"] == "presence" and e["status"] == "online"}


async def test_two_hundred_friends_in_the_request(office: Office) -> None:
    client = await office.linphone("--list", f"sip:rls@{DOMAIN}")
    try:
        client.do("friend " + " ".join(f"sip:{who}" for who in CROWD))
        await until(lambda: len(online(client)) == len(CROWD), "everybody to be seen")
        mark = client.mark
        await office.publish(CROWD[77], Availability.BUSY, Activity.IN_A_MEETING)
        await client.wait("presence", since=mark, uri=f"sip:{CROWD[77]}", status="busy", activity="meeting")
        assert {e["uri"] for e in client.events[mark:] if e["ev"] == "presence"} == {f"sip:{CROWD[77]}"}
        async with asyncio.timeout(PATIENCE):
            while len(await office.front_end.contacts.of(ALICE)) < len(CROWD):
                await asyncio.sleep(0.05)
    finally:
        await client.close()


async def test_the_contact_list_that_is_kept_here(office: Office) -> None:
    for who in CROWD:
        await office.front_end.contacts.put(ALICE, who, name=who.user.title(), groups=())
    client = await office.linphone("--list", f"sip:alice-contacts@{DOMAIN}", "--bodyless", "yes")
    try:
        client.do("friend " + " ".join(f"sip:{who}" for who in CROWD))
        await until(lambda: len(online(client)) == len(CROWD), "everybody to be seen")
        mark = client.mark
        await office.publish(CROWD[5], Availability.BUSY, Activity.IN_A_CALL)
        await client.wait("presence", since=mark, uri=f"sip:{CROWD[5]}", status="busy", activity="on-the-phone")
    finally:
        await client.close()


async def test_whoever_is_put_on_the_list_over_xcap_is_seen_at_once(office: Office) -> None:
    """curl signs in and writes; Linphone, whose list is kept here, sees who came."""
    one, other = (f"sip:{who}" for who in CROWD[:2])
    friends = 'resource-lists/list[@name="friends"]'
    assert await office.curl("PUT", friends, f'<list name="friends"><entry uri="{one}"/></list>') == 201
    client = await office.linphone("--list", f"sip:alice-contacts@{DOMAIN}", "--bodyless", "yes")
    try:
        client.do(f"friend {one} {other}")
        await client.wait("presence", uri=one, status="online")
        assert client.seen("presence", uri=other, status="online") is None
        put = await office.curl("PUT", f'{friends}/entry[@uri="{other}"]', f'<entry uri="{other}"/>')
        assert put == 201
        await client.wait("presence", uri=other, status="online")
        mark = client.mark
        assert await office.curl("DELETE", f'{friends}/entry[@uri="{one}"]') == 200
        await office.publish(CROWD[1], Availability.BUSY)
        await client.wait("presence", since=mark, uri=other, status="busy")
        assert [c.address for c in await office.front_end.contacts.of(ALICE)] == [CROWD[1]]
    finally:
        await client.close()


async def test_over_udp_a_list_comes_in_datagrams(office: Office) -> None:
    few = CROWD[:12]
    client = await office.linphone("--list", f"sip:rls@{DOMAIN}", transport="udp")
    try:
        client.do("friend " + " ".join(f"sip:{who}" for who in few))
        await until(lambda: len(online(client)) == len(few), "everybody to be seen")
        mark = client.mark
        await office.publish(few[7], Availability.BUSY)
        await client.wait("presence", since=mark, uri=f"sip:{few[7]}", status="busy")
    finally:
        await client.close()
