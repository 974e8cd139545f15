"""How much of the past somebody gets who comes into a room (XEP-0045 section 7.2.14)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ....core.message import Message
from ..messages.payload import moment
from ..syntax import xml

HISTORY = f"{{{xml.MUC}}}history"
MAX_HISTORY = 50
"""Messages of the past that somebody gets who comes in."""


class Wish(NamedTuple):
    """How much of the past a client wants."""

    stanzas: int = MAX_HISTORY
    characters: int | None = None
    since: datetime | None = None


def wish_of(joining: Element | None, now: datetime) -> Wish:
    """What the ``<history/>`` of a joining presence asks for; numbers that are none ask for nothing special."""
    history = joining.find(HISTORY) if joining is not None else None
    if history is None:
        return Wish()
    stanzas, characters = _number(history, "maxstanzas"), _number(history, "maxchars")
    since = moment(history.get("since", ""))
    seconds = _number(history, "seconds")
    if seconds is not None:
        ago = now - timedelta(seconds=min(seconds, 10**9))
        since = ago if since is None else max(ago, since)
    return Wish(MAX_HISTORY if stanzas is None else min(stanzas, MAX_HISTORY), characters, since)


def wanted(past: Sequence[Message], wish: Wish) -> Sequence[Message]:
    """The part of the past that was asked for, oldest first."""
    found = [said for said in past if wish.since is None or said.sent_at >= wish.since]
    return found[-wish.stanzas :] if wish.stanzas else []


def newest(stanzas: list[bytes], characters: int | None) -> list[bytes]:
    """As many of the newest as have no more characters together."""
    if characters is None:
        return stanzas
    for number in range(len(stanzas) - 1, -1, -1):
        characters -= len(stanzas[number])
        if characters < 0:
            return stanzas[number + 1 :]
    return stanzas


def _number(history: Element, name: str) -> int | None:
    text = history.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None
