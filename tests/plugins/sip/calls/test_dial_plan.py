"""Numbers as dialled and as meant: tel URIs, patterns, normalisation."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.calls.dial_plan import (
    MAX_E164,
    MAX_NUMBER,
    Dialled,
    DialPlan,
    Pattern,
    dialled,
    plan_of,
    written,
)
from .....plugins.sip.syntax.uri import SipUri

GERMAN = plan_of(
    [("00Z*", 2, "+"), ("0Z.", 1, "+49"), ("[1-9]XXX", 0, "+4930555"), ("*", 0, "+4930")], ["example.test", "+4930"]
)


def number_in(uri):
    return dialled(SipUri.parse(uri))


# ---- what is dialled


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        # RFC 3966 section 6, and the subscribers of RFC 3261 section 19.1.6
        ("tel:+1-201-555-0123", Dialled("+12015550123")),
        ("tel:7042;phone-context=example.com", Dialled("7042", "example.com")),
        ("tel:863-1234;phone-context=+1-914-555", Dialled("8631234", "+1-914-555")),
        ("sip:+1-212-555-1212:1234@gateway.com;user=phone", Dialled("+12125551212")),
        ("tel:+358-555-1234567;postd=pp22", Dialled("+3585551234567")),
        ("sip:+358-555-1234567;postd=pp22@foo.com;user=phone", Dialled("+3585551234567")),
        ("tel:+49(30)123.45;ext=12", Dialled("+493012345", "", "12")),
        ("sip:+493012345@example.test", Dialled("+493012345")),
        ("sips:4711@example.test", Dialled("4711")),
        ("sip:*21%23@example.test", Dialled("*21#")),
        ("TEL:112", Dialled("112")),
    ],
)
def test_numbers_in_uris(uri, number):
    assert number_in(uri) == number


@pytest.mark.parametrize(
    "uri",
    [
        "sip:alice@example.test",
        "sip:example.test",
        "sip:4711a@example.test",
        "sip:+@example.test",
        "sip:49+30@example.test",
        "sip:++49@example.test",
        "sip:+49*1@example.test",
        "sip:-@example.test",
        "tel:+49%00",
        "tel:%31%",
        "tel:12;ext=a",
        f"tel:+{'1' * (MAX_E164 + 1)}",
        f"tel:{'1' * (MAX_NUMBER + 1)}",
        "sip:%D9%A4@example.test",  # an Arabic digit
        "urn:service:sos",
        "mailto:112@example.test",
    ],
)
def test_what_is_no_number(uri):
    assert number_in(uri) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+49 (0)30 / 555-1234", "+49305551234"),
        ("030/555 12 34", "0305551234"),
        ("tel:+49305551234", "+49305551234"),
        (" 4711 ", "4711"),
        ("(030) 5551234", "0305551234"),
    ],
)
def test_numbers_as_people_write_them(text, number):
    assert written(text).number == number


def test_a_text_that_is_no_number_is_none():
    assert written("alice@example.test") is None and written("") is None and written("extension 12") is None


@given(st.text(max_size=60))
def test_whatever_is_written_is_a_number_or_none(text):
    found = written(text)
    if found is not None:
        assert re.fullmatch(r"\+[0-9]{1,15}|[0-9*#]{1,32}", found.number)


# ---- patterns


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("0049*", ["0049", "004930"], ["004", "0050", "0049#"]),
        ("00X*", ["001", "0049301"], ["00", "01", "00#"]),
        ("0X.", ["0301", "011"], ["0", "03", "11"]),
        ("0Z.", ["0301"], ["0049", "03"]),
        ("NXX", ["200", "999"], ["199", "20", "2000"]),
        ("[1-35]X", ["10", "29", "35", "59"], ["49", "1", "60"]),
        ("112", ["112"], ["1123", "11", "+112"]),
        ("+49*", ["+49", "+4930"], ["49", "+48"]),
        ("*21", ["*21"], ["21", "*211"]),
        ("*21*", ["*21", "*211234"], ["21"]),
        ("#X", ["#1"], ["11"]),
        ("*", ["", "1", "123"], ["+49", "#"]),
        (".", ["1", "123"], ["", "+49"]),
    ],
)
def test_patterns(pattern, fits, does_not):
    made = Pattern.parse(pattern)
    assert [n for n in fits if not made.matches(n)] == [] and [n for n in does_not if made.matches(n)] == []


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "1 to 64 characters"),
        ("X" * 65, "1 to 64 characters"),
        ("0a", 'has "a" in "0a"'),
        ("0.1", 'has "." in "0.1"'),
        ("[1-3", "bracket is not closed"),
        ("[3-1]", "not of digits"),
        ("[]", "not of digits"),
        ("[1-]", "not of digits"),
        ("[X]", "not of digits"),
        ("^0+$", 'has "^"'),
    ],
)
def test_what_is_no_pattern(pattern, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        Pattern.parse(pattern)


ATOMS = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", "[1-35]": "[1235]", "+": r"\+", "#": "#"} | {
    d: d for d in "0123456789"
}
ENDS = {"": "", "*": "[0-9]*", ".": "[0-9]+"}


@given(
    st.lists(st.sampled_from(sorted(ATOMS)), min_size=1, max_size=8),
    st.sampled_from(sorted(ENDS)),
    st.text("0123456789+#*", max_size=12),
)
def test_a_pattern_means_what_the_regular_expression_means(atoms, end, number):
    expression = "".join(ATOMS[atom] for atom in atoms) + ENDS[end]
    fits = re.fullmatch(expression, number) is not None
    assert Pattern.parse("".join(atoms) + end).matches(number) == fits


@given(st.text(max_size=70))
def test_whatever_the_pattern_it_is_read_or_refused(text):
    try:
        assert Pattern.parse(text).text == text
    except ValueError as wrong:
        assert str(wrong)


def test_a_long_number_takes_no_longer_than_it_is_long():
    pattern, number = Pattern.parse("X" * 30 + "."), "1" * 1_000_000
    began = time.process_time()
    assert pattern.matches(number) and not pattern.matches(number + "#")
    assert time.process_time() - began < 1


# ---- normalisation


@pytest.mark.parametrize(
    ("number", "meant"),
    [
        ("004989123", "+4989123"),
        ("089123", "+4989123"),
        ("4711", "+49305554711"),
        ("555123", "+4930555123"),
        ("+4412345", "+4412345"),
        ("#31", "#31"),
        ("*", "*"),
    ],
)
def test_the_first_rule_that_fits_makes_the_number_what_it_is(number, meant):
    assert GERMAN.normalised(Dialled(number)) == meant


@pytest.mark.parametrize(
    ("context", "meant"),
    [
        ("example.test", "+49305554711"),
        ("+4930", "+49305554711"),
        ("", "+49305554711"),
        ("elsewhere.test", ""),
        ("+1", ""),
    ],
)
def test_a_local_number_of_another_context_is_none_of_ours(context, meant):
    assert GERMAN.normalised(Dialled("4711", context)) == meant


def test_no_context_is_put_before_a_number():
    assert plan_of([], ["+1"]).normalised(Dialled("911", "+1")) == "911"


def test_without_rules_a_number_stays_as_it_is():
    assert DialPlan().normalised(Dialled("0301")) == "0301"


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (("00X*", 4, "+"), "is 4, which is more than 00X* has for certain"),
        (("0X", 0, "abc"), 'has "abc", which no number begins with'),
        (("0q", 0, ""), 'has "q"'),
    ],
)
def test_rules_that_cannot_be(rule, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        plan_of([rule])


@given(st.text("0123456789*#", min_size=1, max_size=MAX_NUMBER))
def test_a_global_number_is_left_alone_and_the_others_become_one_only_by_a_rule(number):
    meant = GERMAN.normalised(Dialled(number))
    if meant.startswith("+"):
        assert GERMAN.normalised(Dialled(meant)) == meant
    else:
        assert meant == number
