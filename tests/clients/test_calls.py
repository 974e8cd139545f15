"""Calls between phones that nobody here wrote: media flows between them, and the record says what happened."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ...core.identity import Identity
from ..plugins.sip.calls.handset import Handset
from ..ports import free_port
from .baresip import Baresip
from .conftest import DOMAIN, Visitors
from .program import needs, until

pytestmark = [pytest.mark.client, pytest.mark.timeout(240)]

ALICE, BOB, CAROL = (f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol"))
INCOMING = "Incoming call from"
ESTABLISHED = "Call established"
CLOSED = "session closed"
CALLS = 20
"""What SIPp makes."""


async def record_of(visitors: Visitors, number: int = 1) -> dict[str, Any]:
    """The last call's record, once there are so many and nobody is on the phone."""
    async with asyncio.timeout(90):
        while await visitors.server.cli("calls") or len(found := await visitors.server.cli("records")) < number:
            await asyncio.sleep(0.3)
    assert len(found) == number, found
    record: dict[str, Any] = max(found, key=lambda one: one["number"])
    return record


async def running(visitors: Visitors, **facts: object) -> None:
    """Wait until the one call there is looks like this."""
    found: list[dict[str, Any]] = []
    try:
        async with asyncio.timeout(40):
            while not (found and all(found[0][name] == value for name, value in facts.items())):
                found = await visitors.server.cli("calls")
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"waited for a call with {facts}, there is {found}") from None


async def signed_in(client: Baresip) -> Baresip:
    await client.shows("200 OK")
    return client


async def shows_again(client: Baresip, text: str, times: int) -> None:
    await until(lambda: client.screen.count(text) == times, f"{text!r}, {times} times")


async def talking(visitors: Visitors, caller: Baresip, callee: Baresip, address: str) -> None:
    """One calls the other, who accepts."""
    await caller.do("dial", f"sip:{address}")
    await callee.shows(INCOMING)
    await callee.do("accept")
    await caller.shows(ESTABLISHED)
    await running(visitors, state="confirmed")


async def test_baresip_calls_baresip_holds_and_hangs_up(visitors: Visitors) -> None:
    alice, bob = await signed_in(await visitors.baresip("alice")), await signed_in(await visitors.baresip("bob"))
    await talking(visitors, alice, bob, BOB)
    await bob.shows("incoming rtp for 'audio' established")
    await alice.do("hold")
    await running(visitors, held=True)
    await alice.do("resume")
    await running(visitors, held=False)
    await alice.do("hangup")
    await bob.shows(CLOSED)
    record = await record_of(visitors)
    assert record["call"]["outcome"] == "answered" and record["reason"] == f"{ALICE} hung up"
    assert record["call"]["media"] == ["audio"]


async def test_two_of_three_phones_stop_ringing(visitors: Visitors) -> None:
    alice = await signed_in(await visitors.baresip("alice"))
    phones = [await visitors.baresip("bob", device=f"-{name}", transport=name) for name in ("tcp", "udp", "tls")]
    for phone in phones:
        await signed_in(phone)
    await alice.do("dial", f"sip:{BOB}")
    for phone in phones:
        await phone.shows(INCOMING)
    await phones[1].do("accept")
    await alice.shows(ESTABLISHED)
    for phone in (phones[0], phones[2]):
        await phone.shows("Call completed elsewhere")
        await phone.shows(CLOSED)
    await phones[1].do("hangup")
    await alice.shows(CLOSED)
    assert (await record_of(visitors))["reason"] == f"{BOB} hung up"


async def test_who_hangs_up_while_it_rings_is_rung_no_more(visitors: Visitors) -> None:
    alice, bob = await signed_in(await visitors.baresip("alice")), await signed_in(await visitors.baresip("bob"))
    for number in (1, 2):
        await alice.do("dial", f"sip:{BOB}")
        await shows_again(bob, INCOMING, number)
        await alice.do("hangup")
        await shows_again(bob, CLOSED, number)
        assert (await record_of(visitors, number))["call"]["outcome"] == "cancelled"


async def test_a_blind_transfer(visitors: Visitors) -> None:
    alice, bob, carol = [await signed_in(await visitors.baresip(name)) for name in ("alice", "bob", "carol")]
    await talking(visitors, alice, bob, BOB)
    await alice.do("transfer", f"sip:{CAROL}")
    await carol.shows(INCOMING)
    await carol.do("accept")
    await carol.shows(ESTABLISHED)
    await bob.do("hangup")
    await carol.shows(CLOSED)
    await record_of(visitors, 2)
    first, second = sorted(await visitors.server.cli("records"), key=lambda one: one["started_at"])
    assert first["call"]["transferred_to"] == [CAROL]
    assert (second["call"]["caller"], second["call"]["callee"]) == (BOB, CAROL)
    assert second["continues"] == first["conversation"]


async def test_a_phone_that_dies_in_a_call_ends_it(visitors: Visitors) -> None:
    alice, bob = await signed_in(await visitors.baresip("alice")), await signed_in(await visitors.baresip("bob"))
    await talking(visitors, alice, bob, BOB)
    bob.kill()
    await until(lambda: CLOSED in alice.screen, "alice to be told", 150)
    assert (await record_of(visitors))["reason"] == "connection lost"


