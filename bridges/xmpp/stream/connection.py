"""One client's connection: what comes goes into the stream, and the stream's deeds are done in fair shares."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from ..syntax import xml
from ..syntax.stanza import Stanza
from . import deeds
from .alarm import Alarm
from .budget import Bucket
from .entry import Entry
from .farewell import Farewell
from .framing import TAGS, Framing
from .house import House
from .in_flight import InFlight
from .limits import FAIR_SHARE
from .management import NS
from .pipe import Pipe
from .sasl import Question
from .session import Session
from .sessions import LOST, REASONS
from .states import State
from .stream import Stream
from .stream_error import StreamError

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """Carries one stream, in the clear until STARTTLS or in TLS from the start."""

    __slots__ = (
        "_alarm",
        "_bytes",
        "_early",
        "_entry",
        "_farewell",
        "_framing",
        "_held",
        "_house",
        "_loop",
        "_over",
        "_pipe",
        "_pumping",
        "_reason",
        "_session",
        "_stanzas",
        "_stream",
        "_work",
        "made",
        "remote",
    )

    def __init__(self, house: House, address: str, *, secure: bool, framing: Framing = TAGS) -> None:
        self._house = house
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._stream = Stream(house.offer, now, secure=secure, framing=framing)
        self._entry = Entry(house, self._stream, address)
        self._framing = framing
        self._bytes = Bucket(house.pace.bytes, house.pace.byte_burst, now)
        self._stanzas = Bucket(house.pace.stanzas, house.pace.stanza_burst, now)
        self._session: Session | None = None
        self._pipe: Pipe | None = None
        self._farewell: Farewell | None = None
        self._early = b""
        """Came through TLS before we were told that the handshake is over."""
        self._work = InFlight(self._pump_soon)
        self._held = self._pumping = self._over = False
        self._alarm = Alarm(self._tick)
        self.remote = address
        self.made = False
        """Whether there was a connection: it will tell the door when it is over."""
        self._reason = ""

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody was let in, and is behind TLS already if the stream is to be secure."""
        self.made = True
        self._pipe = Pipe(cast(asyncio.Transport, transport), self._stream.output, self._unread, self._framing)
        self._house.enter(self)
        self._alarm.set(self._stream.due)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._farewell is not None:
            self._farewell.heard = True
        if self._pipe is None or self._over:
            return
        if self._pipe.securing:
            self._early += data
            return
        now = self._loop.time()
        self._hold(self._bytes.spend(len(data), now))
        self._stream.receive(data, now)
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; what came before that is still done."""
        if self._pipe is None:
            return
        self._house.leave(self)
        self._entry.leave()
        now = self._loop.time()
        while self._session is not None and (deed := self._stream.next(now)) is not None:
            self._do(deed, now)
        self._over = True
        self._stream.end(None)
        self._release(LOST)
        self._alarm.cancel()
        self._pipe.forget()
        self._pipe = None

    # ---- Wire

    def write(self, data: bytes) -> None:
        """Queue bytes for the client."""
        if self._pipe is not None and self._stream.state is not State.ENDED:
            self._stream.output.append(data)
            self._pipe.flush_soon()

    def close(self, condition: str | None, text: str) -> None:
        """End the stream from our side."""
        self._stream.end(condition, text, reason=REASONS.get(condition or "", ""))
        self._pump_soon()

    def give_up(self) -> None:
        """The session goes on over another connection."""
        self._session = None
        self.close("conflict", "the session was resumed by another stream")

    def why(self) -> str:
        """The reason for which the stream was ended; nothing before."""
        return self._reason

    def abort(self) -> None:
        """Close the connection without another word."""
        if self._pipe is not None:
            self._pipe.abort()

    # ---- deeds

    def _pump(self) -> None:
        """Do what the stream asks for, a fair share at a time."""
        self._pumping = False
        now = self._loop.time()
        for _ in range(FAIR_SHARE):
            waits = (self._held or self._work.full) and self._stream.state is not State.ENDED
            if waits or (deed := self._stream.next(now)) is None:
                break
            self._do(deed, now)
        else:
            self._pump_soon()
        if self._pipe is not None:
            if self._stream.output:
                self._pipe.flush_soon()
            busy = self._held or self._pumping or self._work.full
            self._pipe.read(self._over or not busy)
            self._alarm.set(self._stream.due)

    def _pump_soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    def _do(self, deed: deeds.Deed, now: float) -> None:
        match deed:
            case Stanza():
                self._route(deed, now)
            case deeds.StartTls():
                if self._pipe is not None:
                    self._pipe.begin_securing()
                    self._work.start(self._secure(self._pipe))
            case deeds.Ask(question):
                self._work.start(self._ask(question))
            case deeds.Register():
                self._work.start(self._register(deed))
            case deeds.Failed(who):
                self._entry.failed(who)
            case deeds.Authenticated(who) if self._pipe is not None:
                self._entry.proven(who)
            case deeds.Enter():
                self._work.start(self._enter(deed))
            case deeds.Bind(who, resource):
                self._session = self._entry.bind(who, resource, self, now)
                if self._session is not None:
                    self._house.router.opened(self._session)
            case deeds.Resume():
                self._work.start(self._resume(deed))
            case deeds.Ended(reason, text):
                if text:
                    log.info("the stream of %s was ended: %s: %s", self._session or self.remote, reason, text)
                self._ended(reason)

    def _route(self, stanza: Stanza, now: float) -> None:
        session = self._session
        if session is None:  # it goes on over another connection, whose client will say this again
            return
        self._hold(self._stanzas.spend(1, now))
        number = session.ledger.heard if session.ledger is not None and stanza.ns == xml.CLIENT else 0
        try:
            if stanza.ns == NS:
                return self._manage(session, stanza)
            work = self._house.router.receive(session, stanza)
        except Exception:
            log.exception("a stanza of %s could not be routed", session)
            work = None
            if stanza.type not in ("error", "result"):
                session.send(xml.stanza_error(stanza, "wait", "internal-server-error"))
        if work is not None:
            self._work.start(work, session, number)
        elif number:
            session.done(number)

    def _manage(self, session: Session, element: Stanza) -> None:
        """Stream management (XEP-0198)."""
        try:
            self.write(self._house.sessions.resumption.hear(element, session) or b"")
        except StreamError as error:
            self._stream.end(error.condition, error.text, extra=error.extra)
        if self._stream.established is not None:
            self._stream.established.ledger = session.ledger

    async def _ask(self, question: Question) -> None:
        await self._entry.ask(question, lambda: self._over)
        self._pump()

    async def _register(self, asked: deeds.Register) -> None:
        await self._entry.register(asked)
        self._pump()

    async def _enter(self, deed: deeds.Enter) -> None:
        self._session = await self._entry.enter(deed, self, lambda: self._over)
        if self._over:
            self._release(LOST)
        self._pump()

    async def _resume(self, deed: deeds.Resume) -> None:
        self._session = await self._entry.resume(deed, self)
        if self._over:  # the client is gone already
            self._release(LOST)
        self._pump()

    async def _secure(self, pipe: Pipe) -> None:
        try:
            await pipe.secure(self, self._house.tls)
        except (OSError, TimeoutError) as why:
            log.debug("no TLS with %s: %s", self.remote, why)
            pipe.abort()
            self.connection_lost(None)
            return
        self._stream.secured(self._loop.time())
        early, self._early = self._early, b""
        self.data_received(early)

    # ---- pace, time, the end

    def _hold(self, seconds: float) -> None:
        """Read and do nothing for a while: the client is ahead of its budget."""
        if seconds > 0 and not self._held:
            self._held = True
            self._loop.call_later(seconds, self._let_go)

    def _let_go(self) -> None:
        self._held = False
        self._pump()

    def _tick(self) -> None:
        self._stream.tick(self._loop.time())
        self._pump()

    def _ended(self, reason: str) -> None:
        self._reason = reason
        self._release(reason)
        self._over = True
        self._alarm.cancel()
        if self._pipe is not None:
            self._farewell = Farewell(self._pipe)

    def _unread(self) -> None:
        log.info("%s does not read; its connection is closed", self._session or self.remote)
        self._release("does not read")
        self.abort()

    def _release(self, reason: str) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._house.sessions.broken(session, reason)
