"""What RFC 3261 demands of every message before anybody looks at what it wants."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from .grammar import MalformedSip
from .message import Request, Response
from .names import ONCE, key_of

_ONCE = frozenset(key_of(name) for name in ONCE)
CALLED, CALLING = frozenset(("tel", "urn")), frozenset(("INVITE", "ACK", "CANCEL"))
"""A call may be to a number (RFC 3966) or to a service such as the emergency one (RFC 5031); nothing else may."""


def check(message: Request | Response) -> None:
    """Raises MalformedSip: sections 8.1.1 (mandatory headers), 8.2.2.1 (the URI's scheme), 16.3 and 19.1.1.

    A response is only asked for what finds its transaction: what is wrong with it beyond that is its reader's business.
    """
    answers = isinstance(message, Response) and message.branch
    if not answers and not message.via:
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
    for key in message.present:
        if key in READ_AHEAD:
            READ_AHEAD[key](message)


def _date(message: Request) -> None:
    if not (message.first("Date") or "").endswith("GMT"):
        raise MalformedSip("a Date that is not in GMT")


READ_AHEAD: dict[str, Callable[[Request], object]] = {
    "contact": attrgetter("contacts"),
    "content-type": attrgetter("content_type"),
    "date": _date,
    "event": attrgetter("event"),
    "expires": attrgetter("expires"),
    "max-forwards": attrgetter("max_forwards"),
}
"""What must be well-formed when it is there.  Reading it is the check, and is kept for whoever asks next."""


def _target(request: Request) -> None:
    target = request.target
    if not target.is_sip and not (target.scheme in CALLED and request.method in CALLING):
        raise MalformedSip("a Request-URI that is no SIP URI", status=416)
    if target.headers:
        raise MalformedSip("a Request-URI with headers")
