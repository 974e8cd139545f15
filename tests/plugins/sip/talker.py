"""The other end of a loopback: sockets that speak SIP, and a server with a user above it that does as it is told."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ....core.identity import Identity
from ....plugins.sip.syntax.framing import Ping, SipStream
from ....plugins.sip.syntax.message import Request, Response, parse
from ....plugins.sip.transaction.reply import Reply
from ....plugins.sip.transaction.server import SipServer
from ....plugins.sip.transport.flow import Flow
from ....plugins.sip.transport.limits import Limits

PATIENCE = 20.0
"""Seconds a test waits for what must happen; how fast the machine is is no part of any test."""
GENEROUS = Limits(
    rate_before_sign_in=1e6, burst_before_sign_in=1e6, udp_per_network=1e6, udp_burst_per_network=1e6, new_burst=1e6
)


async def until(condition: Callable[[], object]) -> None:
    """Wait for what will be true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.002)


def has_ipv6() -> bool:
    """Whether the loopback has an IPv6 address."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


class User:
    """The transaction user: notes what it is handed, and answers as ``answer`` says (a status, or by itself)."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.flows: list[Flow] = []
        self.closed: list[Flow] = []
        self.replies: list[Reply] = []
        self.answer: Callable[[Request, Reply, Flow], None] = lambda request, reply, flow: reply(request.reply(200))
        self.server: SipServer

    def receive(self, request: Request, reply: Reply, flow: Flow) -> None:
        self.requests.append(request)
        self.flows.append(flow)
        self.replies.append(reply)
        self.answer(request, reply, flow)

    def signs_everybody_in(self) -> None:
        """Answer 200, and trust whoever asks."""

        def answer(request: Request, reply: Reply, flow: Flow) -> None:
            flow.identity = Identity("ada", "a.example")
            reply(request.reply(200))

        self.answer = answer

    @property
    def flow(self) -> Flow:
        """The one that was heard last."""
        return self.flows[-1]


@asynccontextmanager
async def serving(
    limits: Limits = GENEROUS, context: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[User, dict[str, int]]]:
    """A server on free ports of the loopback."""
    user = User()
    user.server = SipServer(user.receive, limits=limits, flow_closed=user.closed.append)
    ports = await user.server.listen("127.0.0.1", tcp=0, udp=0, tls=0 if context else None, context=context)
    try:
        yield user, ports
    finally:
        await user.server.close()


class Talker:
    """A connection to it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._stream = SipStream()
        self._stream.signed_in = True
        self.portions: list[bytes] = []

    @classmethod
    async def connect(cls, port: int, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Talker:
        name = "localhost" if context else None
        return cls(*await asyncio.open_connection(host, port, ssl=context, server_hostname=name))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def hear(self) -> Request | Response:
        """The next message; EOFError when the connection is closed instead."""
        async with asyncio.timeout(PATIENCE):
            while True:
                framed = self._stream.next()
                if isinstance(framed, Request | Response):
                    return framed
                if framed is None:
                    self._stream.receive_data(await self.portion())

    async def portion(self) -> bytes:
        """The next bytes, as one read gives them."""
        async with asyncio.timeout(PATIENCE):
            data = await self._reader.read(1 << 20)
        if not data:
            raise EOFError
        self.portions.append(data)
        return data

    async def ask(self, data: bytes) -> Response:
        self.send(data)
        response = await self.hear()
        assert isinstance(response, Response)
        return response

    async def is_hung_up_on(self) -> bool:
        """Whether the other side closes, sooner or later, whatever it still says."""
        async with asyncio.timeout(PATIENCE):
            try:
                while await self._reader.read(1 << 16):
                    pass
            except ConnectionError:
                pass
        return True

    def close(self) -> None:
        self.writer.close()


class Datagrams(asyncio.DatagramProtocol):
    """A UDP socket that talks to it."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.sent = self.got = 0

    @classmethod
    async def connect(cls, port: int, host: str = "127.0.0.1") -> Datagrams:
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_datagram_endpoint(cls, remote_addr=(host, port))
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got += len(data)
        self._heard.put_nowait(data)

    def send(self, data: bytes) -> None:
        self.sent += len(data)
        self.transport.sendto(data)

    async def hear(self) -> Request | Response:
        async with asyncio.timeout(PATIENCE):
            return parse(await self._heard.get())

    async def ask(self, data: bytes) -> Request | Response:
        self.send(data)
        return await self.hear()

    @property
    def waiting(self) -> int:
        """Datagrams heard and not looked at."""
        return self._heard.qsize()

    def close(self) -> None:
        self.transport.close()


__all__ = ["GENEROUS", "PATIENCE", "Datagrams", "Ping", "Talker", "User", "has_ipv6", "serving", "until"]
