"""What waits, and what is not known to have arrived."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....bridges.xmpp.federation import letters
from .....bridges.xmpp.federation.confirmations import REQUEST, Confirmations
from .....bridges.xmpp.federation.dialback import Pair
from .....bridges.xmpp.federation.letters import COUNTS, Letter, Unconfirmed, Waiting
from .....bridges.xmpp.federation.limits import CONFIRM_TIME
from .....bridges.xmpp.stream.stream_error import StreamError

PAIR = Pair("here.example", "there.example")


def letter(number: int, until: float = 0.0) -> Letter:
    return Letter(b"<message id='%d'/>" % number, None, until)


def test_a_sender_is_told_once() -> None:
    told: list[tuple[str, str]] = []
    sad = Letter(b"<message/>", lambda condition, text: told.append((condition, text)), 0.0)
    sad.give_up("gone", "one")
    sad.give_up("gone", "two")
    assert told == [("gone", "one")]
    letter(1).give_up("gone", "nobody is told")


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(0, 10), st.integers(0, 10))
def test_a_queue_knows_its_bytes(untils: list[int], now: int, taken: int) -> None:
    waiting = Waiting()
    for number, until in enumerate(untils):
        waiting.put(letter(number, until))
    late = waiting.take_those_until(now)
    assert [one.until for one in late] == [until for until in untils if until <= now]
    kept = len(waiting)
    first = [waiting.take() for _ in range(min(taken, kept))]
    waiting.put_back(first)
    if first:
        assert waiting.first is first[0]
    assert waiting.bytes == sum(len(one.stanza) for one in waiting.take_all())
    assert kept == len(untils) - len(late)
    assert waiting.bytes == len(waiting) == 0


@given(st.lists(st.integers(0, 20), max_size=30))
def test_numbers_go_round(steps: list[int]) -> None:
    unconfirmed = Unconfirmed()
    unconfirmed.confirmed = unconfirmed.sent = COUNTS - 5
    number = 0
    for step in steps:
        for _ in range(step):
            unconfirmed.written(letter(number))
            number += 1
        assert not unconfirmed.has((unconfirmed.sent + 1) % COUNTS)
        assert unconfirmed.has((unconfirmed.sent - step // 2) % COUNTS)
        assert len(unconfirmed) == step // 2
        assert unconfirmed.has(unconfirmed.sent % COUNTS)
        assert len(unconfirmed) == 0


def test_there_is_no_room_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "MAX_UNCONFIRMED", 3)
    confirmations = Confirmations(PAIR)
    confirmations.numbered = True
    assert confirmations.written(letter(1), 0.0) == REQUEST
    assert confirmations.written(letter(2), 0.0) == b""
    assert not confirmations.full and confirmations.due == CONFIRM_TIME
    confirmations.written(letter(3), 0.0)
    assert confirmations.full
    assert confirmations.has("2", 5.0) == REQUEST
    assert not confirmations.full and confirmations.due == 5.0 + CONFIRM_TIME
    assert confirmations.has("3", 6.0) == b"" and confirmations.due is None
    with pytest.raises(StreamError):
        confirmations.has("4", 7.0)


def test_a_ping_confirms_what_was_before_it() -> None:
    confirmations = Confirmations(PAIR)
    ping = confirmations.written(letter(1), 0.0).decode()
    id = ping.partition(" id='")[2].partition("'")[0]
    assert ping.startswith("<iq type='get'") and confirmations.written(letter(2), 0.0) == b""
    assert confirmations.answered("arrived-other", 1.0) == b"" and len(confirmations) == 2
    second = confirmations.answered(id, 1.0).decode()
    assert len(confirmations) == 1 and second != ping
    assert confirmations.answered(id, 1.0) == b"" and len(confirmations) == 1
    assert [one.stanza for one in confirmations.left()] == [b"<message id='2'/>"]


def test_nobody_waits_for_who_never_answers() -> None:
    confirmations = Confirmations(PAIR)
    confirmations.written(letter(1), 0.0)
    confirmations.give_up()
    assert confirmations.hopeless and confirmations.due is None
    assert confirmations.written(letter(2), 0.0) == b"" and confirmations.left() == []
