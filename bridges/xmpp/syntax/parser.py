"""expat, restricted as RFC 6120 section 11.1 demands: it says where first-level elements begin and end."""

from __future__ import annotations

from typing import NamedTuple
from xml.parsers import expat

from ..stream.limits import MAX_NAMESPACE, MAX_PREFIXES, Limits
from ..stream.stream_error import StreamError
from . import xml

_LANG = f"{xml.XML}}}lang"
_HEADER = f"{xml.STREAMS}}}stream"
_CONDITIONS = {
    expat.errors.codes[expat.errors.XML_ERROR_UNDEFINED_ENTITY]: "restricted-xml",
    expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING]: "unsupported-encoding",
    expat.errors.codes[expat.errors.XML_ERROR_INCORRECT_ENCODING]: "unsupported-encoding",
    expat.errors.codes[expat.errors.XML_ERROR_UNBOUND_PREFIX]: "bad-namespace-prefix",
}
"""What RFC 6120 section 4.9.3 has more exact words for than not-well-formed."""


class Cut(NamedTuple):
    """A first-level element as expat saw it: the byte of its start tag, the byte where its end was noticed."""

    begin: int
    noticed: int
    tag: str
    attrs: dict[str, str]
    kids: list[str]
    plain: bool
    """Neither a prefix was declared in it nor a CDATA section used."""
    excess: str
    """What there is too much of in it, where that is no reason to end the stream."""


class Parser:
    """One run of expat over a stream.  Bytes are counted from the first one it was given."""

    __slots__ = (
        "_attributes",
        "_begin",
        "_deepest",
        "_excess",
        "_expat",
        "_kids",
        "_prefixes",
        "_shared",
        "_tag",
        "_top",
        "_unplain",
        "begin",
        "cuts",
        "depth",
        "fed",
        "namespaces",
        "root",
    )

    def __init__(self, limits: Limits) -> None:
        self._deepest = limits.depth + 1
        self._attributes = limits.attributes
        self._shared = limits.largest > 0
        self._excess = ""
        self.depth = 0
        """Open elements: 0 before the header and after the end, 1 between stanzas."""
        self.fed = 0
        self.cuts: list[Cut] = []
        self.root: tuple[str, dict[str, str]] | None = None
        self.begin = 0
        """The byte at which the root's start tag begins."""
        self.namespaces: dict[str, str] = {}
        """What was declared on the root."""
        self._prefixes = 0
        self._unplain = False
        self._begin = 0
        self._tag = ""
        self._top: dict[str, str] = {}
        self._kids: list[str] = []
        # No interning: a dictionary of every name ever seen would grow for as long as the stream lives.
        self._expat = parser = expat.ParserCreate("UTF-8", "}", None)
        if hasattr(parser, "SetReparseDeferralEnabled"):  # expat 2.6: or a whole stanza may wait for the next one
            parser.SetReparseDeferralEnabled(False)
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartCdataSectionHandler = self._cdata
        parser.XmlDeclHandler = self._declaration
        parser.CommentHandler = parser.ProcessingInstructionHandler = self._restricted
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = self._restricted

    def feed(self, data: bytes) -> None:
        """Read on.  Raises StreamError; what was complete before the error is in ``cuts``."""
        self.fed += len(data)
        try:
            self._expat.Parse(data, False)
        except expat.ExpatError as error:
            raise StreamError(_CONDITIONS.get(error.code, "not-well-formed"), expat.ErrorString(error.code)) from None

    @property
    def unfinished(self) -> int:
        """Bytes of a tag (or another token) that has begun and not ended: expat will read them again."""
        return self.fed - self._expat.CurrentByteIndex

    @property
    def closed(self) -> bool:
        """Whether the root's end tag came."""
        return self.root is not None and self.depth == 0

    def close(self) -> None:
        """Undo the ring of references between expat and its handlers."""
        for handler in ("StartElement", "EndElement", "StartNamespaceDecl", "StartCdataSection", "XmlDecl"):
            setattr(self._expat, f"{handler}Handler", None)
        for handler in ("Comment", "ProcessingInstruction", "StartDoctypeDecl", "EntityDecl"):
            setattr(self._expat, f"{handler}Handler", None)

    # ---- what expat calls

    def _start(self, tag: str, attrs: dict[str, str]) -> None:
        self.depth = depth = self.depth + 1
        if len(attrs) > self._attributes:
            self._too_much(f"more than {self._attributes} attributes")
        if depth == 3:
            self._kids.append("{" + tag if "}" in tag else tag)
        elif depth == 2:
            if tag == _HEADER:
                raise StreamError("bad-format", "a second stream header")
            self._begin = self._expat.CurrentByteIndex
            self._tag = tag
            self._top = _plain_attributes(attrs) if "}" in "".join(attrs) else attrs
            self._kids = []
        elif depth > self._deepest:
            self._too_much(f"deeper than {self._deepest - 1} elements")
        elif depth == 1:
            self.begin = self._expat.CurrentByteIndex
            self.root = tag, _plain_attributes(attrs)
            self._prefixes = 0

    def _end(self, tag: str) -> None:
        self.depth = depth = self.depth - 1
        if depth == 1:
            noticed = self._expat.CurrentByteIndex
            plain = not self._prefixes and not self._unplain
            self.cuts.append(Cut(self._begin, noticed, self._tag, self._top, self._kids, plain, self._excess))
            self._prefixes = 0
            self._unplain = False
            self._excess = ""

    def _declare(self, prefix: str | None, namespace: str | None) -> None:
        if namespace is not None and len(namespace) > MAX_NAMESPACE:
            self._too_much(f"a namespace longer than {MAX_NAMESPACE} characters")
        if prefix is not None:
            self._prefixes += 1
            if self._prefixes > MAX_PREFIXES:
                self._too_much(f"more than {MAX_PREFIXES} namespace prefixes")
        if self.depth == 0:
            self.namespaces[prefix or ""] = namespace or ""

    def _too_much(self, text: str) -> None:
        """The stream's own fault, or that of one of the many who share it: then the others go on."""
        if not self._shared or self.root is None:
            raise StreamError("policy-violation", text)
        self._excess = text

    def _cdata(self) -> None:
        if self.depth < 2:
            raise StreamError("bad-format", "text between stanzas")
        self._unplain = True

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.upper() != "UTF-8":
            raise StreamError("unsupported-encoding", "XMPP is UTF-8")
        if version != "1.0":
            raise StreamError("not-well-formed", "XMPP is XML 1.0")

    def _restricted(self, *_: object) -> None:
        raise StreamError("restricted-xml", "no comments, processing instructions, document types or entities")


def _plain_attributes(attrs: dict[str, str]) -> dict[str, str]:
    """Without those of foreign namespaces, and with ``xml:lang`` under that name."""
    return {"xml:lang" if k == _LANG else k: v for k, v in attrs.items() if k == _LANG or "}" not in k}
