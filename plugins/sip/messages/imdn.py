"""Delivered and displayed: message/imdn+xml (RFC 5438).  Pure."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import NamedTuple

from ..translate import xml_time
from ..xml import DECLARATION, MalformedXml, document, escaped, local_name, text_of

CONTENT_TYPE = "message/imdn+xml"
NAMESPACE = "urn:ietf:params:xml:ns:imdn"


class Disposition(enum.StrEnum):
    """What became of a message; what else RFC 5438 knows (failed, forbidden, stored …) is OTHER to us."""

    DELIVERED = "delivered"
    DISPLAYED = "displayed"
    OTHER = "other"


class Notification(NamedTuple):
    """One notification about one message; ``message_id`` is the sender's own."""

    message_id: str
    disposition: Disposition


def read(body: bytes) -> Notification:
    """Raises MalformedXml."""
    root = document(body, f"{{{NAMESPACE}}}imdn")
    message_id = text_of(root.find(f"{{{NAMESPACE}}}message-id"))
    if not message_id:
        raise MalformedXml("an IMDN without a message-id")
    statuses = {local_name(said) for said in root.iterfind(f"*/{{{NAMESPACE}}}status/*")}
    for disposition in (Disposition.DISPLAYED, Disposition.DELIVERED):
        if disposition in statuses:
            return Notification(message_id, disposition)
    return Notification(message_id, Disposition.OTHER)


def write(notification: Notification, at: datetime) -> bytes:
    """As clients send it (RFC 5438)."""
    kind = "display" if notification.disposition is Disposition.DISPLAYED else "delivery"
    return (
        f'{DECLARATION}<imdn xmlns="{NAMESPACE}"><message-id>{escaped(notification.message_id)}</message-id>'
        f"<datetime>{xml_time(at)}</datetime><{kind}-notification><status>"
        f"<{notification.disposition}/></status></{kind}-notification></imdn>"
    ).encode()
