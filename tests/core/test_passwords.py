"""What counts as a password, and in which spelling keys are derived from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.errors import HereaboutsError, Refused, TooLarge
from ...core.passwords import MAX_PASSWORD, opaque, saslprep


@pytest.mark.parametrize(
    "password",
    [
        "secret",
        "Correct Horse Battery Staple",
        "pässwörd",
        "pass word ",
        " ",
        "密码",
        "🔑🗝",
        "½",
        "Ⅳ",
        "a:b$c,d=e",
        "क्‍ष",
    ],
)
def test_what_is_a_password_stays_as_it_was_typed(password):
    assert opaque(password) == password


def test_accents_typed_in_two_ways_are_one_password():
    assert opaque("pa\u0308ssword") == opaque("p\u00e4ssword") == "p\u00e4ssword"


@pytest.mark.parametrize("space", ["\u00a0", "\u1680", "\u2003", "\u202f", "\u3000"])
def test_every_space_is_a_space(space):
    assert opaque(f"two{space}words") == "two words"


def test_letter_case_and_width_count():
    assert len({opaque("Secret"), opaque("secret"), opaque("ｓｅｃｒｅｔ")}) == 3


@pytest.mark.parametrize(
    "character",
    [
        *("\0", "\t", "\n", "\r", "\x1f", "\x7f", "\u0085", "\u200b", "\u202e", "\u2028", "\u2029", "\ufeff"),
        *("\ue000", "\ufdd0", "\uffff", "\u0378", "\U000e0041", "\u034f", "\u1100", "\u3164", "\ufe0f"),
        *("\U000e0100", "\ud800"),
    ],
    ids=lambda c: f"U+{ord(c):04X}",
)
def test_what_no_password_may_have_is_refused(character):
    with pytest.raises(Refused):
        opaque(f"sec{character}ret")


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
def test_a_joiner_belongs_after_a_virama_only(joiner):
    assert opaque(f"\u0915\u094d{joiner}\u0937")
    for misplaced in (f"{joiner}a", f"a{joiner}b", joiner):
        with pytest.raises(Refused):
            opaque(misplaced)


def test_nothing_is_no_password():
    with pytest.raises(Refused, match="needed"):
        opaque("")


def test_a_password_has_a_limit_in_bytes():
    assert opaque("x" * MAX_PASSWORD)
    for long in ("x" * (MAX_PASSWORD + 1), "ä" * (MAX_PASSWORD // 2 + 1), "x" * 10_000_000):
        with pytest.raises(TooLarge):
            opaque(long)


def test_the_error_never_shows_the_password():
    with pytest.raises(Refused) as refused:
        opaque("hunter2\0")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("two\u00a0words", "two words"),
    ],
)
def test_the_examples_of_saslprep(typed, prepared):
    """RFC 4013 section 3, and a space of its section 2.1."""
    assert saslprep(typed) == prepared


@pytest.mark.parametrize("unpreparable", ["\u0627\u0031", "\u00adx\u200e", "\u06271a", "\u00ad"])
def test_what_saslprep_has_no_form_of_stays_as_it_is(unpreparable):
    """RFC 4013 section 3 ends with an Arabic letter before a digit: an error there, and clients send it as typed."""
    assert saslprep(unpreparable) == unpreparable


def test_right_to_left_passwords_are_prepared_too():
    assert saslprep("\u0627\u0628\u00ad\u0629") == "\u0627\u0628\u0629"


def test_characters_newer_than_saslprep_pass():
    assert saslprep("🥑🔑") == "🥑🔑"


@given(st.text(max_size=60))
def test_preparing_twice_changes_nothing_and_only_our_own_errors_come_out(password):
    try:
        prepared = opaque(password)
    except HereaboutsError:
        return
    assert opaque(prepared) == prepared
    assert prepared.encode()
    assert saslprep(prepared).encode()
