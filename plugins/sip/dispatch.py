"""Which service takes a request: the owner of its dialog, else the service of its method."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...core.errors import HereaboutsError
from ...core.identity import Identity
from .errors import Refusal, refusal_of
from .messages.bodies import ACCEPTED, ENCODINGS
from .presence import pidf
from .syntax.headers import NameAddr
from .syntax.message import Request, Response
from .transaction.reply import Reply
from .translate import identity_of
from .transport.addresses import OwnAddresses
from .transport.flow import Flow

log = logging.getLogger(__name__)

INSIDE = frozenset(("BYE", "INFO", "UPDATE", "PRACK", "NOTIFY", "REFER"))
"""Methods that as a rule belong in dialogs."""
KNOWN = frozenset(("ACK", "CANCEL", "INVITE", "MESSAGE", "PUBLISH", "REGISTER", "SUBSCRIBE")) | INSIDE
"""Methods that have a meaning, but perhaps not here: 405.  Others are 501."""

TELLS_NOTHING = frozenset(("lr", "transport"))
"""Parameters of a Route that say where we are, and no more."""

Method = Callable[[Request, Flow, Identity, str], Awaitable[Response]]
"""Answers a request: (request, flow, who sent it, the instance they registered over this flow)."""
SessionMethod = Callable[[Request, Reply, Flow, Identity, str], Awaitable[None]]
"""Begins a session: answers by the reply, now or later."""


class DialogOwner(Protocol):
    """A service that has dialogs."""

    def owns(self, request: Request, flow: Flow) -> bool:
        """Whether this request belongs to a dialog of its."""

    def take(self, request: Request, reply: Reply, flow: Flow) -> None:
        """Do with it what there is to do; an ACK is taken too, and is not answered."""


@dataclass(slots=True)
class Lane:
    """The requests of one sender: each has its turn when the one before is answered."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Dispatch:
    """Made once for each plugin; services enter themselves into its tables."""

    def __init__(
        self,
        authenticate: Callable[[Request, Flow], Awaitable[Identity]],
        instance_on: Callable[[Flow, Identity], str],
        addresses: OwnAddresses,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        """``instance_on`` says which endpoint somebody registered over a flow."""
        self._authenticate = authenticate
        self._instance_on = instance_on
        self._addresses = addresses
        self._start = start
        self._lanes: dict[tuple[str, str], Lane] = {}
        self.methods: dict[str, Method] = {}
        """Who answers which method, outside of sessions."""
        self.invite: list[tuple[Callable[[Request], bool], SessionMethod]] = []
        """Who takes an INVITE that begins a session: the first whose condition holds."""
        self.owners: list[DialogOwner] = []
        """Who is asked first for what belongs to a dialog."""
        self.gates: list[Callable[[Request, Flow], Awaitable[None]]] = []
        """Who may refuse what another server asks."""
        self.inside: set[str] = set()
        """Methods that are served inside dialogs only."""
        self.supported: set[str] = set()
        """Option tags that a request to us may require."""
        self.capabilities: list[Callable[[], tuple[str, str]]] = []
        """More headers of the answer to OPTIONS."""

    def receive(self, request: Request, reply: Reply, flow: Flow) -> None:
        """One request from the server below."""
        came_by_us = self._strip_route(request, flow)
        if came_by_us or request.to.tag or request.method == "ACK":
            for owner in self.owners:
                if owner.owns(request, flow):
                    return owner.take(request, reply, flow)
        if request.method in self.methods:
            self._start(self._answer(request, reply, flow))
        elif request.method == "OPTIONS":
            reply(self._options(request))
        elif request.method == "INVITE" and self.invite and not request.to.tag:
            self._start(self._begin(request, reply, flow))
        elif request.method != "ACK":
            reply(self._refused(request))

    @property
    def allow(self) -> tuple[str, str]:
        """The header that names every method that is served."""
        sessions = {"INVITE", "ACK", "CANCEL", "BYE"} if self.invite else set()
        return "Allow", ", ".join(sorted({*self.methods, *self.inside, *sessions, "OPTIONS"}))

    async def sender(self, request: Request, flow: Flow) -> Identity:
        """Who sent a request, proven.  Raises Refusal, BadAddress, MalformedSip."""
        if flow.peer is None:
            return await self._authenticate(request, flow)
        for admit in self.gates:
            await admit(request, flow)
        who = identity_of(request.from_)
        if not flow.peer.speaks_for(who):
            raise Refusal(403, f"{flow.peer.name} does not speak for {who.domain}")
        return who

    # ---- inside

    def _strip_route(self, request: Request, flow: Flow) -> bool:
        """Take off the Routes that name us (RFC 3261 section 16.4); the first that tells anything stays as ``came_by``.

        A phone may put its outbound proxy, us again, in front of what a dialog recorded.
        """
        routes = request.all("Route")
        others = list(routes)
        while others and self._addresses.is_ours((uri := NameAddr.parse(others[0]).uri), flow):
            if request.came_by is None or TELLS_NOTHING.issuperset(request.came_by.params):
                request.came_by = uri
            del others[0]
        if len(others) == len(routes):
            return False
        request.drop("Route")
        for route in others:
            request.add("Route", route)
        return True

    async def _answer(self, request: Request, reply: Reply, flow: Flow) -> None:
        """One request of the methods we serve, in the order in which its sender made them."""
        key = (flow.id, str(request.from_.uri))
        lane = self._lanes.setdefault(key, Lane())
        lane.waiting += 1
        try:
            async with lane.turn:
                reply(await self._answer_in_turn(request, flow))
        finally:
            lane.waiting -= 1
            if not lane.waiting:
                del self._lanes[key]

    async def _answer_in_turn(self, request: Request, flow: Flow) -> Response:
        try:
            needed = request.all("Require") + request.all("Proxy-Require")
            if needed and (unheard_of := self._unheard_of(request, needed)) is not None:
                return unheard_of
            who = await self.sender(request, flow)
            return await self.methods[request.method](request, flow, who, self._instance_on(flow, who))
        except HereaboutsError as why:
            return refusal_of(request, why)
        except Exception:
            log.exception("%s of %r failed", request.method, flow)
            return request.reply(500)

    async def _begin(self, request: Request, reply: Reply, flow: Flow) -> None:
        """An INVITE; what it requires of whom it is to is their business, not ours."""
        try:
            if (unheard_of := self._unheard_of(request, request.all("Proxy-Require"))) is not None:
                return reply(unheard_of)
            who = await self.sender(request, flow)
            for condition, begin in self.invite:
                if condition(request):
                    return await begin(request, reply, flow, who, self._instance_on(flow, who))
            reply(request.reply(405, headers=[self.allow]))
        except HereaboutsError as why:
            reply(refusal_of(request, why))
        except Exception:
            log.exception("INVITE of %r failed", flow)
            reply(request.reply(500))

    def _unheard_of(self, request: Request, needed: list[str]) -> Response | None:
        """The 420 for a request that needs an extension we have not (RFC 3261 section 8.2.2.3)."""
        missing = [tag for tag in needed if tag.strip().lower() not in self.supported]
        return request.reply(420, headers=[("Unsupported", ", ".join(missing))]) if missing else None

    def _options(self, request: Request) -> Response:
        """RFC 3261 section 11.2: what we can do, the same for everybody we are asked about."""
        unheard_of = self._unheard_of(request, request.all("Require") + request.all("Proxy-Require"))
        if unheard_of is not None:
            return unheard_of
        headers = [
            self.allow,
            ("Accept", ", ".join((pidf.CONTENT_TYPE, *ACCEPTED))),
            ("Accept-Encoding", ", ".join(ENCODINGS)),
            *(capability() for capability in self.capabilities),
        ]
        if self.supported:
            headers.append(("Supported", ", ".join(sorted(self.supported))))
        return request.reply(200, headers=headers)

    def _refused(self, request: Request) -> Response:
        """What is not served: 481 outside of any dialog of ours, 405 where others serve it, else 501."""
        if request.to.tag and (request.method in INSIDE or request.method == "INVITE"):
            return request.reply(481)
        return request.reply(405 if request.method in KNOWN else 501, headers=[self.allow])
