"""The scanners: what they take, what they refuse, and that they take linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.syntax.grammar import (
    MAX_SECONDS,
    NO_PARAMS,
    TOKEN,
    UNRESERVED,
    MalformedSip,
    Params,
    escape,
    made_of,
    number,
    quote,
    seconds,
    split,
    unescape,
    unquote,
)


@pytest.mark.parametrize(("text", "limit", "value"), [("0", 9, 0), ("0042", 99, 42), ("255", 255, 255)])
def test_numbers(text, limit, value):
    assert number(text, limit, "it") == value


@pytest.mark.parametrize("text", ["", " 1", "+1", "-1", "1_000", "٣", "0x10", "256", "9" * 10_000])
def test_no_numbers(text):
    with pytest.raises(MalformedSip):
        number(text, 255, "it")


def test_a_number_of_a_million_digits_costs_nothing():
    before = time.process_time()
    with pytest.raises(MalformedSip):
        number("9" * 1_000_000, 2**31, "CSeq")
    assert seconds("9" * 1_000_000) == MAX_SECONDS
    assert seconds("0" * 1_000_000 + "7") == 7
    assert time.process_time() - before < 1


@given(st.text())
def test_escapes_come_back(text):
    escaped = escape(text.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape"), UNRESERVED)
    assert not escaped.strip(UNRESERVED + "%")
    assert escape(unescape(escaped), UNRESERVED) == escaped


@given(st.binary())
def test_any_octets_survive_unescaping(octets):
    escaped = "".join(f"%{octet:02x}" for octet in octets)
    assert unescape(escaped).encode("utf-8", "surrogateescape") == octets


@pytest.mark.parametrize("text", ["%", "%4", "a%zz", "%4 1", "%-1", "%%41"])
def test_broken_escapes(text):
    with pytest.raises(MalformedSip):
        unescape(text)


def test_escapes_are_undone_once():
    assert unescape("%2541") == "%41"


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_quoted_strings_come_back(text):
    assert unquote(quote(text)) == text


@given(st.lists(st.text('ab,;<>"\\ ', max_size=6).map(quote), min_size=1))
def test_separators_between_quotation_marks_separate_nothing(texts):
    assert split(",".join(texts), ",") == texts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a, b ,c", ["a", "b", "c"]),
        (
            '"Roe, Jane" <sip:jane@a.example>, <sip:b@b.example>',
            ['"Roe, Jane" <sip:jane@a.example>', "<sip:b@b.example>"],
        ),
        ("<sip:a,b@c>;q=1,<sip:d>", ["<sip:a,b@c>;q=1", "<sip:d>"]),
        ('"\\"," <sip:a>', ['"\\"," <sip:a>']),
        ("<a,b", ["<a,b"]),
        ("", [""]),
        (",", ["", ""]),
    ],
)
def test_splitting_lists(text, parts):
    assert split(text, ",") == parts


def test_a_quotation_mark_that_is_never_closed():
    with pytest.raises(MalformedSip, match="never closed"):
        split('a, "b, c', ",")


@pytest.mark.parametrize(
    "text", ['""' * 4000 + ",", "<>" * 4000 + ",", "<" * 8000 + ",", "," * 8000 + '""', '"\\"' * 2666]
)
def test_splitting_is_linear(text):
    before = time.process_time()
    for _ in range(5):
        try:
            split(text, ",")
        except MalformedSip:
            pass
    assert time.process_time() - before < 1


class TestParams:
    def test_reading(self):
        params = Params.parse(';branch=z9hG4bKx ; rport;name="a \\"b\\"; c"')
        assert params["BRANCH"] == "z9hG4bKx"
        assert "rport" in params and params["rport"] == ""
        assert params.get("name") == 'a "b"; c'
        assert params.get("other") is None and params.get("other", "x") == "x"
        assert list(params) == ["branch", "rport", "name"] and len(params) == 3
        assert str(params) == ';branch=z9hG4bKx;rport;name="a \\"b\\"; c"'

    def test_a_missing_name_is_a_key_error(self):
        with pytest.raises(KeyError):
            NO_PARAMS["tag"]

    @pytest.mark.parametrize(
        "text",
        [";", ";;a", "a;;b", ";a=", ";=b", ";a b", ';a="b"c', ';a="b', ";a=b c", ";a=<b>", ";a=b,c", ";tag=1;TAG=2"],
    )
    def test_what_is_no_list_of_parameters(self, text):
        with pytest.raises(MalformedSip):
            Params.parse(text)

    def test_values_keep_their_quotation_marks(self):
        text = ';+sip.instance="<urn:uuid:1>";mobility="fixed";expires=60'
        assert str(Params.parse(text)) == text
        assert str(Params.parse(text).with_("expires", "30")) == text.replace("60", "30")

    def test_setting(self):
        params = Params({"a": "1"}).with_("b", "x y").with_("c", "z", quoted=True).with_("A", "2")
        assert str(params) == ';A=2;b="x y";c="z"'
        assert str(params.without("B")) == ';A=2;c="z"'
        assert str(params.plus({"c": "3", "d": ""})) == ';A=2;b="x y";c=3;d'

    def test_names_compare_without_case_and_order(self):
        assert Params({"a": "1", "b": "2"}) == Params({"B": "2", "A": "1"}) != Params({"a": "1"})
        assert hash(Params({"a": "1", "b": "2"})) == hash(Params({"B": "2", "A": "1"}))
        assert Params({"a": "1"}) != {"a": "1"}

    @pytest.mark.parametrize("name", ["", "a b", "a=b", "a;b", "a\r\nb", "ä"])
    def test_a_name_that_is_none_is_never_written(self, name):
        for write in (lambda: Params({name: "x"}), lambda: NO_PARAMS.with_(name, "x")):
            with pytest.raises(ValueError):
                write()

    @given(st.dictionaries(st.text(TOKEN, min_size=1, max_size=8).map(str.lower), st.text(max_size=20), max_size=5))
    def test_what_is_written_is_read_again(self, pairs):
        printable = {name: value for name, value in pairs.items() if value.isprintable()}
        assert dict(Params.parse(str(Params(printable)))) == printable


def test_made_of():
    assert made_of("abc", "cba")
    assert not made_of("", "abc") and not made_of("abxc", "abc")
