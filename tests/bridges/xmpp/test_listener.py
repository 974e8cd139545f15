"""The listener on real sockets: sign-in through TLS, fair shares, budgets, and what hostile clients get."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import logging
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ....bridges.xmpp.stream import limits, patience, pipe
from ....bridges.xmpp.stream import ports as listener_module
from ....bridges.xmpp.stream.budget import Door, Pace, Share
from ....bridges.xmpp.stream.gatekeeper import Gatekeeper
from ....bridges.xmpp.stream.listener import Listener
from ....bridges.xmpp.stream.negotiation import Offer
from ....bridges.xmpp.syntax.parser import Parser
from ....core.identity import Endpoint
from ....core.registrar import Binding
from ...people import ALICE, BOB, Desk
from ...stage import PASSWORD, front_end_in
from .echo import ANYBODY, EchoRouter, house_of
from .socket_client import PATIENCE, SocketClient, header


class Serving:
    """A listener, and what it serves."""

    def __init__(self, front_end, router, **changes) -> None:
        self.front_end, self.router = front_end, router
        self.house = house_of(front_end, router, **changes)
        self.listener = Listener(self.house)
        self.ports: dict[str, int] = {}

    async def client(self, who=ALICE, resource="desk", **how) -> SocketClient:
        return await SocketClient.signed_in(self.ports, who, PASSWORD, resource, **how)

    async def connect(self, **how) -> SocketClient:
        return await SocketClient.connect(self.ports["tls" if how.get("tls") else "starttls"], **how)


@asynccontextmanager
async def serving(front_end, **changes) -> AsyncIterator[Serving]:
    served = Serving(front_end, EchoRouter(), **changes)
    served.ports["starttls"] = await served.listener.open("127.0.0.1", 0)
    served.ports["tls"] = await served.listener.open("127.0.0.1", 0, direct=True)
    try:
        yield served
    finally:
        await served.listener.close()


@pytest.fixture(autouse=True)
def quick_end(monkeypatch) -> None:
    """Test clients do not close when they are told to."""
    monkeypatch.setattr(listener_module, "STOP_TIME", 0.05)


@pytest.fixture
async def served(front_end) -> AsyncIterator[Serving]:
    async with serving(front_end) as one:
        yield one


async def become(condition) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


# ---- the way it goes


@pytest.mark.parametrize("direct", [False, True], ids=["STARTTLS", "direct TLS"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1"])
async def test_signing_in_talking_and_signing_out(served, direct, mechanism):
    client = await served.connect(tls=direct)
    if not direct:
        await client.start_tls()
    assert f"<mechanism>{mechanism}</mechanism>" in await client.open()
    said = await (client.plain(ALICE, PASSWORD) if mechanism == "PLAIN" else client.scram(ALICE, PASSWORD, mechanism))
    assert said.startswith("<success")
    assert "<bind" in await client.open()
    assert await client.bind("desk") == "alice@example.test/desk"
    endpoint = Endpoint(ALICE, "desk")
    binding = served.front_end.registrar.at(endpoint)
    assert binding is not None and not binding.ready and binding.remote == "127.0.0.1"
    client.say("<iq type='get' id='1'><a xmlns='u:a'/></iq>")
    assert await client.until("</iq>") == "<iq id='1' type='result'><a xmlns='u:a'/></iq>"
    client.say("</stream:stream>")
    assert await client.rest() == "</stream:stream>"
    await become(lambda: not served.house.connections)
    assert served.router.ended == {"alice@example.test/desk": "signed out"}
    assert served.front_end.registrar.at(endpoint) is None and len(served.house.sessions) == 0
    assert served.house.door.inside == 0


async def test_everything_may_come_in_one_write(served):
    client = await served.connect(tls=True)
    await client.open()
    await client.plain(ALICE, PASSWORD)
    await client.open()
    client.say(
        "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>"
        + "".join(f"<iq type='get' id='{i}'/>" for i in range(200))
        + "</stream:stream>"
    )
    said = await client.rest()
    assert [f"id='{i}'" in said for i in range(200)] == [True] * 200
    assert said.index("<jid>") < said.index("id='0'") < said.index("id='199'") < said.index("</stream:stream>")


async def test_what_a_client_says_before_it_hangs_up_is_heard(served):
    client = await served.client()
    client.say("".join(f"<message id='{i}'/>" for i in range(300)))
    await client.writer.drain()
    client.close()
    await become(lambda: not served.house.connections)
    assert [s.id for s in served.router.heard] == [str(i) for i in range(300)]
    assert served.router.ended == {"alice@example.test/desk": "connection lost"}


async def test_a_lost_connection_is_told(served):
    client = await served.client()
    client.writer.transport.abort()
    await become(lambda: served.router.ended)
    assert served.router.ended == {"alice@example.test/desk": "connection lost"}
    assert served.front_end.registrar.of(ALICE) == []


async def test_the_newer_stream_of_a_resource_ends_the_older(served):
    older = await served.client()
    newer = await served.client()
    assert "<conflict " in await older.rest()
    assert served.router.ended == {"alice@example.test/desk": "replaced"}
    newer.say("<iq type='get' id='1'/>")
    await newer.until("id='1'")
    assert len(served.front_end.registrar.of(ALICE)) == len(served.house.sessions) == 1
    older.close()


async def test_a_name_in_use_by_another_protocol_is_not_taken_from_it(served):
    phone = Binding(Endpoint(ALICE, "desk"), Desk())
    served.front_end.registrar.bind(phone)
    again = await served.connect(tls=True)
    await again.open()
    await again.plain(ALICE, PASSWORD)
    await again.open()
    assert (await again.bind("desk")).startswith("alice@example.test/desk-")
    assert served.front_end.registrar.at(Endpoint(ALICE, "desk")) is phone


async def test_a_person_is_signed_in_at_so_many_places_and_no_more(served):
    clients = [await served.client(resource=f"r{i}") for i in range(10)]
    one_more = await served.connect(tls=True)
    await one_more.open()
    await one_more.plain(ALICE, PASSWORD)
    await one_more.open()
    one_more.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")
    assert "<resource-constraint " in await one_more.until("</iq>")
    clients[0].say("</stream:stream>")
    await clients[0].rest()
    assert await one_more.bind("") != ""


async def test_stopping_says_goodbye(front_end):
    async with serving(front_end) as served:
        client = await served.client()
        waiting = await served.connect()
        await waiting.open()
        ends = asyncio.gather(client.rest(), waiting.rest())
        await served.listener.close()
        for end in await ends:
            assert "<system-shutdown " in end and end.endswith("</stream:stream>")
        assert served.router.ended == {"alice@example.test/desk": "server stopping"}
        with pytest.raises(OSError):
            await served.connect()


async def test_the_server_asks_whether_a_silent_client_is_there(front_end):
    offer = Offer(ours=front_end.ours, domain=front_end.domains[0], idle_time=0.05, answer_time=0.05)
    async with serving(front_end, offer=offer) as served:
        client = await served.client()
        assert "<ping xmlns='urn:xmpp:ping'/>" in await client.until("</iq>")
        assert "<connection-timeout " in await client.rest()
        assert served.router.ended == {"alice@example.test/desk": "no answer"}


# ---- failures


async def test_wrong_passwords_are_counted_and_slow_down(served):
    for mechanism in ("PLAIN", "PLAIN", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-1"):
        client = await served.connect(tls=True)
        await client.open()
        await (client.plain(BOB, "guess") if mechanism == "PLAIN" else client.scram(BOB, "guess", mechanism))
        assert "<not-authorized/>" in await client.until("</failure>")
        client.close()
    assert served.front_end.accounts.limited("127.0.0.1", BOB) > 0
    client = await served.connect(tls=True)
    await client.open()
    await client.plain(BOB, PASSWORD)
    assert "<temporary-auth-failure/>" in await client.until("</failure>")


async def test_who_guesses_and_hangs_up_has_guessed(served):
    for _ in range(5):
        client = await served.connect(tls=True)
        await client.open()
        secret = base64.b64encode(b"\0bob\0guess").decode()
        client.say(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>")
        await client.writer.drain()
        client.writer.transport.abort()
    await become(lambda: served.front_end.accounts.limited("127.0.0.1", BOB) > 0)
    await become(lambda: not served.house.connections)


async def test_who_leaves_while_signing_in_is_not_counted_for_ever(served, monkeypatch):
    gate = asyncio.Event()
    known = served.house.gatekeeper.known

    async def slowly(question, address):
        await gate.wait()
        return await known(question, address)

    monkeypatch.setattr(Gatekeeper, "known", lambda self, question, address: slowly(question, address))
    client = await served.connect(tls=True)
    await client.open()
    secret = base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode()
    client.say(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>")
    await become(lambda: any(c._work for c in served.house.connections))
    (connection,) = served.house.connections
    client.writer.transport.abort()
    await become(lambda: not served.house.connections)
    gate.set()
    await become(lambda: not connection._work)
    assert served.house.door._unknown == {} and served.house.door.inside == 0


async def test_an_unknown_person_looks_like_a_known_one(served):
    said = []
    for who in (BOB, BOB._replace(user="nobody")):
        client = await served.connect(tls=True)
        await client.open()
        await client.scram(who, "guess")
        said.append(await client.until("</failure>"))
        client.close()
    assert said[0] == said[1]


async def test_a_bug_in_routing_costs_one_stanza(served, caplog):
    client = await served.client()
    client.say("<iq type='get' id='1' to='broken'/><message to='broken-later'/><iq type='get' id='2'/>")
    assert "<internal-server-error " in await client.until("</iq>")
    await client.until("id='2'")
    await become(lambda: "work for" in caplog.text)
    client.say("<iq type='get' id='3'/>")
    await client.until("id='3'")


async def test_no_tls_means_no_tls(served):
    client = await served.connect(tls=False)
    raw = SocketClient(*await asyncio.open_connection("127.0.0.1", served.ports["tls"]))
    raw.say(header())
    await raw.rest()
    client.say("\x16\x03\x01\x00\x05hello")
    assert "<not-well-formed " in await client.rest()
    await become(lambda: not served.house.connections)


async def test_the_protocol_is_named_in_the_handshake(served):
    served.house.tls.set_alpn_protocols(["xmpp-client"])
    for offered, chosen in (("xmpp-client", "xmpp-client"), ("http/1.1", None), ("", None)):
        client = await served.connect(tls=True, alpn=offered)
        assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == chosen
        await client.open()
        client.close()


# ---- shares, budgets, slow readers


async def test_work_is_limited_and_its_results_come(served):
    client = await served.client()
    client.say("".join(f"<message to='slow' id='{i}'/>" for i in range(500)))
    await become(lambda: served.router.under_way == limits.MAX_IN_FLIGHT)
    await asyncio.sleep(0.05)
    assert served.router.most_under_way == limits.MAX_IN_FLIGHT
    served.router.gate.set()
    assert "id='499'" in await client.until("id='499'")
    assert served.router.most_under_way == limits.MAX_IN_FLIGHT


async def test_one_client_does_not_keep_the_others_waiting(served):
    busy, other = await served.client(), await served.client(BOB)
    busy.say("<iq type='get' id='x'/>" * 5000)
    await asyncio.sleep(0)
    other.say("<iq type='get' id='y'/>")
    await other.until("id='y'")
    assert sum(s.id == "x" for s in served.router.heard) < 5000
    await become(lambda: sum(s.id == "x" for s in served.router.heard) == 5000)


async def test_who_sends_too_fast_is_read_more_slowly(front_end):
    async with serving(front_end, pace=Pace(50, 10, 1e9, 1e9)) as served:
        client = await served.client()
        loop = asyncio.get_running_loop()
        began = loop.time()
        client.say("".join(f"<iq type='get' id='{i}'/>" for i in range(30)))
        await client.until("id='29'")
        assert loop.time() - began > 0.3  # 20 beyond the 10, 50 a second


async def test_bytes_have_a_budget_too(front_end):
    async with serving(front_end, pace=Pace(1e9, 1e9, 100_000, 10_000)) as served:
        client = await served.client()
        loop = asyncio.get_running_loop()
        began = loop.time()
        for i in range(2):
            client.say(f"<message id='{i}'>" + "x" * 30_000 + "</message>")
        await client.until("id='1'")
        assert loop.time() - began > 0.1


async def test_who_does_not_read_is_let_go(served, monkeypatch):
    monkeypatch.setattr(pipe, "MAX_UNREAD", 0.05)
    client = await served.client()
    client.reader._transport.pause_reading()
    while not served.router.ended:
        client.say("<message to='much' id='4'/>")
        await asyncio.sleep(0.01)
    await become(lambda: served.router.ended)
    assert served.router.ended == {"alice@example.test/desk": "does not read"}
    await become(lambda: not served.house.connections)


async def test_a_long_list_is_not_taken_for_not_reading(served):
    client = await served.client()
    client.say("<message to='much' id='25'/>")
    for _ in range(25):
        assert len(await client.until("</message>")) > 65536
    assert not served.router.ended


async def test_an_address_opens_so_many_and_no_more(front_end):
    door = Door(Share(3, 1e6, 1e6), ANYBODY, (), 100)
    async with serving(front_end, door=door) as served:
        clients = [await served.connect() for _ in range(3)]
        for client in clients:
            await client.open()
        refused = await served.connect()
        assert await refused.rest() == ""
        clients[0].close()
        await become(lambda: door.inside == 2)
        signed_in = await served.client()
        await (await served.connect()).open()
        signed_in.close()


async def test_a_flood_of_connections_is_refused(front_end):
    door = Door(Share(1000, 0.001, 5), ANYBODY, (), 1000)
    async with serving(front_end, door=door) as served:
        clients = [await served.connect() for _ in range(20)]
        let_in = 0
        for client in clients:
            with contextlib.suppress(ConnectionError):
                client.say(header())
                await client.until("<stream:features>")
                let_in += 1
        assert let_in == 5


async def test_who_says_nothing_is_let_go(served, monkeypatch):
    monkeypatch.setattr(patience, "STEP_TIME", 0.05)
    silent = await served.connect()
    assert "<connection-timeout " in await silent.rest()


async def test_who_never_finishes_the_handshake_is_let_go(served, monkeypatch):
    monkeypatch.setattr(pipe, "STEP_TIME", 0.05)
    silent = SocketClient(*await asyncio.open_connection("127.0.0.1", served.ports["tls"]))
    assert await silent.rest() == ""
    half = await served.connect()
    half.say(header())
    await half.until("</stream:features>")
    half.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await half.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    assert await half.rest() == ""
    await become(lambda: not served.house.connections)
    assert served.house.door.inside == 0


# ---- sockets


async def test_it_listens_where_it_is_told(front_end):
    async with serving(front_end) as served:
        port = await served.listener.open("", 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(header())
        await asyncio.wait_for(reader.readuntil(b"</stream:features>"), PATIENCE)
        writer.close()
        with pytest.raises(OSError):
            await served.listener.open("127.0.0.1", port)


async def test_a_machine_that_speaks_ipv4_alone_is_served(front_end, monkeypatch):
    real = listener_module._listening

    def without_ipv6(family, address, port):
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "no such address")
        return real(family, address, port)

    monkeypatch.setattr(listener_module, "_listening", without_ipv6)
    async with serving(front_end) as served:
        assert await served.listener.open("", 0) > 0


async def test_a_system_without_sockets_is_waited_for(front_end, monkeypatch, caplog):
    monkeypatch.setattr(listener_module, "ACCEPT_REST", 0.01)
    loop = asyncio.get_running_loop()
    real, troubles = loop.sock_accept, [OSError(errno.EMFILE, "too many open files"), ConnectionAbortedError()]

    async def accept(listening):
        if troubles:
            raise troubles.pop(0)
        return await real(listening)

    monkeypatch.setattr(loop, "sock_accept", accept)
    async with serving(front_end) as served:
        await (await served.connect()).open()
    assert "nobody can be accepted for now: too many open files" in caplog.text


@pytest.mark.parametrize("direct", [False, True], ids=["STARTTLS", "direct TLS"])
def test_it_runs_on_uvloop_as_well(tmp_path, direct):
    uvloop = pytest.importorskip("uvloop")

    async def sign_in() -> None:
        async with front_end_in(tmp_path) as front_end, serving(front_end) as served:
            clients = [await served.client(resource=f"r{i}", direct=direct) for i in range(8)]
            for client in clients:
                client.say("<iq type='get' id='1'/>")
                await client.until("id='1'")
                client.say("</stream:stream>")
                await client.rest()
            await become(lambda: not served.house.connections)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(sign_in())


# ---- hostile clients (SECURITY: X1 to X5, X11, X12)


HOSTILE = {
    "document type": (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]>", "restricted-xml"),
    "comment": (header() + b"<!-- x -->", "restricted-xml"),
    "entity": (header() + b"<a>&b;</a>", "restricted-xml"),
    "injection": (header() + b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><presence/>", "policy-violation"),
    "stanza": (header() + b"<message to='bob@example.test'/>", "not-authorized"),
    "second header": (header() + header()[21:], "bad-format"),
    "depth": (header() + b"<a>" * 1000, "policy-violation"),
    "attributes": (header() + b"<a " + b" ".join(b"b%d=''" % i for i in range(1000)) + b"/>", "policy-violation"),
    "namespaces": (header() + b"<a " + b" ".join(b"xmlns:b%d='u'" % i for i in range(100)) + b"/>", "policy-violation"),
    "size": (header() + b"<a>" + b"x" * 10_000_000, "policy-violation"),
    "compression": (header() + b"<compress xmlns='http://jabber.org/protocol/compress'/>", "not-authorized"),
    "encoding": (header().decode().encode("utf-16"), "unsupported-encoding"),
    "garbage": (bytes(range(256)), "not-well-formed"),
    "overlong": (header() + b"<a>\xc0\xbc</a>", "unsupported-encoding"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("tls", [False, True], ids=["clear", "TLS"])
async def test_hostile_clients_get_an_error_and_are_closed(served, caplog, name, tls):
    caplog.set_level(logging.INFO)
    data, condition = HOSTILE[name]
    if tls and name == "injection":
        return
    client = await served.connect(tls=tls)
    client.say(data)
    with contextlib.suppress(ConnectionError):
        await client.writer.drain()
    assert f"<{condition} " in await client.rest()
    assert caplog.text.count("127.0.0.1") <= 1 and "hello" not in caplog.text
    client.close()
    await become(lambda: not served.house.connections)
    assert served.house.door.inside == 0 and served.router.heard == []


async def test_plain_text_before_tls_changes_nothing_after(served):
    client = await served.connect()
    client.say(header() + b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    await client.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
    client.say(header() + b"<presence/>")  # where the handshake should be
    assert await client.rest() == ""
    await become(lambda: not served.house.connections)


async def test_crumbs_cost_little(served, monkeypatch):
    """X2: an unfinished tag byte by byte is looked at once in ten milliseconds, not once for each byte."""
    looks = []
    feed = Parser.feed
    monkeypatch.setattr(Parser, "feed", lambda self, data: (looks.append(1), feed(self, data))[1])
    client = await served.connect()
    await client.open()
    began = time.monotonic()
    client.say(b"<iq id='")
    for _ in range(2000):
        client.say(b"x")
        await asyncio.sleep(0)
    assert len(looks) <= 20 + (time.monotonic() - began) / limits.PARSE_INTERVAL
    client.say(b"x" * 10_000)
    assert "<policy-violation " in await client.rest()


async def test_opening_and_dropping_leaves_nothing_behind(served):
    """X12 in small: whatever state a connection is in when it is dropped, nothing of it stays."""
    steps = [b"", header(), header() + b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", header() + b"<iq"]
    for i in range(200):
        client = await served.connect()
        client.say(steps[i % 4])
        if i % 3:
            await client.writer.drain()
        client.writer.transport.abort()
    for direct in (False, True):
        for _ in range(3):
            client = await served.client(direct=direct)
            client.writer.transport.abort()
    await become(lambda: not served.house.connections)
    assert served.house.door.inside == 0 and served.house.door._unknown == {}
    assert len(served.house.sessions) == 0 and served.front_end.registrar.of(ALICE) == []
