"""How a transport marks where a stream, and each element in it, begins and ends; a stream is made with one of these.

Over TCP it is one long document (``Tags``); over WebSocket every element is a frame (``web.frames``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ..syntax import xml
from ..syntax.framer import Framer, Header
from ..syntax.stanza import Stanza
from .limits import Limits
from .stream_error import StreamError

STREAM_END = b"</stream:stream>"


class Reader(Protocol):
    """What reads one stream between two restarts."""

    @property
    def header(self) -> Header | None:
        """What opened the stream, once it came."""

    @property
    def closed(self) -> bool:
        """The peer has closed its stream; nothing that comes after is looked at."""

    @property
    def failure(self) -> StreamError | None:
        """What went wrong after the elements that ``receive`` returned."""

    @property
    def due(self) -> float | None:
        """When to call ``receive(b"", now)`` though nothing came."""

    @property
    def clean(self) -> bool:
        """Whether nothing has come of an element that is not whole."""

    def receive(self, data: bytes, now: float) -> list[Stanza]:
        """The elements that these bytes complete.  Never raises: see ``failure``."""

    def widen(self, limits: Limits) -> None:
        """Read on with these limits; nothing is half read."""

    def rest(self) -> None:
        """Give memory back until the next byte comes, if nothing is half read."""

    def close(self) -> None:
        """Give all memory back."""


class Framing(Protocol):
    """What reads, and how we write the beginning and the end."""

    end: bytes
    """What closes our side of the stream."""

    def reader(self, limits: Limits) -> Reader:
        """A reader for a stream that begins now."""

    def header(self, attrs: Mapping[str, str | None]) -> bytes:
        """What opens our side of the stream, with these attributes."""

    def joined(self, elements: Sequence[bytes]) -> bytes:
        """Elements, headers and ends, as they leave together."""


class Tags:
    """RFC 6120 section 4: a start tag, elements, an end tag."""

    end = STREAM_END

    def reader(self, limits: Limits) -> Framer:
        """The framer."""
        return Framer(limits)

    def header(self, attrs: Mapping[str, str | None]) -> bytes:
        """The start tag (section 4.7)."""
        tag = xml.element("stream:stream", {"xmlns": xml.CLIENT, "xmlns:stream": xml.STREAMS, **attrs})
        return tag.removesuffix(b"/>") + b">"

    def joined(self, elements: Sequence[bytes]) -> bytes:
        """One after the other."""
        return b"".join(elements)


TAGS = Tags()
