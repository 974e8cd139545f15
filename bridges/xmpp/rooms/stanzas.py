"""What a room sends (XEP-0045 sections 7 and 8), made once and open at the receiver's address."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ....core.identity import Identity
from ....core.message import Message
from ..messages import payload
from ..resource import Resource
from ..syntax import xml
from .room import Occupant, Room
from .words import KICKED, SELF, TECHNICAL


class Halves(NamedTuple):
    """A stanza without its receiver: what comes before the address, and what comes after."""

    head: bytes
    tail: bytes

    def to(self, address: bytes) -> bytes:
        """The stanza for one receiver."""
        return self.head + address + self.tail


class Shown(NamedTuple):
    """An occupant's presence as others get it, as moderators get it, and as the occupant's own clients get it."""

    others: Halves
    moderators: Halves
    own: Halves

    def for_client(self, room: Room, occupant: Occupant, resource: Resource) -> bytes:
        """The stanza that one client in the room gets."""
        if resource.identity == occupant.who:
            return self.own.to(resource.session.jid_bytes)
        half = self.moderators if resource.identity in room.conversation.moderators else self.others
        return half.to(resource.session.jid_bytes)


class Why(NamedTuple):
    """Who changed something about an occupant, and why."""

    actor: str = ""
    """Their nickname, if they are in the room."""
    reason: str = ""


NO_REASON = Why()


def presence(
    room: Room,
    occupant: Occupant,
    *,
    gone: bool = False,
    codes: Iterable[int] = (),
    own_codes: Iterable[int] = (),
    new_nick: str | None = None,
    why: Why = NO_REASON,
    inner: bytes | None = None,
    more: bytes = b"",
) -> Shown:
    """An occupant's presence.  ``codes`` are for everybody, ``own_codes`` only for the occupant, who also gets SELF.

    ``new_nick`` is the nickname of somebody who goes to come back under another.
    """
    who, shown = occupant.who, room.conversation.charter.addresses_shown
    attrs = {
        "affiliation": room.affiliation(who),
        "role": "none" if gone and new_nick is None else room.role(who),
        "nick": new_nick,
    }
    inside = xml.element("actor", {"nick": why.actor}) if why.actor else b""
    if why.reason:
        inside += xml.element("reason", None, xml.text(why.reason))
    known = xml.element("item", {**attrs, "jid": occupant.jid}, inside) + more
    item = known if shown else xml.element("item", attrs, inside) + more
    head = b"<presence from='" + room.occupant_jid(occupant.nick) + b"' to='"
    start = (b"' type='unavailable'>" if gone else b"'>") + (occupant.inner if inner is None else inner)
    end = xml.element("occupant-id", {"xmlns": xml.OCCUPANT_ID, "id": occupant.occupant_id}) + b"</presence>"
    public = tuple(codes)
    others, moderators, own = (
        Halves(head, b"".join((start, user(about, statuses), end)))
        for about, statuses in ((item, public), (known, public), (known, (*public, *own_codes, SELF)))
    )
    return Shown(others, moderators, own)


def configured(room: Room, codes: Iterable[int]) -> Halves:
    """The room is not what it was (section 10.2.1)."""
    return Halves(*payload.halves(room.jid_bytes, b"g>" + user(b"", codes), type=b"groupchat"))


def picture(room: Room) -> Halves:
    """The room's own presence, which names its avatar (XEP-0153, XEP-0486)."""
    photo = xml.element("photo", None, xml.text(room.picture or ""))
    update = xml.element("x", {"xmlns": xml.VCARD_UPDATE}, photo)
    return Halves(b"<presence from='" + room.jid_bytes + b"' to='", b"'>" + update + b"</presence>")


def stands(room: Room, who: Identity) -> Halves:
    """Somebody who is not in the room belongs to it in another way (sections 9 and 10)."""
    item = xml.element("item", {"affiliation": room.affiliation(who), "jid": str(who), "role": "none"})
    return Halves(*payload.halves(room.jid_bytes, b"n>" + user(item, ())))


def not_here(room_jid: str, nick: str) -> Halves:
    """What a client hears that believes to be in a room and is not (section 7.2.18)."""
    item = xml.element(
        "item", {"affiliation": "none", "role": "none"}, xml.element("reason", None, "You are not in the room.")
    )
    head = f"<presence from='{xml.attr(f'{room_jid}/{nick}')}' to='".encode()
    return Halves(head, b"' type='unavailable'>" + user(item, (SELF, KICKED, TECHNICAL)) + b"</presence>")


def message(room: Room, said: Message, nick: str, *, delayed: bool = False, left: bytes = b"") -> Halves:
    """What somebody said, as the room reflects it; ``delayed`` where it is history.

    ``left`` is what there is instead of a message that they took back.
    """
    packed = left or payload.packed_message(said)
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


def destroyed(reason: str, venue: str = "", password: str = "") -> bytes:
    """Why everybody has to go: the room is no more, and where they may meet instead (section 10.9)."""
    inside = xml.element("password", None, xml.text(password)) if password else b""
    if reason:
        inside += xml.element("reason", None, xml.text(reason))
    return xml.element("destroy", {"jid": venue or None}, inside)


def invitation(room: str, to: str, by: Identity | None, thread: str, reason: str, password: str = "") -> bytes:
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
            "password": password or None,
        },
    )
    secret = xml.element("password", None, xml.text(password)) if password else b""
    mediated = xml.element("x", {"xmlns": xml.MUC_USER}, invite + secret)
    return xml.element("message", {"from": room, "to": to}, mediated + direct)


def user(inner: bytes, codes: Iterable[int]) -> bytes:
    """What a room says about itself and its people, with status codes."""
    statuses = b"".join(xml.element("status", {"code": str(code)}) for code in codes)
    return xml.element("x", {"xmlns": xml.MUC_USER}, inner + statuses)
