"""The four machines, arrow by arrow and timer by timer; 32 seconds pass in no time."""

from __future__ import annotations

import pytest

from .....plugins.sip.syntax.message import Request, Response, parse
from .....plugins.sip.transaction.machine import Event, State
from .....plugins.sip.transaction.machines import (
    INVITE_CLIENT,
    INVITE_SERVER,
    OTHER_CLIENT,
    OTHER_SERVER,
    RINGING,
    T1,
    T2,
    T4,
)
from .....plugins.sip.transaction.transaction import (
    ClientTransaction,
    Failed,
    PassUp,
    Send,
    ServerTransaction,
    TimedOut,
)
from ..wire import flow, request

NOW = 1000.0
MACHINES = [INVITE_CLIENT, OTHER_CLIENT, INVITE_SERVER, OTHER_SERVER]


def asked(method="MESSAGE", **how) -> Request:
    read = parse(request(method, **how))
    assert isinstance(read, Request)
    return read


def answered(transaction, status: int) -> Response:
    return transaction.request.reply(status)


def client(method="MESSAGE", transport="UDP") -> ClientTransaction:
    return ClientTransaction(asked(method), flow(transport), NOW)


def server(method="MESSAGE", transport="UDP") -> ServerTransaction:
    return ServerTransaction(asked(method), flow(transport), NOW)


def sendings(transaction, until: float) -> list[float]:
    """When, after NOW, something is sent, if nobody says anything."""
    times = []
    while transaction.next_timer is not None and transaction.next_timer <= NOW + until:
        due = transaction.next_timer
        times += [due - NOW for action in transaction.tick(due) if isinstance(action, Send)]
    return times


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
class TestTables:
    def test_every_state_that_is_reached_has_its_row(self, machine):
        reached = {machine.start} | {step.to for row in machine.table.values() for step in row.values()}
        assert reached == set(machine.table)
        assert machine.table[State.TERMINATED] == {}

    def test_every_timer_has_an_arrow_in_every_state_in_which_it_runs(self, machine):
        for timer in machine.timers:
            for state in timer.states:
                assert timer.event in machine.table[state], (timer, state)

    def test_every_timer_arrow_has_a_timer(self, machine):
        timed = {timer.event: timer.states for timer in machine.timers}
        for state, row in machine.table.items():
            for event in row:
                if event.startswith("timer") or event in (Event.SLOW, Event.TOO_LATE):
                    assert state in timed[event]

    def test_from_every_state_time_alone_leads_to_the_end(self, machine):
        for state in machine.table:
            if state is not State.TERMINATED:
                assert any(state in timer.states and timer.reliable is not None for timer in machine.timers)


class TestInviteClient:
    """RFC 3261 section 17.1.1, RFC 6026 section 7.2."""

    def test_timer_a_and_b(self):
        t = client("INVITE")
        assert t.send() == [Send(bytes(t.request))]
        assert sendings(t, 31.9) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        assert t.tick(NOW + 64 * T1) == [TimedOut()]
        assert (t.state, t.next_timer) == (State.TERMINATED, None)

    def test_over_a_stream_nothing_is_sent_again(self):
        t = client("INVITE", "TLS")
        assert sendings(t, 31.9) == []
        assert t.tick(NOW + 32) == [TimedOut()]

    def test_a_provisional_response_stops_both(self):
        t = client("INVITE")
        ringing = answered(t, 180)
        assert t.receive(ringing, NOW + 1) == [PassUp(ringing)]
        assert t.state is State.PROCEEDING
        assert sendings(t, RINGING) == []
        assert t.tick(NOW + 1 + RINGING) == [TimedOut()]

    @pytest.mark.parametrize(("transport", "lives"), [("UDP", 32), ("TCP", 0)])
    def test_timer_d(self, transport, lives):
        t = client("INVITE", transport)
        busy = answered(t, 486)
        ack, up = t.receive(busy, NOW)
        assert up == PassUp(busy)
        sent = parse(ack.data)
        assert (sent.method, sent.uri, sent.cseq) == ("ACK", t.request.uri, (1, "ACK"))
        assert sent.all("Via") == t.request.all("Via") and sent.first("To") == busy.first("To")
        assert sent.from_ == t.request.from_ and sent.call_id == t.request.call_id
        if lives:
            assert t.receive(busy, NOW + 1) == [ack]
            assert t.tick(NOW + lives - 0.1) == [] and t.state is State.COMPLETED
            t.tick(NOW + lives)
        assert t.state is State.TERMINATED

    def test_the_ack_takes_the_route_of_its_invite(self):
        t = ClientTransaction(
            asked("INVITE", more=["Route: <sip:r1;lr>, <sip:r2;lr>", "Via: SIP/2.0/UDP z"]), flow(), NOW
        )
        ack = parse(t.receive(answered(t, 404), NOW)[0].data)
        assert ack.all("Route") == ["<sip:r1;lr>", "<sip:r2;lr>"] and len(ack.via) == 1

    @pytest.mark.parametrize("transport", ["UDP", "TLS"])
    def test_timer_m(self, transport):
        t = client("INVITE", transport)
        ok = answered(t, 200)
        assert t.receive(ok, NOW) == [PassUp(ok)]
        assert t.receive(ok, NOW + 10) == [PassUp(ok)]
        assert t.receive(answered(t, 486), NOW + 11) == []
        t.tick(NOW + 31.9)
        assert t.state is State.ACCEPTED
        assert t.tick(NOW + 32) == [] and t.state is State.TERMINATED

    @pytest.mark.parametrize(("status", "told"), [(None, [Failed()]), (180, [Failed()]), (486, [Failed()]), (200, [])])
    def test_the_flow_is_gone(self, status, told):
        t = client("INVITE")
        if status:
            t.receive(answered(t, status), NOW)
        assert t.transport_error(NOW) == told
        assert t.state is State.TERMINATED


