"""The transaction layer: what belongs together, what is refused, and that nothing is left behind."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from .....plugins.sip.syntax.message import Request, Response, parse
from .....plugins.sip.transaction.machine import State
from .....plugins.sip.transaction.machines import PATIENCE, RINGING
from .....plugins.sip.transaction.transaction import (
    ClientTransaction,
    Failed,
    PassUp,
    Send,
    ServerTransaction,
    TimedOut,
)
from .....plugins.sip.transaction.transactions import Cancelled, Transactions
from .....plugins.sip.transport.limits import BUSY_RETRY
from ..wire import flow, request

NOW = 1000.0


def asked(method="MESSAGE", **how) -> Request:
    read = parse(request(method, **how))
    assert isinstance(read, Request)
    return read


def cancel(of: Request) -> Request:
    """RFC 3261 section 9.1."""
    read = parse(bytes(of).replace(b"INVITE", b"CANCEL"))
    assert isinstance(read, Request)
    return read


def opened(layer: Transactions, message: Request, over, now=NOW) -> ServerTransaction:
    (effect,) = layer.receive(message, over, now)
    assert effect.action == PassUp(message) and isinstance(effect.transaction, ServerTransaction)
    return effect.transaction


def sent(effects) -> list[Response | Request]:
    return [parse(effect.action.data) for effect in effects if isinstance(effect.action, Send)]


class TestServer:
    def test_a_request_is_passed_up_once_and_answered_again_and_again(self):
        layer, udp = Transactions(), flow("UDP")
        message = asked()
        transaction = opened(layer, message, udp)
        assert layer.receive(asked(), udp, NOW + 0.5) == []
        (first,) = layer.respond(transaction, message.reply(200), NOW + 1)
        (again,) = layer.receive(asked(), udp, NOW + 2)
        assert again.action == first.action and again.flow is udp
        assert len(layer) == 1
        layer.tick(NOW + 1 + PATIENCE)
        assert len(layer) == 0 and layer.next_timer is None
        opened(layer, asked(), udp, NOW + 40)

    def test_over_a_stream_it_is_over_when_it_is_answered(self):
        layer, tls = Transactions(), flow()
        layer.respond(opened(layer, asked(), tls), asked().reply(200), NOW)
        assert len(layer) == 0

    @pytest.mark.parametrize(
        "other",
        [
            {"branch": "z9hG4bK2"},
            {"via": "SIP/2.0/TLS other.example;rport"},
            {"via": "SIP/2.0/TLS a.example;rport"},
            {"method": "OPTIONS"},
        ],
    )
    def test_what_makes_it_another_transaction(self, other):
        """RFC 3261 section 17.2.3: branch, sent-by and method."""
        layer, tls = Transactions(), flow()
        opened(layer, asked(), tls)
        opened(layer, asked(call="c2", **other), tls)
        assert len(layer) == 2

    def test_sent_by_compares_without_case(self):
        layer, tls = Transactions(), flow()
        opened(layer, asked(via="SIP/2.0/TLS A.example"), tls)
        assert layer.receive(asked(via="SIP/2.0/TLS a.EXAMPLE"), tls, NOW) == []

    def test_nobody_elses_flow_reaches_it(self):
        layer, mine, other = Transactions(), flow(), flow(host="203.0.113.9")
        invite = asked("INVITE")
        transaction = opened(layer, invite, mine)
        (effect,) = layer.receive(cancel(invite), other, NOW)
        assert sent([effect])[0].status == 481 and not transaction.answered

    @pytest.mark.parametrize("branch", ["", "z9hG4bK", "1234"])
    def test_requests_of_rfc_2543(self, branch):
        """Without a unique branch: Request-URI, tags, Call-ID, CSeq and the top Via."""
        layer, udp = Transactions(), flow("UDP")
        invite = asked("INVITE", branch=branch)
        transaction = opened(layer, invite, udp)
        assert layer.receive(asked("INVITE", branch=branch), udp, NOW) == []
        opened(layer, asked("INVITE", branch=branch, call="c2"), udp)
        opened(layer, asked("INVITE", branch=branch, cseq=2), udp)
        layer.respond(transaction, invite.reply(486), NOW)
        assert layer.receive(asked("ACK", branch=branch, to="<sip:bo@b.example>;tag=x"), udp, NOW) == []
        assert transaction.state is State.CONFIRMED

    def test_the_ack_of_a_refusal_is_absorbed_and_one_of_a_2xx_passed_up(self):
        layer, udp = Transactions(), flow("UDP")
        invite = asked("INVITE")
        layer.respond(opened(layer, invite, udp), invite.reply(603), NOW)
        assert layer.receive(asked("ACK"), udp, NOW) == []
        ack = asked("ACK", branch="z9hG4bKnew")
        (effect,) = layer.receive(ack, udp, NOW)
        assert effect.action == PassUp(ack) and effect.transaction is None

    def test_the_same_request_by_another_way_is_a_loop(self):
        """RFC 3261 section 8.2.2.2."""
        layer, tls = Transactions(), flow()
        transaction = opened(layer, asked(), tls)
        (effect,) = layer.receive(asked(branch="z9hG4bKother"), tls, NOW)
        assert sent([effect])[0].status == 482
        opened(layer, asked(branch="z9hG4bKthird", to="<sip:bo@b.example>;tag=in-dialog"), tls)
        layer.respond(transaction, transaction.request.reply(401), NOW)
        opened(layer, asked(branch="z9hG4bKfourth"), tls)

    def test_beyond_the_limit_everybody_is_told_to_wait(self):
        layer, tls = Transactions(limit=2), flow()
        for number in range(2):
            opened(layer, asked(branch=f"z9hG4bK{number}", call=f"c{number}"), tls)
        (effect,) = layer.receive(asked(branch="z9hG4bKnext", call="next"), tls, NOW)
        (refusal,) = sent([effect])
        assert (refusal.status, refusal.first("Retry-After")) == (503, str(BUSY_RETRY))
        assert len(layer) == 2 and effect.transaction is None
        assert layer.receive(asked(branch="z9hG4bK0", call="c0"), tls, NOW) == []

    def test_a_stateless_refusal_leaves_nothing(self):
        layer, udp = Transactions(), flow("UDP")
        invite = asked("INVITE")
        (effect,) = layer.respond(opened(layer, invite, udp), invite.reply(407), NOW, keep=False)
        assert sent([effect])[0].status == 407
        assert len(layer) == 0 and layer.tick(NOW + 1) == []
        opened(layer, asked("INVITE"), udp)

    def test_without_keep_a_provisional_response_keeps_it(self):
        layer, udp = Transactions(), flow("UDP")
        invite = asked("INVITE")
        layer.respond(opened(layer, invite, udp), invite.reply(180), NOW, keep=False)
        assert len(layer) == 1

    def test_timers_send_by_themselves(self):
        layer, udp = Transactions(), flow("UDP")
        opened(layer, asked("INVITE"), udp)
        assert layer.next_timer == NOW + 0.2
        (effect,) = layer.tick(NOW + 0.2)
        assert sent([effect])[0].status == 100 and effect.flow is udp
        (effect,) = layer.tick(NOW + RINGING)
        assert effect.action == TimedOut() and len(layer) == 0


class TestCancel:
    """RFC 3261 section 9.2."""

    def test_an_invite_that_waits(self):
        layer, tls = Transactions(), flow()
        invite = asked("INVITE")
        transaction = opened(layer, invite, tls)
        answer, cancelled = layer.receive(cancel(invite), tls, NOW)
        (ok,) = sent([answer])
        assert (ok.status, ok.cseq.method) == (200, "CANCEL")
        assert cancelled == (Cancelled(cancelled.action.request), tls, transaction)
        assert cancelled.action.request.method == "CANCEL"
        assert ok.to.tag == invite.reply(487).to.tag

    def test_one_that_is_answered_is_not_cancelled(self):
        layer, udp = Transactions(), flow("UDP")
        invite = asked("INVITE")
        layer.respond(opened(layer, invite, udp), invite.reply(200), NOW)
        (answer,) = layer.receive(cancel(invite), udp, NOW)
        assert sent([answer])[0].status == 200

    def test_nothing_to_cancel(self):
        layer, tls = Transactions(), flow()
        (answer,) = layer.receive(cancel(asked("INVITE")), tls, NOW)
        assert sent([answer])[0].status == 481 and len(layer) == 0


class TestClient:
    def ask(self, layer, over, method="MESSAGE", branch="z9hG4bKours", user=None) -> ClientTransaction:
        (effect,) = layer.request(asked(method, branch=branch), over, NOW, user)
        assert isinstance(effect.action, Send) and isinstance(effect.transaction, ClientTransaction)
        return effect.transaction

    def test_the_response_finds_its_request(self):
        layer, udp = Transactions(), flow("UDP")
        transaction = self.ask(layer, udp, user="me")
        ok = transaction.request.reply(200)
        (effect,) = layer.receive(ok, udp, NOW + 1)
        assert effect == (PassUp(ok), udp, transaction) and effect.transaction.user == "me"
        assert layer.receive(ok, udp, NOW + 2) == []
        layer.tick(NOW + 60)
        assert len(layer) == 0

    def test_strays_are_dropped(self):
        """RFC 3261 section 8.1.3.3: a second Via is not for us; section 17.1.3: branch and method of CSeq match."""
        layer, tls = Transactions(), flow()
        transaction = self.ask(layer, tls)
        ok = transaction.request.reply(200)
        two = transaction.request.reply(200)
        two.add("Via", "SIP/2.0/UDP 255.255.255.255")
        other = transaction.request.reply(200)
        other.set("CSeq", "1 OPTIONS")
        branch = transaction.request.reply(200)
        branch.set("Via", "SIP/2.0/TLS a;branch=z9hG4bKelse")
        for stray in (two, other, branch):
            assert layer.receive(stray, tls, NOW) == []
        assert layer.receive(ok, flow(host="203.0.113.9"), NOW) == []
        assert layer.receive(ok, tls, NOW)

    def test_a_response_never_reaches_a_server_transaction(self):
        layer, tls = Transactions(), flow()
        transaction = opened(layer, asked(), tls)
        assert layer.receive(transaction.request.reply(200), tls, NOW) == []

    def test_nobody_answers(self):
        layer, tls = Transactions(), flow()
        transaction = self.ask(layer, tls)
        assert layer.tick(NOW + 31) == []
        assert layer.tick(NOW + 32) == [(TimedOut(), tls, transaction)]
        assert len(layer) == 0

    def test_what_is_lost_is_sent_again(self):
        layer, udp = Transactions(), flow("UDP")
        self.ask(layer, udp)
        times = []
        while layer.next_timer < NOW + 8:
            times.append(layer.next_timer - NOW)
            assert len(sent(layer.tick(layer.next_timer))) == 1
        assert times == [0.5, 1.5, 3.5, 7.5]


def test_a_closed_flow_ends_what_was_under_way_on_it_and_nothing_else():
    layer, closed, other = Transactions(), flow("UDP"), flow("UDP", host="203.0.113.9")
    client = TestClient().ask(layer, closed)
    server = opened(layer, asked(branch="z9hG4bKs"), closed)
    opened(layer, asked(branch="z9hG4bKs", call="c2"), other)
    effects = layer.flow_closed(closed, NOW)
    assert {(effect.action, effect.transaction) for effect in effects} == {(Failed(), client), (Failed(), server)}
    assert len(layer) == 1
    assert layer.respond(server, server.request.reply(200), NOW) == []
    assert layer.flow_closed(closed, NOW) == []


def test_an_answer_to_what_is_over_does_not_touch_what_has_its_name_now():
    layer, udp = Transactions(), flow("UDP")
    old = opened(layer, asked("INVITE"), udp)
    layer.flow_closed(udp, NOW)
    new = opened(layer, asked("INVITE"), udp)
    assert layer.respond(old, old.request.reply(200), NOW, keep=False) == []
    assert len(layer) == 1 and layer.respond(new, new.request.reply(200), NOW)


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order: no exception, and in the end nothing is left."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = Transactions(limit=20)
        self.flows = [flow("UDP"), flow("TLS"), flow("UDP", host="203.0.113.9")]
        self.now = NOW
        self.servers: list[ServerTransaction] = []

    @rule(
        method=st.sampled_from(["INVITE", "MESSAGE", "ACK", "CANCEL", "OPTIONS"]),
        branch=st.sampled_from(["z9hG4bK1", "z9hG4bK2", "z9hG4bK", "old"]),
        call=st.sampled_from(["c1", "c2"]),
        over=st.integers(0, 2),
    )
    def hear_request(self, method, branch, call, over):
        for effect in self.layer.receive(asked(method, branch=branch, call=call), self.flows[over], self.now):
            if isinstance(effect.action, PassUp) and isinstance(effect.transaction, ServerTransaction):
                self.servers.append(effect.transaction)

    @rule(method=st.sampled_from(["INVITE", "MESSAGE"]), branch=st.integers(1, 3), over=st.integers(0, 2))
    def ask(self, method, branch, over):
        self.layer.request(asked(method, branch=f"z9hG4bKo{branch}"), self.flows[over], self.now)

    @rule(
        method=st.sampled_from(["INVITE", "MESSAGE"]),
        branch=st.integers(1, 3),
        over=st.integers(0, 2),
        status=st.sampled_from([100, 180, 200, 302, 486]),
    )
    def hear_response(self, method, branch, over, status):
        self.layer.receive(asked(method, branch=f"z9hG4bKo{branch}").reply(status), self.flows[over], self.now)

    @rule(which=st.integers(0, 30), status=st.sampled_from([100, 200, 401, 486]), keep=st.booleans())
    def answer(self, which, status, keep):
        if self.servers:
            transaction = self.servers[which % len(self.servers)]
            self.layer.respond(transaction, transaction.request.reply(status), self.now, keep=keep)

    @rule(seconds=st.sampled_from([0.1, 0.5, 4, 33, 400]))
    def wait(self, seconds):
        self.now += seconds
        self.layer.tick(self.now)
        assert self.layer.next_timer is None or self.layer.next_timer > self.now

    @rule(over=st.integers(0, 2))
    def close(self, over):
        self.layer.flow_closed(self.flows[over], self.now)

    @invariant()
    def bounded(self):
        assert len(self.layer) <= 20 + 9

    def teardown(self):
        self.layer.tick(self.now + RINGING)
        self.layer.tick(self.now + 2 * RINGING)
        assert len(self.layer) == 0
        assert not self.layer._of_flow and not self.layer._unanswered


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
