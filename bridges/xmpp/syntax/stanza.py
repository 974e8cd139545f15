"""A first-level element of a stream: its bytes as the framer cut them, what routing needs, a tree when asked."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, XMLParser

from . import jid, xml
from .jid import Jid

START_TAG = re.compile(rb"<[^>'\"]*(?:'[^']*'[^>'\"]*|\"[^\"]*\"[^>'\"]*)*>")


_LANG = f"{{{xml.XML}}}lang"


class Stanza:
    """One message, presence, IQ, or element of the negotiation.

    ``raw`` stands alone where ``jabber:client`` is the default namespace: no prefix from outside but ``xml:``, no
    CDATA section, valid UTF-8.  So it and ``inner`` may be put into any client's stream as they are.  ``attrs`` has
    the attributes as sent (``xml:lang`` under that name; none of other namespaces); ``kids`` names the children as
    ``{namespace}name``, in order.
    """

    __slots__ = ("_to", "_tree", "attrs", "kids", "name", "ns", "raw")

    def __init__(self, raw: bytes, ns: str, name: str, attrs: dict[str, str], kids: list[str]) -> None:
        self.raw = raw
        self.ns = ns
        self.name = name
        self.attrs = attrs
        self.kids = kids
        self._tree: Element | None = None
        self._to: Jid | None = None

    @classmethod
    def read(cls, raw: bytes) -> Stanza:
        """The stanza these bytes are, where they come from ourselves: a test, a store.  Prefixes are not understood."""
        return cls._with(raw, _tree_of(raw))

    @classmethod
    def of(cls, tree: Element) -> Stanza:
        """A tree as a stanza, written with default namespaces."""
        return cls._with(xml.serialise(tree), tree)

    @classmethod
    def _with(cls, raw: bytes, tree: Element) -> Stanza:
        ns, name = xml.split(tree.tag)
        attrs = {"xml:lang" if k == _LANG else k: v for k, v in tree.items() if k == _LANG or "}" not in k}
        stanza = cls(raw, ns, name, attrs, [kid.tag for kid in tree])
        stanza._tree = tree
        return stanza

    @property
    def id(self) -> str:
        """The sender's id for it, or nothing."""
        return self.attrs.get("id", "")

    @property
    def type(self) -> str:
        """The type attribute, or nothing."""
        return self.attrs.get("type", "")

    @property
    def to(self) -> Jid | None:
        """Whom it is for; None where it does not say.  Raises BadAddress."""
        if self._to is None and (text := self.attrs.get("to")) is not None:
            self._to = jid.parse(text)
        return self._to

    @property
    def tree(self) -> Element:
        """The whole element, built on the first call."""
        if self._tree is None:
            self._tree = _tree_of(self.raw)
        return self._tree

    @property
    def inner(self) -> bytes:
        """The bytes between the start tag and the end tag, ready to be put into another stanza."""
        tag = START_TAG.match(self.raw)
        assert tag is not None
        if tag[0].endswith(b"/>"):
            return b""
        return self.raw[tag.end() : self.raw.rindex(b"</")]

    def child(self, tag: str) -> Element | None:
        """The first child called ``{namespace}name``; builds no tree when there is none."""
        return self.tree.find(tag) if tag in self.kids else None

    def __repr__(self) -> str:
        return f"<Stanza {self.name} {self.attrs} {self.kids}>"


def _tree_of(raw: bytes) -> Element:
    parser = XMLParser(encoding="utf-8")
    parser.feed(b"<w xmlns='jabber:client'>")
    parser.feed(raw)
    parser.feed(b"</w>")
    whole: Element = parser.close()
    return whole[0]
