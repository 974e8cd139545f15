"""The framer of one stream: bytes come in, a header and whole first-level elements come out, each as it was sent.

expat checks everything and says where an element begins and ends; the bytes in between are kept, because a tree that
nobody asks for need not be built, and one that is not built need not be written again.
"""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple
from xml.etree.ElementTree import Element, XMLParser

from ..stream.limits import AFTER_SIGN_IN, MAX_HEADER, PARSE_INTERVAL, PARSER_LIFE, Limits
from ..stream.stream_error import StreamError
from . import namespaces, xml
from .parser import Cut, Parser
from .stanza import START_TAG, Stanza

_NAME = re.compile(rb"[^ \t\r\n/>]+")
_SPACE = re.compile(rb"[ \t\r\n]*")


class Header(NamedTuple):
    """The start tag of a stream (RFC 6120 section 4.7)."""

    ns: str
    name: str
    attrs: dict[str, str]
    namespaces: dict[str, str]
    """What the prefixes stand for; the default namespace under the empty prefix."""


class Framer:
    """One stream between two restarts; after a restart (TLS, sign-in) make a new one."""

    __slots__ = (
        "_base",
        "_buffer",
        "_context",
        "_decoder",
        "_home",
        "_looked",
        "_parser",
        "_root",
        "_root_prefixes",
        "_waiting",
        "closed",
        "due",
        "failure",
        "header",
        "limits",
        "refused",
    )

    def __init__(self, limits: Limits = AFTER_SIGN_IN, home: str = xml.CLIENT) -> None:
        """``home`` is the namespace of the stream's stanzas; they come out as if it were ``jabber:client``."""
        self.limits = limits
        self._home = home
        self.header: Header | None = None
        self.closed = False
        """The peer has closed its stream; nothing that comes after is looked at."""
        self.failure: StreamError | None = None
        """What went wrong after the elements that ``receive`` returned; nothing that comes after is looked at."""
        self.refused: list[tuple[Stanza, str]] = []
        """Elements of a stream that many share which are too much, as far as their start tags go, and why."""
        self.due: float | None = None
        """When to call ``receive(b"", now)`` though nothing came: an unfinished tag waits to be looked at again."""
        self._parser: Parser | None = None
        self._buffer = bytearray()
        self._base = 0
        """Where in the parser's count the buffer begins."""
        self._waiting = bytearray()
        """Came, but the parser has not seen it."""
        self._looked = 0.0
        self._decoder: codecs.IncrementalDecoder | None = None
        self._context = b""
        """A start tag that declares what the header declared: a parser that begins later begins with this."""
        self._root = b""
        """The root's name as written, with its prefix: its end tag has it too."""
        self._root_prefixes: tuple[bytes, ...] | None = None
        """Prefixes that only the header explains; None when even the default namespace is not what we write."""

    def receive(self, data: bytes, now: float) -> list[Stanza]:
        """The elements that these bytes complete.  Never raises: see ``failure``."""
        stanzas: list[Stanza] = []
        if not self.closed and self.failure is None:
            try:
                self._take(data, now, stanzas)
            except StreamError as failure:
                self.failure = failure
        return stanzas

    @property
    def clean(self) -> bool:
        """Whether nothing but white space came after the last whole element."""
        return not self._buffer and not self._waiting

    def widen(self, limits: Limits) -> None:
        """Read on with other limits; nothing is half read."""
        self.limits = limits
        self.rest()

    def rest(self) -> None:
        """Give the parser's memory back until the next byte comes, if nothing is half read."""
        if self._context and self.clean and self._parser is not None and self._parser.depth == 1:
            self.close()

    def close(self) -> None:
        """Give the parser's memory back at once, without waiting for the garbage collector."""
        if self._parser is not None:
            self._parser.close()
            self._parser = None

    # ---- bytes

    def _take(self, data: bytes, now: float, stanzas: list[Stanza]) -> None:
        data, trouble = self._valid(data)
        if trouble is None and self._must_wait(data, now):
            return
        if self._waiting:
            data = bytes(self._waiting) + data
            self._waiting.clear()
        if not self._context and not self._buffer:
            data = data.lstrip(b" \t\r\n")  # a keep-alive on its way when the stream was restarted
        parser = self._parser or self._new_parser()
        self._buffer += data
        self._looked = now
        try:
            parser.feed(data)
        except StreamError as failure:
            trouble = failure
        if not self._context and parser.root is not None:
            self._open(parser)
        self._cut(parser, stanzas)
        self.closed = parser.closed
        if self.closed:
            return
        if trouble is not None:
            raise trouble
        self._check_rest()
        if parser.fed > PARSER_LIFE:
            self.rest()

    def _valid(self, data: bytes) -> tuple[bytes, StreamError | None]:
        """The bytes up to the first that is not UTF-8 (RFC 6120 section 11.6): no two readers may disagree about it."""
        if self._decoder is None:
            if data.isascii():
                return data, None
            self._decoder = codecs.getincrementaldecoder("utf-8")()
        before = len(self._decoder.getstate()[0])
        try:
            self._decoder.decode(data)
        except UnicodeDecodeError as error:
            return data[: max(0, error.start - before)], StreamError("unsupported-encoding", "this is not UTF-8")
        if not self._decoder.getstate()[0]:
            self._decoder = None
        return data, None

    def _must_wait(self, data: bytes, now: float) -> bool:
        """Whether to look later, because expat would read the same unfinished tag again for a few bytes more.

        We look when as much came as was there, or after PARSE_INTERVAL: so the work stays linear in the bytes.
        """
        self.due = None
        if self._parser is None or not (unfinished := self._parser.unfinished):
            return False
        if len(self._waiting) + len(data) >= unfinished or now >= self._looked + PARSE_INTERVAL:
            return False
        self._waiting += data
        self.due = self._looked + PARSE_INTERVAL
        self._check_size(len(self._buffer) + len(self._waiting))
        return True

    def _new_parser(self) -> Parser:
        self._parser = parser = Parser(self.limits)
        parser.feed(self._context)
        self._base = parser.fed
        return parser

    # ---- elements

    def _open(self, parser: Parser) -> None:
        """The header is there: remember what it declared."""
        assert parser.root is not None
        tag = START_TAG.match(self._buffer, parser.begin)
        if tag is None or tag.end() > MAX_HEADER:
            raise StreamError("policy-violation", f"a stream header longer than {MAX_HEADER} bytes")
        name, attrs = parser.root
        declared = parser.namespaces
        self.header = Header(*xml.split("{" + name if "}" in name else name), attrs, declared)
        if declared.get("") == self._home:
            self._root_prefixes = tuple(prefix.encode() + b":" for prefix in declared if prefix)
        names = "".join(f" xmlns{':' if p else ''}{p}='{xml.attr(ns)}'" for p, ns in declared.items())
        written = _NAME.match(tag[0], 1)
        assert written is not None
        self._root = written[0]
        self._context = b"<" + self._root + names.encode() + b">"
        self._drop(tag.end())

    def _cut(self, parser: Parser, stanzas: list[Stanza]) -> None:
        """Slice the buffer where the parser saw elements; what stands between them may only be white space."""
        buffer, done = self._buffer, 0
        for cut in parser.cuts:
            begin = cut.begin - self._base
            if begin != done and _SPACE.fullmatch(buffer, done, begin) is None:
                raise StreamError("bad-format", "text between stanzas")
            done = _end_of(buffer, begin, cut.noticed - self._base, cut)
            self._check_size(done - begin)
            excess = cut.excess or (
                f"longer than {self.limits.stanza} bytes" if done - begin > self.limits.stanza else ""
            )
            if excess:
                self.refused.append((Stanza(b"", *xml.split("{" + cut.tag), cut.attrs, []), excess))
            else:
                stanzas.append(self._stanza(bytes(buffer[begin:done]), cut))
        parser.cuts.clear()
        if done:
            self._drop(done)

    def _stanza(self, raw: bytes, cut: Cut) -> Stanza:
        home = self._home
        if cut.plain and self._root_prefixes is not None and (home == xml.CLIENT or not namespaces.named(home, raw)):
            for prefix in self._root_prefixes:
                if prefix in raw:
                    break
            else:
                ns, _, name = cut.tag.rpartition("}")
                if home == xml.CLIENT:
                    return Stanza(raw, ns, name, cut.attrs, cut.kids)
                kids = [namespaces.moved(kid, home, xml.CLIENT) for kid in cut.kids]
                return Stanza(raw, xml.CLIENT if ns == home else ns, name, cut.attrs, kids)
        tree = _tree(self._context, raw, self._root)
        if home != xml.CLIENT:
            namespaces.move(tree, home, xml.CLIENT)
        stanza = Stanza.of(tree)
        self._check_size(len(stanza.raw))
        return stanza

    def _check_rest(self) -> None:
        """What is left has begun an element, and is not too long for one."""
        if not self._buffer:
            return
        if not self._context:
            if len(self._buffer) > MAX_HEADER:
                raise StreamError("policy-violation", f"a stream header longer than {MAX_HEADER} bytes")
            return
        space = _SPACE.match(self._buffer)
        if space is not None and space.end():
            self._drop(space.end())
        if self._buffer and not self._buffer.startswith(b"<"):
            raise StreamError("bad-format", "text between stanzas")
        self._check_size(len(self._buffer))

    def _check_size(self, size: int) -> None:
        if size > (largest := self.limits.largest or self.limits.stanza):
            raise StreamError("policy-violation", f"a stanza longer than {largest} bytes")

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._base += count


def _end_of(buffer: bytearray, begin: int, noticed: int, cut: Cut) -> int:
    """Where the element that begins there ends.

    expat notices the end of ``<x/>`` behind the tag, and that of ``<x></x>`` before ``</x>``.
    """
    if not cut.kids and buffer.endswith(b"/>", begin, noticed):
        tag = START_TAG.match(buffer, begin)
        if tag is not None and tag.end() == noticed:
            return noticed
    return buffer.index(b">", noticed) + 1


def _tree(context: bytes, raw: bytes, root: bytes) -> Element:
    """The element as a tree, with the prefixes that the header declared."""
    parser = XMLParser(encoding="utf-8")
    parser.feed(context)
    parser.feed(raw)
    parser.feed(b"</" + root + b">")
    whole: Element = parser.close()
    return whole[0]
