"""What a forwarded call tells of its way, whatever it brings along."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....core.identity import Identity
from .....plugins.sip.calls.diversion import CODES, MAX_HISTORY, Cause, Forwarded, times_forwarded, told
from .....plugins.sip.syntax.grammar import MalformedSip
from .....plugins.sip.syntax.headers import NameAddr
from .....plugins.sip.syntax.message import Request
from .....plugins.sip.syntax.uri import SipUri

WHO = Identity("bob", "example.test")
TARGET = SipUri.parse("sip:carol@example.test")
PARTS = st.sampled_from(["<sip:x@y>", ";index=1", ";mp=1", ";counter=", "9", ",", '"', "<", ">", "é", " ", ";reason=x"])


def request(**headers):
    return Request("INVITE", "sip:bob@example.test", [(n.replace("_", "-"), v) for n, v in headers.items()])


def test_entries_go_on_where_the_last_one_ended():
    brought = "<sip:a@x>;index=1, <sip:bob@example.test>;index=1.2;mp=1"
    headers = dict(told(request(History_Info=brought), [Forwarded(WHO, Cause.BUSY)], TARGET))
    assert headers["History-Info"] == f"{brought}, <sip:carol@example.test;cause=486>;index=1.2.1;mp=1.2"


def test_diversions_of_before_stay_behind_ours():
    headers = dict(told(request(Diversion="<sip:a@x>;reason=no-answer"), [Forwarded(WHO, Cause.ALWAYS)], TARGET))
    assert headers["Diversion"].split(", ") == [
        "<sip:bob@example.test>;reason=unconditional;counter=1",
        "<sip:a@x>;reason=no-answer",
    ]


def test_a_call_that_was_not_forwarded_tells_nothing():
    assert told(request(), [], TARGET) == ()


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_code(cause):
    assert 300 <= CODES[cause] < 700


@pytest.mark.parametrize(
    ("headers", "times"),
    [
        ({}, 0),
        ({"Diversion": "<sip:a@x>"}, 1),
        ({"Diversion": "<sip:a@x>;counter=3, <sip:b@x>;counter=-7"}, 4),
        ({"Diversion": "nonsense <"}, 1),
        ({"Diversion": f"<sip:a@x>;counter={'9' * 5000}"}, 1),
        ({"History_Info": "<sip:a@x>;index=1, <sip:b@x>;index=1.1;mp=1, <sip:b@y>;index=1.1.1;rc=1.1"}, 1),
        ({"History_Info": ", ".join(["<sip:a@x>;index=1;mp=1"] * 500)}, MAX_HISTORY),
    ],
)
def test_how_often_it_was_forwarded(headers, times):
    assert times_forwarded(request(**headers)) == times


@given(st.lists(PARTS, max_size=12).map("".join), st.lists(PARTS, max_size=12).map("".join))
def test_whatever_it_brings_there_is_an_answer(history, diversion):
    brought = Request("INVITE", "sip:bob@example.test", [("History-Info", history), ("Diversion", diversion)])
    try:
        before = brought.all("History-Info"), brought.all("Diversion")
    except MalformedSip:
        return  # no list at all: the call is refused with 400
    assert times_forwarded(brought) >= 0
    headers = dict(told(brought, [Forwarded(WHO, Cause.OFFLINE)], TARGET))
    last = headers["History-Info"].rpartition(", ")[2]
    assert NameAddr.parse(last).uri.user == "carol" and before is not None
