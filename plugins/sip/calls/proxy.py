"""Calls between people, and between people and the world: a forking, Record-Routing proxy (RFC 3261 section 16)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from ....core.call import CANCELLED, Call, Party
from ....core.calls import Calls
from ....core.errors import TooLarge
from ....core.identity import Identity
from ..errors import Refusal
from ..syntax.message import Request
from ..transaction.reply import Reply
from ..transport.flow import Flow, Peer
from .attempt import Attempt
from .chronicle import Chronicle
from .endings import Endings
from .hops import place_of
from .inside import Inside
from .sdp import CALLS, glance
from .session import Side, contact_of
from .stages import Stage
from .tokens import End
from .transfers import continued
from .wires import Wires

log = logging.getLogger(__name__)

MAX_SETUPS_ON_ONE = 20
"""INVITEs that wait for their answer at once on one flow of a phone."""
BUSY_RETRY = 5
"""Seconds, in the Retry-After of the 503 to one more."""
MAX_ROUTES = 20
"""Record-Routes of an INVITE that comes from another server."""
NO_MEDIUM = '304 hereabouts "no audio or video is offered"'
"""The Warning of a 488 (RFC 3261 section 20.43): 304 is a media type that is not available."""


class Plan(Protocol):
    """Who decides where a call goes."""

    async def stages(self, request: Request, caller: Identity | None, peer: Peer | None) -> Sequence[Stage]:
        """Who rings, and who afterwards.  Raises Refusal."""


class CallProxy:
    """Media flows between the phones; session descriptions pass untouched.

    When the server stops, calls go on: nothing in them needs us but their end, and that finds its way by our
    Record-Route when we are back.  Only their records are closed.
    """

    def __init__(
        self,
        wires: Wires,
        calls: Calls,
        plan: Plan,
        sender: Callable[[Request, Flow], Awaitable[Identity]],
    ) -> None:
        """``sender`` proves who sent a request, as it does outside of dialogs."""
        self._wires = wires
        self._calls = calls
        self._plan = plan
        self._endings = Endings(wires)
        self._attempts: dict[Attempt, None] = {}
        self.inside = Inside(wires, self._endings, sender)
        """The owner of what is sent inside calls."""
        calls.hang_up.append(self.hang_up)

    async def invite(self, request: Request, reply: Reply, flow: Flow, who: Identity, instance: str) -> None:
        """An INVITE outside of any dialog.  Raises Refusal, and what the core refuses."""
        self._admit(request, flow)
        reply(request.reply(100))
        stages = await self._plan.stages(request, who, flow.peer)
        if not stages:
            raise Refusal(480)
        caller = _caller(request, flow, who, instance)
        chronicle = await self._begun(request, caller, stages)
        if reply.answered or flow.closed:
            chronicle.ended(CANCELLED)
            return
        try:
            attempt = Attempt(self._wires, self._endings, request, reply, caller, stages, chronicle, self._over)
        except Refusal:
            chronicle.ended("refused")
            raise
        self._attempts[attempt] = None
        attempt.replaces = self._wires.sessions.replaced_by(request) if request.first("Replaces") else None
        attempt.start()

    def flow_closed(self, flow: Flow) -> None:
        """Who called over it and has no answer yet is gone; who is in a call has a while to come back."""
        for attempt in [attempt for attempt in self._attempts if attempt.caller.flow is flow]:
            attempt.caller_gone()
        self._endings.flow_closed(flow)

    async def hang_up(self, call: Call, reason: str) -> bool:
        """End a call on both sides; whether it was ours."""
        attempts = [attempt for attempt in self._attempts if attempt.chronicle.call is call]
        for attempt in attempts:
            attempt.give_up(reason)
        running = [s for s in self._wires.sessions if s.confirmed and s.chronicle.call is call]
        for session in running:
            self._endings.end(session, reason)
        return bool(attempts or running)

    def close(self) -> None:
        """The server stops: who still waits for an answer is told that there will be none."""
        for attempt in list(self._attempts):
            attempt.give_up("server stopped", 503)
        self._endings.close()

    # ---- inside

    def _admit(self, request: Request, flow: Flow) -> None:
        """What is no call, or one too many.  Raises Refusal."""
        if len(request.all("Record-Route")) > MAX_ROUTES:
            raise Refusal(400, f"at most {MAX_ROUTES} Record-Route entries")
        if not request.from_.tag:
            raise Refusal(400, "a From without a tag")
        offered = glance(request)
        if (offered is None and not _waits_for_an_offer(request)) or (offered is not None and not offered.media):
            raise Refusal(488, "", ("Warning", NO_MEDIUM))
        waiting = sum(attempt.caller.flow is flow for attempt in self._attempts)
        if flow.peer is None and waiting >= MAX_SETUPS_ON_ONE:
            raise Refusal(503, "", ("Retry-After", BUSY_RETRY))

    async def _begun(self, request: Request, caller: Side, stages: Sequence[Stage]) -> Chronicle:
        target = stages[0].targets[0] if stages[0].targets else None
        offered = glance(request)
        before = continued(request, caller.end.who, self._wires.sessions)
        called = Party((target.who or target.number or str(target.uri)) if target is not None else request.target.user)
        try:
            call = await self._calls.begin(
                caller.party,
                called,
                media=offered.media if offered is not None else CALLS & {"audio"},
                native={"call_id": request.call_id, "from_tag": request.from_.tag},
                route=target.trunk if target is not None else "",
                emergency=any(stage.emergency for stage in stages),
                continues=before.chronicle.call if before is not None else None,
            )
        except TooLarge:
            raise Refusal(503, "too many calls at once", ("Retry-After", BUSY_RETRY)) from None
        return Chronicle(self._calls, call, self._wires.start)

    def _over(self, attempt: Attempt) -> None:
        self._attempts.pop(attempt, None)


def _caller(request: Request, flow: Flow, who: Identity, instance: str) -> Side:
    """The side an INVITE comes from."""
    end = place_of(who, instance) if flow.peer is None else End(peer=f"{flow.peer.kind}:{flow.peer.name}")
    party = Party(who, request.from_.display, instance)
    target = contact_of(request, str(request.from_.uri))
    routes = tuple(request.all("Record-Route"))
    return Side(end, party, flow, request.from_, target, routes, request.cseq.number)


def _waits_for_an_offer(request: Request) -> bool:
    """No session description yet, but one is expected (RFC 3261 section 13.2.1): nothing says that it is a chat."""
    if request.body:
        return False
    contacts = request.contacts
    return not any("text" in contact.params for contact in contacts) if isinstance(contacts, list) else False
