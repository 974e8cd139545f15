"""Everything behind SIP's listeners, made for one run of the server, and how it is joined."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ...core.errors import SettingsError
from ...core.front_end import secret_of
from .assembly import is_loopback, join, serve
from .calls.install import carry_calls
from .calls.telephony import Telephony
from .conferences.install import serve_conferences
from .dispatch import Dispatch
from .events.offer import offer
from .events.registrations import NAME as REG
from .events.registrations import RegistrationsPackage
from .events.subscriptions import Subscriptions
from .federation.calls import CallsAbroad
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

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd

log = logging.getLogger(__name__)

Start = Callable[[Coroutine[Any, Any, None]], object]


class Services:
    """Whoever looks for what answers a request begins here.

    Its __init__ is one line for each part, in the order in which they build on one another; who comes first in the
    dispatcher is asked first, so calls come last.
    """

    def __init__(self, front_end: FrontEnd, options: SipOptions, ports: dict[str, int], start: Start) -> None:
        """``ports`` are those that are open, by transport; opening fills it.  ``start`` begins background work."""
        self._front_end = front_end
        self._options = options
        self._ports = ports
        self._start = start
        self.server = SipServer(self._receive, flow_closed=self._flow_closed)
        self.outgoing = Outgoing(self.server, ports)
        self.resolver = Resolver()
        self.addresses = OwnAddresses(front_end.domains, options.public_host, ports)
        self.exchange = Exchange(front_end, self.server.request)
        self.gruus = Gruus(self._secret(b"GRUUs"))
        leases = Leases(options.min_expires, options.max_expires)
        self.registrations = Registrations(front_end, self.exchange, leases, start, self.gruus)
        self.publications = Publications(front_end, leases, self.registrations.at)
        self.subscriptions = self._subscriptions(leases)
        self.chat = Chat(front_end, self.exchange, self.gruus)
        self.sockets = WebSockets(self.server, options.origins)
        self.dispatch = Dispatch(self._authentication(), self.registrations.on, self.addresses, start)
        self.subscriptions.packages[REG] = RegistrationsPackage(self.registrations, self.gruus)
        self._withdraw = offer(front_end, self.subscriptions, self.dispatch.supported, start)
        serve(self.dispatch, self.registrations, self.publications, self.subscriptions, self.chat)
        join(front_end, self.registrations, self.publications, self.subscriptions)
        self._leave_conferences = self._conferences()
        self.telephony = self._telephony()
        self.federation = self._federation()
        sealing = self._secret(b"Record-Route")
        self.calls = carry_calls(
            front_end, self.telephony, self.addresses, self.registrations, self.dispatch, sealing, start
        )

    async def open(self) -> None:
        """Listen.  Raises SettingsError for a port that cannot be opened."""
        await self._listen()
        if self.federation is not None:
            self._ports["federation"] = await self.federation.open(self._options.listen)
        self.telephony.begin()

    async def say_goodbye(self) -> None:
        """The server stops: tell subscribers, callers and trunks."""
        self.subscriptions.end_all()
        self.calls.close()
        await self.telephony.end()

    async def close(self) -> None:
        """Sign everybody out and close what was opened."""
        if self.federation is not None:
            await self.federation.close()
        self._leave_conferences()
        self.registrations.close("server stopped")
        self._front_end.registrar.departed.remove(self.registrations.departed)
        self._withdraw()
        self.publications.close()
        self.chat.close()
        for part in (self.sockets, self.outgoing, self.server, self.resolver):
            await part.close()

    # ---- requests and flows

    def _receive(self, request: Request, reply: Reply, flow: Flow) -> None:
        self.telephony.trunks.arrived(request, flow)
        self.dispatch.receive(request, reply, flow)

    def _flow_closed(self, flow: Flow) -> None:
        for part in (self.registrations, self.calls, self.telephony, self.federation):
            if part is not None:
                part.flow_closed(flow)

    # ---- the parts

    def _secret(self, purpose: bytes) -> bytes:
        return hmac.digest(secret_of(self._front_end.state / "secret"), purpose, "sha256")

    def _authentication(self) -> Authentication:
        front_end, options, ports = self._front_end, self._options, self._ports

        def now() -> float:
            return front_end.clock().timestamp()

        return Authentication(
            front_end.accounts,
            front_end.ours,
            now,
            digest_md5=front_end.settings.digest_md5,
            md5_only=options.md5_only,
            nonces=Nonces(self._secret(b"nonces of SIP digest"), since=now()),
            by_certificate=lambda flow: bool(options.client_ca) and is_of_phones(flow, ports),
        )

    def _subscriptions(self, leases: Leases) -> Subscriptions:
        return Subscriptions(
            self.server.request,
            self.addresses,
            leases,
            self._start,
            pause=self._options.notify_pause,
            dead=self.registrations.unanswered,
        )

    def _conferences(self) -> Callable[[], None]:
        return serve_conferences(
            self._front_end,
            self.server,
            self.addresses,
            self.exchange,
            self.registrations,
            self.subscriptions,
            self.dispatch,
            self.chat,
            self._options.conference_factory,
            self._start,
        )

    def _telephony(self) -> Telephony:
        return Telephony(
            self._front_end,
            self._options.calls,
            self._options.trunks,
            server=self.server,
            addresses=self.addresses,
            registrations=self.registrations,
            resolve=self.gruus.resolve,
            outgoing=self.outgoing,
            resolver=self.resolver,
            start=self._start,
            foreign=lambda domain: self.federation is not None and self.federation.serves(domain),
        )

    def _federation(self) -> Federation | None:
        if self._options.federation is None:
            return None
        federation = Federation(
            self._front_end,
            self._options.federation,
            self.server,
            self.addresses,
            self.exchange,
            self.subscriptions,
            self._start,
        )
        abroad = CallsAbroad(federation, self.server)
        self.telephony.trunks.elsewhere, self.telephony.trunks.again_elsewhere = abroad.hops, abroad.again
        self.dispatch.owners.append(federation.interests)
        self.dispatch.gates.append(federation.admit)
        return federation

    async def _listen(self) -> None:
        options = self._options
        for transport, port in (("tls", options.tls_port), ("tcp", options.tcp_port), ("udp", options.udp_port)):
            if port is None:
                continue
            try:
                self._ports |= await self.server.listen(
                    options.listen,
                    tls=port if transport == "tls" else None,
                    tcp=port if transport == "tcp" else None,
                    udp=port if transport == "udp" else None,
                    context=for_phones(self._front_end.tls, options.client_ca) if transport == "tls" else None,
                )
            except OSError as why:
                what = f"[sip] {transport}_port {port} cannot be opened: {why.strerror}; choose another port"
                raise SettingsError([what]) from None
        if (options.tcp_port is not None or options.udp_port is not None) and not is_loopback(options.listen):
            log.warning("SIP is served without encryption too: messages and presence can be read on the way")
