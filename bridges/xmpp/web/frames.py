"""XMPP in WebSocket frames (RFC 7395 section 3.3): each is one whole element, and says its namespaces itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..stream.limits import Limits
from ..stream.stream_error import StreamError
from ..syntax import xml
from ..syntax.framer import Framer, Header
from ..syntax.stanza import START_TAG, Stanza

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
DOCUMENT = f"<stream:stream xmlns='{xml.CLIENT}' xmlns:stream='{xml.STREAMS}'>".encode()
"""What the elements would stand in over TCP; so the framer reads both alike."""

_STREAM = f" xmlns:stream='{xml.STREAMS}'".encode()
_CLIENT = f" xmlns='{xml.CLIENT}'".encode()
_NAME = re.compile(rb"<(?:(stream:)[a-z]+|message|presence|iq)(?=[\s/>])")
_OWN_NAMESPACE = re.compile(rb"<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:'[^']*'|\"[^\"]*\"))*?\s+xmlns\s*=")

TEXT = 0x81
"""The first byte of a frame that is a whole text (RFC 6455 section 5.2)."""


class FrameReader:
    """One stream between two restarts.  White space alone is no error: some send it to stay connected."""

    __slots__ = ("_framer", "closed", "failure", "header")

    def __init__(self, limits: Limits) -> None:
        self.header: Header | None = None
        self.closed = False
        self.failure: StreamError | None = None
        self._framer = Framer(limits)
        self._framer.receive(DOCUMENT, 0.0)

    due = None
    """A frame is whole when it comes."""
    clean = True

    def receive(self, data: bytes, now: float) -> list[Stanza]:
        """The element in this frame, if it is not one of the framing itself.  Never raises: see ``failure``."""
        if self.closed or self.failure is not None or not data or data.isspace():
            return []
        try:
            return self._understood(self._read(data, now))
        except StreamError as failure:
            self.failure = failure
            return []

    def widen(self, limits: Limits) -> None:
        """Read on with other limits."""
        self._framer.widen(limits)

    def rest(self) -> None:
        """Give the parser's memory back until the next frame comes."""
        self._framer.rest()

    def close(self) -> None:
        """Give it back."""
        self._framer.close()

    def _read(self, data: bytes, now: float) -> Stanza:
        framer = self._framer
        found = framer.receive(data, now)
        if framer.failure is not None:
            raise framer.failure
        if framer.closed or len(found) != 1 or not framer.clean:
            raise StreamError("bad-format", "a frame is one whole element")
        return found[0]

    def _understood(self, element: Stanza) -> list[Stanza]:
        if element.ns == FRAMING and element.name == "close":
            self.closed = True
        elif element.ns == FRAMING and element.name == "open" and self.header is None:
            self.header = Header(xml.STREAMS, "stream", element.attrs, {"": xml.CLIENT})
        elif element.ns == FRAMING or self.header is None:
            raise StreamError("bad-format", "a stream begins with one <open/>")
        else:
            return [element]
        return []


class Frames:
    """RFC 7395 sections 3.4 and 3.6: ``<open/>``, elements, ``<close/>``."""

    end = xml.element("close", {"xmlns": FRAMING})

    def reader(self, limits: Limits) -> FrameReader:
        """Reads frames."""
        return FrameReader(limits)

    def header(self, attrs: Mapping[str, str | None]) -> bytes:
        """Our ``<open/>``."""
        return xml.element("open", {"xmlns": FRAMING, **attrs})

    def joined(self, elements: Sequence[bytes]) -> bytes:
        """Each element as a frame of its own (RFC 6455 section 5.2: from a server it is not masked)."""
        return b"".join([part for element in elements for part in _frame(alone(element))])


FRAMES = Frames()


def alone(element: bytes) -> bytes:
    """An element of a stream as a document of its own (RFC 7395 section 3.3.3)."""
    found = _NAME.match(element)
    if found is None:
        return element
    declaration = _STREAM if found[1] else _CLIENT
    if not found[1]:
        tag = START_TAG.match(element)
        if tag is not None and b"xmlns" in tag[0] and _OWN_NAMESPACE.match(tag[0]):
            return element
    return element[: found.end()] + declaration + element[found.end() :]


def _frame(text: bytes) -> tuple[bytes, bytes]:
    size = len(text)
    if size < 126:
        head = bytes((TEXT, size))
    elif size < 1 << 16:
        head = bytes((TEXT, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((TEXT, 127)) + size.to_bytes(8, "big")
    return head, text
