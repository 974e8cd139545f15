"""Frames: what opens, what closes, one whole element each, and garbage of every kind."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from .....bridges.xmpp.stream.limits import AFTER_SIGN_IN, BEFORE_SIGN_IN
from .....bridges.xmpp.stream.stream_error import CONDITIONS, stream_error
from .....bridges.xmpp.syntax import xml
from .....bridges.xmpp.web.frames import FRAMES, FRAMING, FrameReader, alone

OPEN = f"<open xmlns='{FRAMING}' to='example.test' version='1.0' xml:lang='de'/>".encode()
CLOSE = f"<close xmlns='{FRAMING}'/>".encode()
CHAT = b"<message xmlns='jabber:client' to='bob@example.test'><body>hello</body></message>"


def reader(*frames: bytes) -> FrameReader:
    """A reader that has seen these frames."""
    new = FrameReader(AFTER_SIGN_IN)
    for frame in frames:
        new.receive(frame, 0.0)
    return new


def texts(data: bytes) -> list[bytes]:
    """What is in the frames of a server."""
    found = []
    while data:
        assert data[0] == 0x81, "a whole text, not masked"
        size, head = data[1], 2
        if size == 126:
            size, head = struct.unpack("!H", data[2:4])[0], 4
        elif size == 127:
            size, head = struct.unpack("!Q", data[2:10])[0], 10
        found.append(data[head : head + size])
        data = data[head + size :]
    return found


def test_a_stream_is_opened_used_and_closed():
    frames = reader()
    assert frames.receive(OPEN, 0.0) == [] and frames.header is not None
    assert (frames.header.ns, frames.header.name) == (xml.STREAMS, "stream")
    assert frames.header.attrs == {"to": "example.test", "version": "1.0", "xml:lang": "de"}
    (message,) = frames.receive(CHAT, 0.0)
    assert (message.ns, message.name, message.inner) == (xml.CLIENT, "message", b"<body>hello</body>")
    assert frames.receive(CLOSE, 0.0) == [] and frames.closed and frames.failure is None
    assert frames.receive(CHAT, 0.0) == []


def test_who_says_no_namespace_is_understood_all_the_same():
    (stanza,) = reader(OPEN).receive(b"<presence/>", 0.0)
    assert (stanza.ns, stanza.name) == (xml.CLIENT, "presence")


def test_a_prefix_for_the_stanza_itself():
    (stanza,) = reader(OPEN).receive(b"<c:message xmlns:c='jabber:client'><c:body>x</c:body></c:message>", 0.0)
    assert stanza.raw == b"<message><body>x</body></message>"


@pytest.mark.parametrize("frame", [b"", b" ", b"\r\n"])
def test_white_space_keeps_a_connection_alive(frame):
    frames = reader(OPEN)
    assert frames.receive(frame, 0.0) == [] and frames.failure is None
    assert len(frames.receive(CHAT, 0.0)) == 1


@pytest.mark.parametrize(
    "frame, condition",
    [
        (CHAT + CHAT, "bad-format"),
        (CHAT[:-1], "bad-format"),
        (b"<message", "bad-format"),
        (b"hello", "bad-format"),
        (CHAT + b"hello", "bad-format"),
        (b"</message>", "not-well-formed"),
        (b"</stream:stream>", "bad-format"),
        (b"<a><b></a>", "not-well-formed"),
        (b"<x:a/>", "bad-namespace-prefix"),
        (b"<?xml version='1.0'?><presence/>", "not-well-formed"),
        (b"<!-- hello --><presence/>", "restricted-xml"),
        (b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>", "bad-format"),
        (b"<presence>\xff</presence>", "unsupported-encoding"),
        (OPEN, "bad-format"),
        (b"<message><body>" + b"x" * AFTER_SIGN_IN.stanza + b"</body></message>", "policy-violation"),
        (b"<a>" * 100 + b"</a>" * 100, "policy-violation"),
    ],
)
def test_what_is_no_element(frame, condition):
    frames = reader(OPEN)
    assert frames.receive(frame, 0.0) == []
    assert frames.failure is not None and frames.failure.condition == condition
    assert frames.receive(CHAT, 0.0) == []


@pytest.mark.parametrize("first", [CHAT, b"<stream:features/>", b"<a/>"])
def test_a_stream_begins_with_open(first):
    frames = reader(first)
    assert frames.failure is not None and frames.failure.condition == "bad-format"


def test_a_close_may_be_all_there_is():
    frames = reader(CLOSE)
    assert frames.closed and frames.header is None and frames.failure is None


def test_limits_before_sign_in_and_after():
    frames = FrameReader(BEFORE_SIGN_IN)
    frames.receive(OPEN, 0.0)
    long = b"<message><body>" + b"x" * (BEFORE_SIGN_IN.stanza + 1) + b"</body></message>"
    frames.widen(AFTER_SIGN_IN)
    assert len(frames.receive(long, 0.0)) == 1
    frames.rest()
    assert len(frames.receive(CHAT, 0.0)) == 1
    frames.widen(BEFORE_SIGN_IN)
    assert frames.receive(long, 0.0) == []
    assert frames.failure is not None and frames.failure.condition == "policy-violation"
    frames.close()


@given(st.lists(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_garbage_is_an_element_or_an_error_of_the_stream(frames):
    garbage = reader(OPEN)
    for frame in frames:
        found = garbage.receive(frame, 0.0)
        assert len(found) <= 1
        assert garbage.failure is None or garbage.failure.condition in CONDITIONS
        if garbage.failure is not None or garbage.closed:
            assert found == [] and garbage.receive(CHAT, 0.0) == []
    garbage.close()


@given(st.data())
def test_any_part_of_a_frame_is_no_element(data):
    upto = data.draw(st.integers(1, len(CHAT) - 1))
    frames = reader(OPEN, CHAT[:upto])
    assert frames.failure is not None and frames.failure.condition in ("bad-format", "not-well-formed")


# ---- what we write


def test_open_and_close():
    opened = etree.fromstring(FRAMES.header({"id": "1", "from": "example.test", "to": None, "version": "1.0"}))
    assert opened.tag == f"{{{FRAMING}}}open" and dict(opened.attrib) == {
        "id": "1",
        "from": "example.test",
        "version": "1.0",
    }
    assert etree.fromstring(FRAMES.end).tag == f"{{{FRAMING}}}close"


@pytest.mark.parametrize(
    "element, tag",
    [
        (b"<message/>", "{jabber:client}message"),
        (b"<message to='a'><body>x</body></message>", "{jabber:client}message"),
        (b"<iq type='get'><q xmlns='u:q'/></iq>", "{jabber:client}iq"),
        (b"<presence\n/>", "{jabber:client}presence"),
        (b"<message to='a' xmlns='jabber:client'><body/></message>", "{jabber:client}message"),
        (b"<message xmlns = \"jabber:client\" to='a'/>", "{jabber:client}message"),
        (b"<message id=' xmlns=' to=\"a xmlns='u:x'\"/>", "{jabber:client}message"),
        (b"<message id='a>b' xmlns='jabber:client'/>", "{jabber:client}message"),
        (b"<stream:features><bind xmlns='u:b'/></stream:features>", f"{{{xml.STREAMS}}}features"),
        (stream_error("conflict", "no"), f"{{{xml.STREAMS}}}error"),
        (b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", "{urn:ietf:params:xml:ns:xmpp-sasl}success"),
        (b"<r xmlns='urn:xmpp:sm:3'/>", "{urn:xmpp:sm:3}r"),
        (b"<messages xmlns='u:m'/>", "{u:m}messages"),
    ],
)
def test_every_element_is_a_document_of_its_own(element, tag):
    document = etree.fromstring(alone(element))
    assert document.tag == tag
    assert all(kid.tag.startswith("{") for kid in document)


@pytest.mark.parametrize("size", [0, 125 - 49, 126 - 49, 65535 - 49, 65536 - 49, 100_000])
def test_frames_of_any_size(size):
    element = b"<message><body>" + b"x" * size + b"</body></message>"
    (text,) = texts(FRAMES.joined([element]))
    assert text == alone(element)


@given(st.lists(st.binary(max_size=300).map(lambda inner: b"<a>" + inner.hex().encode() + b"</a>")))
def test_frames_that_leave_together(elements):
    assert texts(FRAMES.joined(elements)) == elements
