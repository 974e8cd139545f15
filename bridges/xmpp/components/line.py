"""One connection between a server and a component: elements come in, what is in the outbox goes out."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable
from typing import Protocol

from ..stream.alarm import Alarm
from ..stream.in_flight import InFlight
from ..stream.stream_error import StreamError, stream_error
from ..syntax import xml
from ..syntax.framer import Framer, Header
from ..syntax.namespaces import settled
from ..syntax.stanza import Stanza
from .limits import COMPONENT_STREAM, CONFIRM_AFTER, CONFIRM_TIME, GOODBYE_TIME, QUIET_TIME, UNSENT
from .outbox import Outbox
from .standing import Standing

COMPONENT = "jabber:component:accept"
"""XEP-0114 section 3."""
END = b"</stream:stream>"


class Side(Protocol):
    """Who is at our end of the connection."""

    def opened(self, header: Header) -> None:
        """The other side has opened its stream."""

    def heard(self, element: Stanza) -> Awaitable[None] | None:
        """A whole element came; an awaitable is work still to be done."""

    def refused(self, element: Stanza, why: str) -> None:
        """One came that is too much; only its start tag is known."""

    def ended(self, error: StreamError | None) -> None:
        """The other side has closed its stream, or broken the rules of streams.  Called once."""


class Line:
    """Neither side of XEP-0114 in particular.  After ``carry`` the outbox leaves by it."""

    def __init__(self, transport: asyncio.Transport, side: Side) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        transport.set_write_buffer_limits(high=UNSENT)
        self._side = side
        self._framer = Framer(COMPONENT_STREAM, home=COMPONENT)
        self._work = InFlight(self._pump)
        self._alarm = Alarm(self._tick)
        self._outbox: Outbox | None = None
        self._standing: Standing | None = None
        self._addresses = ("", "")
        self._paused = self._pumping = self._over = self._opened = False
        self._heard_at = self._loop.time()
        self._asked_at = 0.0
        self._question = ""
        self._token = secrets.token_hex(8)
        self._number = 0
        self._drained: asyncio.Future[None] | None = None

    # ---- in

    def receive(self, data: bytes) -> None:
        """Bytes from the other side."""
        if self._over:
            return
        now = self._loop.time()
        if data:
            self._heard_at = now
        framer = self._framer
        elements = framer.receive(data, now)
        if framer.header is not None and not self._opened:
            self._opened = True
            self._side.opened(framer.header)
        for element in elements:
            if self._over:
                return
            self._take(element)
        while framer.refused and not self._over:
            self._side.refused(*framer.refused.pop(0))
        if (framer.failure is not None or framer.closed) and not self._over:
            self._side.ended(framer.failure)
        elif not self._over:
            self._read()
            self._set_alarm()

    def confirmed(self, element: Stanza) -> bool:
        """Whether this answers our question: then all that was written before it has been read."""
        if not self._question or element.id != self._question or element.name != "iq":
            return False
        self._question = ""
        if self._outbox is not None:
            self._outbox.answered()
            self._pump_soon()
            self._tell_drained()
        return True

    def _take(self, element: Stanza) -> None:
        if self.confirmed(element):
            return
        work = self._side.heard(element)
        if work is not None:
            self._work.start(work)

    def _read(self) -> None:
        if self._work.full and self._transport.is_reading():
            self._transport.pause_reading()
        elif not self._work.full and not self._transport.is_reading():
            self._transport.resume_reading()

    # ---- out

    def say(self, data: bytes) -> None:
        """Write what belongs to the stream itself."""
        self._transport.write(data)

    def carry(self, outbox: Outbox, sender: str, to: str, standing: Standing) -> None:
        """From now on this is the outbox's connection; questions are asked from and to these addresses."""
        self._outbox, self._addresses, self._standing = outbox, (sender, to), standing
        outbox.opened()
        self._pump_soon()

    def stanza_waits(self) -> None:
        """Something was put into the outbox."""
        self._pump_soon()

    def pause(self) -> None:
        """The other side does not take what was written."""
        self._paused = True

    def resume(self) -> None:
        """It does again."""
        self._paused = False
        self._pump_soon()

    def ask(self) -> None:
        """Ask whether the other side is there and has read everything."""
        if self._outbox is None or self._question or self._over:
            return
        self._number += 1
        self._question = f"{self._token}-{self._number}"
        self._asked_at = self._loop.time()
        self._outbox.asked()
        sender, to = self._addresses
        attrs = {"type": "get", "id": self._question, "from": sender, "to": to}
        self.say(xml.element("iq", attrs, xml.element("ping", {"xmlns": xml.PING})))
        self._set_alarm()

    async def drain(self) -> None:
        """Wait until all that is queued has arrived; not for long."""
        if not self._settled:
            self._drained = self._loop.create_future()
            self.ask()
            await asyncio.wait((self._drained,), timeout=GOODBYE_TIME)

    def end(self, error: StreamError | None = None) -> None:
        """Close our stream, and the connection when the other side has closed too, or soon."""
        if self._over:
            return
        self.forget()
        self._transport.write((stream_error(error.condition, error.text) if error is not None else b"") + END)
        self._transport.close()
        self._loop.call_later(GOODBYE_TIME, self._transport.abort)

    def forget(self) -> None:
        """The connection is gone."""
        self._over = True
        self._alarm.cancel()
        self._framer.close()
        self._tell_drained()

    # ---- inside

    @property
    def _settled(self) -> bool:
        return self._over or self._outbox is None or not (len(self._outbox) or self._outbox.unconfirmed)

    def _tell_drained(self) -> None:
        if self._drained is not None and not self._drained.done() and self._settled:
            self._drained.set_result(None)

    def _pump_soon(self) -> None:
        if not self._pumping and not self._over:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self._over:
            return
        self._read()
        outbox, out, size = self._outbox, list[bytes](), 0
        if outbox is None or self._standing is None or self._paused:
            return
        while size < UNSENT and (raw := outbox.take()) is not None:
            out.append(settled(raw, COMPONENT))
            size += len(raw)
            self._standing.sent += raw.startswith(b"<message")
        if out:
            self._transport.write(b"".join(out))
        if size >= UNSENT:
            self._pump_soon()
        self._set_alarm()

    def _set_alarm(self) -> None:
        times = [self._framer.due]
        if self._outbox is not None:
            if self._question:
                times.append(self._asked_at + CONFIRM_TIME)
            else:
                times.append(self._heard_at + QUIET_TIME)
                if self._outbox.unconfirmed:
                    times.append(self._loop.time() + CONFIRM_AFTER)
        self._alarm.set(min((time for time in times if time is not None), default=None))

    def _tick(self) -> None:
        if self._over:
            return
        now = self._loop.time()
        if self._framer.due is not None and now >= self._framer.due:
            self.receive(b"")
        if self._over or self._outbox is None:
            return
        if self._question and now >= self._asked_at + CONFIRM_TIME:
            if self._heard_at < self._asked_at:
                self._side.ended(StreamError("connection-timeout", "no answer for too long"))
                return
            self._question = ""  # it speaks, but does not answer: there is nothing better to go by
            self._outbox.answered()
        if not self._question and (self._outbox.unconfirmed or now >= self._heard_at + QUIET_TIME):
            self.ask()
        self._set_alarm()
