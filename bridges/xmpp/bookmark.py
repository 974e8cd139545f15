"""One bookmarked room in its two spellings: an item's payload (XEP-0402), and a line of the whole list (XEP-0048)."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement

from ...core.errors import BadAddress
from .syntax import jid, xml
from .syntax.stanza import Stanza

NODE = xml.BOOKMARKS
OLD_NODE = "storage:bookmarks"
STORAGE = f"{{{OLD_NODE}}}storage"
OLD = f"{{{OLD_NODE}}}conference"
NEW = f"{{{NODE}}}conference"
EXTENSIONS = f"{{{NODE}}}extensions"
OWN_KIDS = frozenset({"nick", "password"})
"""Children that both spellings have, each in its own namespace."""


def made(name: str, nick: str) -> Element:
    """A room that clients enter by themselves."""
    conference = Element(NEW, {"name": name, "autojoin": "true"})
    SubElement(conference, f"{{{NODE}}}nick").text = nick
    return conference


def storage(element: bytes | None) -> list[Element]:
    """What is in the whole list; nothing where there is none."""
    return list(Stanza.read(element).tree) if element is not None else []


def sorted_out(listed: Iterable[Element]) -> tuple[dict[str, Element], list[Element]]:
    """The bookmarks by their room, and what is none: addresses of web pages, rooms whose address is none."""
    rooms: dict[str, Element] = {}
    beside: list[Element] = []
    for entry in listed:
        try:
            room = jid.parse(entry.get("jid", "")).bare if entry.tag == OLD else ""
        except BadAddress:
            room = ""
        if room:
            rooms[room] = entry
        else:
            beside.append(entry)
    return rooms, beside


def as_old(room: str, new: Element) -> Element:
    """For the whole list; extensions are kept along."""
    old = Element(OLD, {"jid": room, **_attributes(new)})
    for kid in new:
        namespace, name = xml.split(kid.tag)
        if namespace == NODE and name in OWN_KIDS:
            SubElement(old, f"{{{OLD_NODE}}}{name}").text = kid.text
        else:
            old.append(kid)
    return old


def as_new(old: Element, before: Element | None) -> Element:
    """For an item; extensions that an older client has dropped, because it does not know them, stay."""
    new = Element(NEW, _attributes(old))
    for kid in old:
        namespace, name = xml.split(kid.tag)
        if namespace == OLD_NODE:
            SubElement(new, f"{{{NODE}}}{name}").text = kid.text
        else:
            new.append(kid)
    lost = before.find(EXTENSIONS) if before is not None and new.find(EXTENSIONS) is None else None
    if lost is not None:
        new.append(lost)
    return new


def same(one: Element, other: Element) -> bool:
    """Whether two bookmarks say the same, in whatever order."""
    return _meaning(one) == _meaning(other)


def _attributes(conference: Element) -> dict[str, str]:
    return {key: value for key, value in conference.items() if key in ("name", "autojoin")}


def _meaning(conference: Element) -> tuple[str, bool, list[bytes]]:
    kids = sorted(xml.serialise(kid).strip() for kid in conference)
    return conference.get("name", ""), conference.get("autojoin", "") in ("1", "true"), kids
