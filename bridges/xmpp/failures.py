"""What went wrong in SIP, in XMPP's words: the one table from status codes to stanza errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .errors import Condition

if TYPE_CHECKING:
    from ...core.message import Notice

BAD_REQUEST = Condition("modify", "bad-request")
REDIRECT = Condition("modify", "redirect")
GONE = Condition("cancel", "gone")
NOT_ACCEPTABLE = Condition("modify", "not-acceptable")
NOT_IMPLEMENTED = Condition("cancel", "feature-not-implemented")
NOT_FOUND = Condition("cancel", "item-not-found")
UNAVAILABLE = Condition("cancel", "service-unavailable")
RECIPIENT = Condition("wait", "recipient-unavailable")
POLICY = Condition("modify", "policy-violation")
INTERNAL = Condition("wait", "internal-server-error")
TIMEOUT = Condition("wait", "remote-server-timeout")

CONDITIONS: Mapping[int, Condition] = {
    300: REDIRECT,
    301: GONE,
    302: REDIRECT,
    305: REDIRECT,
    380: NOT_ACCEPTABLE,
    401: Condition("auth", "not-authorized"),
    403: Condition("auth", "forbidden"),
    404: NOT_FOUND,
    405: NOT_IMPLEMENTED,
    406: NOT_ACCEPTABLE,
    407: Condition("auth", "registration-required"),
    408: TIMEOUT,
    410: GONE,
    413: POLICY,
    414: POLICY,
    415: NOT_ACCEPTABLE,
    420: NOT_IMPLEMENTED,
    421: NOT_ACCEPTABLE,
    423: Condition("wait", "resource-constraint"),
    430: RECIPIENT,
    480: RECIPIENT,
    481: NOT_FOUND,
    482: NOT_ACCEPTABLE,
    483: NOT_ACCEPTABLE,
    484: NOT_FOUND,
    485: NOT_FOUND,
    486: UNAVAILABLE,
    487: RECIPIENT,
    488: NOT_ACCEPTABLE,
    489: POLICY,
    491: Condition("wait", "unexpected-request"),
    501: NOT_IMPLEMENTED,
    502: Condition("cancel", "remote-server-not-found"),
    503: INTERNAL,
    504: TIMEOUT,
    505: NOT_ACCEPTABLE,
    513: POLICY,
    604: NOT_FOUND,
    606: NOT_ACCEPTABLE,
}
"""What the response to a message means on a stream."""

CLASSES: Mapping[int, Condition] = {3: REDIRECT, 4: BAD_REQUEST, 5: INTERNAL, 6: UNAVAILABLE}
"""The same for every other code of a class (RFC 3261 section 21)."""


def of_status(status: int) -> Condition:
    """The condition for the status code of a SIP response."""
    return CONDITIONS.get(status) or CLASSES.get(status // 100, BAD_REQUEST)


def failure_of(notice: Notice) -> tuple[Condition, str]:
    """Why a message did not arrive, and the sentence that goes with it; a SIP code is in it for who looks into it."""
    if notice.native is None or notice.native.protocol != "sip":
        return RECIPIENT, notice.text
    status = int(notice.native.payload)
    return of_status(status), f"{notice.text} (SIP {status})"
