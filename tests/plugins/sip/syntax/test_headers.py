"""One small type per header: parse, str, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.syntax.grammar import MAX_SECONDS, MalformedSip, Params
from .....plugins.sip.syntax.headers import DEFAULT_EXPIRES, Credentials, CSeq, NameAddr, Term, Via, media_type
from .....plugins.sip.syntax.names import COMPACT, key_of
from .....plugins.sip.syntax.uri import SipUri

BOB = SipUri("sip", "bob", "b.example")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("<sip:bob@b.example>", NameAddr(BOB)),
        ("sip:bob@b.example;tag=1", NameAddr(BOB, "", Params({"tag": "1"}))),
        ('"Bob, \\"the\\" B." <sip:bob@b.example>;tag=a', NameAddr(BOB, 'Bob, "the" B.', Params({"tag": "a"}))),
        ("Bob<sip:bob@b.example>", NameAddr(BOB, "Bob")),
        ("Bob the B.   <sip:bob@b.example> ; tag = x", NameAddr(BOB, "Bob the B.", Params({"tag": "x"}))),
        ('""<sip:bob@b.example>', NameAddr(BOB)),
        ("Böb <sip:bob@b.example>", NameAddr(BOB, "Böb")),
        ("<tel:123>", NameAddr(SipUri("tel", "", "", opaque="123"))),
        ('"a>b<c" <sip:bob@b.example>', NameAddr(BOB, "a>b<c")),
    ],
)
def test_addresses(text, address):
    assert NameAddr.parse(text) == address
    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bob",
        '"Bob" sip:bob@b.example',
        '"Bob <sip:bob@b.example>',
        "Bob, B. <sip:bob@b.example>",
        "< sip:bob@b.example >",
        "<sip:bob@b.example",
        "<sip:bob@b.example>tag=1",
        "<sip:bob@b.example>;;tag=1",
        "sip:bob@b.example?subject=x",
        "sip:bob@b.example,sip:c@b.example",
        "<>",
        "<<sip:bob@b.example>>",
    ],
)
def test_what_is_no_address(text):
    with pytest.raises(MalformedSip):
        NameAddr.parse(text)


@given(st.text(max_size=40))
def test_any_display_name_is_read_again(display):
    if display.isprintable():
        address = NameAddr(BOB, display, Params({"tag": "1"}))
        assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    ("params", "expires"),
    [
        ("", None),
        (";expires=0", 0),
        (";expires=60", 60),
        (";expires=99999999999999999999", MAX_SECONDS),
        (";expires=soon", DEFAULT_EXPIRES),
        (";expires", DEFAULT_EXPIRES),
    ],
)
def test_the_lease_of_a_contact(params, expires):
    """RFC 3261 section 20.10: what is malformed counts as 3600."""
    assert NameAddr.parse(f"<sip:bob@b.example>{params}").expires == expires


def test_tags():
    assert NameAddr.parse("<sip:bob@b.example>;tag=abc").tag == "abc"
    assert NameAddr.parse("<sip:bob@b.example>").tag == ""


@pytest.mark.parametrize(
    ("text", "via"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa", Via("UDP", "192.0.2.1", 5060, Params({"branch": "z9hG4bKa"}))),
        ("SIP / 2.0 / tcp   a.example ;branch=x", Via("TCP", "a.example", None, Params({"branch": "x"}))),
        ("SIP/2.0/TLS [2001:db8::9:1];rport", Via("TLS", "[2001:db8::9:1]", None, Params({"rport": ""}))),
        ("sip/2.0/UDP a.example : 5060", Via("UDP", "a.example", 5060)),
        ("SIP/2.0/UNHEARD-OF a.example", Via("UNHEARD-OF", "a.example")),
        (
            "SIP/2.0/UDP a.example;received=2001:db8::1",
            Via("UDP", "a.example", None, Params({"received": "2001:db8::1"})),
        ),
        (
            "SIP/2.0/UDP a.example;received=[2001:db8::1]",
            Via("UDP", "a.example", None, Params({"received": "[2001:db8::1]"})),
        ),
    ],
)
def test_via(text, via):
    assert Via.parse(text) == via
    assert Via.parse(str(via)) == via


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0/UDP ",
        "SIP/1.0/UDP a",
        "HTTP/2.0/UDP a",
        "SIP/2.0 a",
        "SIP/2.0/ a",
        "SIP/2.0/U DP a",
        "SIP/2.0/UDP a;;",
        "SIP/2.0/UDP a;branch=1;branch=2",
        "SIP/2.0/UDP a b",
    ],
)
def test_what_is_no_via(text):
    with pytest.raises(MalformedSip):
        Via.parse(text)


def test_what_identifies_a_via():
    via = Via.parse("SIP/2.0/TCP A.Example:5060;branch=z9hG4bKq")
    assert (via.branch, via.sent_by) == ("z9hG4bKq", "a.example:5060")
    assert (Via.parse("SIP/2.0/TCP a.example").branch, Via.parse("SIP/2.0/TCP a.example").sent_by) == ("", "a.example")


def test_cseq():
    assert CSeq.parse("0009   INVITE") == CSeq(9, "INVITE")
    assert str(CSeq(7, "MESSAGE")) == "7 MESSAGE"
    for text in ("", "1", "INVITE", "1 IN VITE", "-1 INVITE", f"{2**31} INVITE", "1 ", "1 <>"):
        with pytest.raises(MalformedSip):
            CSeq.parse(text)


def test_terms():
    assert Term.parse("presence;id=7") == Term("presence", Params({"id": "7"}))
    assert str(Term.parse("active ; expires=60")) == "active;expires=60"
    assert media_type("Text / PLAIN;charset=UTF-8") == Term("text/plain", Params({"charset": "UTF-8"}))
    for text in ("", ";a", "text", "text/", "/plain", "a/b/c", "te xt/plain"):
        with pytest.raises(MalformedSip):
            media_type(text)


def test_credentials():
    digest = Credentials.parse('Digest username="a, b",  realm="x",uri="sip:a;b=c@d", nc=00000001,\tqop=auth')
    assert digest.scheme == "Digest"
    assert dict(digest.params) == {
        "username": "a, b",
        "realm": "x",
        "uri": "sip:a;b=c@d",
        "nc": "00000001",
        "qop": "auth",
    }
    assert str(digest) == 'Digest username="a, b", realm="x", uri="sip:a;b=c@d", nc=00000001, qop=auth'
    assert Credentials.parse("Negotiate abc+/==") == Credentials("Negotiate")
    assert Credentials.parse("NTLM") == Credentials("NTLM")
    for text in ("", "Dig<est a=b", 'Digest a="b', "Digest a=b c=d", "Digest a=1, A=2", "Digest a=b,"):
        with pytest.raises(MalformedSip):
            Credentials.parse(text)


@pytest.mark.parametrize(("form", "name"), COMPACT.items())
def test_compact_forms(form, name):
    assert key_of(form) == key_of(form.upper()) == key_of(name) == key_of(name.swapcase()) == name.lower()


def test_unknown_names_are_found_without_case():
    assert key_of("X-Own-Thing") == key_of("x-oWN-thing")


@given(st.text(max_size=80))
def test_any_text_is_a_value_or_malformed(text):
    for parse in (NameAddr.parse, Via.parse, CSeq.parse, Term.parse, media_type, Credentials.parse):
        try:
            value = parse(text)
        except MalformedSip:
            continue
        assert parse(str(value)) == value
