"""The MESSAGE requests we send (RFC 3428): what people said, typing notices, notifications, what a conference says.

Pure: a letter is what is to be sent; an endpoint's address makes a request of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ....core.conversation import Conversation
from ....core.identity import Identity
from ....core.message import Delivery, Receipt, Typing
from ..syntax.headers import NameAddr
from ..syntax.message import Request
from ..syntax.uri import SipUri
from ..translate import short, sip_date, sip_uri
from . import composing, imdn
from .composing import Composing
from .imdn import Disposition, Notification

TEXT = "text/plain"
TEXT_UTF8 = "text/plain;charset=UTF-8"
ALWAYS = (("cseq", "CSeq", "1 MESSAGE"), ("max-forwards", "Max-Forwards", "70"))
"""Lines that are the same in each of our requests, with their keys."""
FORGETTABLE = (("Expires", "0"), ("Priority", "non-urgent"))
"""What is said of a letter that is of no use later (RFC 3428: Expires)."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One MESSAGE to be: who it seems to come from, what is in it, and the id by which it is known again.

    ``to`` is who it is to, where that is not simply the person.
    """

    sender: NameAddr
    content_type: str
    body: bytes
    id: str
    headers: Sequence[tuple[str, str]] = ()
    to: NameAddr | None = None

    @property
    def kind(self) -> str:
        """The media type alone."""
        return self.content_type.partition(";")[0]


def said(delivery: Delivery, name: str) -> Letter:
    """What somebody said.  In a conference the address is the conference's, so that answers go to all."""
    message, conversation = delivery.message, delivery.conversation
    text, sender = message.text, _from(conversation, message.sender, name)
    if conversation.address is not None:
        text = f"{name}: {text}"
    headers = (("Date", sip_date(message.sent_at)),) if delivery.delayed else ()
    return Letter(sender, TEXT_UTF8, text.encode("utf-8", "replace"), message.id, headers)


def typing(news: Typing, name: str, id: str) -> Letter:
    """Somebody began or ceased to type."""
    sender = _from(news.conversation, news.who.identity, name)
    return Letter(sender, composing.CONTENT_TYPE, composing.write(Composing(news.active)), id, FORGETTABLE)


def receipt(news: Receipt, message_id: str, at: datetime, id: str) -> Letter:
    """A message of the person was delivered or displayed."""
    disposition = Disposition.DISPLAYED if news.displayed else Disposition.DELIVERED
    body = imdn.write(Notification(message_id, disposition), at)
    return Letter(NameAddr(sip_uri(news.who.identity)), imdn.CONTENT_TYPE, body, id, FORGETTABLE)


def plain(sender: NameAddr, text: str, id: str) -> Letter:
    """Words of the server's own."""
    return Letter(sender, TEXT_UTF8, text.encode("utf-8", "replace"), id)


def addressed(letter: Letter, to: Identity, contact: SipUri, instance: str, routes: Sequence[str] = ()) -> Request:
    """The request for one endpoint.  Its tag differs by endpoint, so that no two look like one request merged."""
    request = Request.prepared(
        "MESSAGE",
        str(contact),
        (
            ("from", "From", f"{letter.sender};tag={short(f'{letter.id} {instance}')}"),
            ("to", "To", str(letter.to) if letter.to is not None else f"<{sip_uri(to)}>"),
            ("call-id", "Call-ID", letter.id),
            *ALWAYS,
            ("content-type", "Content-Type", letter.content_type),
        ),
    )
    for route in routes:
        request.add("Route", route)
    for name, value in letter.headers:
        request.add(name, value)
    request.body = letter.body
    return request


def _from(conversation: Conversation, who: Identity, name: str) -> NameAddr:
    if conversation.address is not None:
        return NameAddr(sip_uri(conversation.address), _display(name))
    return NameAddr(sip_uri(who))


def _display(name: str) -> str:
    """A name as a display name: header values have no control characters."""
    return "".join(c for c in name if c.isprintable())[:80]


# ---- the ids by which senders know their messages again


def origin_of(request: Request, message_id: str = "") -> str:
    """The sender's own id for a message: unique for each request, and the part behind the last comma is what their
    client calls it in notifications (RFC 5438: the Message-ID; COMPAT: liblinphone: the Call-ID of a bare MESSAGE)."""
    return f"{request.from_.tag},{request.cseq.number},{message_id or request.call_id}"


def message_id_of(origin: str) -> str:
    """What a SIP client calls the message with this origin; nothing where no SIP client sent it."""
    tag, _, rest = origin.partition(",")
    number, comma, message_id = rest.partition(",")
    return message_id if tag and comma and number.isdecimal() else ""
