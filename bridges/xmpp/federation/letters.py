"""Stanzas on their way to another domain: those that wait, and those of which it is not known that they arrived."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from ..abroad.carrier import Undelivered
from .limits import MAX_UNCONFIRMED, MAX_UNCONFIRMED_BYTES

COUNTS = 2**32
"""Counters of XEP-0198 begin again at 0 when they reach this (section 4)."""


@dataclass(eq=False, slots=True)
class Letter:
    """One stanza, and whom to tell if it does not arrive."""

    stanza: bytes
    undelivered: Undelivered | None
    until: float
    """When it has waited long enough."""
    again: bool = False
    """Whether it was written before, to a connection that broke."""

    @property
    def is_message(self) -> bool:
        """Whether it is something that somebody said."""
        return self.stanza.startswith(b"<message")

    def give_up(self, condition: str, text: str) -> None:
        """It will not arrive; told once."""
        told, self.undelivered = self.undelivered, None
        if told is not None:
            told(condition, text)


class Waiting:
    """A queue that knows its bytes."""

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._letters)

    @property
    def first(self) -> Letter:
        """The one that waits longest."""
        return self._letters[0]

    def put(self, letter: Letter) -> None:
        """Behind all others."""
        self._letters.append(letter)
        self.bytes += len(letter.stanza)

    def put_back(self, letters: Iterable[Letter]) -> None:
        """In front of all others, in this order."""
        for letter in reversed(list(letters)):
            self._letters.appendleft(letter)
            self.bytes += len(letter.stanza)

    def take(self) -> Letter:
        """The next."""
        letter = self._letters.popleft()
        self.bytes -= len(letter.stanza)
        return letter

    def take_those_until(self, now: float) -> list[Letter]:
        """Those that have waited long enough."""
        taken = [letter for letter in self._letters if letter.until <= now]
        if taken:
            self._letters = deque(letter for letter in self._letters if letter.until > now)
            self.bytes -= sum(len(letter.stanza) for letter in taken)
        return taken

    def take_all(self) -> list[Letter]:
        """Everything."""
        taken = list(self._letters)
        self._letters.clear()
        self.bytes = 0
        return taken


class Unconfirmed:
    """What was written to a connection, until the other server says that it has it."""

    def __init__(self) -> None:
        self._waiting = Waiting()
        self.sent = 0
        """How many were written, in all."""
        self.confirmed = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether nothing more may be written for now."""
        return len(self._waiting) >= MAX_UNCONFIRMED or self._waiting.bytes >= MAX_UNCONFIRMED_BYTES

    def written(self, letter: Letter) -> None:
        """It was written."""
        self.sent += 1
        self._waiting.put(letter)

    def has(self, count: int) -> bool:
        """They have so many, counted as XEP-0198 does.  Returns False for more than there were."""
        news = (count - self.confirmed) % COUNTS
        if news > len(self._waiting):
            return False
        for _ in range(news):
            self._waiting.take()
        self.confirmed += news
        return True

    def take_all(self) -> list[Letter]:
        """Those of which it will not be known."""
        return self._waiting.take_all()
