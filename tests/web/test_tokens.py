"""Viewer tokens: only ours, only unchanged, only until they end."""

from __future__ import annotations

import base64
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.identity import Identity
from ...web.tokens import MAX_TOKEN, key_of, sign_token, verify
from ..people import ALICE, NOON, who

KEY = key_of(b"a server's secret")
TOKEN = sign_token(KEY, ALICE, NOON + timedelta(hours=1))


def test_a_token_proves_who_is_looking_and_until_when():
    viewer = verify(KEY, TOKEN, NOON)
    assert viewer is not None
    assert (viewer.identity, viewer.expires) == (ALICE, (NOON + timedelta(hours=1)).timestamp())


def test_a_token_ends():
    assert verify(KEY, TOKEN, NOON + timedelta(hours=1)) is None
    assert verify(KEY, TOKEN, NOON + timedelta(minutes=59)) is not None


def test_another_servers_token_proves_nothing():
    assert verify(key_of(b"another secret"), TOKEN, NOON) is None


@given(st.integers(0, len(TOKEN) - 1), st.characters(codec="utf-8"))
def test_a_changed_token_proves_nothing(place: int, character: str):
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]
    assert changed == TOKEN or verify(KEY, changed, NOON) is None


@given(st.text(max_size=200))
def test_nonsense_proves_nothing(text: str):
    assert verify(KEY, text, NOON) is None


@pytest.mark.parametrize(
    "claim", [{"sub": "mallory"}, {"sub": "alice@example.test", "exp": 9e12, "admin": True}, [], 1]
)
def test_a_claim_is_read_strictly_even_with_the_right_key(claim):
    """Whoever has the key could sign anything; what we read is still only what we write."""
    from ...web import tokens

    text = base64.urlsafe_b64encode(msgspec.json.encode(claim)).rstrip(b"=").decode()
    signed = f"{tokens.VERSION}.{tokens._key_id(KEY)}.{text}"
    mac = tokens._text(tokens.hmac.digest(KEY, signed.encode(), "sha256"))
    assert verify(KEY, f"{signed}.{mac}", NOON) is None


def test_a_token_is_bounded():
    assert verify(KEY, TOKEN + "x" * MAX_TOKEN, NOON) is None
    longest = sign_token(KEY, Identity("a" * 1023, "b" * 1023), NOON + timedelta(hours=1))
    assert len(longest) <= MAX_TOKEN and verify(KEY, longest, NOON) is not None


def test_addresses_of_all_the_world_fit():
    somebody = who("ülkü.日本@bücher.test")
    viewer = verify(KEY, sign_token(KEY, somebody, NOON + timedelta(hours=1)), NOON)
    assert viewer is not None and viewer.identity == somebody
