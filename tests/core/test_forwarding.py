"""Where people's calls go: what may be said, how it is kept, and that it goes with the person."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.errors import BadRequest
from ...core.forwarding import (
    KIND,
    MAX_ALSO,
    NO_FORWARDING,
    Forwarding,
    forwarding_of,
    judged,
    keep_forwarding,
    target_of,
)
from ...core.identity import Identity
from ..people import ALICE, BOB
from ..stage import front_end_in


@pytest.mark.parametrize(
    ("text", "who", "number"),
    [
        ("bob@example.test", BOB, ""),
        ("sip:Bob@Example.Test", BOB, ""),
        ("+49 (30) 123-45", None, "+493012345"),
        ("tel:+4930123", None, "+4930123"),
        ("4711", None, "4711"),
        ("*21#", None, "*21#"),
    ],
)
def test_targets(text, who, number):
    assert target_of(text) == (who, number)


@pytest.mark.parametrize("text", ["", "bob", "+", "x" * 300, "@example.test", "12 34 a", "tel:"])
def test_what_is_no_target(text):
    with pytest.raises(BadRequest):
        target_of(text)


@given(st.text(max_size=300))
def test_whatever_the_text_it_is_a_target_or_refused(text):
    try:
        who, number = target_of(text)
    except BadRequest:
        return
    assert (who is None) != (number == "")


def test_targets_are_kept_in_their_canonical_spelling():
    wanted = Forwarding(busy="SIP:Bob@example.test", unanswered="030 / 1234", also=["+49 171 1"])
    assert judged(ALICE, wanted) == Forwarding(busy="bob@example.test", unanswered="0301234", also=["+491711"])


def test_what_cannot_be_wanted():
    with pytest.raises(BadRequest, match="cannot be forwarded to"):
        judged(ALICE, Forwarding(always="alice@example.test"))
    with pytest.raises(BadRequest, match="no more than"):
        judged(ALICE, Forwarding(also=["1"] * (MAX_ALSO + 1)))


async def test_it_is_kept_with_the_person_and_goes_with_them(tmp_path):
    async with front_end_in(tmp_path) as front_end:
        store = front_end.store
        assert await forwarding_of(store, ALICE) == NO_FORWARDING
        wanted = Forwarding(always="+4930123", ring_for=15)
        assert await keep_forwarding(store, ALICE, wanted) == wanted == await forwarding_of(store, ALICE)
        await keep_forwarding(store, ALICE, NO_FORWARDING)
        assert await store.document(KIND, f"{ALICE}/calls") is None
        await keep_forwarding(store, ALICE, wanted)
        await front_end.accounts.remove(ALICE)
        assert await store.document(KIND, f"{ALICE}/calls") is None


@pytest.mark.parametrize("body", [b"", b"{", b'{"always": 5}', b'{"alwys": "x"}', b'{"ring_for": 1}'])
async def test_a_document_that_cannot_be_read_forwards_nothing_and_is_logged(tmp_path, body, caplog):
    async with front_end_in(tmp_path) as front_end:
        await front_end.store.put_document(KIND, f"{ALICE}/calls", body)
        assert await forwarding_of(front_end.store, ALICE) == NO_FORWARDING
    assert "setting it anew mends it" in caplog.text


def test_an_address_is_a_person_whatever_its_domain():
    assert target_of("x@elsewhere.test").who == Identity("x", "elsewhere.test")
