"""What is to leave over one component's connection, and what has left and may not have arrived.  No socket, no clock.

XEP-0114 knows no acknowledgements.  But a stream is read in order: whoever answers a question has read all that came
before it.  So the other side is asked a small question now and then, and what a lost connection took with it is known.
"""

from __future__ import annotations

import re
from collections import deque
from typing import NamedTuple

from ..abroad.carrier import Undelivered
from ..syntax.stanza import START_TAG
from .limits import MAX_UNCONFIRMED, MAX_WAITING, MAX_WAITING_BYTES, WAIT_TIME

_TYPE = re.compile(rb"\stype\s*=\s*['\"](\w*)")
SUBSCRIPTIONS = frozenset({b"subscribe", b"subscribed", b"unsubscribe", b"unsubscribed"})
QUESTIONS = frozenset({b"get", b"set"})


class Letter(NamedTuple):
    """A stanza that is to leave."""

    raw: bytes
    undelivered: Undelivered | None
    since: float
    again: bool
    """Whether it is sent again when a connection was lost with it; a question is not, its sender is told."""
    question: bool


class Outbox:
    """A queue with an end: whatever does not leave is told to who sent it."""

    def __init__(self, now: float) -> None:
        self._waiting: deque[Letter] = deque()
        self._bytes = 0
        self._sent: deque[Letter] = deque()
        self._taken = 0
        """Letters that were ever taken and may matter."""
        self._asked: int | None = None
        """How many had been when the question was asked that is open."""
        self._closed_since: float | None = now

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def unconfirmed(self) -> int:
        """How many stanzas have left and are not known to have arrived."""
        return len(self._sent)

    @property
    def asking(self) -> bool:
        """Whether the other side has been asked and has not answered."""
        return self._asked is not None

    def put(self, raw: bytes, undelivered: Undelivered | None, now: float) -> None:
        """Queue one stanza; tells at once where there is no hope or no room."""
        if self._closed_since is not None and now - self._closed_since >= WAIT_TIME:
            _tell(undelivered, "remote-server-timeout", "the way to that domain is closed")
        elif len(self._waiting) >= MAX_WAITING or self._bytes + len(raw) > MAX_WAITING_BYTES:
            _tell(undelivered, "resource-constraint", "too much waits to go there")
        else:
            kind = _kind(raw)
            again = raw.startswith(b"<message") or (raw.startswith(b"<presence") and kind in SUBSCRIPTIONS)
            question = raw.startswith(b"<iq") and kind in QUESTIONS
            self._waiting.append(Letter(raw, undelivered, now, again, question))
            self._bytes += len(raw)

    def opened(self) -> None:
        """There is a connection."""
        self._closed_since = None

    def take(self) -> bytes | None:
        """The next stanza to write; None where there is none, or too much is unconfirmed."""
        if not self._waiting or len(self._sent) >= MAX_UNCONFIRMED:
            return None
        letter = self._waiting.popleft()
        self._bytes -= len(letter.raw)
        if letter.again or letter.question:
            self._sent.append(letter)
            self._taken += 1
        return letter.raw

    def asked(self) -> None:
        """The other side is being asked whether it has read everything up to here."""
        self._asked = self._taken

    def answered(self) -> None:
        """It has."""
        if self._asked is not None:
            unread = self._taken - self._asked
            while len(self._sent) > unread:
                self._sent.popleft()
            self._asked = None

    def lost(self, now: float) -> None:
        """The connection is gone.  What it took with it is sent again, or told."""
        self._asked = None
        self._closed_since = now
        sent, self._sent = self._sent, deque()
        for letter in sent:
            if letter.question:
                _tell(letter.undelivered, "remote-server-timeout", "the connection to that domain was lost")
        again = [letter for letter in sent if letter.again]
        self._waiting.extendleft(reversed(again))
        self._bytes += sum(len(letter.raw) for letter in again)

    def expire(self, now: float) -> None:
        """While there is no connection: whatever has waited too long is told."""
        while self._closed_since is not None and self._waiting and now - self._waiting[0].since >= WAIT_TIME:
            letter = self._waiting.popleft()
            self._bytes -= len(letter.raw)
            _tell(letter.undelivered, "remote-server-timeout", "the way to that domain is closed")

    def close(self) -> None:
        """There will be no connection any more."""
        for letter in (*self._sent, *self._waiting):
            _tell(letter.undelivered, "remote-server-timeout", "the server is stopping")
        self._sent.clear()
        self._waiting.clear()
        self._bytes = 0


def _kind(raw: bytes) -> bytes:
    """The type attribute of a stanza."""
    tag = START_TAG.match(raw)
    found = _TYPE.search(tag[0]) if tag is not None else None
    return found[1] if found is not None else b""


def _tell(undelivered: Undelivered | None, condition: str, text: str) -> None:
    if undelivered is not None:
        undelivered(condition, text)
