"""What a room says where a message was taken back (XEP-0424, XEP-0425), in the words of both versions."""

from __future__ import annotations

from ....core.conversation import MessageRetracted
from ....core.message import Message
from ....core.store import Retraction
from ..messages import payload
from ..syntax import xml
from .room import Room
from .stanzas import Halves

MODERATION = "urn:xmpp:message-moderate:1"
RETRACTION = "urn:xmpp:message-retract:1"
OLD_MODERATION = "urn:xmpp:message-moderate:0"
OLD_RETRACTION = "urn:xmpp:message-retract:0"
FASTENING = "urn:xmpp:fasten:0"


def retraction(room: Room, event: MessageRetracted, nick: str) -> Halves:
    """A moderator has taken a message back (XEP-0425 section 4)."""
    who = xml.element("occupant-id", {"xmlns": xml.OCCUPANT_ID, "id": room.occupant_id(event.by)})
    reason = xml.element("reason", None, xml.text(event.reason)) if event.reason else b""
    by = f"{room.jid}/{nick}"
    moderated = xml.element("moderated", {"xmlns": MODERATION, "by": by}, who)
    new = xml.element("retract", {"xmlns": RETRACTION, "id": event.message}, moderated + reason)
    old = xml.element("retract", {"xmlns": OLD_RETRACTION})
    applied = xml.element("moderated", {"xmlns": OLD_MODERATION, "by": by}, old + reason)
    fastened = xml.element("apply-to", {"xmlns": FASTENING, "id": event.message}, applied)
    return Halves(*payload.halves(room.jid_bytes, b"g>" + new + fastened, type=b"groupchat"))


def tombstone(room: Room, said: Message, retraction: Retraction, nick: str, by: str) -> Halves:
    """What stands in the archive instead of a message that was taken back (XEP-0424 section 4, XEP-0425 section 5)."""
    reason = xml.element("reason", None, xml.text(retraction.reason)) if retraction.reason else b""
    stamp = payload.stamp(retraction.at)
    actor = f"{room.jid}/{by}"
    moderated = xml.element("moderated", {"xmlns": MODERATION, "by": actor}, b"")
    inside = xml.element("retracted", {"xmlns": RETRACTION, "stamp": stamp, "id": said.id}, moderated + reason)
    old = xml.element("retracted", {"xmlns": OLD_RETRACTION, "stamp": stamp})
    inside += xml.element("moderated", {"xmlns": OLD_MODERATION, "by": actor}, old + reason)
    more = payload.stanza_id(room.jid_bytes, said.id) + xml.element(
        "occupant-id", {"xmlns": xml.OCCUPANT_ID, "id": room.occupant_id(said.sender)}
    )
    return Halves(*payload.halves(room.occupant_jid(nick), b"g>" + inside, more, type=b"groupchat"))