class TestOtherClient:
    """RFC 3261 section 17.1.2."""

    def test_timer_e_and_f(self):
        t = client()
        assert sendings(t, 31.9) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert t.tick(NOW + 32) == [TimedOut()]
        assert t.state is State.TERMINATED

    def test_over_a_stream_nothing_is_sent_again(self):
        t = client(transport="TLS")
        assert sendings(t, 31.9) == []
        assert t.tick(NOW + 32) == [TimedOut()]

    def test_in_proceeding_timer_e_is_t2(self):
        t = client()
        trying = answered(t, 100)
        assert t.receive(trying, NOW + 0.1) == [PassUp(trying)]
        assert sendings(t, 13) == [0.5, 0.5 + T2, 0.5 + 2 * T2, 0.5 + 3 * T2]
        assert t.tick(NOW + 32)[-1] == TimedOut()

    @pytest.mark.parametrize(("transport", "lives"), [("UDP", T4), ("TLS", 0)])
    @pytest.mark.parametrize("status", [200, 404])
    def test_timer_k(self, transport, lives, status):
        t = client(transport=transport)
        final = answered(t, status)
        assert t.receive(final, NOW) == [PassUp(final)]
        if lives:
            assert t.state is State.COMPLETED
            assert t.receive(final, NOW + 1) == [] == t.receive(answered(t, 100), NOW + 1)
            t.tick(NOW + lives)
        assert t.state is State.TERMINATED
        assert t.receive(final, NOW + 9) == []

    def test_the_flow_is_gone(self):
        t = client()
        assert t.transport_error(NOW) == [Failed()]
        t = client()
        t.receive(answered(t, 200), NOW)
        assert t.transport_error(NOW) == [] and t.state is State.TERMINATED


