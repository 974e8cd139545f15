"""What went wrong, as a SIP response: the one table from the core's errors to status codes."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.errors import (
    Absent,
    Answered,
    BadAddress,
    BadRequest,
    Banned,
    Busy,
    Conflict,
    Gone,
    HereaboutsError,
    NotAllowed,
    NotFound,
    Protected,
    Refused,
    TooLarge,
    Undeliverable,
    WrongPassword,
)
from .messages.bodies import ACCEPTED, ENCODINGS, UnknownBody
from .syntax.grammar import MalformedSip
from .syntax.message import Request, Response
from .xml import MalformedXml

MAX_REASON = 120
"""Characters of a reason phrase."""

STATUS: dict[type[HereaboutsError], int] = {
    MalformedSip: 400,
    MalformedXml: 400,
    UnknownBody: 415,
    BadRequest: 400,
    BadAddress: 404,
    NotFound: 404,
    NotAllowed: 403,
    Protected: 403,
    Banned: 403,
    WrongPassword: 403,
    Refused: 403,
    Absent: 480,
    Undeliverable: 480,
    Gone: 410,
    Conflict: 403,
    TooLarge: 413,
    Busy: 503,
    Answered: 200,
    HereaboutsError: 500,
}
"""RFC 3261 section 21.  Unknown, hidden and blocking people are one and the same NotFound."""

SPOKEN = (MalformedSip, MalformedXml, BadRequest, UnknownBody, Refused, TooLarge)
"""Whose text may be shown to the sender, as the reason phrase; of the others the code says all."""


class Refusal(HereaboutsError):
    """A refusal that only SIP has a code for, with the headers that go with it."""

    def __init__(self, status: int, reason: str = "", *headers: tuple[str, object]) -> None:
        super().__init__(reason or str(status))
        self.status = status
        self.reason = reason
        self.headers: Sequence[tuple[str, object]] = headers


def refusal_of(request: Request, why: HereaboutsError) -> Response:
    """The response that tells the sender of a request why it failed."""
    if isinstance(why, Refusal):
        return request.reply(why.status, phrase(why.reason) or None, headers=why.headers)
    kind = next(k for k in type(why).__mro__ if k in STATUS)
    status = why.status if isinstance(why, MalformedSip) else STATUS[kind]
    reason = phrase(str(why)) if isinstance(why, SPOKEN) else ""
    return request.reply(status, reason or None, headers=_headers(why))


def phrase(text: str) -> str:
    """A text as a reason phrase: one line, no control characters, not too long."""
    return "".join(c if c.isprintable() else " " for c in text[:MAX_REASON]).strip()


def _headers(why: HereaboutsError) -> list[tuple[str, object]]:
    match why:
        case Busy():
            return [("Retry-After", why.retry_after)]
        case UnknownBody():
            return [("Accept", ", ".join(ACCEPTED)), ("Accept-Encoding", ", ".join(ENCODINGS))]
    return []
