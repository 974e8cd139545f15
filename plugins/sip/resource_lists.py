"""Lists of addresses in the body of a request: application/resource-lists+xml (RFC 4826, RFC 5363, RFC 5364).  Pure."""

from __future__ import annotations

from typing import NamedTuple

from lxml import etree

from .xml import MalformedXml, document, text_of

CONTENT_TYPE = "application/resource-lists+xml"
DISPOSITION = "recipient-list"
"""The Content-Disposition of a list of people to invite or to watch (RFC 5363)."""
NAMESPACE = "urn:ietf:params:xml:ns:resource-lists"
COPY_CONTROL = ("urn:ietf:params:xml:ns:copycontrol", "urn:ietf:params:xml:ns:copyControl")
"""The namespace of RFC 5364, and how clients spell it too."""
COPIES = ("to", "cc", "bcc")
"""How openly somebody is on a list (RFC 5364); the first where the list does not say."""

MAX_ENTRIES = 400
"""Addresses in one list."""
MAX_ADDRESS = 512
"""Characters of one address in a list."""
MAX_DISPLAY = 256
"""Characters of one name in a list; a longer one is cut."""


class Entry(NamedTuple):
    """Somebody on a list: their address as it was written, their name, and ``to``, ``cc`` or ``bcc``."""

    uri: str
    display: str = ""
    copy: str = COPIES[0]


def read(body: bytes) -> list[Entry]:
    """Everybody on the list once, in its order.  Raises MalformedXml.

    Lists inside the list are read as if they were flat, and references to lists elsewhere are passed over: clients
    should send neither (RFC 5366 section 4, RFC 5367 section 4).
    """
    root = document(body, f"{{{NAMESPACE}}}resource-lists")
    found: dict[str, Entry] = {}
    for element in root.iter(f"{{{NAMESPACE}}}entry"):
        uri = (element.get("uri") or "").strip()
        if not uri or len(uri) > MAX_ADDRESS:
            raise MalformedXml(f"an entry needs a uri of at most {MAX_ADDRESS} characters")
        display = text_of(element.find(f"{{{NAMESPACE}}}display-name"))[:MAX_DISPLAY]
        found.setdefault(uri, Entry(uri, display, _copy(element)))
        if len(found) > MAX_ENTRIES:
            raise MalformedXml(f"a list has at most {MAX_ENTRIES} entries")
    return list(found.values())


def _copy(element: etree._Element) -> str:
    said = next((v for n in COPY_CONTROL if (v := element.get(f"{{{n}}}copyControl"))), COPIES[0])
    return said if said in COPIES else COPIES[0]
