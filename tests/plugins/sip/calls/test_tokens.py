"""Sealed Record-Routes: what goes in comes out, for this call only, and nothing else opens."""

from __future__ import annotations

import base64

from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.calls.tokens import MAX_TOKEN, PROOF, Crossing, End, Tokens
from .....plugins.sip.syntax.uri import PARAMETER
from ....people import ALICE, BOB

TOKENS = Tokens(b"secret")
ALICES, BOBS, TRUNK = End(ALICE, "0a1b"), End(BOB, "2c3d"), End(peer="trunk:pbx")


def test_each_side_is_led_to_the_other() -> None:
    token = TOKENS.seal("call", "tag-a", ALICES, BOBS)
    assert TOKENS.open(token, "call", "tag-a", "tag-b") == Crossing(ALICES, BOBS, True)
    assert TOKENS.open(token, "call", "tag-b", "tag-a") == Crossing(BOBS, ALICES, False)


def test_a_server_that_was_restarted_reads_it_and_another_does_not() -> None:
    token = TOKENS.seal("call", "tag-a", ALICES, TRUNK)
    assert Tokens(b"secret").open(token, "call", "tag-a", "x") == Crossing(ALICES, TRUNK, True)
    assert Tokens(b"other secret").open(token, "call", "tag-a", "x") is None


def test_it_is_good_for_one_dialog() -> None:
    token = TOKENS.seal("call", "tag-a", ALICES, BOBS)
    assert TOKENS.open(token, "another", "tag-a", "tag-b") is None
    assert TOKENS.open(token, "call", "tag-c", "tag-b") is None


def test_it_tells_nobody_who_the_ends_are() -> None:
    token = TOKENS.seal("call", "tag-a", ALICES, BOBS)
    sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"alice" not in sealed and b"bob" not in sealed
    assert len(token) < 150, "two of these must fit into a datagram"


def test_it_is_written_without_escapes() -> None:
    assert not TOKENS.seal("call", "tag-a", ALICES, BOBS).strip(PARAMETER)


@given(st.text(max_size=40))
def test_anything_else_is_nothing(text: str) -> None:
    assert TOKENS.open(text, "call", "tag-a", "tag-b") is None


@given(st.integers(0), st.integers(1, 255))
def test_no_octet_can_be_changed(at: int, by: int) -> None:
    token = TOKENS.seal("call", "tag-a", ALICES, BOBS)
    sealed = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    sealed[at % len(sealed)] ^= by
    assert TOKENS.open(base64.urlsafe_b64encode(sealed).decode().rstrip("="), "call", "tag-a", "tag-b") is None


def test_what_is_too_long_is_not_looked_at() -> None:
    assert TOKENS.open("A" * (MAX_TOKEN + 1), "call", "tag-a", "tag-b") is None
    assert TOKENS.open("A" * PROOF, "call", "tag-a", "tag-b") is None
