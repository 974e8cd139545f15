"""A SIP phone that is nothing but load: UDP, TCP or TLS, digest sent along unasked, every request answered 200."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import ssl
from collections.abc import Callable
from typing import NamedTuple, cast

from .people import DOMAIN, PASSWORD, who
from .server import HOST
from .xmpp_session import PATIENCE, private_address

BRANCH = re.compile(rb"branch=z9hG4bK([0-9a-z]+)")
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
NONCE = re.compile(rb'Digest [^\r]*?nonce="([^"]+)"')
COPIED = (b"via:", b"from:", b"to:", b"call-id:", b"cseq:", b"record-route:")
"""Headers that an answer takes from its request (RFC 3261 sections 8.2.6.2 and 12.1.1)."""
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
)
"""What a phone offers, and what it answers."""
AGAIN_AFTER = 0.5
"""Seconds without an answer after which a request over UDP is sent again: T1."""

Answered = Callable[[int, bytes], None]


class Waiting(NamedTuple):
    """A request of ours without an answer."""

    answered: Answered
    data: bytes
    since: float


class Phone(asyncio.Protocol, asyncio.DatagramProtocol):
    """One person's phone.  ``heard`` gets the method and the whole text of every request that comes."""

    def __init__(self, number: int, transport: str) -> None:
        self.number = number
        self.user = who(number).user
        self.again = 0
        """How many requests were sent again."""
        self.heard: Callable[[bytes, bytes], None] = lambda method, data: None
        self._via = transport.upper()
        self._instance = secrets.token_hex(8)
        self._waiting: dict[str, Waiting] = {}
        self._buffer = b""
        self._serial = self._cseq = self._count = 0
        self._nonce = ""
        self._ha1 = _md5(f"{self.user}:{DOMAIN}:{PASSWORD}")
        self._loop = asyncio.get_running_loop()

    async def connect(self, port: int, context: ssl.SSLContext | None) -> None:
        """Open the way to the server, from an address of our own."""
        here = (private_address(self.number), 0)
        if self._via == "UDP":
            made: tuple[asyncio.BaseTransport, object] = await self._loop.create_datagram_endpoint(
                lambda: self, local_addr=here, remote_addr=(HOST, port)
            )
        else:
            tls = context if self._via == "TLS" else None
            made = await self._loop.create_connection(
                lambda: self, HOST, port, local_addr=here, ssl=tls, server_hostname=DOMAIN if tls else None
            )
        transport = made[0]
        address, local_port = transport.get_extra_info("sockname")[:2]
        self._local = f"{address}:{local_port}"
        if self._via == "UDP":
            self._write: Callable[[bytes], None] = cast(asyncio.DatagramTransport, transport).sendto
            self._repeat()
        else:
            self._write = cast(asyncio.Transport, transport).write

    # ---- what a scene does

    def ask(
        self,
        method: str,
        uri: str,
        answered: Answered,
        *,
        call: str,
        headers: str = "",
        body: str = "",
        to: str = "",
        proves: bool = True,
    ) -> None:
        """Send a request; ``answered`` gets the final status and the whole response.  ``to`` is To in a call."""
        self._cseq += 1
        to = to or (f"<sip:{self.user}@{DOMAIN}>" if method == "REGISTER" else f"<{uri}>")
        proof = self._proof(method, uri) if proves and self._nonce else ""
        branch, data = self._written(method, uri, call, f"{proof}{headers}", to, body)
        self._waiting[branch] = Waiting(answered, data, self._loop.time())
        self._write(data)

    def acknowledge(self, uri: str, *, call: str, headers: str, to: str) -> None:
        """Send the ACK for the 2xx to our last INVITE."""
        self._write(self._written("ACK", uri, call, headers, to, "")[1])

    async def register(self) -> None:
        """Sign in.  Raises AssertionError where that is refused."""
        done: asyncio.Future[int] = self._loop.create_future()

        def answered(status: int, data: bytes) -> None:
            if not done.done():
                done.set_result(status)

        self.register_once(answered)
        status = await asyncio.wait_for(done, PATIENCE)
        assert status == 200, f"{self.user} was answered {status}"

    def register_once(self, answered: Answered) -> None:
        """REGISTER without a proof, be challenged, REGISTER with it."""
        self._nonce, call = "", f"r{self._instance}"
        contact = f"<sip:{self.user}@{self._local};transport={self._via.lower()}>"
        headers = f'Contact: {contact};+sip.instance="<urn:uuid:{self._instance}>"\r\nExpires: 3600\r\n'

        def challenged(status: int, data: bytes) -> None:
            if status == 401 and (found := NONCE.search(data)):
                self._nonce, self._count = found[1].decode(), 0
                self.ask("REGISTER", f"sip:{DOMAIN}", answered, call=call, headers=headers)
            else:
                answered(status, data)

        self.ask("REGISTER", f"sip:{DOMAIN}", challenged, call=call, headers=headers)

    @property
    def contact(self) -> str:
        """A Contact header."""
        return f"Contact: <sip:{self.user}@{self._local};transport={self._via.lower()}>\r\n"

    # ---- asyncio

    def data_received(self, data: bytes) -> None:
        """A piece of the stream (RFC 3261 section 18.3)."""
        self._buffer = (self._buffer + data).lstrip(b"\r\n")
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = LENGTH.search(self._buffer, 0, end + 2)
            end += 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < end:
                return
            message, self._buffer = self._buffer[:end], self._buffer[end:].lstrip(b"\r\n")
            self._take(message)

    def datagram_received(self, data: bytes, address: object) -> None:
        """A message of its own."""
        self._take(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens; whoever waits will see."""

    # ---- inside

    def _take(self, data: bytes) -> None:
        if not data.startswith(b"SIP/2.0 "):
            method = data[: data.find(b" ")]
            if method != b"ACK":
                self._write(_ok(data, self._instance, self.contact if method == b"INVITE" else ""))
            self.heard(method, data)
            return
        status, branch = int(data[8:11]), BRANCH.search(data)
        if status >= 200 and branch is not None:
            waiting = self._waiting.pop(branch[1].decode(), None)
            if waiting is not None:
                waiting.answered(status, data)

    def _written(self, method: str, uri: str, call: str, headers: str, to: str, body: str) -> tuple[str, bytes]:
        """A request with the number that is due, and its branch."""
        self._serial += 1
        branch = f"{self._instance}{self._serial:x}"
        data = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{self._via} {self._local};branch=z9hG4bK{branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{self.user}@{DOMAIN}>;tag={self._instance}\r\nTo: {to}\r\n"
            f"Call-ID: {call}\r\nCSeq: {self._cseq} {method}\r\n{headers}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )
        return branch, data.encode()

    def _proof(self, method: str, uri: str) -> str:
        """RFC 7616 with MD5 and qop=auth: for the nonce of the last challenge, with the next count."""
        self._count += 1
        count = f"{self._count:08x}"
        response = _md5(f"{self._ha1}:{self._nonce}:{count}:{self._instance}:auth:{_md5(f'{method}:{uri}')}")
        return (
            f'Authorization: Digest username="{self.user}",realm="{DOMAIN}",nonce="{self._nonce}",uri="{uri}",'
            f'response="{response}",algorithm=MD5,qop=auth,nc={count},cnonce="{self._instance}"\r\n'
        )

    def _repeat(self) -> None:
        now = self._loop.time()
        for branch, waiting in list(self._waiting.items()):
            if now - waiting.since > AGAIN_AFTER:
                self._waiting[branch] = waiting._replace(since=now)
                self.again += 1
                self._write(waiting.data)
        self._loop.call_later(AGAIN_AFTER / 2, self._repeat)


def _ok(request: bytes, tag: str, contact: str = "") -> bytes:
    """200, with a contact also to what begins a call."""
    lines = [line for line in request[: request.find(b"\r\n\r\n")].split(b"\r\n") if line.lower().startswith(COPIED)]
    for n, line in enumerate(lines):
        if line[:3].lower() == b"to:" and b"tag=" not in line:
            lines[n] = line + b";tag=" + tag.encode()
    body = SDP if contact else ""
    end = f"{contact}Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    return b"\r\n".join([b"SIP/2.0 200 OK", *lines, end.encode() if contact else b"Content-Length: 0\r\n\r\n"])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
