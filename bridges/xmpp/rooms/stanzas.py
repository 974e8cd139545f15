"""What a room sends (XEP-0045 sections 7 and 8), made once and open at the receiver's address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ....core.identity import Identity
from ....core.message import Message
from ..messages import payload
from ..syntax import xml
from .room import Occupant, Room

SELF = 110
NON_ANONYMOUS = 100
CREATED = 201
NICK_CHANGED_BY_ROOM = 210
NICK_CHANGE = 303
KICKED = 307
TECHNICAL = 333
"""Status codes (section 16.6.2)."""


class Halves(NamedTuple):
    """A stanza without its receiver: what comes before the address, and what comes after."""

    head: bytes
    tail: bytes

    def to(self, address: bytes) -> bytes:
        """The stanza for one receiver."""
        return self.head + address + self.tail


class Shown(NamedTuple):
    """An occupant's presence as others get it, and as the occupant's own clients get it."""

    others: Halves
    own: Halves


def presence(
    room: Room,
    occupant: Occupant,
    *,
    gone: bool = False,
    codes: Iterable[int] = (),
    own_codes: Iterable[int] = (),
    new_nick: str | None = None,
    actor: str | None = None,
    reason: str = "",
    inner: bytes | None = None,
    more: bytes = b"",
) -> Shown:
    """An occupant's presence.  ``codes`` are for everybody, ``own_codes`` only for the occupant, who also gets SELF.

    ``new_nick`` is the nickname of somebody who goes to come back under another; ``actor`` who removed them.
    """
    attrs = {
        "affiliation": room.affiliation(occupant.who),
        "role": "none" if gone and new_nick is None else room.role(occupant.who),
        "jid": occupant.jid,
        "nick": new_nick,
    }
    inside = xml.element("actor", {"nick": actor}) if actor else b""
    if reason:
        inside += xml.element("reason", None, xml.text(reason))
    item = xml.element("item", attrs, inside)
    head = b"<presence from='" + room.occupant_jid(occupant.nick) + b"' to='"
    start = (b"' type='unavailable'>" if gone else b"'>") + (occupant.inner if inner is None else inner)
    end = xml.element("occupant-id", {"xmlns": xml.OCCUPANT_ID, "id": occupant.occupant_id}) + b"</presence>"
    tails = [
        b"".join((start, _user(item + more, statuses), end)) for statuses in (tuple(codes), (*codes, *own_codes, SELF))
    ]
    return Shown(Halves(head, tails[0]), Halves(head, tails[1]))


def not_here(room_jid: str, nick: str) -> Halves:
    """What a client hears that believes to be in a room and is not (section 7.2.18)."""
    item = xml.element(
        "item", {"affiliation": "none", "role": "none"}, xml.element("reason", None, "You are not in the room.")
    )
    head = f"<presence from='{xml.attr(f'{room_jid}/{nick}')}' to='".encode()
    return Halves(head, b"' type='unavailable'>" + _user(item, (SELF, KICKED, TECHNICAL)) + b"</presence>")


def message(room: Room, said: Message, nick: str, *, delayed: bool = False) -> Halves:
    """What somebody said, as the room reflects it; ``delayed`` where it is history."""
    packed = payload.packed_message(said)
    more = payload.stanza_id(room.jid_bytes, said.id) + xml.element(
        "occupant-id", {"xmlns": xml.OCCUPANT_ID, "id": room.occupant_id(said.sender)}
    )
    # History that the room's owner brought along has its true time already (section 7.9).
    if delayed and xml.DELAY.encode() not in packed:
        more += payload.delay(said.sent_at, room.jid)
    return Halves(*payload.halves(room.occupant_jid(nick), packed, more, type=b"groupchat"))


def subject(room: Room, nick: str = "") -> Halves:
    """The subject, even if there is none: the last thing somebody gets who comes in (section 7.2.15)."""
    sender = room.occupant_jid(nick) if nick else room.jid_bytes
    text = xml.text(room.conversation.subject).encode()
    return Halves(*payload.halves(sender, b"g><subject>" + text + b"</subject>", type=b"groupchat"))


def destroyed(reason: str) -> bytes:
    """Why everybody has to go: the room is no more (section 10.9)."""
    return xml.element("destroy", None, xml.element("reason", None, xml.text(reason)))


def invitation(room: str, to: str, by: Identity | None, thread: str, reason: str) -> bytes:
    """An invitation from the room (section 7.8.2) that older and simpler clients understand as well (XEP-0249)."""
    goes_on = bool(thread)
    inside = xml.element("reason", None, xml.text(reason)) if reason else b""
    if goes_on:
        inside += xml.element("continue", {"thread": thread})
    invite = xml.element("invite", {"from": str(by) if by is not None else room}, inside)
    direct = xml.element(
        "x",
        {
            "xmlns": xml.INVITE,
            "jid": room,
            "reason": reason or None,
            "continue": "true" if goes_on else None,
            "thread": thread or None,
        },
    )
    mediated = xml.element("x", {"xmlns": xml.MUC_USER}, invite)
    return xml.element("message", {"from": room, "to": to}, mediated + direct)


def _user(inner: bytes, codes: Iterable[int]) -> bytes:
    statuses = b"".join(xml.element("status", {"code": str(code)}) for code in codes)
    return xml.element("x", {"xmlns": xml.MUC_USER}, inner + statuses)
