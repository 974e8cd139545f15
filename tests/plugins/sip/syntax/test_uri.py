"""SIP URIs: RFC 3261 section 19.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.syntax.grammar import ALPHANUM, MAX_REMEMBERED_LENGTH, MalformedSip, Params
from .....plugins.sip.syntax.uri import SipUri, host_and_port


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip:alice@atlanta.example", SipUri("sip", "alice", "atlanta.example")),
        ("SIPS:alice@atlanta.example:5061", SipUri("sips", "alice", "atlanta.example", 5061)),
        ("sip:atlanta.example", SipUri("sip", "", "atlanta.example")),
        ("sip:alice:secret@atlanta.example", SipUri("sip", "alice", "atlanta.example", password="secret")),
        (
            "sip:+1-212-555-1212:1234@gw.example;user=phone",
            SipUri("sip", "+1-212-555-1212", "gw.example", None, Params({"user": "phone"}), "1234"),
        ),
        ("sip:a@[2001:db8::10]:5070;lr", SipUri("sip", "a", "[2001:db8::10]", 5070, Params({"lr": ""}))),
        ("sip:al%69ce@atlanta.example", SipUri("sip", "alice", "atlanta.example")),
        ("sip:a;b=c%40d@e.example", SipUri("sip", "a;b=c@d", "e.example")),
        (
            "sip:a@b.example?subject=x%20y&priority=",
            SipUri("sip", "a", "b.example", headers=(("subject", "x y"), ("priority", ""))),
        ),
        ("sip:a@b_c.example", SipUri("sip", "a", "b_c.example")),
        ("tel:+49-30-1234;phone-context=x", SipUri("tel", "", "", opaque="+49-30-1234;phone-context=x")),
        ("urn:service:sos", SipUri("urn", "", "", opaque="service:sos")),
    ],
)
def test_reading(text, uri):
    read = SipUri.parse(text)
    assert read == uri
    assert (read.user, read.host, read.port, read.opaque) == (uri.user, uri.host, uri.port, uri.opaque)
    assert SipUri.parse(str(read)) == uri


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip",
        "sip:",
        ":a@b",
        "1sip:a@b",
        "<sip:a@b>",
        "sip:@b.example",
        "sip:a@",
        "sip:a@b@c.example",
        "sip:a b@c.example",
        "sip:a@b.example ;lr",
        "sip:a@b.example;",
        "sip:a@b.example;;lr",
        "sip:a@b.example;lr=",
        "sip:a@b.example;x=1;X=2",
        "sip:a@b.example:",
        "sip:a@b.example:65536",
        "sip:a@b.example:50x",
        "sip:a@2001:db8::10",
        "sip:a@[2001:db8::10",
        "sip:a@[2001:db8::10]5060",
        "sip:a@[2001:db8::zz]",
        "sip:a@[fe80::1%25eth0]",
        "sip:a%4@b.example",
        "sip:jürgen@b.example",
        "sip:a@b.example?x",
        "sip:a@b.example?=y",
        "sip:a\r\n@b.example",
        "sip:a\0@b.example",
        "tel:1 2",
        "http://x\r\ny",
    ],
)
def test_what_is_no_uri(text):
    with pytest.raises(MalformedSip):
        SipUri.parse(text)


SAME = [
    ("sip:%61lice@atlanta.example;transport=TCP", "sip:alice@AtLanTa.ExAmPlE;Transport=tcp"),
    ("sip:carol@chicago.example", "sip:carol@chicago.example;newparam=5"),
    ("sip:carol@chicago.example;newparam=5", "sip:carol@chicago.example;security=on"),
    (
        "sip:b.example;transport=tcp;method=REGISTER?to=sip:bob%40b.example",
        "sip:b.example;method=REGISTER;transport=tcp?to=sip:bob%40b.example",
    ),
    ("sip:a@b.example?subject=x&priority=urgent", "sip:a@b.example?priority=urgent&subject=x"),
    ("sip:a@b.example", "sip:a@b.example;gr=urn:uuid:1"),
]
DIFFERENT = [
    ("SIP:ALICE@atlanta.example", "sip:alice@atlanta.example"),
    ("sip:bob@b.example", "sips:bob@b.example"),
    ("sip:bob@b.example", "sip:bob@b.example:5060"),
    ("sip:bob@b.example", "sip:bob@b.example;transport=udp"),
    ("sip:bob@b.example", "sip:bob@b.example;user=phone"),
    ("sip:bob@b.example", "sip:bob@b.example;maddr=10.0.0.1"),
    ("sip:bob@b.example;ttl=1", "sip:bob@b.example"),
    ("sip:bob@b.example;x=1", "sip:bob@b.example;x=2"),
    ("sip:carol@chicago.example", "sip:carol@chicago.example?subject=x"),
    ("sip:bob@b.example", "sip:bob:pw@b.example"),
    ("sip:%00@b.example", "sip:%00%00@b.example"),
    ("tel:1", "tel:2"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal(one, other):
    """RFC 3261 section 19.1.4."""
    assert SipUri.parse(one) == SipUri.parse(other)
    assert SipUri.parse(other) == SipUri.parse(one)
    assert hash(SipUri.parse(one)) == hash(SipUri.parse(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_not_equal(one, other):
    assert SipUri.parse(one) != SipUri.parse(other)
    assert SipUri.parse(other) != SipUri.parse(one)


def test_a_uri_is_no_text():
    assert SipUri.parse("sip:a@b.example") != "sip:a@b.example"


ANYTHING = st.text(max_size=30)


@given(ANYTHING.filter(bool), ANYTHING, st.dictionaries(st.text(ALPHANUM, min_size=1), ANYTHING, max_size=3))
def test_whatever_is_put_in_is_escaped_and_read_again(user, password, params):
    """The first wall against header injection: a user part with CR LF is a user part with %0D%0A."""
    try:
        user.encode("utf-8", "surrogateescape"), password.encode("utf-8", "surrogateescape")
        "".join(params.values()).encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return
    if len({name.lower() for name in params}) < len(params):
        return
    uri = SipUri("sip", user, "b.example", None, Params(params), password)
    text = str(uri)
    assert text.isascii() and text.isprintable() and " " not in text
    read = SipUri.parse(text)
    again = bytes(read.user, "utf-8", "surrogateescape"), dict(read.params).keys()
    assert again == (user.encode("utf-8", "surrogateescape"), params.keys())
    assert str(read) == text


@given(st.text(max_size=60))
def test_any_text_is_a_uri_or_malformed(text):
    for attempt in (text, f"sip:{text}", f"sip:a@{text}", f"sip:a@b.example;{text}", f"sip:[{text}]"):
        try:
            assert SipUri.parse(str(SipUri.parse(attempt))) == SipUri.parse(attempt)
        except MalformedSip:
            pass


def test_long_uris_are_read_and_not_remembered():
    long = f"sip:{'a' * MAX_REMEMBERED_LENGTH}@b.example"
    assert SipUri.parse(long) is not SipUri.parse(long)
    assert SipUri.parse(long) == SipUri.parse(long)
    assert SipUri.parse("sip:short@b.example") is SipUri.parse("sip:short@b.example")


def test_three_colons_of_the_old_grammar_are_two():
    assert SipUri.parse("sip:a@[2001:db8:::192.0.2.1]").host == "[2001:db8::192.0.2.1]"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("a.example", "a.example", None),
        ("192.0.2.1:5060", "192.0.2.1", 5060),
        ("[::1]:1", "[::1]", 1),
        ("[::1]", "[::1]", None),
    ],
)
def test_hosts(text, host, port):
    assert host_and_port(text) == (host, port)