class TestInviteServer:
    """RFC 3261 section 17.2.1, RFC 6026 section 7.1."""

    def test_100_after_200_milliseconds(self):
        t = server("INVITE")
        assert t.receive(t.request, NOW + 0.1) == []
        assert t.tick(NOW + 0.19) == []
        (sent,) = t.tick(NOW + 0.2)
        assert parse(sent.data).status == 100 and parse(sent.data).to.tag == ""
        assert t.receive(t.request, NOW + 1) == [sent]

    def test_no_100_behind_another(self):
        t = server("INVITE")
        ringing = answered(t, 180)
        assert t.respond(ringing, NOW) == [Send(bytes(ringing))]
        assert t.tick(NOW + 1) == []
        assert t.receive(t.request, NOW + 1) == [Send(bytes(ringing))]

    def test_timers_g_and_h(self):
        t = server("INVITE")
        busy = answered(t, 486)
        assert t.respond(busy, NOW) == [Send(bytes(busy))]
        assert t.answered
        assert t.receive(t.request, NOW + 0.1) == [Send(bytes(busy))]
        assert sendings(t, 31.9) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert t.tick(NOW + 32) == [TimedOut()]
        assert t.state is State.TERMINATED

    def test_over_a_stream_timer_h_alone(self):
        t = server("INVITE", "TLS")
        t.respond(answered(t, 486), NOW)
        assert sendings(t, 31.9) == []
        assert t.tick(NOW + 32) == [TimedOut()]

    @pytest.mark.parametrize(("transport", "lives"), [("UDP", T4), ("TLS", 0)])
    def test_timer_i(self, transport, lives):
        t = server("INVITE", transport)
        t.respond(answered(t, 486), NOW)
        ack = asked("ACK")
        assert t.receive(ack, NOW + 1) == []
        if lives:
            assert t.state is State.CONFIRMED
            assert t.receive(ack, NOW + 2) == [] == t.receive(t.request, NOW + 2)
            t.tick(NOW + 1 + lives)
        assert t.state is State.TERMINATED

    def test_timer_l(self):
        t = server("INVITE")
        ok = answered(t, 200)
        assert t.respond(ok, NOW) == [Send(bytes(ok))]
        assert t.state is State.ACCEPTED
        assert t.receive(t.request, NOW + 1) == []
        assert t.respond(ok, NOW + 1) == [Send(bytes(ok))]
        ack = asked("ACK")
        assert t.receive(ack, NOW + 2) == [PassUp(ack)]
        assert sendings(t, 31.9) == []
        assert t.tick(NOW + 32) == [] and t.state is State.TERMINATED

    def test_an_invite_nobody_answers_ends_too(self):
        t = server("INVITE")
        t.tick(NOW + 1)
        assert t.tick(NOW + RINGING) == [TimedOut()]

    @pytest.mark.parametrize(
        ("status", "state"), [(180, State.PROCEEDING), (200, State.ACCEPTED), (486, State.COMPLETED)]
    )
    def test_a_transport_error_leaves_it_where_it_is(self, status, state):
        t = server("INVITE")
        t.respond(answered(t, status), NOW)
        assert t.transport_error(NOW) == [Failed()] and t.state is state

    def test_a_second_final_response_goes_nowhere(self):
        t = server("INVITE")
        t.respond(answered(t, 486), NOW)
        assert t.respond(answered(t, 603), NOW) == [] == t.respond(answered(t, 200), NOW)


class TestOtherServer:
    """RFC 3261 section 17.2.2, RFC 4320."""

    @pytest.mark.parametrize(("transport", "lives"), [("UDP", 32), ("TLS", 0)])
    @pytest.mark.parametrize("status", [202, 403])
    def test_timer_j(self, transport, lives, status):
        t = server(transport=transport)
        final = answered(t, status)
        assert t.receive(t.request, NOW) == []
        assert t.respond(final, NOW) == [Send(bytes(final))] and t.answered
        if lives:
            assert t.receive(t.request, NOW + 1) == [Send(bytes(final))]
            assert t.respond(answered(t, 500), NOW + 1) == []
            t.tick(NOW + lives - 0.1)
            assert t.state is State.COMPLETED
            t.tick(NOW + lives)
        assert t.state is State.TERMINATED

    @pytest.mark.parametrize("transport", ["UDP", "TLS"])
    def test_a_100_comes_late_and_by_itself(self, transport):
        """RFC 4320 section 4.1: not before the client's Timer E has reached T2."""
        t = server(transport=transport)
        assert t.tick(NOW + 3.4) == []
        (sent,) = t.tick(NOW + 3.5)
        assert parse(sent.data).status == 100 and t.state is State.PROCEEDING
        assert t.receive(t.request, NOW + 4) == [sent]

    def test_no_other_provisional_response(self):
        with pytest.raises(ValueError, match="180"):
            server().respond(answered(server(), 180), NOW)

    def test_never_a_408(self):
        """RFC 4320 section 4.2."""
        t = server()
        assert t.respond(answered(t, 408), NOW) == [] and t.state is State.TERMINATED

    def test_an_answer_that_comes_too_late_is_not_sent(self):
        t = server()
        t.tick(NOW + 3.5)
        t.tick(NOW + 32)
        assert t.state is State.TERMINATED
        assert t.respond(answered(t, 200), NOW + 33) == []

    @pytest.mark.parametrize("steps", [[], [100], [200]])
    def test_the_flow_is_gone(self, steps):
        t = server()
        for status in steps:
            t.respond(answered(t, status), NOW)
        assert t.transport_error(NOW) == [Failed()] and t.state is State.TERMINATED


def test_late_ticks_do_everything_that_was_due_in_order():
    t = client()
    actions = t.tick(NOW + 100)
    assert actions[-1] == TimedOut() and len(actions) == 11
