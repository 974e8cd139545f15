"""From one stream's namespace to another's: what servers say, as clients would have (RFC 6120 section 4.8.2)."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, XMLParser

from . import xml

_ESCAPED = re.compile(rb"""xmlns\s*=\s*(?:'[^'&]*&|"[^"&]*&)""")
"""A default namespace that is not written as it reads."""


def named(namespace: str, raw: bytes) -> bool:
    """Whether an element may say anywhere that it, or one inside, is in this namespace."""
    return namespace.encode() in raw or (b"&" in raw and _ESCAPED.search(raw) is not None)


def moved(tag: str, old: str, new: str) -> str:
    """``{namespace}name`` with the other namespace, if it is in the old one."""
    return f"{{{new}}}{tag[len(old) + 2 :]}" if tag.startswith(f"{{{old}}}") else tag


def move(tree: Element, old: str, new: str) -> None:
    """Every element of the old namespace is in the new one, and so are those of stanzas that are carried inside."""
    for element in tree.iter():
        element.tag = moved(element.tag, old, new)


def settled(stanza: bytes, home: str) -> bytes:
    """A stanza that stands where ``jabber:client`` is the default, so that it stands where ``home`` is.

    Without any mention of ``jabber:client`` it is the same bytes.  Stanzas that it carries inside stay as they are
    (XEP-0297 section 3).
    """
    if not named(xml.CLIENT, stanza):
        return stanza
    parser = XMLParser(encoding="utf-8")
    parser.feed(f"<w xmlns='{xml.CLIENT}'>".encode())
    parser.feed(stanza)
    parser.feed(b"</w>")
    tree: Element = parser.close()[0]
    _settle(tree, home)
    return xml.serialise(tree, home)


def _settle(element: Element, home: str) -> None:
    if element.tag.startswith(f"{{{xml.CLIENT}}}"):
        element.tag = moved(element.tag, xml.CLIENT, home)
        for kid in element:
            _settle(kid, home)
