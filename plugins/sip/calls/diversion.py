"""What a forwarded call tells of its way: History-Info (RFC 7044) and Diversion (RFC 5806).  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from ....core.identity import Identity
from ..syntax.fields import SipMessage
from ..syntax.grammar import MalformedSip
from ..syntax.headers import NameAddr
from ..syntax.message import Request
from ..syntax.uri import SipUri
from ..translate import sip_uri

MAX_FORWARDS_OF_A_CALL = 5
"""How often one call is forwarded, wherever that was done."""
MAX_HISTORY = 20
"""Entries of a History-Info that are looked at."""
SILENT = frozenset(("history", "header"))
"""Wishes for privacy that leave no way to be told: RFC 7044 section 10.1.2, RFC 3323 section 4.2."""


class Cause(StrEnum):
    """Why a call went on: the reasons of RFC 5806 section 9."""

    ALWAYS = "unconditional"
    BUSY = "user-busy"
    UNANSWERED = "no-answer"
    DISTURBED = "do-not-disturb"
    OFFLINE = "unavailable"


CODES = {Cause.ALWAYS: 302, Cause.BUSY: 486, Cause.UNANSWERED: 408, Cause.DISTURBED: 480, Cause.OFFLINE: 503}
"""The same as the ``cause`` of a URI: RFC 4458 section 4, where it has one."""


class Forwarded(NamedTuple):
    """One step: who did not take the call, and why it went on."""

    who: Identity
    cause: Cause


def times_forwarded(request: SipMessage) -> int:
    """How often a call was forwarded before it came here, by what it tells; what cannot be read counts as once."""
    counted = 0
    for text in request.all("Diversion")[:MAX_HISTORY]:
        try:
            counted += max(1, int(NameAddr.parse(text).params.get("counter") or 1))
        except (MalformedSip, ValueError):
            counted += 1
    marks = sum(any(p.strip().lower().startswith("mp=") for p in text.split(";")) for text in _history(request))
    return max(counted, marks)


def told(request: Request, way: Sequence[Forwarded], target: SipUri) -> tuple[tuple[str, str], ...]:
    """The headers for a target at the end of this way, with what the request brought; nothing where that is unwanted.

    RFC 7044 section 10.3: one entry more for each step, its index below that of the entry before, which ``mp`` names.
    """
    wishes = {wish.strip().lower() for text in request.all("Privacy") for wish in text.split(";")}
    if not way or wishes & SILENT:
        return ()
    entries = _history(request)
    index = _index(entries[-1]) if entries else ""
    if not index:
        entries, index = [f"<{request.uri}>;index=1"], "1"
    for step, after in zip(way, [*(sip_uri(step.who) for step in way[1:]), target], strict=True):
        caused = SipUri(
            after.scheme, after.user, after.host, after.port, after.params.with_("cause", str(CODES[step.cause]))
        )
        entries.append(f"<{caused}>;index={index}.1;mp={index}")
        index += ".1"
    diversions = [f"<{sip_uri(step.who)}>;reason={step.cause};counter=1" for step in reversed(way)]
    diversions += request.all("Diversion")[:MAX_HISTORY]
    return ("History-Info", ", ".join(entries)), ("Diversion", ", ".join(diversions))


def _history(request: SipMessage) -> list[str]:
    return request.all("History-Info")[:MAX_HISTORY]


def _index(entry: str) -> str:
    try:
        index = NameAddr.parse(entry).params.get("index") or ""
    except MalformedSip:
        return ""
    return index if index and not index.strip("0123456789.") else ""
