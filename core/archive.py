"""What was said, as one person may read it again: a page of their talks, or of one conference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from .identity import Identity
from .message import Message

MAX_PAGE = 250
"""Messages of one page."""
MAX_ASKED = 50
"""Messages that may be asked for by their ids at once."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which messages of an archive; everything that is given must hold.

    The archive is that of the conference at ``room``, of all conversations under this address, or without one that of
    the person's talks with one other.  ``after`` and ``before`` are ids of messages, ``last`` asks for the newest of
    what is found instead of the oldest.
    """

    who: Identity
    room: Identity | None = None
    everything: bool = False
    """Whether they may read the conference from its beginning (its door is open) and not only what they had a seat
    for."""
    other: Identity | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: str = ""
    before: str = ""
    ids: Sequence[str] = ()
    limit: int = 50
    last: bool = False


class Page(NamedTuple):
    """Messages, oldest first.  ``complete``: there are no more in the direction that was asked for.

    ``total``: how many there are in all, counted only where no message was asked for.
    """

    messages: Sequence[Message]
    complete: bool
    total: int | None = None
