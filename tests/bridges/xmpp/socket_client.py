"""A client on a real socket that says exactly what a test wants, through TLS where it wants that."""

from __future__ import annotations

import asyncio
import base64
import ssl

from ....core.identity import Identity
from .scram_client import ScramClient

TLS = "urn:ietf:params:xml:ns:xmpp-tls"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
PATIENCE = 20.0
"""Seconds a test waits for what must come; only a failing test waits so long."""


def header(domain: str = "example.test") -> bytes:
    return (
        f"<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' "
        "xmlns:stream='http://etherx.jabber.org/streams'>"
    ).encode()


def trusting() -> ssl.SSLContext:
    """TLS that believes every certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class SocketClient:
    """``said`` keeps all that came since it was last looked at."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.said = b""

    @classmethod
    async def connect(cls, port: int, *, tls: bool = False, alpn: str = "") -> SocketClient:
        context = trusting() if tls else None
        if context and alpn:
            context.set_alpn_protocols([alpn])
        return cls(*await asyncio.open_connection("127.0.0.1", port, ssl=context))

    def say(self, data: bytes | str) -> None:
        self.writer.write(data.encode() if isinstance(data, str) else data)

    async def until(self, wanted: bytes | str) -> str:
        """Everything up to what was wanted; the rest is kept."""
        if isinstance(wanted, str):
            wanted = wanted.encode()
        async with asyncio.timeout(PATIENCE):
            while wanted not in self.said:
                data = await self.reader.read(65536)
                if not data:
                    raise ConnectionError(f"{wanted!r} never came, but {self.said!r}")
                self.said += data
        upto, _, self.said = self.said.partition(wanted)
        return (upto + wanted).decode()

    async def rest(self) -> str:
        """Everything until the server closes."""
        async with asyncio.timeout(PATIENCE):
            try:
                while data := await self.reader.read(65536):
                    self.said += data
            except (ConnectionError, ssl.SSLError):
                pass
        said, self.said = self.said, b""
        return said.decode()

    async def start_tls(self) -> None:
        self.say(header())
        await self.until("</stream:features>")
        self.say(f"<starttls xmlns='{TLS}'/>")
        await self.until(f"<proceed xmlns='{TLS}'/>")
        await self.writer.start_tls(trusting())

    async def open(self, domain: str = "example.test") -> str:
        self.say(header(domain))
        return await self.until("</stream:features>")

    async def plain(self, who: Identity, password: str) -> str:
        """Sign in by PLAIN; what came in answer."""
        secret = base64.b64encode(f"\0{who.user}\0{password}".encode()).decode()
        self.say(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{secret}</auth>")
        return await self.until(b">")

    async def scram(self, who: Identity, password: str, name: str = "SCRAM-SHA-256") -> str:
        client = ScramClient(password, name=who.user, algorithm=name.removeprefix("SCRAM-").lower())
        self.say(f"<auth xmlns='{SASL}' mechanism='{name}'>{base64.b64encode(client.first()).decode()}</auth>")
        challenge = (await self.until("</challenge>")).rpartition("</")[0].rpartition(">")[2]
        final = client.final(base64.b64decode(challenge))
        self.say(f"<response xmlns='{SASL}'>{base64.b64encode(final).decode()}</response>")
        return await self.until(b">")

    async def bind(self, resource: str = "desk") -> str:
        inner = f"<resource>{resource}</resource>" if resource else ""
        self.say(f"<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{inner}</bind></iq>")
        return (await self.until("</iq>")).rpartition("</jid>")[0].rpartition("<jid>")[2]

    @classmethod
    async def signed_in(
        cls, ports: dict[str, int], who: Identity, password: str, resource: str = "desk", *, direct: bool = False
    ) -> SocketClient:
        """All of it: TLS, sign-in, a bound resource."""
        client = await cls.connect(ports["tls" if direct else "starttls"], tls=direct)
        if not direct:
            await client.start_tls()
        await client.open(who.domain)
        said = await client.plain(who, password)
        assert said.startswith("<success"), said
        await client.open(who.domain)
        assert await client.bind(resource)
        return client

    def close(self) -> None:
        self.writer.close()
