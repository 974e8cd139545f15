"""Trunks, against a scripted PBX: registering, calls out and in, passwords, failing hops, who is shown, toll fraud."""

import asyncio
from contextlib import AsyncExitStack

import msgspec
import pytest

from .....core.identity import Identity
from .....core.people import Person
from .....plugins.sip.calls.settings import CallOptions, CallRoute, NumberRule, TrunkOptions
from .....plugins.sip.calls.trunks import TrunkPeer, Trunks
from .....plugins.sip.plugin import SipOptions, SipTransport
from .....plugins.sip.syntax.message import Request
from .....plugins.sip.transport.certified import NOBODY, Certified
from .....plugins.sip.transport.flow import Address, Flow
from ....people import ALICE, BOB
from ....stage import front_end_in
from .conftest import Exchange, Records
from .handset import Line, sdp
from .pbx import Pbx

CALLS = CallOptions(
    outside_calls="people",
    emergency=["112"],
    emergency_trunks=["pbx"],
    rules=[NumberRule("0Z.", 1, "+49")],
    routes=[CallRoute(["+49*"], ["pbx"])],
)


@pytest.fixture
async def served(tmp_path):
    """Starts a front end with trunks; ends it before the PBXs."""
    async with AsyncExitStack() as stack:

        async def serve(calls=CALLS, **trunks):
            sip = SipTransport(
                SipOptions(
                    listen="127.0.0.1",
                    tls_port=None,
                    tcp_port=0,
                    udp_port=0,
                    notify_pause=0.0,
                    calls=calls,
                    trunks=trunks,
                )
            )
            records = Records()
            front_end = await stack.enter_async_context(front_end_in(tmp_path, sip, records))
            await front_end.store.put_person(ALICE, Person(str(ALICE), "Alice", phones=["+4930100"]))
            await front_end.store.put_person(BOB, Person(str(BOB), "Bob", phones=["4711"]))
            exchange = Exchange(front_end, sip, records)
            stack.push_async_callback(close, exchange)
            return exchange

        async def close(exchange):
            for phone in exchange.phones:
                await phone.close()

        yield serve


@pytest.fixture(params=["tcp", "udp"])
async def pbx(request):
    async with Pbx("hereabouts", "s3cret").serving(request.param) as pbx:
        yield pbx


def trunk(pbx, **more):
    settings = {"username": pbx.username, "password": pbx.password, "domain": "pbx.test", "ping": 0} | more
    return TrunkOptions(hops=[pbx.uri], **settings)


async def state_of(exchange, name="pbx"):
    (states,) = exchange.front_end.hooks.trunks(front_end=exchange.front_end)
    return next(one for one in states if one.name == name)


# ---- registering


async def test_we_register_with_a_password_and_sign_off(served, pbx, tmp_path):
    exchange = await served(pbx=trunk(pbx, register=True, register_for=300))
    await exchange.until(
        lambda: exchange.front_end.hooks.trunks(front_end=exchange.front_end)[0][0].registered, "a registration"
    )
    first, second = pbx.asked("REGISTER")
    assert first.uri == "sip:pbx.test" and str(first.to.uri) == "sip:hereabouts@pbx.test" and first.expires == 300
    assert second.first("Authorization") and second.cseq.number > first.cseq.number
    assert first.call_id == second.call_id and first.contacts[0].uri.user == "hereabouts"
    assert first.contacts[0].uri.port == exchange.sip.ports[pbx.transport]
    assert (await state_of(exchange)).registered.startswith("until ")
    assert (await exchange.front_end.hooks.why_call(caller=ALICE, callee="030"))[-1].rings == "+4930 by pbx"


async def test_too_short_is_made_longer(served, pbx):
    pbx.min_expires = 900
    exchange = await served(pbx=trunk(pbx, register=True, register_for=60))
    await pbx.until(lambda: any(r.expires == 900 for r in pbx.asked("REGISTER")), "a longer one")
    await exchange.until(
        lambda: exchange.front_end.hooks.trunks(front_end=exchange.front_end)[0][0].registered, "a registration"
    )


async def test_it_is_refreshed_before_it_ends(served, pbx):
    pbx.grants = 1
    await served(pbx=trunk(pbx, register=True))
    await pbx.until(lambda: len(pbx.asked("REGISTER")) >= 3, "a refresh")
    numbers = [request.cseq.number for request in pbx.asked("REGISTER")]
    assert numbers == sorted(set(numbers)), "CSeq grows"
    assert "Authorization" in dict(pbx.asked("REGISTER")[2].headers()), "no challenge is needed twice"


