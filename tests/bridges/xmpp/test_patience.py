"""Patience: each step of the negotiation has its time, and so has silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....bridges.xmpp.stream.limits import REST_TIME, SIGN_IN_TIME, STEP_TIME
from ....bridges.xmpp.stream.patience import Patience, Verdict
from ....bridges.xmpp.stream.states import State

NEGOTIATING = [state for state in State if state not in (State.BOUND, State.ENDED)]


def patience() -> Patience:
    return Patience(0.0, idle_time=100, answer_time=10)


@pytest.mark.parametrize("state", NEGOTIATING)
def test_a_step_has_its_time_and_being_checked_has_all_there_is(state):
    end = SIGN_IN_TIME if state is State.CHECKING else STEP_TIME
    one = patience()
    assert one.due(state) == end
    assert one.verdict(state, end - 0.001) is None and one.verdict(state, end) is Verdict.LATE


def test_bytes_are_no_step_and_a_step_is_no_extension_of_the_whole():
    one = patience()
    one.heard(STEP_TIME - 1)
    assert one.due(State.OFFERED) == STEP_TIME
    one.stepped(STEP_TIME - 1)
    assert one.due(State.OFFERED) == 2 * STEP_TIME - 1
    one.stepped(SIGN_IN_TIME - 1)
    assert one.due(State.OFFERED) == SIGN_IN_TIME


def test_silence_is_a_rest_then_a_question_then_an_end():
    one = patience()
    assert one.verdict(State.BOUND, REST_TIME) is Verdict.REST
    assert one.due(State.BOUND) == 100 and one.verdict(State.BOUND, 99) is None
    assert one.verdict(State.BOUND, 100) is Verdict.ASK
    assert one.due(State.BOUND) == 110 and one.verdict(State.BOUND, 109) is None
    assert one.verdict(State.BOUND, 110) is Verdict.DEAD


def test_any_byte_begins_it_all_anew():
    one = patience()
    for at in (REST_TIME, 100.0):
        one.verdict(State.BOUND, at)
    one.heard(105)
    assert one.verdict(State.BOUND, 110) is Verdict.REST
    assert one.verdict(State.BOUND, 204) is None and one.verdict(State.BOUND, 205) is Verdict.ASK


def test_a_stream_that_is_over_has_all_the_time_in_the_world():
    one = patience()
    assert one.due(State.ENDED) is None and one.verdict(State.ENDED, 1e9) is None


def test_who_is_asked_at_once_is_not_let_rest_before():
    one = Patience(0.0, idle_time=REST_TIME / 2, answer_time=1)
    assert one.verdict(State.BOUND, REST_TIME / 2) is Verdict.ASK


@given(st.lists(st.tuples(st.floats(0, 50), st.booleans()), max_size=60))
def test_there_is_a_verdict_exactly_when_it_is_due(story):
    one, now = patience(), 0.0
    for pause, speaks in story:
        now += pause
        due = one.due(State.BOUND)
        assert due is not None
        assert (one.verdict(State.BOUND, now) is not None) is (now >= due)
        if speaks:
            one.heard(now)
        assert one.due(State.BOUND) is not None
