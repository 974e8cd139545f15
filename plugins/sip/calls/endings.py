"""How a call ends that its own phones do not end: with a BYE from us to whichever side still lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from ....core.call import CONNECTION_LOST, SILENT, Party
from ..syntax.message import Request
from ..transport.flow import Flow
from .copies import MAX_FORWARDS
from .session import Session, Side
from .wires import Wires

log = logging.getLogger(__name__)

FLOW_GRACE = 90.0
"""Seconds for a phone whose connection broke in a call to sign in again; some take a minute before they try."""
ACK_WITHIN = 32.0
"""Seconds from a 2xx to its ACK: 64·T1 of RFC 3261 section 13.3.1.4."""


class Endings:
    """Watches sessions, and ends those of which a side is dead.

    A proxy that ends calls is what RFC 4028 leaves to the phones; but a phone that has died says no BYE, and the other
    one is left listening.
    """

    def __init__(self, wires: Wires) -> None:
        self._wires = wires
        self._refresh: dict[Session, asyncio.TimerHandle] = {}
        self._ack: dict[Session, asyncio.TimerHandle] = {}
        self._lost: dict[tuple[Session, Side], asyncio.TimerHandle] = {}
        self._closed = False

    # ---- watching

    def confirmed(self, session: Session, interval: int | None) -> None:
        """A 2xx went to the caller."""
        self.refreshed(session, interval)
        if not session.acknowledged and session not in self._ack:
            self._ack[session] = self._later(ACK_WITHIN, lambda: self.end(session, SILENT))

    def acknowledged(self, session: Session) -> None:
        """The ACK passed."""
        session.acknowledged = True
        self._stop(self._ack.pop(session, None))

    def refreshed(self, session: Session, interval: int | None) -> None:
        """A sign of life: the next one is due within the interval (RFC 4028 section 8), if there is one."""
        self._stop(self._refresh.pop(session, None))
        if interval is not None and not session.over:
            self._refresh[session] = self._later(interval, lambda: self.end(session, SILENT))

    def flow_closed(self, flow: Flow) -> None:
        """Whoever was behind it has a while to come back."""
        for session in [] if self._closed else self._wires.sessions.on(flow):
            if session.confirmed and not session.over:
                for side in (side for side in session.sides if side.flow is flow):
                    self._stop(self._lost.pop((session, side), None))
                    self._lost[session, side] = self._later(FLOW_GRACE, lambda s=session, o=side: self._missed(s, o))

    def _missed(self, session: Session, side: Side) -> None:
        del self._lost[session, side]
        hop = self._wires.hops.way(side.end) if side.flow.closed else None
        if hop is not None:
            side.flow = hop.flow
        if side.flow.closed:
            self.end(session, CONNECTION_LOST, by=side.party, to=[session.other(side)])

    # ---- ending

    def end(self, session: Session, reason: str, *, by: Party | None = None, to: Iterable[Side] | None = None) -> None:
        """BYE to these sides, or both; and the record is closed."""
        if session.over:
            return
        for side in session.sides if to is None else to:
            self._part(session, side)
        log.info("call %s was ended: %s", session.call_id, reason)
        session.chronicle.ended(reason, by)
        self.over(session)

    def over(self, session: Session) -> None:
        """Nothing is waited for any more."""
        session.over = True
        self._wires.sessions.remove(session)
        for waiting in (self._refresh, self._ack):
            self._stop(waiting.pop(session, None))
        for side in session.sides:
            self._stop(self._lost.pop((session, side), None))

    def close(self) -> None:
        """The server stops: watch no more."""
        self._closed = True
        for handle in [*self._refresh.values(), *self._ack.values(), *self._lost.values()]:
            handle.cancel()

    def _part(self, session: Session, side: Side) -> None:
        """A BYE to one side, in the name of the other and by its count."""
        hop = self._wires.hops.way(side.end) if side.flow.closed else None
        flow = side.flow if hop is None else hop.flow
        other = session.other(side)
        other.heard += 1
        bye = Request(
            "BYE",
            side.target,
            [
                ("From", other.address),
                ("To", side.address),
                ("Call-ID", session.call_id),
                ("CSeq", f"{other.heard} BYE"),
                ("Max-Forwards", MAX_FORWARDS),
                *(("Route", route) for route in side.routes),
            ],
        )
        self._wires.server.request(bye, flow)

    def _later(self, seconds: float, due: object) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, due)  # type: ignore[arg-type]

    def _stop(self, handle: asyncio.TimerHandle | None) -> None:
        if handle is not None:
            handle.cancel()
