"""Bytes of a stream to SIP messages: RFC 3261 section 18.3, and the keep-alives of RFC 5626 section 3.5.1.  No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from ..transport.limits import MAX_BEFORE_SIGN_IN, MAX_BODY, MAX_HEAD
from .grammar import MalformedSip
from .message import Request, Response, parse_head

PONG: Final = b"\r\n"


@dataclass(frozen=True, slots=True)
class Ping:
    """A double CRLF between messages, to be answered with a single one."""


class Broken(NamedTuple):
    """A message that is none.  When it was the last, nothing behind it can be found, and the stream must be closed."""

    why: MalformedSip
    last: bool


Framed: TypeAlias = Request | Response | Ping | Broken


class SipStream:
    """Takes portions as they come; ``next`` gives what is complete, one at a time, so that its reader sets the pace."""

    __slots__ = ("_broken", "_buffer", "_head", "_max_body", "_needed", "_searched", "signed_in")

    def __init__(self, max_body: int = MAX_BODY) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._head: Request | Response | MalformedSip | None = None
        self._needed = 0
        self._max_body = max_body
        self._broken = False
        self.signed_in = False

    def receive_data(self, data: bytes) -> None:
        """What the peer sent."""
        if not self._broken:
            self._buffer += data

    @property
    def waits_for_head(self) -> bool:
        """Whether a message has begun and its head has not ended."""
        return self._head is None and bool(self._buffer[:4].strip(b"\r\n"))

    @property
    def waits_for_body(self) -> bool:
        """Whether a head is complete and its body is not."""
        return self._head is not None

    def next(self) -> Framed | None:
        """The next message, keep-alive or fault; None when more bytes are needed."""
        if self._broken:
            return None
        if self._head is None:
            if self._buffer[:1] == b"\r":
                if self._buffer.startswith(b"\r\n\r\n"):
                    del self._buffer[:4]
                    return Ping()
                if b"\r\n\r\n".startswith(self._buffer):
                    return None
                if self._buffer.startswith(b"\r\n"):
                    del self._buffer[:2]
            fault = self._read_head()
            if fault is not None:
                return self._break(fault)
        return self._take_body() if self._head is not None else None

    def _read_head(self) -> MalformedSip | None:
        """RFC 3261 section 18.3.  Returns what makes the stream unreadable from here on."""
        limit = MAX_HEAD if self.signed_in else MAX_BEFORE_SIGN_IN
        end = self._buffer.find(b"\r\n\r\n", max(0, self._searched - 3), limit)
        if end < 0:
            self._searched = len(self._buffer)
            return self._too_large(limit) if self._searched >= limit else None
        self._searched = 0
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        try:
            self._head, length = parse_head(head)
        except MalformedSip as malformed:
            self._head, length = malformed, malformed.length
            if length is None:
                return malformed
        request = _request_of(self._head)
        if length is None:
            return MalformedSip("no Content-Length on a stream", request)
        if length > self._max_body or (not self.signed_in and end + length > MAX_BEFORE_SIGN_IN):
            return MalformedSip("the body is too large", request, 413)
        self._needed = length
        return None

    def _take_body(self) -> Framed | None:
        if len(self._buffer) < self._needed:
            return None
        message, self._head = self._head, None
        body = bytes(self._buffer[: self._needed])
        del self._buffer[: self._needed]
        if isinstance(message, MalformedSip):
            return Broken(message, last=False)
        assert message is not None
        message.body = body
        return message

    def _too_large(self, limit: int) -> MalformedSip:
        """513, to whomever the lines that came name."""
        lines = bytes(self._buffer[:limit]).rpartition(b"\r\n")[0]
        try:
            request = _request_of(parse_head(lines)[0])
        except MalformedSip as malformed:
            request = malformed.request
        return MalformedSip(f"a head longer than {limit} bytes", request, 513)

    def _break(self, fault: MalformedSip) -> Broken:
        self._broken, self._head = True, None
        self._buffer.clear()
        return Broken(fault, last=True)


def _request_of(read: Request | Response | MalformedSip | None) -> Request | None:
    return read if isinstance(read, Request) else read.request if isinstance(read, MalformedSip) else None
