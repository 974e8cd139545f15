"""XML bodies of SIP messages, read with every door closed: no DTD, no entities, no other encoding, named limits."""

from __future__ import annotations

import re
from html import escape as _escape

from lxml import etree

from ...core.errors import HereaboutsError

MAX_DOCUMENT = 64 * 1024
"""Bytes."""
MAX_DEPTH = 16
MAX_ELEMENTS = 1000
MAX_ATTRIBUTES = 32
"""Of one element."""

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What the Char production of XML 1.0 leaves out; a set of single characters, so it is found in linear time."""


class MalformedXml(HereaboutsError):
    """A body that is no XML document, or one we do not read."""


def document(body: bytes, root: str) -> etree._Element:
    """The root element, whose name must be ``root`` (``{namespace}name``).  Raises MalformedXml."""
    element = parsed(body)
    if element.tag != root:
        raise MalformedXml(f"the document is no {root.rpartition('}')[2]}")
    _must_be_small(element)
    return element


def parsed(body: bytes, longest: int = MAX_DOCUMENT) -> etree._Element:
    """The root element, whatever it is called and however many it has in it.  Raises MalformedXml."""
    if len(body) > longest:
        raise MalformedXml(f"the document is longer than {longest} bytes")
    if b"<!DOCTYPE" in body.upper():
        raise MalformedXml("a document type declaration is refused")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        body.decode("utf-8")
        return etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, UnicodeDecodeError, ValueError):
        raise MalformedXml("the document is not well-formed XML in UTF-8") from None


def _must_be_small(root: etree._Element) -> None:
    level, depth, count = [root], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH or count > MAX_ELEMENTS or any(len(e.attrib) > MAX_ATTRIBUTES for e in level):
            raise MalformedXml("the document is too deep or has too many parts")
        level = [child for element in level for child in element]


def text_of(element: etree._Element | None) -> str:
    """The character data directly inside an element, blanks around it removed."""
    return (element.text or "").strip() if element is not None else ""


def local_name(element: etree._Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def clean(text: str) -> str:
    """With U+FFFD in place of what no XML document may contain, escaped or not."""
    return _NO_XML.sub("\ufffd", text)


def escaped(text: str) -> str:
    """As it stands in an element or a quoted attribute."""
    return _escape(clean(text), quote=True)
