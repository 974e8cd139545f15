"""Budgets, checks and the 2xx that waits for its ACK; time is an argument."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.syntax.checks import check
from .....plugins.sip.syntax.grammar import MalformedSip
from .....plugins.sip.syntax.message import parse
from .....plugins.sip.transaction.answers import Answers
from .....plugins.sip.transaction.reply import Reply, slim
from .....plugins.sip.transport.flow import MAX_REMARKS
from .....plugins.sip.transport.limits import MAX_NETWORKS, Limits
from .....plugins.sip.transport.overload import Bucket, Doorkeeper, Rates, network_of
from ..wire import flow, request

NOW = 1000.0


class TestBucket:
    def test_a_burst_and_then_the_rate(self):
        bucket = Bucket(rate=5, burst=3, now=NOW)
        assert [bucket.take(NOW) for _ in range(4)] == [True, True, True, False]
        assert bucket.wait(NOW) == pytest.approx(0.2)
        assert bucket.take(NOW + 0.2) and not bucket.take(NOW + 0.2)
        assert bucket.is_full(NOW + 2) and not Bucket(5, 3, NOW).take(NOW, 4)

    def test_new_rules_do_not_forgive_what_was_spent(self):
        bucket = Bucket(rate=5, burst=20, now=NOW)
        for _ in range(15):
            bucket.take(NOW)
        new = bucket.refilled(50, 200, NOW)
        assert sum(new.take(NOW) for _ in range(300)) == 185

    @given(st.lists(st.floats(0, 3), max_size=60), st.integers(1, 10), st.integers(1, 20))
    def test_never_more_than_burst_and_rate_allow(self, pauses, rate, burst):
        bucket, now, taken = Bucket(rate, burst, NOW), NOW, 0
        for pause in pauses:
            now += pause
            taken += bucket.take(now)
        assert taken <= burst + rate * (now - NOW) + 1e-6


class TestRates:
    def test_each_network_has_its_own(self):
        rates = Rates(rate=1, burst=1)
        assert rates.take("192.0.2", NOW) and not rates.take("192.0.2", NOW)
        assert rates.take("198.51.100", NOW)

    def test_a_flood_from_everywhere_costs_no_memory(self):
        rates = Rates(rate=0.001, burst=1)
        for number in range(MAX_NETWORKS + 500):
            rates.take(str(number), NOW)
        assert len(rates) <= MAX_NETWORKS
        assert not rates.take(str(MAX_NETWORKS + 499), NOW)

    def test_the_quiet_ones_are_forgotten_first(self):
        rates = Rates(rate=1, burst=2)
        for number in range(MAX_NETWORKS - 1):
            rates.take(str(number), NOW)
        rates.take("busy", NOW + 99)
        rates.take("busy", NOW + 99)
        rates.take("one more", NOW + 99)
        assert len(rates) <= 2 and not rates.take("busy", NOW + 99)


class TestDoorkeeper:
    def test_open_at_a_time(self):
        door = Doorkeeper(Limits(open_per_address=2, new_burst=100))
        assert [door.admit("192.0.2.1", NOW) for _ in range(3)] == ["", "", "too many connections from there"]
        assert door.admit("192.0.2.2", NOW) == ""
        door.release("192.0.2.1")
        assert door.admit("192.0.2.1", NOW) == "" and len(door) == 3

    def test_new_a_second(self):
        door = Doorkeeper(Limits(new_per_second=10, new_burst=2))
        assert [bool(door.admit("192.0.2.1", NOW)) for _ in range(3)] == [False, False, True]
        assert door.admit("192.0.2.1", NOW + 0.1) == ""

    def test_in_all(self):
        door = Doorkeeper(Limits(max_flows=1))
        assert door.admit("192.0.2.1", NOW) == ""
        assert door.admit("192.0.2.2", NOW) == "too many connections in all"

    def test_an_ipv6_64_is_one_address(self):
        door = Doorkeeper(Limits(open_per_address=1))
        assert door.admit("2001:db8:1:2::1", NOW) == ""
        assert door.admit("2001:db8:1:2:ffff::1", NOW)
        assert door.admit("2001:db8:1:3::1", NOW) == ""


def test_networks():
    assert network_of("192.0.2.77") == "192.0.2"
    assert network_of("192.0.2.77", whole=True) == "192.0.2.77"
    assert network_of("2001:db8::1") == network_of("2001:db8::2") == "2001:0db8:0000:0000"


class TestChecks:
    def test_a_sound_request(self):
        check(parse(request(more=["Contact: <sip:a@h>", "Expires: 60", "Date: Sat, 13 Nov 2010 23:29:00 GMT"])))

    @pytest.mark.parametrize(
        ("more", "reason"),
        [
            (["To: <sip:x@y>"], "twice"),
            (["SIP-If-Match: a", "SIP-If-Match: b"], "twice"),
            (["Expires: soon"], "seconds"),
            (["Contact: <x"], "bracket"),
            (["Content-Type: text"], "type/subtype"),
            (["Event: ;id=1"], "word"),
            (["Date: today"], "GMT"),
        ],
    )
    def test_what_is_refused(self, more, reason):
        with pytest.raises(MalformedSip, match=reason):
            check(parse(request(more=more)))

    @pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
    def test_what_must_be_there(self, name):
        message = parse(request())
        message.drop(name)
        with pytest.raises(MalformedSip, match=f"no {name}"):
            check(message)

    @pytest.mark.parametrize("call", ["", "a b"])
    def test_a_call_id_that_is_none(self, call):
        message = parse(request())
        message.set("Call-ID", call)
        with pytest.raises(MalformedSip, match="Call-ID"):
            check(message)

    @pytest.mark.parametrize(
        ("target", "status"), [("tel:1", 416), ("http://b", 416), ("sip:b?x=y", 400), ("sip:", 400), ("b", 400)]
    )
    def test_targets(self, target, status):
        with pytest.raises(MalformedSip) as caught:
            check(parse(request(target=target)))
        assert caught.value.status == status

    def test_headers_in_the_uri_of_to(self):
        with pytest.raises(MalformedSip, match="headers"):
            check(parse(request(to="<sip:bo@b.example?x=y>")))

    def test_a_response_needs_only_what_finds_its_transaction(self):
        response = parse(request()).reply(200)
        response.drop("To")
        check(response)
        response.drop("Via")
        with pytest.raises(MalformedSip):
            check(response)


class TestAnswers:
    """RFC 3261 section 13.3.1.4."""

    def sent(self, answers: Answers, call="c1", over=None):
        invite = parse(request("INVITE", call=call))
        ok = invite.reply(200)
        reply = Reply(invite, over or flow(), None, lambda *_: None)
        answers.sent(ok, reply, NOW)
        return ok, reply

    def ack(self, ok, **how):
        return parse(request("ACK", to=ok.first("To"), branch="z9hG4bKack", **how))

    def test_until_the_ack(self):
        answers = Answers()
        ok, reply = self.sent(answers)
        times = []
        while answers.next_timer < NOW + 10:
            due = answers.next_timer
            ((again,), never) = answers.tick(due)
            assert (again.data, again.flow, never) == (bytes(ok), reply.flow, [])
            times.append(due - NOW)
        assert times == [0.5, 1.5, 3.5, 7.5]
        answers.acknowledged(self.ack(ok, cseq=2))
        answers.acknowledged(self.ack(ok, call="other"))
        assert len(answers) == 1
        answers.acknowledged(self.ack(ok))
        assert len(answers) == 0 and answers.tick(NOW + 60) == ([], []) and answers.next_timer is None

    def test_or_for_32_seconds(self):
        answers = Answers()
        _, reply = self.sent(answers)
        while answers.next_timer < NOW + 32:
            answers.tick(answers.next_timer)
        again, (never,) = answers.tick(NOW + 32)
        assert again == [] and never.reply is reply and len(answers) == 0

    def test_a_closed_flow_and_the_limit(self):
        answers, closed = Answers(limit=2), flow()
        self.sent(answers, "c1", closed)
        self.sent(answers, "c2")
        self.sent(answers, "c3")
        assert len(answers) == 2
        answers.flow_closed(closed)
        assert len(answers) == 1


class TestReply:
    def test_it_answers_while_there_is_somebody_to_answer(self):
        given: list[object] = []
        over = flow()
        reply = Reply(parse(request()), over, object(), lambda reply, response: given.append(response))
        reply("a response")
        over.closed = True
        reply("another")
        assert given == ["a response"]

    def test_an_ack_gets_none(self):
        reply = Reply(parse(request("ACK")), flow(), None, lambda *_: pytest.fail("answered an ACK"))
        reply(reply.request.reply(200))
        assert reply.answered

    def test_slim(self):
        """SECURITY: to an address that is not proven nothing larger goes than came."""
        response = parse(request()).reply(
            401, "Unauthorized because of this and that", headers=[("Server", "x"), ("Allow", "y")]
        )
        full = len(bytes(response))
        assert slim(response, full).first("Server") == "x" and not response.compact
        assert slim(response, full - 30).reason == "Unauthorized" and response.compact
        assert response.first("Server") == "x"
        assert slim(response, 0).first("Allow") is None and parse(bytes(response)).status == 401


class TestFlow:
    def test_what_is_said_once(self):
        over = flow()
        assert over.first_time("a") and not over.first_time("a") and over.first_time("b")
        assert sum(over.first_time(str(number)) for number in range(100)) == MAX_REMARKS - 2

    def test_a_closed_flow_takes_nothing(self):
        over = flow()
        over.send(b"a")
        over.closed = True
        over.send(b"b")
        over.close("again")
        assert over._wire.written == [b"a"] and not over._wire.is_closed

    def test_the_first_reason_counts(self):
        over = flow()
        over.close("one")
        over.close("two")
        assert over.reason == "one" and over._wire.is_closed

    @pytest.mark.parametrize(
        ("transport", "secure", "reliable"),
        [("UDP", False, False), ("TCP", False, True), ("TLS", True, True), ("WSS", True, True)],
    )
    def test_kinds(self, transport, secure, reliable):
        over = flow(transport)
        assert (over.secure, over.reliable, over.proves_sender) == (secure, reliable, reliable)
        assert repr(over) == f"<flow {transport.lower()}1 {transport} 192.0.2.1:4711>"
        assert "[2001:db8::1]:1" in repr(flow(host="2001:db8::1", port=1))
