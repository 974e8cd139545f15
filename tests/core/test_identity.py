"""Addresses: one canonical spelling, and a clear no to what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.errors import BadAddress
from ...core.identity import MAX_PART, Endpoint, Identity


@pytest.mark.parametrize(
    "text",
    [
        "alice@example.test",
        "sip:alice@example.test",
        "SIPS:Alice@Example.Test",
        "xmpp:ALICE@example.test",
        "im:alice@example.test",
        "  alice@example.test. ",
    ],
)
def test_one_person_has_many_spellings(text):
    assert Identity.parse(text) == Identity("alice", "example.test")


def test_full_width_letters_are_the_same_letters():
    assert Identity.parse("ａｌｉｃｅ@example.test") == Identity("alice", "example.test")


def test_composed_and_decomposed_are_one_person():
    assert Identity.parse("jose\u0301@example.test") == Identity.parse("jos\u00e9@example.test")


@pytest.mark.parametrize(
    "text",
    [
        "", "alice", "@example.test", "alice@", "al ice@example.test", "a/b@example.test", "<alice>@example.test",
        "alice@exa mple.test", "a\x00b@example.test", "a\u200bb@example.test", "alice@example.test/desk",
        "a" * (MAX_PART + 1) + "@x",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(BadAddress):
        Identity.parse(text)


def test_the_refusal_quotes_little_of_a_long_text():
    with pytest.raises(BadAddress) as refusal:
        Identity.parse("<" * 1000 + "@x")
    assert len(str(refusal.value)) < 200


@given(st.text(max_size=40))
def test_parsing_is_idempotent_or_refuses(text):
    try:
        identity = Identity.parse(text)
    except BadAddress:
        return
    assert Identity.parse(str(identity)) == identity


def test_an_endpoint_prints_as_a_full_address():
    assert str(Endpoint(Identity("alice", "example.test"), "desk")) == "alice@example.test/desk"