async def test_a_wrong_password_is_tried_once_and_said(served, pbx, caplog):
    exchange = await served(pbx=trunk(pbx, register=True, password="wrong"))
    await exchange.until(
        lambda: exchange.front_end.hooks.trunks(front_end=exchange.front_end)[0][0].registered.startswith("no"),
        "a refusal",
    )
    assert len(pbx.asked("REGISTER")) == 2
    assert "is the password right?" in (await state_of(exchange)).registered
    assert "s3cret" not in caplog.text and "wrong" not in caplog.text


async def test_we_sign_off_when_we_stop(pbx, tmp_path):
    options = SipOptions(
        listen="127.0.0.1", tls_port=None, tcp_port=0, udp_port=0, trunks={"pbx": trunk(pbx, register=True)}
    )
    async with front_end_in(tmp_path, SipTransport(options)) as front_end:
        await pbx.until(lambda: len(pbx.asked("REGISTER")) == 2, "a registration")
        while not front_end.hooks.trunks(front_end=front_end)[0][0].registered:
            await asyncio.sleep(0.005)
    assert pbx.asked("REGISTER")[-1].expires == 0


# ---- calls out


async def test_a_call_out_is_proven_answered_and_ended(served, pbx):
    exchange = await served(pbx=trunk(pbx, trusted=True))
    alice = await exchange.phone(ALICE)
    invite = await alice.call("sip:030555@example.test;user=phone")
    answer = await alice.final(invite)
    assert answer.status == 200
    first, second = pbx.asked("INVITE")
    assert second.uri == "sip:+4930555@pbx.test;user=phone" and second.first("Proxy-Authorization")
    assert first.via[0].branch != second.via[0].branch and len(second.via) == 2
    assert second.first("P-Asserted-Identity") == "<sip:+4930100@pbx.test;user=phone>"
    assert not first.first("Authorization"), "what Alice told us is for us alone"
    assert (await state_of(exchange)).calls == 1
    line = Line(alice, invite, answer, calling=True)
    line.send("ACK")
    await pbx.until(lambda: pbx.asked("ACK"), "the ACK")
    assert (await line.ask("BYE")).status == 200
    assert pbx.asked("BYE")[-1].first("Proxy-Authorization"), "proven inside the call, too"
    record = await exchange.recorded()
    assert record.call is not None and record.call.outcome == "answered"
    assert (await state_of(exchange)).calls == 0


async def test_a_call_out_that_is_given_up_is_cancelled_there(served, pbx):
    pbx.invite_status = 180
    exchange = await served(pbx=trunk(pbx))
    alice = await exchange.phone(ALICE)
    invite = await alice.call("tel:+4930555")
    await exchange.until(lambda: any(r.status == 180 for r in alice.said), "ringing")
    alice.cancel(invite)
    assert (await alice.final(invite)).status == 487
    await exchange.recorded()


async def test_a_wrong_password_ends_the_call_and_is_not_asked_of_the_phone_as_ours(served, pbx):
    exchange = await served(pbx=trunk(pbx, password="wrong"))
    alice = await exchange.phone(ALICE)
    refused = await alice.final(await alice.call("tel:+4930555"))
    assert refused.status >= 400 and len(pbx.asked("INVITE")) == 2


async def test_a_stale_nonce_costs_one_more_question(served, pbx):
    exchange = await served(pbx=trunk(pbx))
    alice = await exchange.phone(ALICE)
    assert (await alice.final(await alice.call("tel:+4930555"))).status == 200
    pbx.nonce, pbx.stale = "another", True
    assert (await alice.final(await alice.call("tel:+4930556"))).status == 200
    assert len(pbx.asked("INVITE")) == 4


async def test_the_next_hop_is_taken_when_one_is_not_there(served, pbx):
    dead = "sip:127.0.0.1:1;transport=tcp"
    options = msgspec.structs.replace(trunk(pbx), hops=[dead, pbx.uri])
    exchange = await served(pbx=options)
    alice = await exchange.phone(ALICE)
    assert (await alice.final(await alice.call("tel:+4930555"))).status == 200
    state = await state_of(exchange)
    assert state.state == "partly up" and "cannot be reached" in state.why


async def test_the_next_hop_is_taken_after_a_503_and_not_when_busy(served, pbx):
    async with Pbx().serving("tcp") as other:
        options = msgspec.structs.replace(trunk(pbx), hops=[other.uri, pbx.uri])
        exchange = await served(pbx=options)
        alice = await exchange.phone(ALICE)
        other.invite_status = 486
        assert (await alice.final(await alice.call("tel:+4930555"))).status == 486 and not pbx.asked("INVITE")
        other.invite_status = 503
        assert (await alice.final(await alice.call("tel:+4930556"))).status == 200
        before = len(other.asked("INVITE"))
        assert (await alice.final(await alice.call("tel:+4930557"))).status == 200
        assert len(other.asked("INVITE")) == before, "the one that answered 503 is not asked first"


