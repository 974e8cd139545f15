"""Stream management (XEP-0198): what each side has handled of what the other said.  Pure: no socket, no clock."""

from __future__ import annotations

import asyncio
from collections import deque

from ....core.errors import Undeliverable
from ..syntax import xml
from ..syntax.stanza import Stanza
from .limits import MAX_UNACKNOWLEDGED, MAX_UNACKNOWLEDGED_BYTES
from .stream_error import StreamError

NS = xml.STREAM_MANAGEMENT
FEATURE = xml.element("sm", {"xmlns": NS})
"""What a stream offers to those who signed in (section 3)."""
REQUEST = xml.element("r", {"xmlns": NS})
COUNTS = 2**32
"""Counters begin again at 0 when they reach this (section 4)."""


class Ledger:
    """One session's account.  What the client said counts as handled when all work for it, and for all it said
    before, is done: for a message that is when it is on the disk.
    """

    __slots__ = (
        "_acknowledged",
        "_asking",
        "_bytes",
        "_done",
        "_idle",
        "_owed",
        "_receipts",
        "_waiting",
        "handled",
        "heard",
        "hold",
        "id",
        "sent",
    )

    def __init__(self, id: str = "", hold: int = 0) -> None:
        self.id = id
        """By which the client may resume; empty where it did not ask for that."""
        self.hold = hold
        """Seconds for which a broken stream is kept."""
        self.heard = 0
        """Stanzas that came, in all."""
        self.handled = 0
        self.sent = 0
        self._done: set[int] = set()
        self._owed: int | None = None
        self._acknowledged = 0
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._asking = False
        self._receipts: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._idle: asyncio.Future[None] | None = None

    # ---- what came

    def hear(self) -> int:
        """A stanza came; its number."""
        self.heard += 1
        return self.heard

    def done(self, number: int) -> bytes:
        """The work for it is done.  Returns the answer to a request that waited for that."""
        self._done.add(number)
        while self.handled + 1 in self._done:
            self.handled += 1
            self._done.discard(self.handled)
        if self._idle is not None and self.handled == self.heard:
            self._idle.set_result(None)
            self._idle = None
        return self.asked() if self._owed is not None and self.handled >= self._owed else b""

    def asked(self) -> bytes:
        """The client asks how far we are.  Returns the answer, or nothing while work for what it said is under way."""
        if self._owed is None:
            self._owed = self.heard
        if self.handled < self._owed:
            return b""
        self._owed = None
        return xml.element("a", {"xmlns": NS, "h": str(self.handled % COUNTS)})

    def settled(self) -> asyncio.Future[None]:
        """Done when all that came is handled."""
        if self._idle is None:
            self._idle = asyncio.get_running_loop().create_future()
        idle = self._idle
        if self.handled == self.heard:
            idle.set_result(None)
            self._idle = None
        return idle

    # ---- what was sent

    def say(self, stanza: bytes) -> bool:
        """A stanza is on its way.  Returns whether to ask the client, behind it, how far it is."""
        self.sent += 1
        self._waiting.append(stanza)
        self._bytes += len(stanza)
        asks, self._asking = not self._asking, True
        return asks

    @property
    def full(self) -> bool:
        """Whether the client owes us more acknowledgements than we keep stanzas for."""
        return len(self._waiting) > MAX_UNACKNOWLEDGED or self._bytes > MAX_UNACKNOWLEDGED_BYTES

    def receipt(self) -> asyncio.Future[None]:
        """Done when the client has acknowledged all that was sent so far; fails with Undeliverable if it never does."""
        receipt: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._receipts.append((self.sent, receipt))
        return receipt

    def acknowledged(self, count: str) -> bool:
        """The client has handled so many.  Returns whether to ask again.  Raises StreamError (section 4)."""
        if not count.isascii() or not count.isdecimal() or len(count) > 10 or int(count) >= COUNTS:
            raise StreamError("bad-format", "h is no count of stanzas")
        news = (int(count) - self._acknowledged) % COUNTS
        if news > len(self._waiting):
            told = {"xmlns": NS, "h": count, "send-count": str(self.sent % COUNTS)}
            extra = xml.element("handled-count-too-high", told)
            raise StreamError("undefined-condition", "you have handled more than was sent", extra)
        for _ in range(news):
            self._bytes -= len(self._waiting.popleft())
        self._acknowledged += news
        while self._receipts and self._receipts[0][0] <= self._acknowledged:
            receipt = self._receipts.popleft()[1]
            if not receipt.done():
                receipt.set_result(None)
        self._asking = bool(self._waiting)
        return self._asking

    def again(self) -> list[bytes]:
        """What the client has not acknowledged, for a stream that goes on."""
        self._asking = bool(self._waiting)
        return list(self._waiting)

    def close(self, reason: str) -> None:
        """The session is over; whoever waits for a receipt learns that there will be none."""
        for _, receipt in self._receipts:
            if not receipt.done():
                receipt.set_exception(Undeliverable(reason))
        self._receipts.clear()
        self._waiting.clear()
        self._bytes = 0


def enabled(ledger: Ledger) -> bytes:
    """Section 3: yes."""
    attrs: dict[str, str | None] = {"xmlns": NS}
    if ledger.id:
        attrs |= {"id": ledger.id, "resume": "true", "max": str(ledger.hold)}
    return xml.element("enabled", attrs)


def resumed(ledger: Ledger) -> bytes:
    """Section 5: the stream goes on, and this is how far we had come."""
    return xml.element("resumed", {"xmlns": NS, "previd": ledger.id, "h": str(ledger.handled % COUNTS)})


def failed(condition: str) -> bytes:
    """Section 3: no; the stream itself goes on."""
    return xml.element("failed", {"xmlns": NS}, xml.element(condition, {"xmlns": xml.STANZA_ERRORS}))


def wants_resumption(enable: Stanza) -> bool:
    """Whether a client wants to come back to this session."""
    return enable.attrs.get("resume") in ("true", "1")


def longest(enable: Stanza, most: int) -> int:
    """Seconds the client would be kept for, no more than we keep anybody."""
    asked = enable.attrs.get("max", "")
    return min(int(asked), most) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else most
