"""Sessions that outlive their connection (XEP-0198 section 5): kept for a while, and carried on by the next stream."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable

from ....core.identity import Identity
from ..syntax.stanza import Stanza
from . import management
from .limits import RESUME_TIME, SETTLE_TIME
from .management import NS, REQUEST, Ledger
from .session import Session, Wire

log = logging.getLogger(__name__)

BREAKS = frozenset({"connection lost", "does not read", "no answer"})
"""Ends of a stream after which its client may come back; any other is an end of the session too."""


class Nobody:
    """The wire of a session whose client is away: what is sent waits in its ledger."""

    def __init__(self, end: Callable[[str], None]) -> None:
        self._end = end

    def write(self, data: bytes) -> None:
        """It is in the ledger."""

    def close(self, condition: str | None, text: str) -> None:
        """The session need not be kept any longer."""
        self._end(condition or "closed")

    def give_up(self) -> None:
        """There is no stream to end."""


class Resumption:
    """Whom to wait for.  ``release`` ends a session for good."""

    def __init__(self, release: Callable[[Session, str], None]) -> None:
        self._release = release
        self._kept: dict[str, Session] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def hear(self, element: Stanza, session: Session) -> bytes | None:
        """An element of a bound stream's management.  Returns the answer; None for what is none of it.

        Raises StreamError.
        """
        ledger = session.ledger
        if element.ns != NS:
            return None
        match element.name:
            case "enable" if ledger is None:
                return management.enabled(self._manage(session, element))
            case "enable" | "resume":
                return management.failed("unexpected-request")
            case "r" if ledger is not None:
                return ledger.asked()
            case "a" if ledger is not None:
                return REQUEST if ledger.acknowledged(element.attrs.get("h", "")) else b""
        return b""

    def keep(self, session: Session, reason: str) -> bool:
        """A stream has broken.  Returns whether its session waits for the client; if not, it is to be released."""
        ledger = session.ledger
        if ledger is None or not ledger.id or ledger.full or reason not in BREAKS or session.closed:
            return False
        session.carried_by(Nobody(lambda why: self._release(session, why)))
        session.away = True
        later = asyncio.get_running_loop().call_later
        self._timers[ledger.id] = later(ledger.hold, self._release, session, reason)
        log.info("%s is away (%s) and may come back within %d seconds", session, reason, ledger.hold)
        return True

    async def resume(self, who: Identity, id: str, handled: str, wire: Wire) -> Session | None:
        """The session of this id goes on over another wire; None where there is none.  Raises StreamError."""
        session = self._kept.get(id)
        ledger = session.ledger if session is not None else None
        if session is None or ledger is None or session.identity != who or session.closed:
            return None
        ledger.acknowledged(handled)
        timer = self._timers.pop(id, None)
        if timer is not None:
            timer.cancel()
        session.carried_by(Nobody(lambda why: self._release(session, why))).give_up()
        try:
            async with asyncio.timeout(SETTLE_TIME):
                await ledger.settled()
        except TimeoutError:
            log.warning("%s came back before what it had said was done", session)
        if session.closed:
            return None
        session.carried_by(wire)
        session.away = False
        return session

    def forget(self, session: Session, reason: str) -> None:
        """A session is over."""
        ledger = session.ledger
        if ledger is not None:
            self._kept.pop(ledger.id, None)
            timer = self._timers.pop(ledger.id, None)
            if timer is not None:
                timer.cancel()
            ledger.close(reason)

    def end_all(self, reason: str) -> None:
        """The server stops: nobody is waited for any more."""
        for id in list(self._timers):
            self._release(self._kept[id], reason)

    def _manage(self, session: Session, enable: Stanza) -> Ledger:
        ledger = Ledger()
        if management.wants_resumption(enable):
            ledger = Ledger(secrets.token_urlsafe(18), management.longest(enable, RESUME_TIME))
            self._kept[ledger.id] = session
        session.ledger = ledger
        return ledger
