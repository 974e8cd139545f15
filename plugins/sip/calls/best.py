"""Which of many failures the caller is told: RFC 3261 section 16.7 step 6.  Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ..syntax.message import Response

TELLING = (401, 407, 415, 420, 484)
"""Of the 4xx these come first: the caller can do something about them."""
CHALLENGES = ("WWW-Authenticate", "Proxy-Authenticate")
SILENT = (408, 487)
"""What a branch says that was cancelled or did not answer; any other answer tells more."""


def best(responses: Sequence[Response]) -> Response | None:
    """The response to forward, with the challenges of all others; None when there is nothing to tell.

    A 6xx before all, then the lowest class; a 503 is about one hop and becomes a 500.
    """
    if not responses:
        return None
    chosen = foremost(responses)
    if chosen.status in SILENT:
        return None
    if chosen.status in (401, 407):
        chosen = _with_challenges(chosen, responses)
    if chosen.status == 503:
        chosen = Response(500, None, [h for h in chosen.headers() if h[0].lower() != "retry-after"])
    return chosen


def foremost(responses: Sequence[Response]) -> Response:
    """The one that counts."""
    return min(responses, key=_rank)


def _rank(response: Response) -> tuple[bool, bool, int, bool]:
    status = response.status
    return status < 600, status in SILENT, status // 100, status not in TELLING


def _with_challenges(chosen: Response, responses: Sequence[Response]) -> Response:
    """Section 16.7 step 7: whoever may answer is asked by name, all at once."""
    whole = Response(chosen.status, chosen.reason, chosen.headers(), chosen.body)
    for response in responses:
        if response is not chosen and response.status in (401, 407):
            for name in CHALLENGES:
                for challenge in response.all(name):
                    whole.add(name, challenge)
    return whole