async def test_a_trunk_has_room_for_so_many_calls_and_for_emergencies(served, pbx):
    exchange = await served(pbx=trunk(pbx, max_calls=1))
    alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
    invite = await alice.call("tel:+4930555")
    answer = await alice.final(invite)
    Line(alice, invite, answer, calling=True).send("ACK")
    assert (await bob.final(await bob.call("tel:+4930556"))).status >= 400
    emergency = await bob.call("sip:112@example.test", headers=[("Geolocation", "<cid:where>")])
    assert (await bob.final(emergency)).status == 200
    sent = pbx.asked("INVITE")[-1]
    assert sent.uri == "sip:112@pbx.test;user=phone" and sent.first("Geolocation") == "<cid:where>"
    (call,) = [call for call in exchange.calls if call.emergency]
    assert call.route == "pbx"


# ---- who is shown


@pytest.mark.parametrize(
    ("trusted", "privacy", "asserted", "preferred"),
    [
        (True, "", "+4930100", None),
        (True, "id", "+4930100", None),
        (False, "", None, "+4930100"),
        (False, "id", None, None),
    ],
)
async def test_who_calls_is_said_as_the_trunk_and_the_caller_want_it(
    served, pbx, trusted, privacy, asserted, preferred
):
    exchange = await served(pbx=trunk(pbx, trusted=trusted, number="+493099"))
    alice = await exchange.phone(ALICE)
    forged = [("P-Asserted-Identity", "<sip:+491@x>"), ("P-Preferred-Identity", "<sip:+492@x>")]
    headers = [*forged, *([("Privacy", privacy)] if privacy else [])]
    assert (await alice.final(await alice.call("tel:+4930555", headers=headers))).status == 200
    sent = pbx.asked("INVITE")[-1]
    for name, number in (("P-Asserted-Identity", asserted), ("P-Preferred-Identity", preferred)):
        assert [n.partition("@")[0].removeprefix("<sip:") for n in sent.all(name)] == ([number] if number else [])


async def test_who_has_no_number_has_the_trunks(served, pbx):
    exchange = await served(pbx=trunk(pbx, trusted=True, number="+493099"))
    bob = await exchange.phone(BOB)
    assert (await bob.final(await bob.call("tel:+4930555"))).status == 200
    assert "+493099@pbx.test" in pbx.asked("INVITE")[-1].first("P-Asserted-Identity")


# ---- calls in


async def in_by(pbx, exchange, to, **more):
    return await pbx.call(exchange.sip.ports[pbx.transport], to, **more)


async def test_a_call_in_rings_a_person_by_their_number(served, pbx):
    exchange = await served(pbx=trunk(pbx, sources=["127.0.0.2", "127.0.0.0/24"], trusted=True))
    bob = await exchange.phone(BOB)
    said = [("P-Asserted-Identity", "<sip:+4989123@pbx.test>")]
    calling = asyncio.ensure_future(in_by(pbx, exchange, "sip:4711@192.0.2.1", headers=said))
    ringing = await bob.rung()
    assert ringing.first("P-Asserted-Identity") == "<sip:+4989123@pbx.test>"
    bob.answer(ringing, 200)
    invite, answer, flow = await calling
    assert answer.status == 200
    pbx.ack(invite, answer, flow)
    await exchange.until(lambda: bob.heard("ACK"), "ACK")
    pbx.ack(invite, answer, flow, "BYE")
    record = await exchange.recorded()
    assert record.call is not None and record.call.outcome == "answered"


async def test_who_does_not_want_to_be_known_is_not_shown(served, pbx):
    exchange = await served(pbx=trunk(pbx, sources=["127.0.0.1"], trusted=True))
    bob = await exchange.phone(BOB)
    said = [("P-Asserted-Identity", "<sip:+4989123@pbx.test>"), ("Privacy", "id")]
    calling = asyncio.ensure_future(in_by(pbx, exchange, "sip:4711@192.0.2.1", headers=said))
    ringing = await bob.rung()
    assert ringing.first("P-Asserted-Identity") is None
    bob.answer(ringing, 486)
    assert (await calling)[1].status == 486


async def test_what_an_untrusted_trunk_asserts_is_taken_away(served, pbx):
    exchange = await served(pbx=trunk(pbx, sources=["127.0.0.1"]))
    bob = await exchange.phone(BOB)
    said = [("P-Asserted-Identity", "<sip:boss@example.test>")]
    calling = asyncio.ensure_future(in_by(pbx, exchange, "sip:bob@example.test", headers=said))
    ringing = await bob.rung()
    assert ringing.first("P-Asserted-Identity") is None
    bob.answer(ringing, 486)
    assert (await calling)[1].status == 486


