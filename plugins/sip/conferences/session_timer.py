"""How long a session lasts without a word: session timers (RFC 4028), from the side of the focus.  Pure."""

from __future__ import annotations

from typing import NamedTuple

from ..errors import Refusal
from ..syntax.grammar import MalformedSip, number
from ..syntax.headers import Term
from ..syntax.message import Request, Response

TAG = "timer"
"""The option tag."""
MIN_SE = 90
"""The shortest interval, in seconds, that is agreed to (RFC 4028 section 4)."""
INTERVAL = 1800
"""Seconds after which a session is over that the other end was to refresh and did not; what is agreed when it names
none."""
MAX_SE = 86400
"""The longest interval, in seconds."""


class Agreed(NamedTuple):
    """``seconds`` of silence end the session, 0 for never; ``refresher`` is ``uac`` or ``uas`` of that request."""

    seconds: int = 0
    refresher: str = ""

    @property
    def header(self) -> tuple[str, str]:
        """As the 2xx says it."""
        return "Session-Expires", f"{self.seconds};refresher={self.refresher}"


def agree(request: Request) -> Agreed:
    """What a 2xx to an INVITE or UPDATE agrees to.  The other end refreshes, or, where it cannot, there is no timer.

    A client without timers is known to be there as long as it is registered.  Raises Refusal 422 with Min-SE where
    the interval is too short, 400 where it is none.
    """
    value = request.first("Session-Expires")
    able = any(tag.strip().lower() == TAG for tag in request.all("Supported") + request.all("Require"))
    if value is None:
        return Agreed(INTERVAL, "uac") if able else Agreed()
    asked = _seconds(value)
    if asked < MIN_SE:
        if able:
            raise Refusal(422, "", ("Min-SE", MIN_SE))
        return Agreed()
    return Agreed(min(asked, MAX_SE), "uac") if able else Agreed()


def offered() -> list[tuple[str, str]]:
    """What an INVITE of ours says: the other end shall refresh."""
    return [("Session-Expires", f"{INTERVAL};refresher=uas"), ("Min-SE", str(MIN_SE))]


def accepted(response: Response) -> Agreed:
    """What the 2xx to our INVITE agrees to; a client without timers, or one that errs, has none."""
    value = response.first("Session-Expires")
    try:
        seconds = _seconds(value) if value is not None else 0
    except Refusal:
        seconds = 0
    return Agreed(min(seconds, MAX_SE), "uas") if seconds >= MIN_SE else Agreed()


def _seconds(value: str) -> int:
    try:
        return number(Term.parse(value).value, 2**31 - 1, "Session-Expires")
    except MalformedSip as why:
        raise Refusal(400, why.reason) from None
