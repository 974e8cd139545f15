"""An XMPP client that is nothing but load: it signs in properly, and then only counts what comes."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import secrets
import ssl
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, cast

from .people import DOMAIN, PASSWORD, who
from .server import HOST

HEADER = (
    f"<?xml version='1.0'?><stream:stream to='{DOMAIN}' version='1.0' xmlns='jabber:client'"
    " xmlns:stream='http://etherx.jabber.org/streams'>"
).encode()
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
FEATURES = rb"</stream:features>"
BIND = b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>load</resource></bind></iq>"
ROSTER = b"<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"
PATIENCE = 60.0
AT_ONCE = 12
"""Sign-ins under way at a time, in each process."""


class Refused(Exception):
    """The server did not let us in."""


class Place(NamedTuple):
    """Where the server is."""

    port: int
    rooms: str = f"conference.{DOMAIN}"


def private_address(number: int) -> str:
    """A loopback network for each person: to a server they are different people at different places."""
    return f"127.{1 + number // 250}.{1 + number % 250}.1"


def trusting() -> ssl.SSLContext:
    """A client's TLS that takes any certificate: what is measured is this machine's own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Session(asyncio.Protocol):
    """One client's stream.  After ``sign_in``, ``heard`` gets whatever comes, as it comes."""

    def __init__(self, number: int, context: ssl.SSLContext) -> None:
        self.number = number
        self.address = str(who(number))
        self.jid = ""
        self.heard: Callable[[bytes], None] | None = None
        self.lost = False
        self._context = context
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._wanted: tuple[re.Pattern[bytes], asyncio.Future[bytes]] | None = None

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.heard is not None:
            self.heard(data)
            return
        self._buffer += data
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if self._wanted and not self._wanted[1].done():
            self._wanted[1].set_exception(Refused(f"{self.address}: the stream ended after {self._buffer[-200:]!r}"))

    # ---- what a scene does

    def send(self, data: bytes) -> None:
        """Write."""
        assert self._transport is not None
        self._transport.write(data)

    async def until(self, pattern: bytes, send: bytes = b"") -> bytes:
        """Everything up to the end of what matches; what was ``send`` asks for it.  Raises Refused, TimeoutError."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._wanted = re.compile(pattern, re.DOTALL), future
        if send:
            self.send(send)
        self._look()
        return await asyncio.wait_for(future, PATIENCE)

    def listen(self, heard: Callable[[bytes], None]) -> None:
        """From now on everything goes there."""
        self.heard = heard
        rest, self._buffer = self._buffer, b""
        if rest:
            heard(rest)

    async def sign_in(self, port: int) -> Session:
        """TCP, STARTTLS, SCRAM-SHA-1, resource, roster, presence: until the server shows us our own presence."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, HOST, port, local_addr=(private_address(self.number), 0))
        await self.until(FEATURES, HEADER)
        await self.until(rb"<proceed[^>]*>", b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        assert self._transport is not None
        self._buffer = b""
        self._transport = await loop.start_tls(self._transport, self, self._context, server_hostname=DOMAIN)
        await self.until(FEATURES, HEADER)
        await self._prove()
        await self.until(FEATURES, HEADER)
        bind = (
            "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>load</resource></bind></iq>"
        )
        bound = await self.until(rb"<jid>[^<]*</jid>.*?</iq>", bind.encode())
        self.jid = cast(re.Match[bytes], re.search(rb"<jid>([^<]*)<", bound))[1].decode()
        await self.until(rb"<iq\b[^>]*\bid=['\"]roster['\"].*?(/>|</iq>)", ROSTER)
        await self.until(
            rb"<presence\b[^>]*\bfrom=['\"]" + re.escape(self.jid.encode()) + rb"['\"][^>]*>", b"<presence/>"
        )
        return self

    # ---- inside

    async def _prove(self) -> None:
        """SCRAM-SHA-1 (RFC 5802)."""
        bare = f"n={who(self.number).user},r={secrets.token_hex(12)}"
        first = f"<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'>{_text(f'n,,{bare}'.encode())}</auth>"
        answer = await self.until(rb"</challenge>|<failure.*?</failure>", first.encode())
        challenge = re.search(rb"<challenge[^>]*>([^<]*)<", answer)
        if challenge is None:
            raise Refused(answer.decode())
        server_first = base64.b64decode(challenge[1]).decode()
        given = dict(part.split("=", 1) for part in server_first.split(","))
        client_key = _client_key(base64.b64decode(given["s"]), int(given["i"]))
        without_proof = f"c=biws,r={given['r']}"
        message = f"{bare},{server_first},{without_proof}".encode()
        signature = hmac.digest(hashlib.sha1(client_key).digest(), message, "sha1")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        last = f"<response xmlns='{SASL}'>{_text(f'{without_proof},p={_text(proof)}'.encode())}</response>"
        answer = await self.until(rb"</success>|<success[^>]*/>|<failure.*?</failure>", last.encode())
        if b"<success" not in answer:
            raise Refused(answer.decode())

    def _look(self) -> None:
        if self._wanted is None:
            return
        pattern, future = self._wanted
        match = pattern.search(self._buffer)
        if match is not None and not future.done():
            self._wanted = None
            found, self._buffer = self._buffer[: match.end()], self._buffer[match.end() :]
            future.set_result(found)


async def sign_in_all(users: range, port: int, took: list[float] | None = None) -> list[Session]:
    """Everybody, some at a time; ``took`` gets the milliseconds each one needed."""
    context, gate = trusting(), asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()

    async def one(number: int) -> Session:
        async with gate:
            began = loop.time()
            session = await Session(number, context).sign_in(port)
            if took is not None:
                took.append(1000 * (loop.time() - began))
            return session

    return await asyncio.gather(*(one(number) for number in users))


@lru_cache
def _client_key(salt: bytes, iterations: int) -> bytes:
    """Made once for all: a client's key derivation is no work of the server's."""
    salted = hashlib.pbkdf2_hmac("sha1", PASSWORD.encode(), salt, iterations)
    return hmac.digest(salted, b"Client Key", "sha1")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


Facts = dict[str, Any]
"""What a scene tells at its end."""
