"""What a MESSAGE carries: text, typing, receipts; packed, compressed, damaged."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.messages import bodies, composing, cpim, imdn
from .....plugins.sip.messages.bodies import Notifications, Text, UnknownBody
from .....plugins.sip.messages.composing import Composing
from .....plugins.sip.messages.imdn import Disposition, Notification
from .....plugins.sip.syntax.grammar import MalformedSip
from .....plugins.sip.syntax.headers import NameAddr, Term, media_type
from .....plugins.sip.syntax.uri import SipUri
from .....plugins.sip.xml import MalformedXml

NOON = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
FAULTS = (UnknownBody, MalformedSip, MalformedXml)

LINPHONE_TYPING = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="no" ?>'
    b'<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing">'
    b"<state>active</state><refresh>60</refresh></isComposing>"
)
LINPHONE_DISPLAYED = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="no" ?><imdn xmlns="urn:ietf:params:xml:ns:imdn">'
    b"<message-id>791NsjdZwo</message-id><datetime>2026-11-23T18:47:10Z</datetime>"
    b"<display-notification><status><displayed/></status></display-notification></imdn>"
)
WRAPPED = (
    b"From: Alice <sip:alice@example.test>\r\nTo: <sip:bob@example.test>\r\nDateTime: 2026-11-23T12:00:00Z\r\n"
    b"NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: Dc3a%\r\n"
    b"imdn.Disposition-Notification: positive-delivery, display\r\n\r\n"
    b"Content-Type: text/plain;charset=utf-8\r\nContent-Length: 7\r\n\r\nh\xc3\xa4llo\r\n"
)


def read(kind: str, body: bytes, coding: str = "") -> object:
    return bodies.read(media_type(kind) if kind else None, coding, body)


def one(kind: str, body: bytes, coding: str = "") -> Notification:
    """The only notification in a body."""
    content = read(kind, body, coding)
    assert isinstance(content, Notifications)
    (notification,) = content.all
    return notification


def test_text_in_its_charset():
    assert read("text/plain", "hello ünïcode 🐦".encode()) == Text("hello ünïcode 🐦")
    assert read("", b"no type is text") == Text("no type is text")
    assert read("text/plain; charset=ISO-8859-1", b"\xfc") == Text("ü")
    assert read('TEXT/PLAIN; charset="UTF-8"', b"x") == Text("x")


def test_text_that_no_xml_could_carry_is_cleaned():
    assert read("text/plain", b"a\x00b\x1bc\td\r\n") == Text("a\ufffdb\ufffdc\td\r\n")


@pytest.mark.parametrize(
    ("kind", "coding", "body", "fault"),
    [
        ("text/plain", "", b"\xff", MalformedSip),
        ("text/plain;charset=klingon", "", b"x", UnknownBody),
        ("text/html", "", b"<b>x</b>", UnknownBody),
        ("image/png", "", b"x", UnknownBody),
        ("multipart/mixed;boundary=x", "", b"x", UnknownBody),
        ("text/plain", "gzip", b"x", UnknownBody),
        ("text/plain", "deflate", b"x", MalformedSip),
        ("text/plain", "deflate", zlib.compress(b"x" * 1000)[:-5], MalformedSip),
        ("text/plain", "deflate", zlib.compress(b"x" * 50_000_000), MalformedSip),
        (composing.CONTENT_TYPE, "", b"active", MalformedXml),
        (imdn.CONTENT_TYPE, "", b'<imdn xmlns="urn:ietf:params:xml:ns:imdn"/>', MalformedXml),
        (cpim.CONTENT_TYPE, "", b"From: x", MalformedSip),
        (cpim.CONTENT_TYPE, "", WRAPPED.replace(b"text/plain", b"text/html"), UnknownBody),
    ],
)
def test_what_is_refused(kind, coding, body, fault):
    with pytest.raises(fault):
        read(kind, body, coding)


def test_a_compressed_body_is_unpacked():
    assert one(imdn.CONTENT_TYPE, zlib.compress(LINPHONE_DISPLAYED), "deflate") == Notification(
        "791NsjdZwo", Disposition.DISPLAYED
    )
    assert read("text/plain", b"as it is", "identity") == Text("as it is")


def test_typing():
    assert read(composing.CONTENT_TYPE, LINPHONE_TYPING) == Composing(True, 60)
    idle = LINPHONE_TYPING.replace(b"active", b"idle")
    assert not composing.read(idle).active
    assert not composing.read(LINPHONE_TYPING.replace(b"active", b"dancing")).active


@pytest.mark.parametrize(("said", "meant"), [(b"1", 60), (b"90", 90), (b"99999999", 600), (b"-5", 120), (b"soon", 120)])
def test_a_typing_lease_is_neither_too_short_nor_too_long(said, meant):
    assert composing.read(LINPHONE_TYPING.replace(b"60", said)).refresh == meant


@given(st.booleans(), st.integers(composing.MIN_REFRESH, composing.MAX_REFRESH))
def test_typing_reads_back(active, refresh):
    composed = Composing(active, refresh if active else composing.DEFAULT_REFRESH)
    assert composing.read(composing.write(composed)) == composed


@given(
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Z")), min_size=1, max_size=40),
    st.sampled_from([Disposition.DELIVERED, Disposition.DISPLAYED]),
)
def test_notifications_read_back(message_id, disposition):
    notification = Notification(message_id, disposition)
    assert imdn.read(imdn.write(notification, NOON)) == notification


def test_a_failure_notification_is_neither_delivered_nor_displayed():
    failed = LINPHONE_DISPLAYED.replace(b"<displayed/>", b"<failed/>")
    assert imdn.read(failed).disposition is Disposition.OTHER


@pytest.mark.parametrize("eol", [b"\r\n", b"\n"])
def test_a_wrapped_message_is_unwrapped(eol):
    wrapped = WRAPPED.replace(b"\r\n", eol)
    assert read(cpim.CONTENT_TYPE, wrapped) == Text(f"hällo{eol.decode()}", "Dc3a%")


def test_a_wrapped_notification_is_one_and_other_prefixes_work():
    head = b"NS: x <urn:ietf:params:imdn>\r\nx.Message-ID: 7\r\n\r\nContent-type: message/imdn+xml\r\n\r\n"
    assert one(cpim.CONTENT_TYPE, head + LINPHONE_DISPLAYED) == Notification("791NsjdZwo", Disposition.DISPLAYED)
    assert cpim.unwrap(head + b"x").message_id == "7"


def test_several_notifications_in_one_wrapper():
    """As liblinphone sends them to a conference."""
    part = b"--b1\r\nContent-Type: message/imdn+xml\r\nContent-Length: 9\r\n\r\n" + LINPHONE_DISPLAYED + b"\r\n"
    head = b"From: <sip:a@b.test>\r\n\r\nContent-Disposition: notification\r\n"
    head += b"Content-Type: multipart/mixed;boundary=b1\r\n\r\n"
    displayed = Notification("791NsjdZwo", Disposition.DISPLAYED)
    assert read(cpim.CONTENT_TYPE, head + part + part + b"--b1--\r\n") == Notifications((displayed, displayed))
    other = part.replace(b"message/imdn+xml", b"image/png")
    with pytest.raises(UnknownBody):
        read(cpim.CONTENT_TYPE, head + part + other + b"--b1--\r\n")


def test_what_is_wrapped_is_found_again():
    sender = NameAddr(SipUri("sip", "bob", "example.test"), 'Bob "the" Berger')
    wrapped = cpim.wrap(
        sender,
        SipUri("sip", "r", "c.test"),
        "2026-11-23T12:00:00Z",
        "text/plain",
        b"hi",
        message_id="m1",
        wanted="display",
    )
    assert read(cpim.CONTENT_TYPE, wrapped) == Text("hi", "m1")
    assert wrapped.startswith(b'From: "Bob \\"the\\" Berger"<sip:bob@example.test>\r\nTo: <sip:r@c.test>\r\n')
    assert b"imdn.Disposition-Notification: display\r\n\r\nContent-Type: text/plain\r\n" in wrapped


def test_wrappers_have_limits():
    with pytest.raises(MalformedSip):
        cpim.unwrap(b"A: b\r\n" * 70 + b"\r\nContent-Type: text/plain\r\n\r\nx")
    with pytest.raises(MalformedSip):
        cpim.unwrap(b"A: " + b"b" * cpim.MAX_HEADS + b"\r\n\r\nContent-Type: text/plain\r\n\r\nx")
    with pytest.raises(MalformedSip):
        cpim.unwrap(b"no colon\r\n\r\nContent-Type: text/plain\r\n\r\nx")


KINDS = ["text/plain", composing.CONTENT_TYPE, imdn.CONTENT_TYPE, cpim.CONTENT_TYPE, "x/y"]


@given(st.sampled_from(KINDS), st.sampled_from(["", "deflate", "gzip"]), st.binary(max_size=200))
def test_garbage_is_refused_in_the_words_of_the_table(kind, coding, body):
    try:
        bodies.read(Term(kind), coding, body)
    except FAULTS:
        pass


@given(st.integers(0, len(WRAPPED)), st.binary(max_size=4))
def test_a_damaged_wrapper_is_read_or_refused(at, damage):
    try:
        bodies.read(Term(cpim.CONTENT_TYPE), "", WRAPPED[:at] + damage + WRAPPED[at + len(damage) :])
    except FAULTS:
        pass
