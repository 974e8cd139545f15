"""A TCP or TLS connection under asyncio: RFC 3261 section 18."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Protocol, cast

from ..syntax.framing import PONG, Broken, Ping, SipStream
from ..syntax.grammar import MalformedSip
from ..syntax.message import Request, Response
from .certified import certified
from .flow import Address, Flow, Wire
from .limits import CLOSE_WITHIN, PER_TURN, Limits
from .overload import Bucket
from .sockets import address_of, watch_for_death


class Reception(Protocol):
    """Who takes what arrives."""

    limits: Limits
    clock: Callable[[], float]

    def opened(self, wire: Wire, transport: str, remote: Address, local: Address) -> Flow:
        """A new flow."""

    def received(self, message: Request | Response, flow: Flow) -> None:
        """A message."""

    def malformed(self, why: MalformedSip, flow: Flow) -> None:
        """Something that should have been one."""

    def closed(self, flow: Flow) -> None:
        """A flow is over."""


class Connection(asyncio.Protocol):
    """A TCP or TLS connection.  What one turn of the loop has to say is written at once, at its end."""

    def __init__(self, reception: Reception, name: str, remote: Address, done: Callable[[], None]) -> None:
        self._reception = reception
        self._limits = reception.limits
        self._name = name
        self._remote = remote
        self._done = done
        self._loop = asyncio.get_running_loop()
        self._stream = SipStream(self._limits.max_body)
        self._unwritten: list[bytes] = []
        self._flushing: asyncio.Handle | None = None
        self._resuming: asyncio.Handle | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._waiting_for = ""
        self._ending: asyncio.TimerHandle | None = None
        self._sign_in: asyncio.TimerHandle | None = None
        self._spoke = False
        self._owed = 0
        self._held: Request | Response | Ping | Broken | None = None
        self.made = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer has come, and through the TLS handshake where there is one."""
        self.made = True
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclasses
        now = self._reception.clock()
        self._rate = Bucket(self._limits.rate_before_sign_in, self._limits.burst_before_sign_in, now)
        self._pings = Bucket(self._limits.keep_alives_per_second, self._limits.keep_alives_per_second, now)
        local = address_of(transport.get_extra_info("sockname"))
        self.flow = self._reception.opened(self, self._name, self._remote, local)
        self.flow.certified = certified(transport.get_extra_info("peercert"))
        self._sign_in = self._loop.call_later(self._limits.first_request_within, self._first_request_is_due)
        watch_for_death(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        """A portion of the stream."""
        self._stream.receive_data(data)
        if self._resuming is None:
            self._work()

    def eof_received(self) -> None:
        """The peer says no more; what it was still owed is lost with it."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, from whichever side."""
        for handle in (self._flushing, self._resuming, self._deadline, self._sign_in, self._ending):
            if handle is not None:
                handle.cancel()
        self.flow.closed = True
        self.flow.reason = self.flow.reason or (f"connection lost: {exc}" if exc else "the peer closed the connection")
        self._done()
        self._reception.closed(self.flow)

    def write(self, data: bytes) -> None:
        """Send with everything else that is said in this turn."""
        self._unwritten.append(data)
        if self._flushing is None:
            self._flushing = self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what is left and close."""
        self._flush()
        self._transport.close()
        if self._ending is None:
            self._ending = self._loop.call_later(CLOSE_WITHIN, self._transport.abort)

    def abort(self) -> None:
        """Close at once."""
        self._transport.abort()

    @property
    def is_closing(self) -> bool:
        """Whether it takes no more."""
        return self._transport.is_closing()

    def expect_no_sign_in(self) -> None:
        """Nobody has to say anything: it is we who came."""
        if self._sign_in is not None:
            self._sign_in.cancel()

    @property
    def allowance(self) -> int:
        """A stream carries anything."""
        return sys.maxsize

    def expect(self) -> None:
        """One more answer from there is free."""
        self._owed += 1

    def _work(self) -> None:
        self._resuming = None
        self._adjust()
        for _ in range(PER_TURN):
            framed = self._held or self._stream.next()
            if framed is None or self._transport.is_closing():
                stream = self._stream
                return self._wait_for("head" if stream.waits_for_head else "body" if stream.waits_for_body else "")
            self._held = None
            if isinstance(framed, Ping):
                self._pong()
                continue
            if isinstance(framed, Response) and self._owed:
                self._owed -= 1
            elif not self._rate.take(now := self._reception.clock()):
                self._held = framed
                return self._pause(self._rate.wait(now))
            self._take(framed)
        self._pause(0)

    def _take(self, framed: Request | Response | Broken) -> None:
        self._wait_for("")
        if not isinstance(framed, Broken):
            self._spoke = True
            self._reception.received(framed, self.flow)
            self._adjust()
            return
        self._reception.malformed(framed.why, self.flow)
        if framed.last:
            self.flow.close(f"not readable: {framed.why.reason}")

    def _adjust(self) -> None:
        """Who has signed in may send larger messages, and more of them."""
        if self.flow.known and not self._stream.signed_in:
            self._stream.signed_in = True
            self._rate = self._rate.refilled(self._limits.rate, self._limits.burst, self._reception.clock())

    def _pong(self) -> None:
        if self._pings.take(self._reception.clock()):
            self.write(PONG)
        else:
            self.flow.close("too many keep-alives")

    def _pause(self, seconds: float) -> None:
        """Let the others have their turn; the peer's own sending waits in its window."""
        self._wait_for("")
        self._resuming = self._loop.call_later(seconds, self._resume)
        if seconds > 0:
            self._transport.pause_reading()

    def _resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._work()

    def _wait_for(self, part: str) -> None:
        """The rest of a head or body may take its time, from its first byte on, however it drips in."""
        if part != self._waiting_for:
            self._waiting_for = part
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
            if part:
                within = self._limits.head_within if part == "head" else self._limits.body_within
                self._deadline = self._loop.call_later(
                    within, self.flow.close, f"a {part} that did not come to its end"
                )

    def _first_request_is_due(self) -> None:
        if not self._spoke:
            return self.flow.close("nothing said")
        rest = self._limits.sign_in_within - self._limits.first_request_within
        self._sign_in = self._loop.call_later(max(0.0, rest), self._sign_in_is_due)

    def _sign_in_is_due(self) -> None:
        if not self.flow.known:
            self.flow.close("nobody signed in")

    def _flush(self) -> None:
        self._flushing = None
        if not self._unwritten or self._transport.is_closing():
            return
        self._transport.write(b"".join(self._unwritten))
        self._unwritten.clear()
        unsent = self._transport.get_write_buffer_size()
        limits = self._limits
        if unsent > (limits.max_unsent if self.flow.known else limits.max_unsent_before_sign_in):
            self.flow.reason = self.flow.reason or "it does not read what it is sent"
            self._transport.abort()
