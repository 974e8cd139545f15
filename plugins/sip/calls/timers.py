"""Session timers as a proxy keeps them (RFC 4028 section 8): so that calls of dead phones end.  Pure."""

from __future__ import annotations

from ..errors import Refusal
from ..syntax.grammar import MalformedSip, seconds
from ..syntax.headers import Term
from ..syntax.message import Request, Response

MIN_SE = 90
"""Seconds; the shortest interval RFC 4028 section 4 knows, and we allow."""
SESSION_EXPIRES = 1800
"""Seconds between two signs of life of a call, where phones do not ask for another interval."""
REFRESHING = ("INVITE", "UPDATE")
"""Requests by which a session is refreshed."""


def ask(request: Request) -> int:
    """Have the request ask for a session timer, as a proxy may; returns the interval that it asks for now.

    Raises Refusal 422 for an interval below MIN_SE, to a caller who can ask again.
    """
    wanted, least = _interval(request), max(MIN_SE, _least(request))
    if wanted is None:
        request.set("Session-Expires", max(SESSION_EXPIRES, least))
        return max(SESSION_EXPIRES, least)
    if wanted >= least:
        return wanted
    if supports(request):
        raise Refusal(422, "", ("Min-SE", least))
    term = Term.parse(request.first("Session-Expires") or "")
    request.set("Session-Expires", Term(str(least), term.params))
    request.set("Min-SE", least)
    return least


def agree(response: Response, asked: int, caller_supports: bool) -> int | None:
    """The interval that holds from this 2xx on; None without a timer.

    Section 8.2: where the answering side knows none and the asking side does, it is the one that refreshes.
    """
    granted = _interval(response)
    if granted is not None:
        return max(granted, MIN_SE)
    if not caller_supports:
        return None
    response.set("Session-Expires", f"{asked};refresher=uac")
    response.add("Require", "timer")
    return asked


def supports(message: Request | Response) -> bool:
    """Whether its sender knows session timers."""
    return any(tag.strip().lower() == "timer" for tag in message.all("Supported") + message.all("Require"))


def _interval(message: Request | Response) -> int | None:
    text = message.first("Session-Expires")
    return None if text is None else _seconds(Term.parse(text).value)


def _least(request: Request) -> int:
    text = request.first("Min-SE")
    return 0 if text is None else _seconds(Term.parse(text).value)


def _seconds(text: str) -> int:
    try:
        return seconds(text)
    except MalformedSip:
        raise MalformedSip("a session interval that is no number of seconds") from None
