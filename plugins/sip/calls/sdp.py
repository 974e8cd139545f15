"""A glance at a session description (RFC 8866): which media, and whether it holds the other side.  Read only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ..syntax.fields import SipMessage

CONTENT_TYPE = "application/sdp"
MAX_LINES = 2000
"""Lines of a description that are looked at."""
CALLS = frozenset(("audio", "video"))
"""The media that make a call."""
DIRECTIONS = frozenset(("sendrecv", "sendonly", "recvonly", "inactive"))
HOLDS = frozenset(("sendonly", "inactive"))
NOWHERE = frozenset(("0.0.0.0", "::"))
"""The address by which RFC 2543 held (RFC 3264 section 8.4)."""


class Glance(NamedTuple):
    """``kinds``: every medium that is on, as its m-line calls it; ``held``: all that make a call are on hold."""

    kinds: frozenset[str] = frozenset()
    held: bool = False

    @property
    def media(self) -> frozenset[str]:
        """Audio, video, or both."""
        return self.kinds & CALLS


class _Section(NamedTuple):
    """The lines from one m-line to the next, or those before the first."""

    kind: str = ""
    on: bool = False
    direction: str = ""
    address: str = ""


def glance(message: SipMessage) -> Glance | None:
    """What the session description of a message says; None where it has none."""
    body = _description(message)
    if body is None:
        return None
    lines = body.decode("utf-8", "replace").splitlines()[:MAX_LINES]
    starts = [0, *(index for index, line in enumerate(lines) if line.startswith("m=")), len(lines)]
    session, *media = (_section(lines[start:end]) for start, end in pairwise(starts))
    running = [section for section in media if section.on]
    calling = [section for section in running if section.kind in CALLS]
    held = bool(calling) and all(_holds(section, session) for section in calling)
    return Glance(frozenset(section.kind for section in running), held)


def _section(lines: Sequence[str]) -> _Section:
    section = _Section()
    for line in lines:
        key, _, value = line.partition("=")
        words = value.split()
        if key == "m" and len(words) > 1:
            section = section._replace(kind=words[0].lower(), on=words[1].partition("/")[0] != "0")
        elif key == "a" and value.strip() in DIRECTIONS:
            section = section._replace(direction=value.strip())
        elif key == "c" and len(words) == 3:
            section = section._replace(address=words[2].partition("/")[0])
    return section


def _holds(section: _Section, session: _Section) -> bool:
    direction = section.direction or session.direction
    return direction in HOLDS or (section.address or session.address) in NOWHERE


def _description(message: SipMessage) -> bytes | None:
    """The body, or that part of it which is a session description."""
    kind = message.content_type
    if kind is None or not message.body:
        return None
    if kind.value == CONTENT_TYPE:
        return message.body
    boundary = kind.params.get("boundary")
    if not kind.value.startswith("multipart/") or not boundary:
        return None
    for part in message.body.split(b"--" + boundary.encode("utf-8", "replace")):
        head, _, body = part.strip(b"\r\n").partition(b"\r\n\r\n")
        if b"application/sdp" in head.lower():
            return body
    return None
