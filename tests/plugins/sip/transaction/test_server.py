"""The server over real sockets of the loopback: TCP, TLS, UDP."""

from __future__ import annotations

import asyncio
import logging
import ssl
from dataclasses import replace

import pytest
import trustme

from .....core.identity import Identity
from .....plugins.sip.syntax.grammar import MalformedSip
from .....plugins.sip.syntax.message import Request, Response
from .....plugins.sip.transaction.server import SipServer, TimeoutExpired
from .....plugins.sip.transport import connection as transport
from .....plugins.sip.transport.flow import FlowClosed
from .....plugins.sip.transport.limits import MAX_BODY, PER_TURN, Limits
from ..talker import GENEROUS, Datagrams, Talker, User, has_ipv6, serving, until
from ..wire import request, vectors

ADA = Identity("ada", "a.example")


@pytest.fixture(scope="module")
def contexts():
    """A server's context and a client's that trusts it."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


@pytest.fixture
async def served(contexts):
    async with serving(context=contexts[0]) as (user, ports):
        yield user, ports


class TestTransports:
    async def test_tcp(self, served):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])
        response = await talker.ask(request(body=b"hello"))
        assert (response.status, user.requests[0].body) == (200, b"hello")
        flow = user.flow
        assert (flow.transport, flow.secure, flow.reliable) == ("TCP", False, True)
        assert flow.remote == talker.writer.get_extra_info("sockname")
        assert flow.local == ("127.0.0.1", ports["tcp"])
        via = response.via[0]
        assert via.params["received"] == "127.0.0.1" and via.params["rport"] == str(flow.remote.port)
        talker.close()
        await until(lambda: user.closed == [flow])
        assert flow.closed and flow.reason and not user.server.flows

    async def test_tls(self, served, contexts):
        user, ports = served
        talker = await Talker.connect(ports["tls"], contexts[1])
        assert (await talker.ask(request())).status == 200
        assert user.flow.secure and user.flow.transport == "TLS"
        talker.close()

    async def test_udp(self, served):
        user, ports = served
        socket = await Datagrams.connect(ports["udp"])
        assert (await socket.ask(request())).status == 200
        assert not user.flow.reliable and not user.flow.proves_sender
        socket.close()

    async def test_no_tls_without_a_context(self):
        with pytest.raises(ValueError, match="context"):
            await SipServer(print).listen("127.0.0.1", tls=0)

    async def test_a_port_that_is_taken(self, served):
        _, ports = served
        server = SipServer(print)
        for name in ("tcp", "udp"):
            with pytest.raises(OSError):
                await server.listen("127.0.0.1", **{name: ports[name]})
        await server.close()

    async def test_every_address_of_the_machine(self):
        user = User()
        server = SipServer(user.receive, limits=GENEROUS)
        ports = await server.listen("", tcp=0, udp=0)
        for host in ("127.0.0.1", "::1") if has_ipv6() else ("127.0.0.1",):
            talker = await Talker.connect(ports["tcp"], host=host)
            socket = await Datagrams.connect(ports["udp"], host=host)
            for peer, kind in ((talker, "tcp"), (socket, "udp")):
                user.answer = lambda request, reply, flow: (
                    setattr(flow, "identity", ADA),
                    reply(request.reply(200)),
                )
                response = await peer.ask(request(branch=f"z9hG4bK{kind}", call=kind + host))
                assert response.via[0].params["received"] == host == user.flow.remote.host
                assert user.flow.local == (host, ports[kind])
                peer.close()
        await server.close()

    async def test_another_event_loop(self, contexts):
        uvloop = pytest.importorskip("uvloop")

        async def scene() -> list[int]:
            async with serving(context=contexts[0]) as (_, ports):
                tls, tcp = await Talker.connect(ports["tls"], contexts[1]), await Talker.connect(ports["tcp"])
                udp = await Datagrams.connect(ports["udp"])
                statuses = [(await peer.ask(request())).status for peer in (tls, tcp, udp)]
                for peer in (tls, tcp, udp):
                    peer.close()
                return statuses

        def run() -> list[int]:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                return runner.run(scene())

        assert await asyncio.to_thread(run) == [200, 200, 200]

    async def test_closing_closes_everything(self, contexts):
        async with serving(context=contexts[0]) as (user, ports):
            talkers = [await Talker.connect(ports["tcp"]), await Talker.connect(ports["tls"], contexts[1])]
            socket = await Datagrams.connect(ports["udp"])
            for peer in (*talkers, socket):
                await peer.ask(request())
        for talker in talkers:
            assert await talker.is_hung_up_on()
        assert len(user.closed) == 3 and {flow.reason for flow in user.closed} == {"the server is stopping"}
        with pytest.raises(OSError):
            await Talker.connect(ports["tcp"])
        socket.close()

    async def test_what_is_said_before_closing_still_arrives(self, served):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])

        def answer(request, reply, flow):
            reply(request.reply(200))
            flow.close("enough")

        user.answer = answer
        assert (await talker.ask(request())).status == 200
        assert await talker.is_hung_up_on()


class TestStreams:
    async def test_many_at_once_are_answered_in_order_and_written_together(self, served):
        _, ports = served
        talker = await Talker.connect(ports["tcp"])
        count = 3 * PER_TURN
        talker.send(b"".join(request(branch=f"z9hG4bK{n}", call=f"c{n}", cseq=n + 1) for n in range(count)))
        assert [(await talker.hear()).cseq.number for _ in range(count)] == [n + 1 for n in range(count)]
        assert len(talker.portions) < count / 4
        talker.close()

    async def test_any_portions(self, served):
        _, ports = served
        talker = await Talker.connect(ports["tcp"])
        talker.writer.transport.set_write_buffer_limits(0)
        for octet in request(body=b"hi"):
            talker.send(bytes([octet]))
            await asyncio.sleep(0)
        assert (await talker.hear()).status == 200
        talker.close()

    async def test_keep_alives(self, served):
        """RFC 5626 section 3.5.1."""
        _, ports = served
        talker = await Talker.connect(ports["tcp"])
        talker.send(b"\r\n\r\n")
        assert await talker.portion() == b"\r\n"
        talker.send(b"\r\n\r\n" * 20)
        assert await talker.is_hung_up_on()

    @pytest.mark.parametrize(
        ("data", "status", "stays"),
        [
            (request(more=["no header"]), 400, True),
            (request(target="tel:1"), 416, True),
            (request().replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1), 505, True),
            (request().replace(b"Max-Forwards: 70", b"Max-Forwards: 0"), 483, True),
            (request(to='"Bo <sip:bo@b.example>'), 400, True),
            (request(length=False), 400, False),
            (request(body=b"x" * (MAX_BODY + 1)), 413, False),
            (request()[:-2] + b"X-A: y\r\n" * 10_000, 513, False),
        ],
    )
    async def test_what_is_no_request(self, served, data, status, stays):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])
        assert (await talker.ask(data)).status == status
        assert not user.requests
        if stays:
            assert (await talker.ask(request())).status == 200
        else:
            assert await talker.is_hung_up_on()
        talker.close()

    async def test_what_cannot_be_answered_is_not(self, served):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])
        talker.send(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n")
        assert await talker.is_hung_up_on()
        talker = await Talker.connect(ports["tcp"])
        talker.send(request("ACK", target="mailto:b@b.example") + b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert (await talker.ask(request())).cseq.method == "MESSAGE"
        assert [r.method for r in user.requests] == ["MESSAGE"]
        talker.close()

    async def test_options_for_us_needs_no_forwards(self, served):
        _, ports = served
        talker = await Talker.connect(ports["tcp"])
        data = request("OPTIONS").replace(b"Max-Forwards: 70", b"Max-Forwards: 0")
        assert (await talker.ask(data)).status == 200
        talker.close()

    async def test_a_fault_is_logged_once(self, served, caplog):
        _, ports = served
        talker = await Talker.connect(ports["tcp"])
        with caplog.at_level(logging.INFO):
            for _ in range(5):
                await talker.ask(request(target="tel:1"))
        assert len([record for record in caplog.records if "no SIP message" in record.message]) == 1
        talker.close()


class TestSlowAndGreedy:
    async def test_nothing_said(self):
        async with serving(replace(GENEROUS, first_request_within=0.05)) as (user, ports):
            talker = await Talker.connect(ports["tcp"])
            assert await talker.is_hung_up_on()
            await until(lambda: user.closed)
            assert user.closed[0].reason == "nothing said"

    async def test_nobody_signs_in(self):
        async with serving(replace(GENEROUS, first_request_within=0.05, sign_in_within=0.1)) as (user, ports):
            talker = await Talker.connect(ports["tcp"])
            await talker.ask(request("OPTIONS"))
            assert await talker.is_hung_up_on()
            await until(lambda: user.closed)
            assert user.closed[0].reason == "nobody signed in"

    async def test_who_signs_in_stays(self):
        async with serving(replace(GENEROUS, first_request_within=0.02, sign_in_within=0.04)) as (user, ports):
            user.signs_everybody_in()
            talker = await Talker.connect(ports["tcp"])
            await talker.ask(request())
            stranger = await Talker.connect(ports["tcp"])
            assert await stranger.is_hung_up_on()
            assert (await talker.ask(request(branch="z9hG4bK2"))).status == 200
            talker.close()

    @pytest.mark.parametrize("part", [b"MESSAGE sip:b", request(body=b"hello")[:-2]])
    async def test_a_message_that_never_ends(self, part):
        async with serving(replace(GENEROUS, head_within=0.05, body_within=0.05)) as (user, ports):
            talker = await Talker.connect(ports["tcp"])
            await talker.ask(request())
            talker.send(part)
            assert await talker.is_hung_up_on()
            await until(lambda: user.closed)
            assert "end" in user.closed[0].reason

    async def test_a_body_has_its_own_time(self):
        async with serving(replace(GENEROUS, head_within=0.1, body_within=20)) as (_, ports):
            talker = await Talker.connect(ports["tcp"])
            data = request(body=b"hello")
            talker.send(data[:100])
            await asyncio.sleep(0.02)
            talker.send(data[100:-2])
            await asyncio.sleep(0.2)
            talker.send(data[-2:])
            assert (await talker.hear()).status == 200
            talker.close()

    async def test_a_busy_sender_is_no_slow_one(self):
        """Every portion ends within a message, and each message is whole in time."""
        async with serving(replace(GENEROUS, head_within=0.1, body_within=0.1)) as (user, ports):
            talker = await Talker.connect(ports["tcp"])
            stream = b"".join(request(branch=f"z9hG4bK{n}", call=f"c{n}") for n in range(40))
            for at in range(0, len(stream) - 100, 300):
                talker.send(stream[at : at + 300])
                await asyncio.sleep(0.01)
            await until(lambda: len(user.requests) >= 38)
            assert not user.closed
            talker.close()

    async def test_a_close_does_not_wait_for_ever_for_who_does_not_read(self, monkeypatch):
        monkeypatch.setattr(transport, "CLOSE_WITHIN", 0.05)
        async with serving(replace(GENEROUS, max_unsent=1 << 30)) as (user, ports):
            user.signs_everybody_in()
            talker = await Talker.connect(ports["tcp"])
            await talker.ask(request())
            talker.writer.transport.pause_reading()
            user.flow.send(b"x" * 20_000_000)
            user.flow.close("enough")
            await until(lambda: user.closed)

    async def test_dripping_does_not_extend_the_time(self):
        async with serving(replace(GENEROUS, head_within=0.2)) as (_, ports):
            talker = await Talker.connect(ports["tcp"])
            hung_up = asyncio.create_task(talker.is_hung_up_on())
            data = iter(request() * 1000)
            while not hung_up.done():
                octet = next(data)
                talker.send(bytes([octet if octet not in b"\r\n" else 0x20]))
                await asyncio.sleep(0.01)
            assert await hung_up

    async def test_too_fast_waits_and_nothing_is_lost(self):
        async with serving(replace(GENEROUS, rate_before_sign_in=200, burst_before_sign_in=5)) as (_, ports):
            talker = await Talker.connect(ports["tcp"])
            loop = asyncio.get_running_loop()
            before = loop.time()
            talker.send(b"".join(request(branch=f"z9hG4bK{n}", call=f"c{n}", cseq=n + 1) for n in range(45)))
            assert [(await talker.hear()).cseq.number for _ in range(45)] == [n + 1 for n in range(45)]
            assert loop.time() - before >= 0.19
            talker.close()

    async def test_signing_in_brings_the_larger_limits(self):
        limits = replace(GENEROUS, rate_before_sign_in=0.001, burst_before_sign_in=2, rate=1e6, burst=1e6)
        async with serving(limits) as (user, ports):
            user.signs_everybody_in()
            talker = await Talker.connect(ports["tcp"])
            await talker.ask(request())
            for n in range(20):
                await talker.ask(request(branch=f"z9hG4bK{n}", body=b"x" * 20_000))
            talker.close()

    async def test_our_own_questions_do_not_count_against_who_answers(self):
        async with serving(replace(GENEROUS, rate_before_sign_in=0.001, burst_before_sign_in=1)) as (user, ports):
            talker = await Talker.connect(ports["tcp"])
            await talker.ask(request())
            asked = [user.server.request(Request("NOTIFY", "sip:ada@h", _headers(n)), user.flow) for n in range(20)]
            for _ in asked:
                notify = await talker.hear()
                talker.send(bytes(notify.reply(200)))
            assert {response.status for response in await asyncio.gather(*asked)} == {200}
            talker.close()

    async def test_a_peer_that_does_not_read(self):
        async with serving(replace(GENEROUS, max_unsent=100_000)) as (user, ports):
            user.signs_everybody_in()
            talker = await Talker.connect(ports["tcp"])
            await talker.ask(request())
            talker.writer.transport.pause_reading()
            flow = user.flow
            while not flow.closed:
                flow.send(b"x" * 100_000)
                await asyncio.sleep(0)
            assert "does not read" in flow.reason and user.closed == [flow]

    async def test_too_many_from_one_address(self):
        async with serving(replace(GENEROUS, open_per_address=2)) as (_, ports):
            first, second = await Talker.connect(ports["tcp"]), await Talker.connect(ports["tcp"])
            await first.ask(request())
            third = await Talker.connect(ports["tcp"])
            assert await third.is_hung_up_on()
            first.close()
            await asyncio.sleep(0)
            assert (await second.ask(request())).status == 200

            async def welcome() -> bool:
                fourth = await Talker.connect(ports["tcp"])
                fourth.send(request())
                try:
                    return isinstance(await fourth.hear(), Response)
                except (EOFError, ConnectionError):
                    return False

            async with asyncio.timeout(10):
                while not await welcome():
                    pass

    async def test_no_handshake_frees_its_place(self, contexts):
        async with serving(replace(GENEROUS, open_per_address=1), contexts[0]) as (user, ports):
            for _ in range(3):
                noise = await Talker.connect(ports["tls"])
                noise.send(b"this is no TLS\r\n\r\n" * 10)
                assert await noise.is_hung_up_on()
                await until(lambda: len(user.server._door) == 0)
            talker = await Talker.connect(ports["tls"], contexts[1])
            assert (await talker.ask(request())).status == 200
            talker.close()


def _headers(
    number: int = 1, method: str = "NOTIFY", to: str = "<sip:ada@a.example>;tag=t"
) -> list[tuple[str, object]]:
    return [
        ("From", "<sip:bo@b.example>;tag=f"),
        ("To", to),
        ("Call-ID", f"ours{number}"),
        ("CSeq", f"{number} {method}"),
    ]


class TestDatagrams:
    async def test_what_is_lost_is_answered_again(self, served):
        user, ports = served
        socket = await Datagrams.connect(ports["udp"])
        first, again = await socket.ask(request()), await socket.ask(request())
        assert bytes(first) == bytes(again) and len(user.requests) == 1
        socket.close()

    async def test_keep_alives_stun_and_nothing_are_not_answered(self, served):
        user, ports = served
        socket = await Datagrams.connect(ports["udp"])
        for data in (b"\r\n\r\n", b"\0\0\0\0", b"\0\1\0\0\x21\x12\xa4\x42" + b"x" * 12, b"\r\n"):
            socket.send(data)
        assert (await socket.ask(request())).status == 200
        assert socket.waiting == 0 and len(user.requests) == 1
        socket.close()

    async def test_an_address_that_is_not_proven_gets_no_more_than_it_sent(self, served):
        """SECURITY S10: no amplification, whatever is asked and however often."""
        user, ports = served
        user.answer = lambda request, reply, flow: reply(
            request.reply(
                401, headers=[("WWW-Authenticate", 'Digest nonce="' + "n" * 200 + '"'), ("Server", "s" * 100)]
            )
        )
        socket = await Datagrams.connect(ports["udp"])
        await socket.ask(request(more=["Subject: " + "x" * 300]))
        for n in range(30):
            socket.send(request(branch=f"z9hG4bK{n}", call=f"c{n}"))
        socket.send(b"SIP/2.0 nonsense")
        socket.send(request(target="tel:1", call="last"))
        await until(lambda: len(user.requests) == 31)
        await asyncio.sleep(0.05)
        assert 0 < socket.got <= socket.sent
        socket.close()

    async def test_a_stranger_is_refused_without_memory(self, served):
        """A challenge is not sent again by itself, not even to an INVITE, and nothing is kept for it."""
        user, ports = served
        user.answer = lambda request, reply, flow: reply(request.reply(401))
        socket = await Datagrams.connect(ports["udp"])
        first, again = await socket.ask(request("INVITE")), await socket.ask(request("INVITE"))
        assert first.to.tag == again.to.tag and len(user.requests) == 2
        assert len(user.server._transactions) == 0
        socket.close()

    async def test_too_many_are_dropped(self):
        async with serving(replace(GENEROUS, udp_per_network=0.001, udp_burst_per_network=5)) as (user, ports):
            socket = await Datagrams.connect(ports["udp"])
            for n in range(5):
                await socket.ask(request(branch=f"z9hG4bK{n}", call=f"c{n}"))
            for n in range(5, 50):
                socket.send(request(branch=f"z9hG4bK{n}", call=f"c{n}"))
            other = await Datagrams.connect(ports["udp"])
            other.send(request(branch="z9hG4bKother"))
            await asyncio.sleep(0.05)
            assert len(user.requests) == 5 and other.waiting == 0
            socket.close()
            other.close()

    async def test_who_signed_in_has_a_rate_of_their_own(self):
        limits = replace(GENEROUS, udp_per_network=0.001, udp_burst_per_network=1, rate=0.001, burst=10)
        async with serving(limits) as (user, ports):
            user.signs_everybody_in()
            socket = await Datagrams.connect(ports["udp"])
            for n in range(11):
                await socket.ask(request(branch=f"z9hG4bK{n}", call=f"c{n}"))
            socket.send(request(branch="z9hG4bKmore", call="more"))
            await asyncio.sleep(0.05)
            assert socket.waiting == 0 and len(user.requests) == 11
            asked = user.server.request(Request("NOTIFY", "sip:ada@h", _headers()), user.flow)
            notify = await socket.hear()
            socket.send(bytes(notify.reply(200)))
            assert (await asked).status == 200
            socket.close()

    async def test_addresses_are_forgotten_when_there_are_too_many(self):
        async with serving(replace(GENEROUS, max_flows=3)) as (user, ports):
            known = await Datagrams.connect(ports["udp"])
            user.signs_everybody_in()
            await known.ask(request())
            mine = user.flow
            user.answer = lambda request, reply, flow: reply(request.reply(403))
            for n in range(10):
                socket = await Datagrams.connect(ports["udp"])
                await socket.ask(request(branch=f"z9hG4bK{n}", call=f"c{n}"))
                socket.close()
            assert len(user.server.flows) <= 3 and mine in user.server.flows
            assert all(flow.reason == "forgotten" for flow in user.closed)
            known.close()

    async def test_a_stranger_who_said_something_once_is_forgotten(self):
        async with serving(replace(GENEROUS, stranger_forgotten_after=0.0)) as (user, ports):
            user.answer = lambda request, reply, flow: reply(request.reply(403))
            for n in range(10):
                socket = await Datagrams.connect(ports["udp"])
                await socket.ask(request(branch=f"z9hG4bK{n}", call=f"c{n}"))
                socket.close()
            assert len(user.server.flows) <= 2 and {flow.reason for flow in user.closed} == {"silent"}

    async def test_closing_a_flow_forgets_it(self, served):
        user, ports = served
        socket = await Datagrams.connect(ports["udp"])
        await socket.ask(request())
        flow = user.flow
        flow.close("signed out")
        assert user.closed == [flow]
        await socket.ask(request(branch="z9hG4bK2"))
        assert user.flow is not flow
        socket.close()

    async def test_a_large_request_to_who_signed_in(self, served):
        user, ports = served
        user.signs_everybody_in()
        socket = await Datagrams.connect(ports["udp"])
        await socket.ask(request())
        notify = Request("NOTIFY", "sip:ada@h", _headers(), body=b"x" * 5000)
        asked = user.server.request(notify, user.flow)
        socket.send(bytes((await socket.hear()).reply(200)))
        assert (await asked).status == 200
        socket.close()


@pytest.mark.parametrize("carrier", ["tcp", "udp"])
async def test_no_message_whatever_brings_the_server_down(served, carrier, caplog):
    """Every vector over the wire: the answer that it must have, or none, and no error of ours."""
    user, ports = served
    user.answer = lambda request, reply, flow: reply(request.reply(299))
    with caplog.at_level(logging.WARNING):
        for vector in vectors():
            user.requests.clear()
            peer = await (Talker if carrier == "tcp" else Datagrams).connect(ports[carrier])
            peer.send(vector.data)
            peer.send(request("OPTIONS", branch="z9hG4bKalive", call="alive", more=["X-A: " + "y" * 500]))
            if carrier == "udp" and vector.verdict in ("416", "400", "505"):
                answer = await peer.hear()
                assert answer.status == int(vector.verdict) or answer.call_id == "alive"
            peer.close()
            alive = await Talker.connect(ports["tcp"])
            assert (await alive.ask(request(call=vector.name))).status == 299
            alive.close()
    assert not caplog.records


class TestAsking:
    async def connected(self, served) -> tuple:
        user, ports = served
        talker = await Talker.connect(ports["tcp"])
        await talker.ask(request())
        return user, user.server, talker

    async def test_a_request_of_ours(self, served):
        user, server, talker = await self.connected(served)
        asked = server.request(Request("NOTIFY", "sip:ada@h.example", _headers(), body=b"x"), user.flow)
        notify = await talker.hear()
        (via,) = notify.via
        assert "rport" in via.params  # RFC 3581: wherever the answer goes, it comes back here
        assert via.transport == "TCP" and via.branch.startswith("z9hG4bK") and (via.host, via.port) == user.flow.local
        assert (notify.max_forwards, notify.body, notify.uri) == (70, b"x", "sip:ada@h.example")
        talker.send(bytes(notify.reply(481)))
        response = await asked
        assert response.status == 481
        talker.close()

    async def test_branches_differ(self, served):
        user, server, talker = await self.connected(served)
        for n in range(2):
            server.request(Request("NOTIFY", "sip:a@h", _headers(n)), user.flow)
        assert (await talker.hear()).via[0].branch != (await talker.hear()).via[0].branch
        talker.close()

    async def test_provisional_responses_and_a_repeated_2xx(self, served):
        user, server, talker = await self.connected(served)
        progress = []
        asked = server.request(Request("INVITE", "sip:a@h", _headers(1, "INVITE")), user.flow, progress=progress.append)
        invite = await talker.hear()
        for status in (100, 180, 200, 200):
            talker.send(bytes(invite.reply(status)))
        assert (await asked).status == 200
        await until(lambda: len(progress) == 3)
        assert [response.status for response in progress] == [100, 180, 200]
        server.send(Request("ACK", "sip:a@h", _headers(1, "ACK")), user.flow)
        ack = await talker.hear()
        assert ack.method == "ACK" and ack.via[0].branch != invite.via[0].branch
        talker.close()

    async def test_a_refused_invite_is_acknowledged_by_itself(self, served):
        user, server, talker = await self.connected(served)
        asked = server.request(Request("INVITE", "sip:a@h", _headers(1, "INVITE")), user.flow)
        invite = await talker.hear()
        talker.send(bytes(invite.reply(603)))
        assert (await asked).status == 603
        ack = await talker.hear()
        assert (ack.method, ack.via[0].branch) == ("ACK", invite.via[0].branch)
        talker.close()

    async def test_nobody_answers(self, served):
        user, server, talker = await self.connected(served)
        asked = server.request(Request("NOTIFY", "sip:a@h", _headers()), user.flow)
        await talker.hear()
        clock = server.clock
        server.clock = lambda: clock() + 33
        server._tick()
        with pytest.raises(TimeoutExpired):
            await asked
        talker.close()

    async def test_the_connection_breaks(self, served):
        user, server, talker = await self.connected(served)
        asked = server.request(Request("NOTIFY", "sip:a@h", _headers()), user.flow)
        talker.close()
        with pytest.raises(FlowClosed):
            await asked
        with pytest.raises(FlowClosed):
            await server.request(Request("NOTIFY", "sip:a@h", _headers()), user.flow)

    async def test_an_answer_nobody_waits_for_any_more(self, served):
        user, server, talker = await self.connected(served)
        asked = server.request(Request("NOTIFY", "sip:a@h", _headers()), user.flow)
        asked.cancel()
        talker.send(bytes((await talker.hear()).reply(200)))
        assert (await talker.ask(request(branch="z9hG4bK2"))).status == 200
        talker.close()

    async def test_what_cannot_be_printed_is_not_sent(self, served):
        user, server, talker = await self.connected(served)
        with pytest.raises(ValueError):
            server.request(Request("NOTIFY", "sip:a@h", [*_headers(), ("Subject", "a\r\nb")]), user.flow)
        talker.close()


class TestAnswering:
    async def test_later(self, served):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])
        user.answer = lambda request, reply, flow: None
        talker.send(request())
        await until(lambda: user.replies)
        user.replies[0](user.requests[0].reply(202))
        user.replies[0](user.requests[0].reply(500))
        assert (await talker.hear()).status == 202
        assert user.replies[0].answered
        talker.close()

    async def test_to_somebody_who_left(self, served):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])
        user.answer = lambda request, reply, flow: None
        talker.send(request())
        await until(lambda: user.replies)
        talker.close()
        await until(lambda: user.closed)
        user.replies[0](user.requests[0].reply(200))

    async def test_a_user_that_fails_is_500_and_logged(self, served, caplog):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])

        def answer(request, reply, flow):
            raise RuntimeError("a mistake of ours")

        user.answer = answer
        response = await talker.ask(request())
        assert response.status == 500 and "mistake" not in response.reason
        assert "a mistake of ours" in caplog.text
        talker.close()

    async def test_a_header_the_user_finds_malformed(self, served):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])

        def answer(request, reply, flow):
            raise MalformedSip("not a Route", status=400)

        user.answer = answer
        response = await talker.ask(request())
        assert (response.status, response.reason) == (400, "Bad Request: not a Route")
        talker.close()

    async def test_a_cancelled_invite(self, served):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])
        told = []

        def answer(request, reply, flow):
            reply.on_cancel = lambda: told.append("cancelled")

        user.answer = answer
        invite = request("INVITE")
        talker.send(invite)
        await until(lambda: user.replies)
        talker.send(invite.replace(b"INVITE", b"CANCEL"))
        answers = {(r.status, r.cseq.method) for r in [await talker.hear(), await talker.hear()]}
        assert answers == {(200, "CANCEL"), (487, "INVITE")}
        assert told == ["cancelled"] and user.replies[0].cancelled
        talker.close()

    async def test_a_2xx_to_an_invite_is_sent_until_its_ack(self, served):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])
        ok = await talker.ask(request("INVITE"))
        again = await talker.hear()
        assert bytes(ok) == bytes(again)
        talker.send(request("ACK", branch="z9hG4bKack", to=ok.first("To")))
        await until(lambda: len(user.requests) == 2)
        assert user.requests[1].method == "ACK" and len(user.server._answers) == 0
        user.replies[1](user.requests[1].reply(200))
        assert (await talker.ask(request(branch="z9hG4bK2"))).cseq.method == "MESSAGE"
        talker.close()

    async def test_a_2xx_nobody_acknowledges(self, served):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])
        silence = []

        def answer(request, reply, flow):
            reply.on_silence = lambda: silence.append(request.call_id)
            reply(request.reply(200))

        user.answer = answer
        await talker.ask(request("INVITE"))
        server, clock = user.server, user.server.clock
        for seconds in range(1, 40):
            server.clock = lambda seconds=seconds: clock() + seconds
            server._tick()
        assert silence == ["c1"]
        talker.close()

    async def test_a_callback_that_fails_is_logged_and_nobody_elses_trouble(self, served, caplog):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])

        def fail(*_):
            raise RuntimeError("a mistake in a callback")

        def answer(request, reply, flow):
            reply.on_cancel = fail

        user.answer = answer
        invite = request("INVITE")
        talker.send(invite + invite.replace(b"INVITE", b"CANCEL"))
        assert {(await talker.hear()).status for _ in range(2)} == {200, 487}
        user.server.flow_closed = fail
        talker.close()
        await until(lambda: not user.server.flows)
        assert [str(r.exc_info[1]) for r in caplog.records if r.exc_info] == ["a mistake in a callback"] * 2

    async def test_an_invite_is_told_to_wait(self, served):
        user, ports = served
        talker = await Talker.connect(ports["tcp"])
        user.answer = lambda request, reply, flow: None
        response = await talker.ask(request("INVITE"))
        assert response.status == 100
        talker.close()


async def test_the_published_limits_are_the_defaults():
    server = SipServer(print)
    assert server.limits == Limits()
    assert (Limits().open_per_address, Limits().new_per_second, Limits().keep_alives_per_second) == (20, 10, 5)
    assert (Limits().rate_before_sign_in, Limits().rate, Limits().burst) == (5, 50, 200)
    assert (Limits().first_request_within, Limits().head_within, Limits().body_within) == (15, 10, 20)
    assert (Limits().max_unsent, Limits().max_body) == (262_144, 65_536)
    await server.close()
