"""Connections we open to other servers, over real sockets of the loopback; and whom their certificates name."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import trustme

from .....core.errors import Undeliverable
from .....core.identity import Identity
from .....plugins.sip.syntax.message import Request, parse
from .....plugins.sip.transport import outgoing
from .....plugins.sip.transport.certified import MAX_NAMES, certified
from .....plugins.sip.transport.flow import Flow
from .....plugins.sip.transport.limits import Limits
from .....plugins.sip.transport.outgoing import Outgoing, checking
from .....plugins.sip.transport.resolver import NextHop
from ..talker import User, serving, until
from ..wire import request


@dataclass
class Two:
    """Our server and another one."""

    ours: User
    theirs: User
    our_ports: dict[str, int]
    ports: dict[str, int]
    outgoing: Outgoing
    context: ssl.SSLContext
    authority: trustme.CA
    hops: dict[str, NextHop] = field(default_factory=dict)

    def hop(self, transport: str, name: str = "localhost") -> NextHop:
        return NextHop("127.0.0.1", self.ports[transport.lower()], transport, name)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def shows(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@pytest.fixture
async def two(authority: trustme.CA) -> AsyncIterator[Two]:
    context = checking()
    authority.configure_trust(context)
    authority.issue_cert("ours.example").configure_cert(context)
    limits = Limits(rate_before_sign_in=1e6, burst_before_sign_in=1e6, first_request_within=0.2, sign_in_within=0.4)
    server_context = shows(authority, "localhost", "theirs.example", "*.wild.example", "127.0.0.1")
    async with (
        serving(limits, context=shows(authority, "ours.example")) as (ours, our_ports),
        serving(context=server_context) as (theirs, ports),
    ):
        made = Outgoing(ours.server, our_ports, context)
        yield Two(ours, theirs, our_ports, ports, made, context, authority)
        await made.close()


def question(n: int = 1) -> Request:
    message = parse(request("OPTIONS", "sip:theirs.example", call=f"c{n}", cseq=n))
    assert isinstance(message, Request)
    message.drop("Via")
    return message


# ---- flows


@pytest.mark.parametrize("transport", ["TLS", "TCP", "UDP"])
async def test_a_request_goes_out_and_its_answer_comes_back(two: Two, transport: str) -> None:
    flow = await two.outgoing.flow(two.hop(transport))
    assert (flow.transport, flow.called, flow.known, flow.secure) == (transport, True, True, transport == "TLS")
    response = await two.ours.server.request(question(), flow)
    assert response.status == 200
    via = two.theirs.requests[0].via[0]
    assert (via.host, via.port) == ("127.0.0.1", two.our_ports[transport.lower()]), "where we can be called back"
    assert ("alias" in via.params) == (transport != "UDP")


@pytest.mark.parametrize("transport", ["TLS", "TCP"])
async def test_it_is_used_again_and_in_both_directions(two: Two, transport: str) -> None:
    flows = await asyncio.gather(*(two.outgoing.flow(two.hop(transport)) for _ in range(10)))
    assert len(set(flows)) == 1 and len(two.outgoing) == 1
    await two.ours.server.request(question(), flows[0])
    back = two.theirs.flow
    assert (await two.theirs.server.request(question(2), back)).status == 200
    assert two.ours.flow is flows[0]


async def test_nobody_has_to_sign_in_on_what_we_opened(two: Two) -> None:
    flow = await two.outgoing.flow(two.hop("TCP"))
    incoming = socket.create_connection(("127.0.0.1", two.our_ports["tcp"]))
    incoming.setblocking(False)
    loop = asyncio.get_running_loop()
    assert await asyncio.wait_for(loop.sock_recv(incoming, 1), 10) == b"", "a stranger is sent away"
    incoming.close()
    await asyncio.sleep(0.3)
    assert not flow.closed and (await two.ours.server.request(question(), flow)).status == 200


async def test_one_that_broke_is_opened_again(two: Two) -> None:
    first = await two.outgoing.flow(two.hop("TCP"))
    await two.ours.server.request(question(), first)
    two.theirs.flow.close("enough")
    await until(lambda: first.closed and not len(two.outgoing))
    second = await two.outgoing.flow(two.hop("TCP"))
    assert second is not first and (await two.ours.server.request(question(2), second)).status == 200


async def test_what_is_silent_for_long_is_closed(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "IDLE_AFTER", 0.1)
    flow = await two.outgoing.flow(two.hop("TCP"))
    await until(lambda: flow.closed)
    assert flow.reason == "nothing was said for a while" and len(two.outgoing) == 0


async def test_when_there_are_too_many_the_most_silent_goes(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "MAX_OUTGOING", 2)
    hops = [two.hop("TLS", name) for name in ("localhost", "theirs.example", "127.0.0.1")]
    flows: list[Flow] = []
    for hop in hops:
        flows.append(await two.outgoing.flow(hop))
        await asyncio.sleep(0.01)
    await until(lambda: flows[0].closed)
    assert not flows[1].closed and not flows[2].closed and len(two.outgoing) == 2


# ---- who it is


async def test_another_name_is_another_connection(two: Two) -> None:
    one, other = [await two.outgoing.flow(two.hop("TLS", name)) for name in ("theirs.example", "127.0.0.1")]
    assert one is not other and one.certified.names("THEIRS.example") and not one.certified.names("x.wild.example")


@pytest.mark.parametrize("name", ["evil.example", "x.wild.example", "*.wild.example", "example", ""])
async def test_a_certificate_for_somebody_else_is_not_believed(two: Two, name: str) -> None:
    with pytest.raises(Undeliverable, match="does not name"):
        await two.outgoing.flow(two.hop("TLS", name))
    assert len(two.outgoing) == 0 and not two.ours.server.flows


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(two: Two) -> None:
    with pytest.raises(Undeliverable, match="not believed"):
        await Outgoing(two.ours.server, {}).flow(two.hop("TLS"))
    other = checking()
    with pytest.raises(Undeliverable, match="not believed"):
        await two.outgoing.flow(two.hop("TLS"), context=other)


async def test_we_show_who_we_are(two: Two) -> None:
    flow = await two.outgoing.flow(two.hop("TLS"))
    await two.ours.server.request(question(), flow)
    assert two.theirs.flow.certified.domains == {"ours.example"}


async def test_their_connection_is_used_for_what_goes_to_them_when_it_is_proven_theirs(two: Two) -> None:
    """RFC 5923: the other server has connected to us, and says with ``alias`` where it listens."""
    client = checking()
    two.authority.configure_trust(client)
    two.authority.issue_cert("theirs.example").configure_cert(client)
    theirs = Outgoing(two.theirs.server, two.ports, client)
    flow = await theirs.flow(NextHop("127.0.0.1", two.our_ports["tls"], "TLS", "ours.example"))
    await two.theirs.server.request(question(), flow)
    incoming, hop = two.ours.flow, two.hop("TLS", "theirs.example")
    assert not two.outgoing.adopt(incoming, two.hop("TLS", "somebody.example"))
    assert not two.outgoing.adopt(incoming, two.hop("TCP", "theirs.example"))
    assert two.outgoing.adopt(incoming, hop) and await two.outgoing.flow(hop) is incoming
    assert (await two.ours.server.request(question(3), incoming)).status == 200 and two.theirs.flow is flow
    await theirs.close()
    await until(lambda: incoming.closed)
    assert await two.outgoing.flow(hop) is not incoming


# ---- nobody there


async def test_a_place_where_nobody_listens(two: Two) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = NextHop("127.0.0.1", taken.getsockname()[1], "TCP", "x")
        with pytest.raises(Undeliverable, match="cannot be reached"):
            await two.outgoing.flow(nowhere)
        reached = await two.outgoing.first([nowhere, nowhere, two.hop("TCP")])
        assert reached.remote.port == two.ports["tcp"]
        with pytest.raises(Undeliverable, match="cannot be reached"):
            await two.outgoing.first([nowhere])
    with pytest.raises(Undeliverable, match="no place"):
        await two.outgoing.first([])


async def test_a_place_that_says_nothing_is_not_waited_for_long(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "CONNECT_WITHIN", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(Undeliverable, match="does not answer"):
        await two.outgoing.flow(NextHop("127.0.0.1", mute.getsockname()[1], "TLS", "localhost"))
    assert len(two.outgoing) == 0


async def test_no_udp_port_no_datagrams(two: Two) -> None:
    with pytest.raises(Undeliverable, match="no UDP port"):
        await two.outgoing.flow(NextHop("::1", 5060, "UDP", "x"))


async def test_a_udp_address_we_call_is_no_stranger(two: Two) -> None:
    flow = await two.outgoing.flow(two.hop("UDP"))
    assert flow.allowance > 60_000 and await two.outgoing.flow(two.hop("UDP")) is flow


async def test_at_the_end_nothing_is_left(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = await two.outgoing.flow(two.hop("TCP"))
    with socket.create_server(("127.0.0.1", 0)) as mute:
        waiting = asyncio.ensure_future(two.outgoing.flow(NextHop("127.0.0.1", mute.getsockname()[1], "TLS", "x")))
        await asyncio.sleep(0.05)
        await two.outgoing.close()
        with pytest.raises(Undeliverable, match="stopping"):
            await waiting
    await until(lambda: flow.closed)


# ---- what certificates say (RFC 5922 section 7)


def test_sip_uris_are_domains_and_people() -> None:
    said = certified(
        {
            "subject": ((("commonName", "common.example"),),),
            "subjectAltName": (
                ("URI", "sip:Example.org"),
                ("URI", "sip:alice@example.org"),
                ("URI", "https://web.example.org"),
                ("URI", "sips:no.example"),
                ("URI", "sip:port.example:5061"),
                ("URI", "sip:@"),
                ("DNS", "host.example.org"),
                ("IP Address", "192.0.2.1"),
            ),
        }
    )
    assert said.domains == {"example.org", "192.0.2.1"} and said.people == {Identity("alice", "example.org")}
    assert said.names("example.org.") and not said.names("host.example.org") and not said.names("common.example")


def test_dns_names_are_domains_where_no_uri_is_one() -> None:
    said = certified({"subjectAltName": (("DNS", "A.example"), ("DNS", "*.b.example"), ("URI", "sip:bob@a.example"))})
    assert said.domains == {"a.example"} and said.people == {Identity("bob", "a.example")}


@pytest.mark.parametrize("said", [None, {}, {"subject": ()}, {"subjectAltName": "x"}, {"subjectAltName": ((),)}])
def test_no_names(said: dict[str, object] | None) -> None:
    assert not certified(said).domains and not certified(said).people


def test_a_certificate_of_very_many_names() -> None:
    said = certified({"subjectAltName": tuple(("DNS", f"{n}.example") for n in range(5000))})
    assert len(said.domains) == MAX_NAMES
