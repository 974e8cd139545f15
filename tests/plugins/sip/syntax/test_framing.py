"""Bytes of a stream to messages: any cut, any limit, any garbage."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.syntax.framing import Broken, Ping, SipStream
from .....plugins.sip.syntax.message import Request, Response
from .....plugins.sip.transport.limits import MAX_BEFORE_SIGN_IN, MAX_BODY, MAX_HEAD
from ..wire import request

OK = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TLS h;branch=z9hG4bK1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
WIRE = request(body=b"hello") + b"\r\n\r\n" + OK + b"\r\n" + request("OPTIONS")


def everything(stream: SipStream) -> list[object]:
    found = []
    while (framed := stream.next()) is not None:
        found.append(framed)
    return found


def fed(*portions: bytes, signed_in=True, **limits) -> list[object]:
    stream = SipStream(**limits)
    stream.signed_in = signed_in
    found = []
    for portion in portions:
        stream.receive_data(portion)
        found += everything(stream)
    return found


@given(st.lists(st.integers(0, len(WIRE)), max_size=10))
def test_portions_make_no_difference(cuts):
    edges = [0, *sorted(cuts), len(WIRE)]
    message, ping, ok, options = fed(*(WIRE[a:b] for a, b in pairwise(edges)))
    assert (message.body, ping, ok.status, options.method) == (b"hello", Ping(), 200, "OPTIONS")


@given(st.lists(st.binary(max_size=200), max_size=10))
def test_garbage_breaks_the_stream_and_nothing_else(portions):
    for found in fed(*portions):
        assert isinstance(found, Request | Response | Ping | Broken)


@given(
    st.lists(
        st.sampled_from([b"\r\n", b"\r", b"\n", b"OPTIONS", request("OPTIONS"), b"Content-Length: 5\r\n", b"\r\n\r\n"]),
        max_size=20,
    )
)
def test_nothing_comes_behind_what_broke_it(portions):
    found = fed(*portions)
    last = [at for at, framed in enumerate(found) if isinstance(framed, Broken) and framed.last]
    assert last in ([], [len(found) - 1])


class TestKeepAlive:
    def test_a_double_line_end_is_a_ping(self):
        assert fed(b"\r\n\r\n") == [Ping()]
        assert fed(b"\r", b"\n\r", b"\n") == [Ping()]
        assert fed(b"\r\n\r\n" * 3) == [Ping()] * 3

    def test_a_single_one_is_a_pong_or_nothing(self):
        stream = SipStream()
        stream.receive_data(b"\r\n")
        assert stream.next() is None and not stream.waits_for_head
        stream.receive_data(request("OPTIONS"))
        assert [m.method for m in everything(stream)] == ["OPTIONS"]


class TestWaiting:
    def test_for_what(self):
        stream = SipStream()
        assert not stream.waits_for_head and not stream.waits_for_body
        stream.receive_data(b"\r\nMESS")
        assert stream.next() is None and stream.waits_for_head and not stream.waits_for_body
        stream.receive_data(request(body=b"hello")[4:-2])
        assert stream.next() is None and stream.waits_for_body and not stream.waits_for_head
        stream.receive_data(b"lo")
        assert stream.next().body == b"hello"
        assert not stream.waits_for_head and not stream.waits_for_body


class TestLength:
    def test_it_must_be_there(self):
        (broken,) = fed(request(length=False) + request())
        assert broken.last and broken.why.request.call_id == "c1" and broken.why.status == 400

    @pytest.mark.parametrize(
        "line", ["Content-Length: -1", "Content-Length: 1\r\nl: 2", "Content-Length: ten", f"Content-Length: {10**12}"]
    )
    def test_it_must_be_one_number(self, line):
        (broken,) = fed(request(more=[line], length=False))
        assert broken.last and broken.why.status == 400 and broken.why.request.method == "MESSAGE"

    def test_two_equal_ones_are_no_better(self):
        (broken,) = fed(request(more=["Content-Length: 0"]))
        assert broken.last

    def test_a_broken_head_with_a_sound_length_breaks_only_itself(self):
        broken, after = fed(request(more=["no header"], body=b"skip") + request(call="after"))
        assert not broken.last and broken.why.request.call_id == "c1"
        assert after.call_id == "after"


class TestLimits:
    def test_a_body_too_large(self):
        (broken,) = fed(request(body=b"x" * (MAX_BODY + 1)))
        assert broken.last and broken.why.status == 413 and broken.why.request.call_id == "c1"
        assert len(fed(request(body=b"x" * MAX_BODY))[0].body) == MAX_BODY
        assert fed(request(body=b"x" * 11), max_body=10)[0].why.status == 413

    def test_it_is_refused_before_it_arrives(self):
        head = request(more=[f"Content-Length: {MAX_BODY + 1}"], length=False)
        assert fed(head)[0].why.status == 413

    def test_before_sign_in_a_message_is_small(self):
        big = request(body=b"x" * MAX_BEFORE_SIGN_IN)
        assert fed(big, signed_in=False)[0].why.status == 413
        assert fed(big)[0].body == b"x" * MAX_BEFORE_SIGN_IN

    @pytest.mark.parametrize(("signed_in", "limit"), [(False, MAX_BEFORE_SIGN_IN), (True, MAX_HEAD)])
    def test_a_head_that_does_not_end(self, signed_in, limit):
        lines = request(length=False)[:-2] + b"X-A: y\r\n" * (limit // 8)
        (broken,) = fed(lines, signed_in=signed_in)
        assert broken.last and broken.why.status == 513 and broken.why.request.call_id == "c1"
        assert fed(b"x" * (limit - 1), signed_in=signed_in) == []
        (broken,) = fed(b"x" * limit, signed_in=signed_in)
        assert broken.last and broken.why.request is None

    def test_nothing_is_kept_of_a_broken_stream(self):
        stream = SipStream()
        stream.receive_data(b"x" * MAX_HEAD)
        assert everything(stream)[0].last
        stream.receive_data(request())
        assert everything(stream) == [] and not stream.waits_for_head

    def test_one_byte_at_a_time_costs_no_more_than_linear_time(self):
        data = request(more=["X-A: " + "y" * 7000])
        assert [m.call_id for m in fed(*(data[at : at + 1] for at in range(len(data))))] == ["c1"]
