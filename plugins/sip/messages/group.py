"""Letters from a conference to a client that takes CPIM, by which it knows who of all the participants speaks.  Pure.

The MESSAGE is from the conference to what the client calls itself there; inside, the wrapper is from the speaker to
the conference (RFC 3862; COMPAT: liblinphone finds its room by the From and To of the request).
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ....core.identity import Endpoint, Identity
from ....core.message import Delivery, Receipt, Typing
from ..syntax.headers import NameAddr
from ..translate import sip_uri, xml_time
from . import composing, cpim, imdn
from .composing import Composing
from .imdn import Disposition, Notification
from .letters import FORGETTABLE, TEXT, Letter, message_id_of

WANTED = "positive-delivery, negative-delivery, display"
"""What a SIP sender is told of their message, where a receiver's client says it (RFC 5438)."""


class Seat(Protocol):
    """How an endpoint is in a conference."""

    conference: Identity
    endpoint: Endpoint
    me: NameAddr
    """What the client calls itself there."""
    wraps: bool
    """Whether it takes CPIM."""


def said(delivery: Delivery, name: str, seat: Seat) -> Letter:
    """What somebody said.  Only a SIP sender's message asks for notifications: others have no use for them."""
    message = delivery.message
    body = cpim.wrap(
        _speaker(message.sender, name),
        sip_uri(seat.conference),
        xml_time(message.sent_at),
        TEXT,
        message.text.encode("utf-8", "replace"),
        message_id=message.id,
        wanted=WANTED if message_id_of(message.origin) else "",
    )
    return _letter(seat, body, message.id)


def typing(news: Typing, name: str, seat: Seat, at: datetime, id: str) -> Letter:
    """Somebody began or ceased to type."""
    content = composing.write(Composing(news.active))
    body = cpim.wrap(
        _speaker(news.who.identity, name), sip_uri(seat.conference), xml_time(at), composing.CONTENT_TYPE, content
    )
    return _letter(seat, body, id, passing=True)


def receipt(news: Receipt, message_id: str, seat: Seat, at: datetime, id: str) -> Letter:
    """A message of the person's own was delivered to somebody, or displayed."""
    disposition = Disposition.DISPLAYED if news.displayed else Disposition.DELIVERED
    content = imdn.write(Notification(message_id, disposition), at)
    body = cpim.wrap(
        _speaker(news.who.identity, ""), sip_uri(seat.conference), xml_time(at), imdn.CONTENT_TYPE, content
    )
    return _letter(seat, body, id, passing=True)


def _speaker(who: Identity, name: str) -> NameAddr:
    return NameAddr(sip_uri(who), "".join(c for c in name if c.isprintable())[:80])


def _letter(seat: Seat, body: bytes, id: str, *, passing: bool = False) -> Letter:
    sender = NameAddr(sip_uri(seat.conference))
    return Letter(sender, cpim.CONTENT_TYPE, body, id, FORGETTABLE if passing else (), to=seat.me)
