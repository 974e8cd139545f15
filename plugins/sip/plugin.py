"""SIP for presence and instant messages: the listeners, and the services behind them."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ...core.conversation import ParticipantJoined, ParticipantLeft
from ...core.errors import SettingsError
from ...core.forwarding import CallStep, TrunkState
from ...core.front_end import secret_of
from ...core.hooks import hookimpl
from ...core.identity import Identity
from ...web.problems import Problem
from .assembly import is_loopback, join, serve
from .calls.install import carry_calls
from .calls.telephony import Telephony
from .conferences.install import serve_conferences
from .dispatch import Dispatch
from .events.offer import offer
from .events.subscriptions import Subscriptions
from .federation.federation import Federation
from .messages.chat import Chat
from .messages.exchange import Exchange
from .options import SipOptions
from .presence.publication import Publications
from .sign_in.authentication import Authentication
from .sign_in.client_certificates import for_phones, is_of_phones
from .sign_in.contact import Leases
from .sign_in.digest import Nonces
from .sign_in.gruu import Gruus
from .sign_in.registration import Registrations
from .syntax.message import Request
from .transaction.reply import Reply
from .transaction.server import SipServer
from .transport.addresses import OwnAddresses
from .transport.flow import Flow
from .transport.outgoing import Outgoing
from .transport.resolver import Resolver
from .transport.websocket import WebSockets
from .xcap.service import xcap_routes

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd
    from ...core.registrar import Channel

log = logging.getLogger(__name__)


class SipTransport:
    """SIP phones and softphones: sign-in, presence, messages."""

    Options = SipOptions

    def __init__(self, options: SipOptions) -> None:
        self._options = options
        self.ports: dict[str, int] = {}
        """The ports that are open, by transport: tls, tcp, udp."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sockets: WebSockets | None = None
        self._telephony: Telephony | None = None
        self.federation: Federation | None = None
        """Other domains, while the server runs and where there are any."""
        self.gruus: Gruus | None = None
        """Which address means which instance, while the server runs."""
        self.registrations: Registrations | None = None
        """Who is reached where, while the server runs."""
        self.dispatch: Dispatch | None = None
        """Which service takes which request, while the server runs."""

    # ---- hooks

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        """Open the listeners; at the end say goodbye to subscribers and close them."""

        def flow_closed(flow: Flow) -> None:
            registrations.flow_closed(flow)
            calls.flow_closed(flow)
            telephony.flow_closed(flow)
            if self.federation is not None:
                self.federation.flow_closed(flow)

        def receive(request: Request, reply: Reply, flow: Flow) -> None:
            telephony.trunks.arrived(request, flow)
            dispatch.receive(request, reply, flow)

        server = SipServer(receive, flow_closed=flow_closed)
        outgoing, resolver = Outgoing(server, self.ports), Resolver()
        leases = Leases(self._options.min_expires, self._options.max_expires)
        addresses = OwnAddresses(front_end.domains, self._options.public_host)
        exchange = Exchange(front_end, server.request)
        gruus = self.gruus = Gruus(self._secret(front_end, b"GRUUs"))
        registrations = self.registrations = Registrations(front_end, exchange, leases, self._start, gruus)
        publications = Publications(front_end, leases, registrations.at)
        subscriptions = Subscriptions(
            server.request,
            addresses,
            leases,
            self._start,
            pause=self._options.notify_pause,
            dead=registrations.unanswered,
        )
        chat = Chat(front_end, exchange, gruus)
        sockets = self._sockets = WebSockets(server, self._options.origins)
        dispatch = self.dispatch = Dispatch(self._authentication(front_end), registrations.on, addresses, self._start)
        withdraw = offer(front_end, subscriptions, dispatch.supported, self._start)
        serve(dispatch, registrations, publications, subscriptions, chat)
        join(front_end, registrations, publications, subscriptions)
        leave_conferences = serve_conferences(
            front_end,
            server,
            addresses,
            exchange,
            registrations,
            subscriptions,
            dispatch,
            chat,
            self._options.conference_factory,
            self._start,
        )
        telephony = self._telephony = Telephony(
            front_end,
            self._options.calls,
            self._options.trunks,
            server=server,
            addresses=addresses,
            registrations=registrations,
            resolve=gruus.resolve,
            outgoing=outgoing,
            resolver=resolver,
            start=self._start,
        )
        if self._options.federation is not None:
            self.federation = federation = Federation(
                front_end, self._options.federation, server, addresses, exchange, subscriptions, self._start
            )
            dispatch.owners.append(federation.interests)
            dispatch.gates.append(federation.admit)
        sealing = self._secret(front_end, b"Record-Route")
        calls = carry_calls(front_end, telephony, addresses, registrations, dispatch, sealing, self._start)
        try:
            await self._listen(server, front_end)
            if self.federation is not None:
                self.ports["federation"] = await self.federation.open(self._options.listen)
            telephony.begin()
            yield
            subscriptions.end_all()
            calls.close()
            await telephony.end()
        finally:
            if self.federation is not None:
                await self.federation.close()
            leave_conferences()
            registrations.close("server stopped")
            front_end.registrar.departed.remove(registrations.departed)
            withdraw()
            publications.close()
            chat.close()
            await sockets.close()
            await outgoing.close()
            await server.close()
            await resolver.close()
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
        return self.federation.channel(identity) if self.federation is not None else None

    @hookimpl
    def participant_joined(self, event: ParticipantJoined) -> None:
        """Participants of other domains are told by their conference."""
        if self.federation is not None:
            self.federation.happened(event)

    @hookimpl
    def participant_left(self, event: ParticipantLeft) -> None:
        """Likewise."""
        if self.federation is not None:
            self.federation.happened(event)

    @hookimpl
    async def why_call(self, caller: Identity, callee: str) -> Sequence[CallStep] | None:
        """Where a call would ring, and why."""
        return None if self._telephony is None else await self._telephony.why_call(caller, callee)

    @hookimpl
    def trunks(self, front_end: FrontEnd) -> Sequence[TrunkState]:
        """How the trunks are."""
        return () if self._telephony is None else self._telephony.states()

    # ---- putting it together

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if self._sockets is None:
            raise Problem("busy", "SIP is not served yet", retry_after=1)
        return await self._sockets.serve(request)

    def _secret(self, front_end: FrontEnd, purpose: bytes) -> bytes:
        return hmac.digest(secret_of(front_end.state / "secret"), purpose, "sha256")

    def _authentication(self, front_end: FrontEnd) -> Authentication:
        def now() -> float:
            return front_end.clock().timestamp()

        return Authentication(
            front_end.accounts,
            front_end.ours,
            now,
            digest_md5=front_end.settings.digest_md5,
            md5_only=self._options.md5_only,
            nonces=Nonces(self._secret(front_end, b"nonces of SIP digest"), since=now()),
            by_certificate=lambda flow: bool(self._options.client_ca) and is_of_phones(flow, self.ports),
        )

    async def _listen(self, server: SipServer, front_end: FrontEnd) -> None:
        options = self._options
        for transport, port in (("tls", options.tls_port), ("tcp", options.tcp_port), ("udp", options.udp_port)):
            if port is None:
                continue
            try:
                self.ports |= await server.listen(
                    options.listen,
                    tls=port if transport == "tls" else None,
                    tcp=port if transport == "tcp" else None,
                    udp=port if transport == "udp" else None,
                    context=for_phones(front_end.tls, options.client_ca) if transport == "tls" else None,
                )
            except OSError as why:
                what = f"[sip] {transport}_port {port} cannot be opened: {why.strerror}; choose another port"
                raise SettingsError([what]) from None
        if (options.tcp_port is not None or options.udp_port is not None) and not is_loopback(options.listen):
            log.warning("SIP is served without encryption too: messages and presence can be read on the way")

    # ---- work of its own

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("something for a SIP endpoint failed", exc_info=failure)
