"""What RFC 3261 demands of every message before anybody looks at what it wants."""

from __future__ import annotations

from .grammar import MalformedSip
from .message import Request, Response
from .names import ONCE, key_of

_ONCE = frozenset(key_of(name) for name in ONCE)


def check(message: Request | Response) -> None:
    """Raises MalformedSip: sections 8.1.1 (mandatory headers), 8.2.2.1 (the URI's scheme), 16.3 and 19.1.1.

    A response is only asked for what finds its transaction: what is wrong with it beyond that is its reader's business.
    """
    if not message.via:
        raise MalformedSip("no Via")
    cseq = message.cseq
    if isinstance(message, Response):
        return
    if cseq.method != message.method:
        raise MalformedSip("CSeq has another method than the first line")
    if not message.call_id or " " in message.call_id:
        raise MalformedSip("not a Call-ID")
    if not message.repeated().isdisjoint(_ONCE):
        raise MalformedSip("a header that may stand once stands twice")
    for address in (message.from_, message.to):
        if address.uri.headers:
            raise MalformedSip("a From or To whose URI has headers")
    _target(message)
    # Reading these is the check: they are kept for whoever asks next.
    _ = message.contacts, message.expires, message.max_forwards, message.content_type, message.event
    date = message.first("Date")
    if date is not None and not date.endswith("GMT"):
        raise MalformedSip("a Date that is not in GMT")


def _target(request: Request) -> None:
    target = request.target
    if not target.is_sip:
        raise MalformedSip("a Request-URI that is no SIP URI", status=416)
    if target.headers:
        raise MalformedSip("a Request-URI with headers")
