"""SIP for presence and instant messages: the listeners, and one method for each SIP method that is served."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from ...core.errors import HereaboutsError, SettingsError
from ...core.front_end import SIGNED_OUT, secret_of
from ...core.hooks import hookimpl
from ...core.identity import Endpoint, Identity
from .errors import refusal_of
from .messages.bodies import ACCEPTED, ENCODINGS
from .messages.chat import Chat
from .messages.exchange import Exchange
from .presence import pidf
from .presence.publication import EVENTS, Publications
from .presence.subscriptions import Subscriptions
from .sign_in.authentication import Authentication
from .sign_in.contact import Leases
from .sign_in.digest import Nonces
from .sign_in.registration import Registrations
from .syntax.message import Request, Response
from .transaction.reply import Reply
from .transaction.server import SipServer
from .transport.flow import Flow

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd

log = logging.getLogger(__name__)

Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=86400)]

SERVED = ("MESSAGE", "OPTIONS", "PUBLISH", "REGISTER", "SUBSCRIBE")
INSIDE = frozenset(("BYE", "INFO", "UPDATE", "PRACK", "NOTIFY", "REFER"))
"""Methods that belong in dialogs we are not in."""
KNOWN = frozenset(("ACK", "CANCEL", "INVITE")) | INSIDE
"""Methods that have a meaning, but not here: 405.  Others are 501."""
ALLOW = ("Allow", ", ".join(SERVED))

Method = Callable[[Request, Flow, Identity, str], Awaitable[Response]]


class SipOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [sip]."""

    listen: str = ""
    """The address to listen on; empty for every address of the machine."""
    tls_port: Port | None = 5061
    """SIP over TLS; 0 for any free port."""
    tcp_port: Port | None = None
    """SIP over TCP without encryption; off unless a port is given, 5060 as a rule."""
    udp_port: Port | None = None
    """SIP over UDP without encryption; off unless a port is given, 5060 as a rule."""
    public_host: str = ""
    """What clients are told to call this server, where it stands behind address translation."""
    min_expires: Seconds = 60
    """The shortest registration, subscription or publication, in seconds."""
    max_expires: Seconds = 3600
    """The longest one; also what is given to those who do not ask."""
    notify_pause: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 1.0
    """Seconds between two notices about one person to one subscriber; the first change after quiet is told at once."""
    md5_only: list[str] = msgspec.field(default_factory=lambda: ["baresip", "sipsak", "SIPp", "Purple"])
    """Clients, by how their User-Agent begins, that fail when SHA-256 is offered beside MD5."""

    def __post_init__(self) -> None:
        if self.tls_port is None and self.tcp_port is None and self.udp_port is None:
            raise ValueError("tls_port is off, and so are tcp_port and udp_port; SIP needs one of them")
        if self.min_expires > self.max_expires:
            raise ValueError("min_expires is greater than max_expires")


