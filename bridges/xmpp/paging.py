"""Result set management (XEP-0059): which page a client asks for, and how it is told where it is."""

from __future__ import annotations

from typing import NamedTuple
from xml.etree.ElementTree import Element

from .errors import bad_request
from .syntax import xml

SET = f"{{{xml.RSM}}}set"
MAX_ID = 256
"""Characters of an id that a client names."""


class Wish(NamedTuple):
    """``limit`` is None where the client leaves it to us; ``last`` asks for the last page before ``before``."""

    limit: int | None = None
    after: str = ""
    before: str = ""
    last: bool = False


def read(query: Element) -> Wish:
    """The page that a query asks for.  Raises StanzaError."""
    asked = query.find(SET)
    if asked is None:
        return Wish()
    count = asked.findtext(f"{{{xml.RSM}}}max")
    if count is not None and not (count.strip().isascii() and count.strip().isdecimal() and len(count) < 10):
        raise bad_request("max is no number")
    if asked.find(f"{{{xml.RSM}}}index") is not None:
        raise bad_request("pages are not found by index")
    after, before = (asked.findtext(f"{{{xml.RSM}}}{name}") for name in ("after", "before"))
    return Wish(
        None if count is None else int(count),
        (after or "").strip()[:MAX_ID],
        (before or "").strip()[:MAX_ID],
        before is not None,
    )


def told(first: str, last: str, count: int | None = None) -> bytes:
    """The ids of the first and the last of what was found, and how many there are."""
    inner = b""
    if first:
        inner = xml.element("first", None, xml.text(first)) + xml.element("last", None, xml.text(last))
    if count is not None:
        inner += xml.element("count", None, str(count))
    return xml.element("set", {"xmlns": xml.RSM}, inner)