async def test_a_call_outlives_the_server(visitors: Visitors) -> None:
    """The server is killed and comes back; then somebody hangs up, and the other one hears it."""
    alice, bob = [await signed_in(await visitors.baresip(name, more=";sipnat=outbound")) for name in ("alice", "bob")]
    await talking(visitors, alice, bob, BOB)
    await visitors.server.kill()
    await visitors.server.start("--sip-plain")
    async with asyncio.timeout(150):
        while len(await visitors.server.cli("who")) < 2:
            await asyncio.sleep(1)
    assert CLOSED not in alice.screen and CLOSED not in bob.screen
    await alice.do("hangup")
    await bob.shows(CLOSED)
    (record,) = await visitors.server.cli("records")
    assert record["reason"] == "server restart" and record["call"]["outcome"] == "answered"


async def test_linphone_calls_baresip_pauses_and_is_called_back(visitors: Visitors) -> None:
    alice, bob = await visitors.linphone("alice", "tcp"), await signed_in(await visitors.baresip("bob"))
    await alice.wait("register", state="ok")
    alice.do(f"call sip:{BOB}")
    await alice.wait("call", state="ringing")
    await bob.do("accept")
    await alice.wait("call", state="running")
    alice.do("pause")
    await running(visitors, held=True)
    alice.do("resume")
    await running(visitors, held=False)
    since = alice.mark
    await bob.do("hangup")
    await alice.wait("call", since, state="released")
    await bob.do("dial", f"sip:{ALICE}")
    await alice.wait("call", since, state="incoming")
    alice.do("accept")
    await alice.wait("call", since, state="running")
    await until(lambda: bob.screen.count(ESTABLISHED) == 2, "bob to be answered")
    alice.do("terminate")
    await bob.shows(CLOSED)
    assert (await record_of(visitors, 2))["reason"] == f"{ALICE} hung up"


async def test_linphone_transfers_with_announcement(visitors: Visitors) -> None:
    """Alice talks to bob, asks carol, and joins the two: bob's call takes the place of hers with carol (Replaces)."""
    alice, bob, carol = [await visitors.linphone(name, "tls") for name in ("alice", "bob", "carol")]
    for phone in (alice, bob, carol):
        await phone.wait("register", state="ok")
    for phone, address in ((bob, BOB), (carol, CAROL)):
        since = alice.mark
        alice.do(f"call sip:{address}")
        await phone.wait("call", state="incoming")
        phone.do("accept")
        await alice.wait("call", since, state="running")
    marks = {phone: phone.mark for phone in (alice, bob, carol)}
    alice.do("join-calls")
    await alice.wait("call", marks[alice], state="released")
    await carol.wait("call", marks[carol], state="running")
    since = carol.mark
    bob.do("terminate")
    await carol.wait("call", since, state="released")
    await record_of(visitors, 3)
    records = sorted(await visitors.server.cli("records"), key=lambda one: one["started_at"])
    assert [one["call"]["transferred_to"] for one in records[:2]] == [[CAROL], [BOB]]
    assert (records[2]["call"]["caller"], records[2]["call"]["callee"]) == (BOB, CAROL)


async def sipp(visitors: Visitors, scenario: str, port: int, *options: str) -> asyncio.subprocess.Process:
    """SIPp with one of the scenarios beside this file, from this port."""
    needs("sipp")
    server = visitors.server.ports["sip_udp"]
    return await asyncio.create_subprocess_exec(
        "sipp", f"127.0.0.1:{server}", "-sf", str(Path(__file__).with_name(f"{scenario}.xml")), "-t", "u1",
        "-i", "127.0.0.1", "-p", str(port), "-m", str(CALLS), "-nostdin", "-timeout", "90",
        "-trace_err", "-error_file", str(visitors.homes / f"{scenario}.err"), *options,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def test_sipp_sees_exactly_what_a_call_is_made_of(visitors: Visitors) -> None:
    """Every message that must come comes, in its order, and no other; each call leaves its record."""
    phone = Handset(
        Identity.parse(BOB), visitors.server.ports["sip_udp"], transport="UDP", password=visitors.password("bob")
    )
    await phone.connect()
    assert (await phone.register()).status == 200
    await phone.close()  # SIPp takes the port over: the server knows it as bob's
    port = int(phone.local.partition(":")[2])
    people = visitors.homes / "people.csv"
    secret = f"[authentication username=alice password={visitors.password('alice')}]"
    people.write_text(f"SEQUENTIAL\nalice;{secret};bob;{DOMAIN}\n")
    called = await sipp(visitors, "called", port)
    calling = await sipp(visitors, "calling", free_port(), "-r", "4", "-inf", str(people), "-auth_uri", BOB)
    for name, program in (("calling", calling), ("called", called)):
        code = await asyncio.wait_for(program.wait(), 120)
        errors = visitors.homes / f"{name}.err"
        assert code == 0, (name, code, errors.read_text()[:3000] if errors.exists() else "")
    await record_of(visitors, CALLS)
    records = await visitors.server.cli("records")
    assert {record["reason"] for record in records} == {f"{ALICE} hung up"}
