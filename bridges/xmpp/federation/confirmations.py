"""What was written to another server and is not known to have arrived.  Pure: time is an argument."""

from __future__ import annotations

import secrets

from ..stream.stream_error import StreamError
from ..syntax import xml
from .dialback import Pair
from .letters import COUNTS, Letter, Unconfirmed
from .limits import CONFIRM_TIME

REQUEST = xml.element("r", {"xmlns": xml.STREAM_MANAGEMENT})
ENABLE = xml.element("enable", {"xmlns": xml.STREAM_MANAGEMENT})
NOTHING_CAME = xml.element("a", {"xmlns": xml.STREAM_MANAGEMENT, "h": "0"})
PING = "arrived-"
"""How the ids of our questions begin."""


class Confirmations:
    """By XEP-0198, where the other server speaks it.  Where it does not, by a ping behind what was sent (XEP-0199):
    stanzas of a stream are dealt with in order (RFC 6120 section 10.1), so whoever answers it has all that was before.
    """

    def __init__(self, pair: Pair) -> None:
        self.numbered = False
        """Whether XEP-0198 is spoken."""
        self.hopeless = False
        """No ping was ever answered: nobody can know what arrived."""
        self._pair = pair
        self._letters = Unconfirmed()
        self._asked: float | None = None
        self._ping = ""
        self._counts = 0

    def __len__(self) -> int:
        return len(self._letters)

    @property
    def full(self) -> bool:
        """Whether nothing more may be written for now."""
        return self._letters.full

    @property
    def due(self) -> float | None:
        """When there should have been an answer."""
        return self._asked + CONFIRM_TIME if self._asked is not None else None

    def written(self, letter: Letter, now: float) -> bytes:
        """A letter was written.  Returns the question to write behind it, or nothing."""
        if self.hopeless:
            return b""
        self._letters.written(letter)
        return self._question(now)

    def has(self, count: str, now: float) -> bytes:
        """They have so many (XEP-0198 section 4).  Returns the next question.  Raises StreamError."""
        if not count.isascii() or not count.isdecimal() or len(count) > 10 or int(count) >= COUNTS:
            raise StreamError("bad-format", "h is no count of stanzas")
        if not self._letters.has(int(count)):
            raise StreamError("undefined-condition", "you have handled more than was sent")
        self._asked = None
        return self._question(now)

    def answered(self, ping: str, now: float) -> bytes:
        """They answered a ping; whatever they say, all that was written before it has arrived.  The next question."""
        if ping != self._ping or self._asked is None:
            return b""
        self._letters.has(self._counts % COUNTS)
        self._asked = None
        return self._question(now)

    def give_up(self) -> None:
        """There was no answer in time."""
        self._asked = None
        self.hopeless = True
        self._letters.take_all()

    def left(self) -> list[Letter]:
        """What nobody has confirmed, when the connection is over."""
        return self._letters.take_all()

    def _question(self, now: float) -> bytes:
        if self._asked is not None or not len(self._letters):
            return b""
        self._asked = now
        if self.numbered:
            return REQUEST
        self._ping = PING + secrets.token_hex(8)
        self._counts = self._letters.sent
        attrs = {"type": "get", "id": self._ping, "from": self._pair.ours, "to": self._pair.theirs}
        return xml.element("iq", attrs, xml.element("ping", {"xmlns": xml.PING}))
