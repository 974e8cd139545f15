"""Texts and packed stanzas, pure: what is read without a tree, what is written once, and what nobody may write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....bridges.xmpp.errors import CONDITIONS, NOBODY, StanzaError, condition_of
from ....bridges.xmpp.messages import payload
from ....bridges.xmpp.queries import Place, place_of
from ....bridges.xmpp.server_owned import MESSAGE_TAGS, honest_delay, without
from ....bridges.xmpp.stream.stream_error import CONDITIONS as STREAM_CONDITIONS
from ....bridges.xmpp.syntax import xml
from ....bridges.xmpp.syntax.jid import Jid
from ....bridges.xmpp.syntax.stanza import Stanza
from ....core import errors
from ....core.domains import Domains
from ....core.message import Native
from ...people import ALICE, says

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40)


def fresh(raw: bytes) -> Stanza:
    """A stanza as the framer makes it: no tree yet."""
    read = Stanza.read(raw)
    return Stanza(raw, read.ns, read.name, read.attrs, read.kids)


@given(TEXTS, TEXTS, st.sampled_from(["", " xml:lang='en'", " "]))
def test_the_text_is_what_an_xml_parser_reads(text, hidden, attribute):
    hides = f"<x xmlns='urn:x'><body>{xml.text(hidden)}</body></x>"
    for before, after in (("", ""), (hides, ""), ("", hides)):
        raw = f"<message>{before}<body{attribute}>{xml.text(text)}</body>{after}</message>".encode()
        assert payload.text_of(fresh(raw)) == fresh(raw).tree.findtext(payload.BODY)


def test_plain_messages_need_no_tree():
    stanza = fresh(
        b"<message to='bob@example.test' type='chat' id='1'><body>a &lt; b</body><active xmlns='urn:a'/></message>"
    )
    assert payload.text_of(stanza) == "a < b"
    packed = payload.packed(stanza, without(stanza, MESSAGE_TAGS))
    assert packed == b"c id='1'><body>a &lt; b</body><active xmlns='urn:a'/>"
    assert payload.origin_of(stanza) == payload.thread_of(stanza) == ""
    assert stanza._tree is None


def test_prefixed_bodies_are_not_overlooked():
    raw = b"<message xmlns:c='jabber:client'><x xmlns='urn:x'><body>hidden</body></x><c:body>shown</c:body></message>"
    stanza = Stanza(raw, xml.CLIENT, "message", {}, ["{urn:x}x", payload.BODY])
    assert payload.text_of(stanza) == "shown"


@pytest.mark.parametrize(
    "written, read",
    [
        ("&amp;&lt;&gt;&quot;&apos;", "&<>\"'"),
        ("&#65;&#x42;&#x1F600;", "AB\U0001f600"),
        ("a\r\nb\rc&#13;", "a\nb\nc\r"),
        ("&amp;amp;", "&amp;"),
    ],
)
def test_references(written, read):
    assert payload.unescaped(written) == read


def test_threads_and_origins_are_cut_to_size():
    long = "t" * 1000
    stanza = fresh(
        f"<message><thread> {long} </thread><origin-id xmlns='urn:xmpp:sid:0' id='{long}'/></message>".encode()
    )
    assert payload.thread_of(stanza) == payload.origin_of(stanza) == "t" * 256


@pytest.mark.parametrize("type", ["chat", "normal", "groupchat", "headline"])
def test_a_packed_stanza_keeps_its_type_id_and_language(type):
    stanza = fresh(
        f"<message type='{type}' id='&apos;1&lt;' xml:lang='de' to='x@y' from='a@b'><body>t</body></message>".encode()
    )
    packed = payload.packed(stanza, stanza.inner)
    whole = Stanza.read(payload.stanza(b"a@b/c", b"d@e", packed, payload.stanza_id(b"d@e", "7")))
    assert whole.attrs == {"from": "a@b/c", "to": "d@e", "type": type, "id": "'1<", "xml:lang": "de"}
    assert whole.kids == [payload.BODY, "{urn:xmpp:sid:0}stanza-id"]
    assert payload.type_of(packed).decode() == type


def test_a_stanza_of_no_known_type_is_a_normal_one():
    assert payload.packed(fresh(b"<message type='strange'/>"), b"")[:1] == b"n"


def test_a_message_of_another_world_is_its_text():
    message = says(ALICE, "a <b> ü", id="m1")
    assert payload.packed_message(message) == "c id='m1'><body>a &lt;b&gt; ü</body>".encode()
    assert payload.packed_message(message, "t&1").endswith(b"<thread>t&amp;1</thread>")
    from dataclasses import replace

    sip = replace(message, native=Native("sip", b"\x00"), origin="o'1")
    assert payload.packed_message(sip).startswith(b"c id='o&apos;1'><body>")
    own = replace(message, native=Native("xmpp", b"n id='x'><body>y</body>"))
    assert payload.packed_message(own, "t") == b"n id='x'><body>y</body>"


@pytest.mark.parametrize(
    "stamp, read",
    [
        ("2026-11-24T12:00:00Z", datetime(2026, 11, 24, 12, tzinfo=UTC)),
        ("2026-11-24T12:00:00.250Z", datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC)),
        (" 2026-11-24T14:00:00+02:00 ", datetime(2026, 11, 24, 12, tzinfo=UTC)),
        ("2026-11-24T12:00:00", datetime(2026, 11, 24, 12, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("2026-13-24T12:00:00Z", None),
    ],
)
def test_stamps_are_read(stamp, read):
    assert payload.moment(stamp) == read


def test_stamps_are_written_in_utc():
    local = datetime(2026, 11, 24, 14, 0, 0, 123_456, tzinfo=timezone(timedelta(hours=2)))
    assert payload.stamp(local) == "2026-11-24T12:00:00.123Z"


# ---- errors, places, addresses


def test_every_error_of_the_core_has_a_condition():
    """RFC 6120 section 8.3.3 has a word for each; the errors below are never answered to a client."""
    inside = {errors.SettingsError, errors.Answered, errors.HereaboutsError}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.HereaboutsError) and kind not in inside:
            assert any(base in CONDITIONS for base in kind.__mro__), kind
    for condition in CONDITIONS.values():
        assert condition.type in ("auth", "cancel", "continue", "modify", "wait")
    assert condition_of(errors.NotFound("x"), NOBODY).name == "service-unavailable"
    assert condition_of(errors.NotFound("x")).name == "item-not-found"
    assert condition_of(errors.SettingsError(["x"])).name == "undefined-condition"
    assert "policy-violation" in STREAM_CONDITIONS


@pytest.mark.parametrize(
    "to, place",
    [
        (None, Place.ACCOUNT),
        (Jid("alice", "example.test"), Place.ACCOUNT),
        (Jid("bob", "example.test"), Place.PERSON),
        (Jid("alice", "example.test", "desk"), Place.ENDPOINT),
        (Jid("", "example.test"), Place.SERVER),
        (Jid("", "example.test", "x"), Place.SERVER),
        (Jid("", "conference.example.test"), Place.SERVICE),
        (Jid("r", "conference.example.test"), Place.ROOM),
        (Jid("r", "conference.example.test", "n"), Place.OCCUPANT),
        (Jid("eve", "elsewhere.example"), Place.ABROAD),
        (Jid("", "elsewhere.example"), Place.ABROAD),
        (Jid("r", "conference.elsewhere.example"), Place.ABROAD),
    ],
)
def test_where_an_address_leads(to, place):
    assert place_of(to, ALICE, Domains(["example.test"])) is place


def test_what_is_taken_out_and_what_stays_as_it_was():
    stanza = fresh(b"<message><body  >x</body ></message>")
    assert without(stanza, MESSAGE_TAGS) == b"<body  >x</body >" and stanza._tree is None
    forged = fresh(
        b"<message><stanza-id xmlns='urn:xmpp:sid:0' id='1'/><body>x</body><y xmlns='urn:y'>1<z/>2</y></message>"
    )
    assert without(forged, MESSAGE_TAGS) == b"<body>x</body><y xmlns='urn:y'>1<z/>2</y>"


@pytest.mark.parametrize(
    "delays, honest",
    [
        ("", True),
        ("<delay xmlns='urn:xmpp:delay' from='alice@example.test/x'/>", True),
        ("<delay xmlns='urn:xmpp:delay' from='ALICE@example.test'/>", True),
        ("<delay xmlns='urn:xmpp:delay' from='alice@example.test.evil'/>", False),
        ("<delay xmlns='urn:xmpp:delay'/>", False),
        (
            "<delay xmlns='urn:xmpp:delay' from='alice@example.test'/><delay xmlns='urn:xmpp:delay' from='bob@x'/>",
            False,
        ),
        ("<x xmlns='jabber:x:delay' from='alice@example.test'/>", False),
    ],
)
def test_delays_that_deceive_nobody(delays, honest):
    assert honest_delay(fresh(f"<message>{delays}</message>".encode()), "alice@example.test") is honest


def test_a_stanza_error_carries_its_condition():
    error = StanzaError("wait", "resource-constraint")
    assert error.condition == ("wait", "resource-constraint") and str(error) == "resource-constraint"
