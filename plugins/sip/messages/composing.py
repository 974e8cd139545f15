"""Typing notices: application/im-iscomposing+xml (RFC 3994).  Pure."""

from __future__ import annotations

from typing import NamedTuple

from ..xml import DECLARATION, document, text_of

CONTENT_TYPE = "application/im-iscomposing+xml"
NAMESPACE = "urn:ietf:params:xml:ns:im-iscomposing"

DEFAULT_REFRESH = 120
"""Seconds after which somebody who said nothing more is idle again (RFC 3994)."""
MIN_REFRESH, MAX_REFRESH = 60, 600
"""A shorter lease is lengthened (RFC 3994: not below 60 seconds), a longer one cut."""


class Composing(NamedTuple):
    """Whether somebody is typing, and for how many seconds that holds unless they say it again."""

    active: bool
    refresh: int = DEFAULT_REFRESH


def read(body: bytes) -> Composing:
    """A state we do not know is idle.  Raises MalformedXml."""
    root = document(body, f"{{{NAMESPACE}}}isComposing")
    refresh = text_of(root.find(f"{{{NAMESPACE}}}refresh"))
    seconds = int(refresh) if refresh.isascii() and refresh.isdecimal() and len(refresh) < 9 else DEFAULT_REFRESH
    active = text_of(root.find(f"{{{NAMESPACE}}}state")) == "active"
    return Composing(active, min(max(seconds, MIN_REFRESH), MAX_REFRESH))


def write(composing: Composing) -> bytes:
    """As clients send it."""
    state, end = ("active", f"<refresh>{composing.refresh}</refresh>") if composing.active else ("idle", "")
    return (
        f'{DECLARATION}<isComposing xmlns="{NAMESPACE}"><state>{state}</state>'
        f"<contenttype>text/plain</contenttype>{end}</isComposing>"
    ).encode()
