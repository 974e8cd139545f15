"""One INVITE on its way to whoever may answer it: the response context of fork.py with flows, timers and branches."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from ....core.call import CANCELLED, CONNECTION_LOST, DECLINED, NOT_ANSWERED, OCCUPIED
from ....core.errors import HereaboutsError
from ..syntax.grammar import MalformedSip
from ..syntax.message import Request, Response
from ..transaction.reply import Reply
from ..transaction.server import TimeoutExpired
from . import copies, timers
from .chronicle import Chronicle
from .endings import Endings
from .fork import Answer, Cancel, Effect, Fork, Forward, HangUp, Open, Try
from .hops import Hop
from .sdp import Glance, glance
from .session import Session, Side, contact_of
from .stages import Stage
from .wires import Wires

log = logging.getLogger(__name__)

MAX_SETUP = 280.0
"""Seconds until an INVITE that nobody answered is given up: Timer C of RFC 3261 section 16.8, which must be more than
three minutes; and less than the server transaction's own patience."""
CANCEL_PATIENCE = 32.0
"""Seconds that a phone has to answer a CANCEL: 64·T1 of RFC 3261 section 9.1."""
BREADTH = 60
"""Max-Breadth of an INVITE that says none (RFC 5393)."""
REASONS = {486: OCCUPIED, 600: OCCUPIED, 603: DECLINED, 480: NOT_ANSWERED, 408: NOT_ANSWERED, 487: CANCELLED}
"""Why a call ended that nobody answered, in the core's words."""


@dataclass(slots=True, eq=False)
class Branch:
    """One place that is tried: the INVITE that went there, and the token in its Record-Route."""

    hop: Hop
    invite: Request
    token: str
    rings: bool = False
    parted: set[str] = field(default_factory=set)
    """The dialogs that were hung up on."""


