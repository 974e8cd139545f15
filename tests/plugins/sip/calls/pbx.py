"""A scripted PBX: it registers, challenges, answers calls and makes them, over TCP or UDP."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from secrets import token_hex

from .....core.identity import Identity
from .....plugins.sip.sign_in.digest import Algorithm, Credentials, challenge
from .....plugins.sip.syntax.message import Request, Response
from .....plugins.sip.transaction.reply import Reply
from .....plugins.sip.transaction.server import SipServer
from .....plugins.sip.transport.flow import Flow
from .....plugins.sip.transport.outgoing import Outgoing
from .....plugins.sip.transport.resolver import NextHop
from ..phone import PATIENCE
from .handset import sdp

REALM = "pbx.test"


class Pbx:
    """``answers`` says how calls are answered, by status; what was asked is in ``heard``."""

    def __init__(
        self, username: str = "", password: str = "", algorithms: tuple[str, ...] = ("SHA-256", "MD5")
    ) -> None:
        self.username, self.password = username, password
        self.algorithms = [Algorithm(name) for name in algorithms]
        self.heard: list[Request] = []
        self.flows: list[Flow] = []
        self.invite_status = 200
        self.options_status = 200
        self.min_expires = 0
        self.grants = 0
        self.nonce = token_hex(8)
        self.stale = False
        self.silent = False
        self.ports: dict[str, int] = {}
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def serving(self, transport: str = "tcp"):
        self.server = SipServer(self._receive)
        self.ports = await self.server.listen("127.0.0.1", **{transport: self.ports.get(transport, 0)})
        self.transport = transport
        self._outgoing = Outgoing(self.server, self.ports)
        try:
            yield self
        finally:
            await self._outgoing.close()
            await self.server.close()

    @property
    def uri(self) -> str:
        return f"sip:127.0.0.1:{self.ports[self.transport]};transport={self.transport}"

    def asked(self, method: str) -> list[Request]:
        return [request for request in self.heard if request.method == method]

    async def until(self, condition, what: str) -> None:
        """Wait until something heard makes it true."""
        try:
            async with asyncio.timeout(PATIENCE), self._news:
                await self._news.wait_for(condition)
        except TimeoutError:
            raise AssertionError(f"waited for {what}; heard {self.heard}") from None

    async def call(self, port: int, to: str, caller: str = "sip:+4989123@pbx.test", headers=(), transport: str = ""):
        """Call somebody there; the final response, and the flow."""
        hop = NextHop("127.0.0.1", port, (transport or self.transport).upper(), "127.0.0.1")
        flow = await self._outgoing.flow(hop)
        head = [
            ("From", f"<{caller}>;tag={token_hex(4)}"),
            ("To", f"<{to}>"),
            ("Call-ID", token_hex(8)),
            ("CSeq", "1 INVITE"),
            ("Contact", f"<{self.uri}>"),
            ("Content-Type", "application/sdp"),
            *headers,
        ]
        invite = Request("INVITE", to, head, sdp())
        return invite, await self.server.request(invite, flow), flow

    def ack(self, invite: Request, response: Response, flow: Flow, method: str = "ACK") -> None:
        """The ACK for a 2xx, or the BYE after it."""
        number = 1 if method == "ACK" else 2
        head = [
            ("From", invite.from_),
            ("To", response.to),
            ("Call-ID", invite.call_id),
            ("CSeq", f"{number} {method}"),
        ]
        head += [("Route", route) for route in reversed(response.all("Record-Route"))]
        request = Request(method, str(response.contacts[0].uri), head)
        if method == "ACK":
            self.server.send(request, flow)
        else:
            self.server.request(request, flow)

    # ---- inside

    def _receive(self, request: Request, reply: Reply, flow: Flow) -> None:
        flow.identity = Identity("hereabouts", REALM)  # else our own wall against strangers stands before UDP
        if flow not in self.flows:
            self.flows.append(flow)
        self.heard.append(request)
        self._telling = asyncio.ensure_future(self._tell())
        if self.silent or request.method == "ACK":
            return
        if request.method == "OPTIONS":
            return reply(request.reply(self.options_status))
        if self.username and not self._proven(request):
            register = request.method == "REGISTER"
            status, name = (401, "WWW-Authenticate") if register else (407, "Proxy-Authenticate")
            asks = [(name, challenge(REALM, self.nonce, a, stale=self.stale)) for a in self.algorithms]
            self.stale = False
            return reply(request.reply(status, headers=asks))
        if request.method == "REGISTER":
            return reply(self._registered(request))
        if request.method == "INVITE":
            headers = [("Contact", f"<{self.uri}>"), *(("Record-Route", r) for r in request.all("Record-Route"))]
            if self.invite_status == 180:
                return reply(request.reply(180, headers=headers))
            if self.invite_status != 200:
                return reply(request.reply(self.invite_status))
            return reply(request.reply(200, headers=headers, body=sdp(), content_type="application/sdp"))
        reply(request.reply(200))

    def _registered(self, request: Request) -> Response:
        if (request.expires or 0) < self.min_expires and request.expires:
            return request.reply(423, headers=[("Min-Expires", self.min_expires)])
        granted = self.grants or request.expires
        return request.reply(200, headers=[("Contact", f"{request.first('Contact')};expires={granted}")])

    def _proven(self, request: Request) -> bool:
        header = "Authorization" if request.method == "REGISTER" else "Proxy-Authorization"
        for text in request.all(header):
            found = Credentials.parse(text)
            if found is None or found.nonce != self.nonce or found.realm != REALM or found.username != self.username:
                continue
            algorithm = found.known_algorithm
            ha1 = algorithm.of(f"{self.username}:{REALM}:{self.password}")
            return found.uri == request.uri and found.response == found.expected(algorithm, ha1, request.method)
        return False

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()
