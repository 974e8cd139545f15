"""SIP as a plugin: its options, its life, and what it adds to the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ...core.conversation import ParticipantJoined, ParticipantLeft
from ...core.forwarding import CallStep, TrunkState
from ...core.hooks import hookimpl
from ...core.identity import Identity
from ...web.problems import Problem
from .federation.federation import Federation
from .options import SipOptions
from .services import Services
from .xcap.service import xcap_routes

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd
    from ...core.registrar import Channel

log = logging.getLogger(__name__)


class SipTransport:
    """SIP phones and softphones: sign-in, presence, messages, conferences and calls."""

    Options = SipOptions

    def __init__(self, options: SipOptions) -> None:
        self._options = options
        self.ports: dict[str, int] = {}
        """The ports that are open, by transport: tls, tcp, udp."""
        self.services: Services | None = None
        """What serves, while the server runs."""
        self._tasks: set[asyncio.Task[Any]] = set()

    # ---- hooks

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        """Open the listeners; at the end say goodbye to subscribers and close them."""
        services = self.services = Services(front_end, self._options, self.ports, self._start)
        try:
            await services.open()
            yield
            await services.say_goodbye()
        finally:
            await services.close()
            for task in list(self._tasks):
                task.cancel()

    @hookimpl
    def routes(self, front_end: FrontEnd) -> Sequence[web.RouteDef]:
        """SIP over WebSocket and XCAP, on the ports of the web server."""
        documents = xcap_routes(front_end, self._start) if self._options.xcap else ()
        return [web.get("/sip", self._websocket), *documents]

    @hookimpl
    def addresses(self, front_end: FrontEnd) -> Sequence[tuple[str, str]]:
        """What to type into a SIP client."""
        host = self._options.public_host or self._options.listen or "127.0.0.1"
        names = {"tls": "SIP over TLS", "tcp": "SIP over TCP", "udp": "SIP over UDP"}
        return [(names[t], f"sip:{host}:{port};transport={t}") for t, port in self.ports.items() if t in names]

    @hookimpl
    def route(self, identity: Identity) -> Channel | None:
        """The way to people of domains we federate with."""
        federation = self._federation
        return federation.channel(identity) if federation is not None else None

    @hookimpl
    def participant_joined(self, event: ParticipantJoined) -> None:
        """Participants of other domains are told by their conference."""
        if (federation := self._federation) is not None:
            federation.happened(event)

    @hookimpl
    def participant_left(self, event: ParticipantLeft) -> None:
        """Likewise."""
        if (federation := self._federation) is not None:
            federation.happened(event)

    @hookimpl
    async def why_call(self, caller: Identity, callee: str) -> Sequence[CallStep] | None:
        """Where a call would ring, and why."""
        return None if self.services is None else await self.services.telephony.why_call(caller, callee)

    @hookimpl
    def trunks(self, front_end: FrontEnd) -> Sequence[TrunkState]:
        """How the trunks are."""
        return () if self.services is None else self.services.telephony.states()

    # ---- inside

    @property
    def _federation(self) -> Federation | None:
        return self.services.federation if self.services is not None else None

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if self.services is None:
            raise Problem("busy", "SIP is not served yet", retry_after=1)
        return await self.services.sockets.serve(request)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("something for a SIP endpoint failed", exc_info=failure)