async def test_without_a_source_nobody_is_a_trunk(served, pbx):
    exchange = await served(pbx=trunk(pbx, sources=["192.0.2.0/24"]))
    await exchange.phone(BOB)
    assert (await in_by(pbx, exchange, "sip:bob@example.test"))[1].status in (401, 403, 404)


async def test_a_trunk_speaks_for_no_person_of_ours(served, pbx):
    exchange = await served(pbx=trunk(pbx, sources=["127.0.0.1"]))
    await exchange.phone(BOB)
    assert (await in_by(pbx, exchange, "sip:bob@example.test", caller="sip:alice@example.test"))[1].status == 403


@pytest.mark.parametrize("number", ["+4930555", "030555", "+4930100999", "0900123"])
async def test_toll_fraud_a_call_in_never_goes_out(served, pbx, number):
    exchange = await served(pbx=trunk(pbx, sources=["127.0.0.1"]))
    assert (await in_by(pbx, exchange, f"sip:{number}@192.0.2.1"))[1].status == 404
    assert not pbx.asked("INVITE")


async def test_what_comes_over_a_connection_of_ours_is_the_trunk(served):
    async with Pbx().serving("tcp") as pbx:
        exchange = await served(pbx=trunk(pbx))
        alice, bob = await exchange.phone(ALICE), await exchange.phone(BOB)
        assert (await alice.final(await alice.call("tel:+4930555"))).status == 200
        head = [
            ("From", "<sip:+4989@pbx.test>;tag=1"),
            ("To", "<sip:4711@x>"),
            ("Call-ID", "back"),
            ("CSeq", "1 INVITE"),
        ]
        described = [("Contact", f"<{pbx.uri}>"), ("Content-Type", "application/sdp")]
        invite = Request("INVITE", "sip:4711@192.0.2.1", [*head, *described], sdp())
        calling = pbx.server.request(invite, pbx.flows[-1])
        bob.answer(await bob.rung(), 486)
        assert (await calling).status == 486


# ---- how they are


async def test_a_trunk_is_looked_after(served, pbx):
    exchange = await served(pbx=trunk(pbx, ping=1))
    states = exchange.front_end.hooks.trunks

    def state():
        return states(front_end=exchange.front_end)[0][0].state

    await exchange.until(lambda: state() == "up", "up")
    assert pbx.asked("OPTIONS")[0].uri == "sip:pbx.test"
    pbx.options_status = 503
    await exchange.until(lambda: state() == "down", "down")
    pbx.options_status = 404
    await exchange.until(lambda: state() == "up", "up again: whoever answers is there")


async def test_nobody_has_looked_yet(served, pbx):
    exchange = await served(pbx=trunk(pbx))
    assert (await state_of(exchange)).state == "unknown"


# ---- who is one


def test_a_trunk_speaks_for_strangers_and_numbers():
    peer = TrunkPeer("pbx", False, lambda domain: domain == "example.test")
    assert peer.speaks_for(Identity("+4989", "example.test")) and peer.speaks_for(Identity("x", "pbx.test"))
    assert not peer.speaks_for(ALICE) and not peer.speaks_for(Identity("4711", "example.test"))


@pytest.mark.parametrize(
    ("address", "certified", "method", "name"),
    [
        ("192.0.2.7", NOBODY, "INVITE", "by_address"),
        ("192.0.2.7", NOBODY, "REGISTER", ""),
        ("192.0.3.7", NOBODY, "INVITE", ""),
        ("2001:db8::1", NOBODY, "INVITE", "by_address"),
        ("192.0.3.7", Certified(frozenset(["sbc.test"]), frozenset()), "INVITE", "by_certificate"),
        ("192.0.2.7", Certified(frozenset(["sbc.test"]), frozenset()), "INVITE", "by_certificate"),
        ("192.0.3.7", Certified(frozenset(["other.test"]), frozenset()), "INVITE", ""),
        ("no address", NOBODY, "INVITE", ""),
    ],
)
def test_who_is_recognised(address, certified, method, name):
    options = {
        "by_address": TrunkOptions(hops=["sip:a.test"], sources=["192.0.2.0/24", "2001:db8::/32"]),
        "by_certificate": TrunkOptions(hops=["sip:b.test"], certificate_name="sbc.test"),
    }
    trunks = Trunks(options, lambda domain: False, [], None, None)  # type: ignore[arg-type]
    flow = Flow("1", None, "TLS", Address(address, 1), Address("192.0.2.1", 2))  # type: ignore[arg-type]
    flow.certified = certified
    trunks.arrived(Request(method, "sip:x", [("P-Asserted-Identity", "<sip:boss@x>")]), flow)
    assert (flow.peer.name if flow.peer else "") == name