class Attempt:
    """Ends with one final response, one session at most, and one end of the record."""

    def __init__(
        self,
        wires: Wires,
        endings: Endings,
        request: Request,
        reply: Reply,
        caller: Side,
        stages: Sequence[Stage],
        chronicle: Chronicle,
        over: Callable[[Attempt], None],
    ) -> None:
        """Raises Refusal 422 for a session interval that is too short."""
        self.caller = caller
        self.chronicle = chronicle
        self.replaces: Session | None = None
        """The session that this one takes the place of when it is answered."""
        self._wires = wires
        self._endings = endings
        self._request = request
        self._reply = reply
        self._stages = stages
        self._told_over = over
        self._fork = Fork([stage.after for stage in stages])
        self._branches: list[Branch] = []
        self._later: dict[int, list[list[Hop]]] = {}
        self._early: list[Session] = []
        self._timers: list[asyncio.TimerHandle] = []
        self._stage_timer: asyncio.TimerHandle | None = None
        self._share = 0.0
        self._why = ""
        believed = reply.flow.peer is not None
        self._model = copies.forwarded(request, realms=wires.domains, believed=believed)
        self._caller_refreshes = timers.supports(request)
        self._interval = timers.ask(self._model)

    def start(self) -> None:
        """Ring the first stage."""
        self._reply.relayed = True
        self._reply.on_cancel = lambda: self.give_up(CANCELLED)
        if self.replaces is not None:
            self.replaces.successor = self.caller.party
        self._after(MAX_SETUP, lambda: self.give_up(NOT_ANSWERED, 408))
        self._carry_out(self._fork.start())

    def give_up(self, why: str, status: int = 487) -> None:
        """The caller does not want it any more, or is gone; or it has taken too long."""
        self._why = self._why or why
        self._carry_out(self._fork.give_up(status))

    def caller_gone(self) -> None:
        """Its connection is closed: there is nobody left to answer."""
        self.give_up(CONNECTION_LOST)

    # ---- the fork's deeds

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Open(stage=stage):
                    self._wires.start(self._open(stage))
                case Try(branch=number):
                    self._try(number)
                case Cancel(branch=number, elsewhere=elsewhere):
                    self._cancel(number, elsewhere)
                case Forward(branch=number, response=response):
                    self._forward(self._branches[number], response)
                case HangUp(branch=number, response=response):
                    self._hang_up(self._branches[number], response)
                case Answer(response=chosen, status=status):
                    self._answer(chosen, status)
        if self._fork.over:
            self._finish()

    async def _open(self, stage: int) -> None:
        """Whom it rings now; those whom a contact's q puts behind others come when these have not answered."""
        known = stage in self._later
        if not known:
            secure = self._request.target.scheme == "sips"
            groups = await self._wires.hops.of(self._stages[stage], self.caller.end, secure=secure)
            self._later[stage], self._share = groups, self._stages[stage].ring_for / max(1, len(groups))
        groups = self._later[stage]
        hops = groups.pop(0) if groups else []
        first = len(self._branches)
        self._branches += [self._branch(hop, len(hops)) for hop in hops]
        self._stop_stage()
        self._stage_timer = asyncio.get_running_loop().call_later(self._share, self._rang_out)
        further = len(groups) if not known else 0
        self._carry_out(self._fork.opened(range(first, len(self._branches)), further))

    def _branch(self, hop: Hop, breadth: int) -> Branch:
        """The INVITE for one place (RFC 3261 section 16.6)."""
        invite = copies.forwarded(self._model, uri=hop.uri)
        invite.set("Max-Forwards", self._model.max_forwards)
        for name, value in hop.headers:
            invite.add(name, value)
        for route in reversed(hop.routes):
            invite.add("Route", route, first=True)
        limit = int(number) if (number := self._model.first("Max-Breadth") or "").isdecimal() else BREADTH
        invite.set("Max-Breadth", max(1, limit // breadth))
        tag = self._request.from_.tag
        token = self._wires.tokens.seal(self._request.call_id, tag, self.caller.end, hop.end)
        self._wires.record(invite, token, self.caller.flow, hop.flow)
        return Branch(hop, invite, token)

    def _try(self, number: int) -> None:
        branch = self._branches[number]
        try:
            future = self._wires.server.request(branch.invite, branch.hop.flow, progress=partial(self._heard, number))
        except ValueError:
            log.exception("an INVITE to %r could not be written", branch.hop.flow)
            return self._heard(number, self._request.reply(500))
        future.add_done_callback(partial(self._final, number))

    def _cancel(self, number: int, elsewhere: bool) -> None:
        branch = self._branches[number]
        reasons = [copies.ELSEWHERE] if elsewhere else []
        if self._reply.cancel is not None:
            reasons += self._reply.cancel.all("Reason")
        self._wires.server.request(copies.cancelling(branch.invite, reasons), branch.hop.flow, stamp=False)
        self._after(CANCEL_PATIENCE, lambda: self._heard(number, self._request.reply(487)))

    def _forward(self, branch: Branch, response: Response) -> None:
        back = copies.returned(response, self._request)
        if response.status < 200:
            if response.to.tag:
                self._session(branch, response)
            if not branch.rings and response.status != 181:
                branch.rings = True
                self.chronicle.ringing(branch.hop.party)
        else:
            self._won(branch, response, back)
        self._reply(back)

    def _hang_up(self, branch: Branch, response: Response) -> None:
        """A 2xx that came too late.  Its ACK goes again whenever it comes again."""
        self._wires.server.send(copies.acknowledging(branch.invite, response, branch.token), branch.hop.flow)
        if response.to.tag not in branch.parted:
            branch.parted.add(response.to.tag)
            self._wires.server.request(copies.parting(branch.invite, response, branch.token), branch.hop.flow)

    def _answer(self, chosen: Response | None, status: int) -> None:
        if self.replaces is not None:
            self.replaces.successor = None
        response = self._request.reply(status) if chosen is None else chosen
        self._reply(copies.returned(response, self._request))
        reason = self._why or REASONS.get(status) or f"{status} {response.reason}"
        self.chronicle.ended(reason, self.caller.party if reason == CONNECTION_LOST else None)

    def _finish(self) -> None:
        self._stop_stage()
        for handle in self._timers:
            handle.cancel()
        for session in self._early:
            if not session.confirmed:
                self._wires.sessions.remove(session)
        self._told_over(self)

    # ---- what branches say

    def _heard(self, number: int, response: Response) -> None:
        try:
            effects = self._fork.heard(number, response)
        except MalformedSip:
            effects = self._fork.heard(number, self._request.reply(502))
        branch = self._branches[number]
        if branch.rings and response.status >= 300:
            branch.rings = False
            self.chronicle.ringing(branch.hop.party, stopped=True)
        self._carry_out(effects)

    def _final(self, number: int, future: asyncio.Future[Response]) -> None:
        if future.cancelled():
            return
        why = future.exception()
        if why is None:
            self._heard(number, future.result())
        else:
            if not isinstance(why, HereaboutsError):
                log.error("an INVITE could not be sent", exc_info=why)
            self._heard(number, self._request.reply(408 if isinstance(why, TimeoutExpired) else 480))

    def _rang_out(self) -> None:
        self._carry_out(self._fork.rang_out())

    # ---- sessions

    def _session(self, branch: Branch, response: Response) -> Session:
        """The dialog of a response with a tag, early or not."""
        key = self._request.call_id, self._request.from_.tag, response.to.tag
        session = self._wires.sessions.get(key)
        if session is None:
            hop = branch.hop
            target = contact_of(response, hop.uri)
            callee = Side(hop.end, hop.party, hop.flow, response.to, target)
            session = Session(self._request.call_id, self.caller, callee, self.chronicle, branch.token)
            self._wires.sessions.add(session)
            self._early.append(session)
            self.chronicle.native(to_tag=response.to.tag)
        return session

    def _won(self, branch: Branch, response: Response, back: Response) -> None:
        session = self._session(branch, response)
        interval = timers.agree(back, self._interval, self._caller_refreshes)
        if session.confirmed:
            return
        session.confirmed = True
        session.callee.target = contact_of(response, session.callee.target)
        above, _ = copies.beyond_us(response.all("Record-Route"), branch.token)
        session.callee.routes = tuple(reversed(above))
        agreed = glance(response) or glance(self._request) or Glance()
        self.chronicle.native(to_tag=response.to.tag)
        self.chronicle.answered(branch.hop.party, agreed.media)
        if self.replaces is not None:
            self.replaces.succeeded()
        self._endings.confirmed(session, interval)

    # ---- timers

    def _after(self, seconds: float, due: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, due))

    def _stop_stage(self) -> None:
        if self._stage_timer is not None:
            self._stage_timer.cancel()