@dataclass(slots=True)
class Lane:
    """The requests of one sender: each has its turn when the one before is answered."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class SipTransport:
    """SIP phones and softphones: sign-in, presence, messages."""

    Options = SipOptions

    def __init__(self, options: SipOptions) -> None:
        self._options = options
        self.ports: dict[str, int] = {}
        """The ports that are open, by transport: tls, tcp, udp."""
        self._methods: dict[str, Method] = {}
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    # ---- hooks

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        """Open the listeners; at the end say goodbye to subscribers and close them."""
        server = SipServer(self._receive, flow_closed=lambda flow: registrations.flow_closed(flow))
        leases = Leases(self._options.min_expires, self._options.max_expires)
        exchange = Exchange(front_end, server.request)
        registrations = Registrations(front_end, exchange, leases, self._start)
        publications = Publications(front_end, leases, registrations.at)
        subscriptions = Subscriptions(
            front_end,
            server.request,
            leases,
            self._start,
            pause=self._options.notify_pause,
            host=self._options.public_host,
            dead=registrations.unanswered,
        )
        chat = Chat(front_end, exchange)
        self._authenticate = self._authentication(front_end)
        self._registrations = registrations
        self._serve(registrations, publications, subscriptions, chat)
        self._join(front_end, registrations, publications, subscriptions)
        try:
            await self._listen(server, front_end)
            yield
            subscriptions.end_all()
        finally:
            registrations.close("server stopped")
            front_end.registrar.departed.remove(registrations.departed)
            publications.close()
            chat.close()
            await server.close()
            for task in list(self._tasks):
                task.cancel()

    @hookimpl
    def addresses(self, front_end: FrontEnd) -> Sequence[tuple[str, str]]:
        """What to type into a SIP client."""
        host = self._options.public_host or self._options.listen or "127.0.0.1"
        names = {"tls": "SIP over TLS", "tcp": "SIP over TCP", "udp": "SIP over UDP"}
        return [(names[t], f"sip:{host}:{port};transport={t}") for t, port in self.ports.items()]

    # ---- putting it together

    def _authentication(self, front_end: FrontEnd) -> Authentication:
        secret = hmac.digest(secret_of(front_end.state / "secret"), b"nonces of SIP digest", "sha256")

        def now() -> float:
            return front_end.clock().timestamp()

        return Authentication(
            front_end.accounts,
            front_end.ours,
            now,
            digest_md5=front_end.settings.digest_md5,
            md5_only=self._options.md5_only,
            nonces=Nonces(secret, since=now()),
        )

    def _serve(
        self, registrations: Registrations, publications: Publications, subscriptions: Subscriptions, chat: Chat
    ) -> None:
        async def register(request: Request, flow: Flow, who: Identity, instance: str) -> Response:
            return await registrations.register(request, flow, who)

        async def publish(request: Request, flow: Flow, who: Identity, instance: str) -> Response:
            return await publications.publish(request, who, instance)

        async def message(request: Request, flow: Flow, who: Identity, instance: str) -> Response:
            return await chat.message(request, who, instance)

        self._methods = {
            "REGISTER": register,
            "PUBLISH": publish,
            "SUBSCRIBE": subscriptions.subscribe,
            "MESSAGE": message,
        }

    def _join(
        self,
        front_end: FrontEnd,
        registrations: Registrations,
        publications: Publications,
        subscriptions: Subscriptions,
    ) -> None:
        async def signed_in(endpoint: Endpoint, flow: Flow) -> None:
            await publications.registered(endpoint)
            subscriptions.moved(endpoint, flow)
            await front_end.fan_out.catch_up(endpoint)

        front_end.registrar.departed.append(registrations.departed)
        registrations.signed_in.append(signed_in)
        registrations.moved.append(subscriptions.moved)
        registrations.signed_out.append(lambda e, why: publications.signed_out(e) if why == SIGNED_OUT else None)

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
                    context=front_end.certificate() if transport == "tls" else None,
                )
            except OSError as why:
                what = f"[sip] {transport}_port {port} cannot be opened: {why.strerror}; choose another port"
                raise SettingsError([what]) from None
        if (options.tcp_port is not None or options.udp_port is not None) and not _loopback(options.listen):
            log.warning("SIP is served without encryption too: messages and presence can be read on the way")

    # ---- requests

    def _receive(self, request: Request, reply: Reply, flow: Flow) -> None:
        if request.method in self._methods:
            self._start(self._answer(request, reply, flow))
        elif request.method == "OPTIONS":
            reply(_capabilities(request))
        elif request.method != "ACK":
            reply(_refused(request))

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
            if (unheard_of := _unheard_of(request)) is not None:
                return unheard_of
            who = await self._authenticate(request, flow)
            instance = self._registrations.on(flow, who)
            return await self._methods[request.method](request, flow, who, instance)
        except HereaboutsError as why:
            return refusal_of(request, why)
        except Exception:
            log.exception("%s of %r failed", request.method, flow)
            return request.reply(500)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("something for a SIP endpoint failed", exc_info=failure)


def _loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _capabilities(request: Request) -> Response:
    """RFC 3261 section 11.2: what we can do, the same for everybody we are asked about."""
    if (unheard_of := _unheard_of(request)) is not None:
        return unheard_of
    headers = [
        ALLOW,
        ("Accept", ", ".join((pidf.CONTENT_TYPE, *ACCEPTED))),
        ("Accept-Encoding", ", ".join(ENCODINGS)),
        *EVENTS,
    ]
    return request.reply(200, headers=headers)


def _unheard_of(request: Request) -> Response | None:
    """The 420 for a request that needs an extension; we have none (RFC 3261 section 8.2.2.3)."""
    needed = request.all("Require") + request.all("Proxy-Require")
    return request.reply(420, headers=[("Unsupported", ", ".join(needed))]) if needed else None


def _refused(request: Request) -> Response:
    """What is not served: 481 inside a dialog we are not in, 405 for what others serve, 501 for what nobody knows."""
    if request.method in INSIDE and request.to.tag:
        return request.reply(481)
    return request.reply(405 if request.method in KNOWN else 501, headers=[ALLOW])
