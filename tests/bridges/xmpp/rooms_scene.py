"""What scenes in rooms have in common: coming in, asking as an admin or owner, reading what is shown of people."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from .house import MUC, ROOM, USER, Client, codes, nick
from .test_rooms import ADDRESS, enter, room_with, speak

__all__ = ["ADDRESS", "FORM", "admin", "ask_owner", "enter", "filled", "item", "lists", "room_with", "shown", "speak"]

FORM = "<x xmlns='jabber:x:data' type='submit'>%s</x>"


def item(stanza: Element) -> Element:
    """What a room says of somebody."""
    found = stanza.find(f"{{{USER}}}x/{{{USER}}}item")
    assert found is not None
    return found


def shown(stanzas: Sequence[Element]) -> list[tuple[str, str | None, str | None, set[int]]]:
    """Presences as (nickname, affiliation, role, codes)."""
    presences = [s for s in stanzas if s.tag.endswith("presence") and s.find(f"{{{USER}}}x") is not None]
    return [(nick(p), item(p).get("affiliation"), item(p).get("role"), codes(p)) for p in presences]


async def admin(client: Client, items: str, room: str = ROOM) -> Element:
    """Change roles or affiliations."""
    return await client.ask(f"<query xmlns='{MUC}#admin'>{items}</query>", room, "set")


async def lists(client: Client, which: str, room: str = ROOM) -> Element:
    """A list of a room: ``affiliation='member'``, ``role='visitor'``."""
    return await client.ask(f"<query xmlns='{MUC}#admin'><item {which}/></query>", room)


async def ask_owner(client: Client, inside: str = "", type: str = "set", room: str = ROOM) -> Element:
    """Configure or end a room."""
    return await client.ask(f"<query xmlns='{MUC}#owner'>{inside}</query>", room, type)


def filled(**fields: str | list[str]) -> str:
    """A configuration form, filled in."""
    inside = ""
    for name, value in fields.items():
        each = [value] if isinstance(value, str) else value
        values = "".join(f"<value>{one}</value>" for one in each)
        inside += f"<field var='muc#roomconfig_{name}'>{values}</field>"
    return FORM % inside
