"""A SIP server: sockets below, transactions in between, one function above that is handed each request."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from itertools import count

from ....core.errors import Undeliverable
from ..syntax.checks import check
from ..syntax.grammar import MalformedSip
from ..syntax.message import Request, Response
from ..syntax.reasons import REASONS
from ..transport.datagrams import UdpPort
from ..transport.flow import Address, Flow, FlowClosed, Wire
from ..transport.limits import Limits
from ..transport.listeners import Listener
from ..transport.overload import Doorkeeper
from ..transport.sockets import bound
from .answers import Answers
from .asked import Asked
from .chance import chances
from .reply import Reply, slim
from .transaction import Failed, PassUp, Send, ServerTransaction, TimedOut
from .transactions import COOKIE, Cancelled, Effect, Transaction, Transactions

log = logging.getLogger(__name__)

FORWARDS = 70
"""RFC 3261 section 8.1.1.6."""


class TimeoutExpired(Undeliverable):
    """The peer did not answer within 64·T1: what RFC 3261 section 8.1.3.1 treats as a 408."""


class SipServer:
    """Hands each request to ``receive(request, reply, flow)``, and asks what ``request`` is given.

    ``flow_closed`` is called when a flow is over.
    """

    def __init__(
        self,
        receive: Callable[[Request, Reply, Flow], None],
        clock: Callable[[], float] | None = None,
        *,
        limits: Limits | None = None,
        flow_closed: Callable[[Flow], None] | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.clock = clock or asyncio.get_running_loop().time
        self.flow_closed = flow_closed
        self._receive = receive
        self._transactions = Transactions(self.limits.max_transactions)
        self._answers = Answers()
        self._door = Doorkeeper(self.limits)
        self._listeners: list[Listener] = []
        self.udp: list[UdpPort] = []
        self._flows: set[Flow] = set()
        self._numbers = count(1)
        self._chance = chances(8)
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    async def listen(
        self,
        host: str,
        *,
        tls: int | None = None,
        tcp: int | None = None,
        udp: int | None = None,
        context: ssl.SSLContext | None = None,
    ) -> dict[str, int]:
        """Listen on these ports (0: any that is free) of the host, or without one of every address.

        Returns the bound ports by transport.  Raises OSError.
        """
        ports: dict[str, int] = {}
        if tls is not None:
            if context is None:
                raise ValueError("TLS needs a context")
            ports["tls"] = await self._open(Listener(self, self._door, context), host, tls)
        if tcp is not None:
            ports["tcp"] = await self._open(Listener(self, self._door), host, tcp)
        if udp is not None:
            loop = asyncio.get_running_loop()
            bound_socket = await bound(host, udp, socket.SOCK_DGRAM)
            transport, port = await loop.create_datagram_endpoint(lambda: UdpPort(self), sock=bound_socket)
            self.udp.append(port)
            ports["udp"] = transport.get_extra_info("sockname")[1]
        return ports

    async def close(self) -> None:
        """Send what is left, close every flow, and stop."""
        for port in self.udp:
            port.close()
        await asyncio.gather(*(listener.close() for listener in self._listeners))
        for flow in list(self._flows):
            flow.close("the server is stopping")
        if self._timer is not None:
            self._timer.cancel()

    @property
    def flows(self) -> frozenset[Flow]:
        """Those that are open."""
        return frozenset(self._flows)

    def request(
        self, request: Request, flow: Flow, *, progress: Callable[[Response], None] | None = None, stamp: bool = True
    ) -> asyncio.Future[Response]:
        """Send a request over a flow; the future has the final response, or fails with Undeliverable.

        ``progress`` hears provisional responses, and an INVITE's 2xx when it comes again (to send its ACK again).
        Without ``stamp`` it has its Via already (CANCEL).  Raises ValueError for a request that cannot be printed.
        """
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        asked = Asked(future, progress)
        if flow.closed:
            asked.failed(FlowClosed(flow.reason))
            return future
        branch = self._stamp(request, flow) if stamp else request.via[0].branch
        flow.expect()
        self._carry_out(self._transactions.request(request, flow, self.clock(), asked, branch))
        return future

    def send(self, request: Request, flow: Flow) -> None:
        """Send a request that gets no response: the ACK for a 2xx."""
        self._stamp(request, flow)
        flow.send(bytes(request))

    def opened(self, wire: Wire, transport: str, remote: Address, local: Address) -> Flow:
        """A transport has a new flow."""
        flow = Flow(f"{transport.lower()}{next(self._numbers)}", wire, transport, remote, local)
        self._flows.add(flow)
        return flow

    def received(self, message: Request | Response, flow: Flow) -> None:
        """A transport has a message."""
        try:
            check(message)
            if isinstance(message, Request):
                message.came_from(*flow.remote)
                if message.max_forwards == 0 and message.method not in ("OPTIONS", "ACK"):
                    return flow.send(bytes(slim(message.reply(483), flow.allowance)))
        except MalformedSip as malformed:
            malformed.request = message if isinstance(message, Request) else None
            return self.malformed(malformed, flow)
        self._carry_out(self._transactions.receive(message, flow, self.clock()))

    def malformed(self, why: MalformedSip, flow: Flow) -> None:
        """A transport has something that is no message: answered when it can be, logged once."""
        if flow.first_time(why.reason):
            log.info("%r sent what is no SIP message: %s", flow, why.reason[:256])
        request = why.request
        if request is None or request.method == "ACK" or request.first("Via") is None:
            return
        try:
            request.came_from(*flow.remote)
        except MalformedSip:
            pass  # The flow knows the way back; the Via is returned as it came.
        response = request.reply(why.status, f"{REASONS[why.status]}: {why.reason[:256]}")
        flow.send(bytes(slim(response, flow.allowance)))

    def closed(self, flow: Flow) -> None:
        """A transport has lost a flow."""
        self._flows.discard(flow)
        self._answers.flow_closed(flow)
        self._carry_out(self._transactions.flow_closed(flow, self.clock()))
        _call(self.flow_closed, flow)

    def _respond(self, reply: Reply, response: Response) -> None:
        transaction, flow = reply.transaction, reply.flow
        relayed = reply.relayed and reply.request.method == "INVITE" and 200 <= response.status < 300
        if transaction is None or (transaction.answered and not relayed):
            return
        # To an address that is not proven: nothing larger than what came, and nothing that is sent again by itself.
        stranger = not flow.reliable and not flow.known
        if stranger:
            response = slim(response, flow.allowance)
        keep = not (stranger and response.status >= 300)
        effects = self._transactions.respond(transaction, response, self.clock(), keep=keep)
        if relayed and not effects:
            flow.send(bytes(response))  # RFC 3261 section 16.7 step 9: its transaction is over, the caller still waits
        self._carry_out(effects)
        if reply.request.method == "INVITE" and 200 <= response.status < 300 and not relayed:
            self._answers.sent(response, reply, self.clock())
            self._arm()

    def _carry_out(self, effects: list[Effect]) -> None:
        for action, flow, transaction in effects:
            if isinstance(action, Send):
                flow.send(action.data)
            elif isinstance(action, PassUp) and isinstance(action.message, Request):
                self._hand_over(action.message, flow, transaction)
            elif transaction is not None:
                self._inform(transaction, action)
        self._arm()

    def _inform(self, transaction: Transaction, action: object) -> None:
        user = transaction.user
        match action:
            case PassUp(Response() as response):
                _tell(user, response)
            case TimedOut() if isinstance(user, Asked):
                user.failed(TimeoutExpired(f"no answer to {transaction.request.method} from {transaction.flow!r}"))
            case Failed() if isinstance(user, Asked):
                user.failed(FlowClosed(transaction.flow.reason))
            case Cancelled(request=cancel) if isinstance(user, Reply):
                self._cancel(user, cancel)

    def _hand_over(self, request: Request, flow: Flow, transaction: object) -> None:
        owned = transaction if isinstance(transaction, ServerTransaction) and request.method != "ACK" else None
        reply = Reply(request, flow, owned, self._respond)
        if owned is not None:
            owned.user = reply
        elif request.method == "ACK":
            self._answers.acknowledged(request)
        try:
            self._receive(request, reply, flow)
        except MalformedSip as malformed:
            reply(request.reply(malformed.status, f"{REASONS[malformed.status]}: {malformed.reason[:256]}"))
        except Exception:
            log.exception("%s of %r failed", request.method[:64], flow)
            reply(request.reply(500))

    def _cancel(self, reply: Reply, cancel: Request) -> None:
        reply.cancelled, reply.cancel = True, cancel
        _call(reply.on_cancel)
        if not reply.relayed:
            reply(reply.request.reply(487))

    def _stamp(self, request: Request, flow: Flow) -> str:
        """RFC 3261 section 18.1.1: the Via by which the response comes back, over the same flow; returns its branch."""
        branch = COOKIE + self._chance()
        request.add("Via", flow.via(branch), first=True)
        if "max-forwards" not in request.present:
            request.add("Max-Forwards", FORWARDS)
        return branch

    def _arm(self) -> None:
        """One timer of the loop for whatever is due first."""
        due, other = self._transactions.next_timer, self._answers.next_timer
        if other is not None and (due is None or other < due):
            due = other
        if due is None or (self._timer is not None and self._due <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        delay = max(0.0, self._due - self.clock())
        self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        now = self.clock()
        again, never = self._answers.tick(now)
        for answer in again:
            answer.flow.send(answer.data)
        for answer in never:
            log.info("%r never acknowledged an INVITE's 2xx", answer.flow)
            _call(answer.reply.on_silence)
        self._carry_out(self._transactions.tick(now))

    async def _open(self, listener: Listener, host: str, port: int) -> int:
        bound = await listener.open(host, port)
        self._listeners.append(listener)
        return bound


def _tell(asked: object, response: Response) -> None:
    if not isinstance(asked, Asked):
        return
    if response.status >= 200 and not asked.future.done():
        asked.future.set_result(response)
    else:
        _call(asked.progress, response)


def _call(told: Callable[..., None] | None, *given: object) -> None:
    """Tell the transaction user; a mistake of its is not one of everybody else's timers."""
    if told is not None:
        try:
            told(*given)
        except Exception:
            log.exception("%r failed", told)
