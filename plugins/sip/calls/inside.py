"""Requests inside calls: from one side to the other by our Record-Route, and what they tell us."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from ....core.call import HUNG_UP, SILENT
from ....core.errors import HereaboutsError
from ....core.identity import Identity
from ..errors import Refusal, refusal_of
from ..syntax.headers import NameAddr
from ..syntax.message import Request, Response
from ..syntax.uri import SipUri
from ..transaction.reply import Reply
from ..transport.flow import Flow
from . import timers, transfers
from .copies import forwarded
from .endings import Endings
from .hops import Hop
from .passage import Passage
from .sdp import glance
from .session import Session, Side, contact_of
from .tokens import PARAM, Crossing
from .wires import Wires

log = logging.getLogger(__name__)

DEAD = frozenset((408, 481))
"""Responses that mean: there is no such call here any more (RFC 3261 section 12.2.1.2)."""
TELLING = frozenset(("INVITE", "UPDATE", "INFO"))
"""Requests whose failure says something of the call, and not only of a subscription inside it (RFC 5057)."""


class Inside:
    """A DialogOwner.

    A request passes when it belongs to a call that was let through: its Route has our sealed token, or its dialog is
    known; and when it comes from the side that it says: by the flow of that side, or signed.  It goes to the other
    side's endpoint, wherever that is registered now, and never to where its Request-URI points.
    """

    def __init__(self, wires: Wires, endings: Endings, sender: Callable[[Request, Flow], Awaitable[Identity]]) -> None:
        self._wires = wires
        self._endings = endings
        self._sender = sender

    def owns(self, request: Request, flow: Flow) -> bool:
        """Whether a request is inside a call."""
        return bool(_token(request)) or self._wires.sessions.of(request) is not None

    def take(self, request: Request, reply: Reply, flow: Flow) -> None:
        """Pass it on."""
        session = self._wires.sessions.of(request)
        token = _token(request)
        crossing = self._wires.tokens.open(token, request.call_id, request.from_.tag, request.to.tag) if token else None
        if crossing is None and session is not None and not token:
            crossing = session.crossing(request)
        if crossing is None:
            return reply(request.reply(481))
        sender = self._side(session, crossing, sending=True)
        if self._is_from(crossing, sender, flow):
            self._pass(request, reply, flow, crossing, session)
        elif request.method != "ACK":
            self._wires.start(self._prove(request, reply, flow, crossing, session))

    # ---- who sent it

    def _is_from(self, crossing: Crossing, side: Side | None, flow: Flow) -> bool:
        if side is not None and side.flow is flow:
            return True
        if flow.peer is not None:
            return crossing.sender.peer == f"{flow.peer.kind}:{flow.peer.name}"
        return crossing.sender.who is not None and flow.identity == crossing.sender.who

    async def _prove(
        self, request: Request, reply: Reply, flow: Flow, crossing: Crossing, session: Session | None
    ) -> None:
        """A phone that comes by a new connection before it signs in on it has a password all the same."""
        try:
            if await self._sender(request, flow) != crossing.sender.who:
                raise Refusal(403, "this is somebody else's call")
        except HereaboutsError as why:
            return reply(refusal_of(request, why))
        self._pass(request, reply, flow, crossing, session)

    # ---- passing it on

    def _pass(self, request: Request, reply: Reply, flow: Flow, crossing: Crossing, session: Session | None) -> None:
        sender, receiver = (self._side(session, crossing, sending=sending) for sending in (True, False))
        if sender is not None and sender.flow.closed:
            sender.flow = flow
        hop = self._hop(crossing, receiver)
        try:
            copy = self._copy(request, hop, session, flow.peer is not None)
        except HereaboutsError as why:
            return reply(refusal_of(request, why))
        if session is not None and sender is not None:
            self._notes(session, sender, request)
        if hop is None:
            return reply(request.reply(480))
        if request.method == "ACK":
            return self._wires.server.send(copy, hop.flow)
        Passage(self._wires.server, copy, reply, lambda r: self._heard(session, sender, copy, r)).go(hop.flow)

    def _hop(self, crossing: Crossing, receiver: Side | None) -> Hop | None:
        """The flow of the dialog while it lives, else where the endpoint is registered now."""
        hop = self._wires.hops.way(crossing.receiver)
        if receiver is None:
            return hop
        if receiver.flow.closed and hop is not None:
            receiver.flow = hop.flow
        if receiver.flow.closed:
            return None
        return Hop(receiver.end, receiver.party, receiver.flow, hop.uri if hop is not None else receiver.target)

    def _copy(self, request: Request, hop: Hop | None, session: Session | None, believed: bool) -> Request:
        """The Request-URI stays, unless it is an address of ours that only we can resolve (RFC 5627)."""
        routes = request.all("Route")
        uri = request.uri
        if PARAM in request.target.params and routes:
            # a strict router was here (section 16.4): the last Route is what the Request-URI was
            uri = str(NameAddr.parse(routes.pop()).uri)
        if hop is not None and hop.uri and SipUri.parse(uri).host.lower() in self._wires.domains:
            uri = hop.uri
        copy = forwarded(request, uri=uri, realms=self._wires.domains, believed=believed)
        copy.drop("Route")
        for route in [*(hop.routes if hop is not None else ()), *routes]:
            copy.add("Route", route)
        if session is not None and session.confirmed and request.method in timers.REFRESHING:
            timers.ask(copy)
        return copy

    def _side(self, session: Session | None, crossing: Crossing, *, sending: bool) -> Side | None:
        if session is None:
            return None
        return session.caller if crossing.by_caller is sending else session.callee

    # ---- what it tells

    def _notes(self, session: Session, sender: Side, request: Request) -> None:
        """What a request says by itself."""
        sender.speaks(request)
        match request.method:
            case "ACK":
                self._endings.acknowledged(session)
            case "BYE" if session.confirmed and not session.over:
                session.succeeded()
                session.chronicle.ended(HUNG_UP, sender.party)
                self._endings.over(session)
            case "NOTIFY" if (to := transfers.arrived(request, session)) is not None:
                session.chronicle.transferred(to)

    def _heard(self, session: Session | None, sender: Side | None, request: Request, response: Response) -> None:
        """What the other side's answer says."""
        if session is None or sender is None or not session.confirmed or session.over:
            return
        if response.status in DEAD and request.method in TELLING:
            dead = session.other(sender)
            return self._endings.end(session, SILENT, by=dead.party, to=[sender])
        if not 200 <= response.status < 300:
            return
        if request.method in timers.REFRESHING:
            self._refreshed(session, sender, request, response)
        elif request.method == "REFER":
            transfers.asked(request, session)

    def _refreshed(self, session: Session, sender: Side, request: Request, response: Response) -> None:
        receiver = session.other(sender)
        sender.target = contact_of(request, sender.target)
        receiver.target = contact_of(response, receiver.target)
        asked = timers.ask(request)
        self._endings.refreshed(session, timers.agree(response, asked, timers.supports(request)))
        offer, answer = glance(request), glance(response)
        offerer, offered = (receiver, answer) if offer is None else (sender, offer)
        if offered is None:
            return
        offerer.holds = offered.held
        agreed = answer or offered
        session.chronicle.changed(held=any(side.holds for side in session.sides), media=agreed.media or None)


def _token(request: Request) -> str:
    """Ours, from the Route that brought the request, or from the Request-URI where a strict router has put it."""
    if request.came_by is not None and PARAM in request.came_by.params:
        return request.came_by.params[PARAM]
    return request.target.params.get(PARAM) or ""
