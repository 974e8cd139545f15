"""JIDs: one address, however it is spelled; nothing that would break a stream or another's address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....bridges.xmpp.syntax import jid
from ....core.errors import BadAddress
from ....core.identity import Endpoint, Identity


@pytest.mark.parametrize(
    "text, parts",
    [
        ("juliet@example.com", ("juliet", "example.com", "")),
        ("juliet@example.com/foo", ("juliet", "example.com", "foo")),
        ("juliet@example.com/foo bar", ("juliet", "example.com", "foo bar")),
        ("juliet@example.com/foo@bar", ("juliet", "example.com", "foo@bar")),
        ("foo\\20bar@example.com", ("foo\\20bar", "example.com", "")),
        ("fussball@example.com", ("fussball", "example.com", "")),
        ("\u03c0@example.com", ("\u03c0", "example.com", "")),
        ("\u03a3@example.com/foo", ("\u03c3", "example.com", "foo")),
        ("king@example.com/\u265a", ("king", "example.com", "\u265a")),
        ("example.com", ("", "example.com", "")),
        ("example.com/foobar", ("", "example.com", "foobar")),
        ("a.example.com/b@example.net", ("", "a.example.com", "b@example.net")),
        ("Alice@EXAMPLE.com./Desk", ("alice", "example.com", "Desk")),
        ("alice@example.com/a/b", ("alice", "example.com", "a/b")),
        ("alice@example.com/a\u00a0b", ("alice", "example.com", "a b")),
    ],
)
def test_addresses(text, parts):
    """RFC 7622 section 3.5, tables 1 and 2, and our own."""
    assert jid.parse(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        '"juliet"@example.com',
        "foo bar@example.com",
        "juliet@example.com/",
        "@example.com/",
        "@example.com",
        "alice@",
        "alice@/x",
        "",
        "/x",
        "a@b@c",
        "alice@exa mple.com",
        "henry\u2163\u0000@example.com",
        "alice@example.com/\x00",
        "alice@example.com/\u0085",
        "alice@example.com/a\u2028b",
        "alice@example.com/a\u202eb",
        "x" * 1024 + "@example.com",
        "alice@example.com/" + "x" * 1024,
        "alice@example.com/" + "\u00e9" * 512,
        "x" * 4000,
        "alice@example.com/\ud800",
        "\ud800@example.com",
    ],
)
def test_what_is_no_address(text):
    with pytest.raises(BadAddress):
        jid.parse(text)


def test_an_address_in_the_words_of_the_core():
    full = jid.parse("alice@example.com/desk")
    assert (full.bare, full.full, str(full)) == (
        "alice@example.com",
        "alice@example.com/desk",
        "alice@example.com/desk",
    )
    assert full.identity == Identity("alice", "example.com")
    assert full.endpoint == Endpoint(Identity("alice", "example.com"), "desk")
    assert jid.full_jid(full.endpoint) == full.full
    assert jid.parse("example.com").bare == jid.parse("example.com").full == "example.com"


def test_a_resource_may_hold_what_an_attribute_may_not():
    assert jid.quoted("a@b/it's <&>") == b"a@b/it&apos;s &lt;&amp;&gt;"


@given(st.text())
def test_reading_what_was_written_changes_nothing(text):
    try:
        address = jid.parse(text)
    except BadAddress:
        return
    assert jid.parse(address.full) == address
    assert all(part == "" or part.strip("\x00\r\n") == part for part in address)
