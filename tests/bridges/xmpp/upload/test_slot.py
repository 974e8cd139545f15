"""Slots: what they promise, and that nobody but us can write one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....bridges.xmpp.upload.slot import (
    GOOD_FOR,
    MAX_NAME,
    MAX_SIGNED,
    Seals,
    content_type,
    file_name,
    is_id,
    new_slot,
)
from .....core.errors import BadRequest, NotAllowed

NOW = datetime(2026, 7, 24, 9, 0, tzinfo=UTC)
SEALS = Seals(b"key")


def slot(name: str = "cool.jpg", size: int = 5, type: str = "image/jpeg"):
    return new_slot(name, size, type, "alice@example.test", NOW)


def test_a_signed_slot_is_known_again():
    promised = slot("très cool.jpg")
    assert SEALS.opened(SEALS.signed(promised), NOW) == promised
    assert is_id(promised.id) and promised.path == f"{promised.id}/tr%C3%A8s%20cool.jpg"


def test_a_slot_is_good_for_a_while():
    signed = SEALS.signed(slot())
    SEALS.opened(signed, NOW + timedelta(seconds=GOOD_FOR - 1))
    with pytest.raises(NotAllowed, match="not valid any more"):
        SEALS.opened(signed, NOW + timedelta(seconds=GOOD_FOR + 1))


def test_another_servers_slots_are_not_ours():
    with pytest.raises(NotAllowed):
        SEALS.opened(Seals(b"another key").signed(slot()), NOW)


@given(st.text() | st.text(st.characters(max_codepoint=127)) | st.text("AZaz09-_.=", max_size=60))
def test_any_text_is_no_slot(text):
    with pytest.raises(NotAllowed):
        SEALS.opened(text, NOW)


@given(st.data())
def test_a_changed_slot_is_no_slot(data):
    signed = SEALS.signed(slot())
    place = data.draw(st.integers(0, len(signed) - 1))
    other = data.draw(st.sampled_from("ABCabc019-_."))
    changed = signed[:place] + other + signed[place + 1 :]
    try:
        assert SEALS.opened(changed, NOW) == SEALS.opened(signed, NOW)  # spare bits of the last character
    except NotAllowed:
        assert changed != signed


def test_too_long_a_slot_is_not_looked_at():
    with pytest.raises(NotAllowed):
        SEALS.opened("A" * (MAX_SIGNED + 1), NOW)


@pytest.mark.parametrize(
    "given_name, name",
    [
        ("cool.jpg", "cool.jpg"),
        ("/etc/passwd", "passwd"),
        ("C:\\photos\\me.png", "me.png"),
        ("../../x", "x"),
        ("a\x00b\nc\u202egnp.exe", "abcgnp.exe"),
        (" spaced out.txt ", "spaced out.txt"),
        ("e\u0301.txt", "\u00e9.txt"),
        (".bashrc", ".bashrc"),
        ("x" * 300 + ".tar.gz", ("x" * 300 + ".tar.gz")[-MAX_NAME:]),
    ],
)
def test_names_stay_names(given_name, name):
    assert file_name(given_name) == name


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/", "\x00", "\u202e"])
def test_what_is_no_name(name):
    with pytest.raises(BadRequest):
        file_name(name)


@given(st.text(min_size=1))
def test_any_name_makes_a_slot_that_fits_in_an_address(name):
    try:
        promised = slot(name)
    except BadRequest:
        return
    signed = SEALS.signed(promised)
    assert len(signed) <= MAX_SIGNED and SEALS.opened(signed, NOW) == promised
    assert "/" not in promised.name and promised.path.isascii()


@pytest.mark.parametrize(
    "text, kind",
    [
        ("image/png", "image/png"),
        ("Text/Plain; charset=utf-8", "text/plain"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("", ""),
        ("image", ""),
        ("image/png\r\nX: y", ""),
        ("a/" + "b" * 200, ""),
    ],
)
def test_content_types(text, kind):
    assert content_type(text) == kind


def test_a_type_that_is_none_is_refused():
    with pytest.raises(BadRequest):
        slot(type="nonsense")
    assert slot(type="").type == ""


@pytest.mark.parametrize("id", ["", "a" * 23, "a" * 25, "../" + "a" * 21, "a" * 23 + "\n"])
def test_what_is_no_id(id):
    assert not is_id(id)
