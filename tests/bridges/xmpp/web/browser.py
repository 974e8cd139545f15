"""A client on a real WebSocket that says exactly what a test wants."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from contextlib import suppress
from xml.etree.ElementTree import Element, fromstring

from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector, WSMsgType

from .....core.identity import Identity
from ..socket_client import PATIENCE, SASL, trusting

FRAMING = "urn:ietf:params:xml:ns:xmpp-framing"
CLIENT = "jabber:client"
STREAMS = "http://etherx.jabber.org/streams"


class Browser:
    """Frames out, elements in; every frame that comes must be a document of its own."""

    def __init__(self, session: ClientSession, socket: ClientWebSocketResponse) -> None:
        self._session, self.socket = session, socket

    @classmethod
    async def connect(cls, url: str, *, headers: Mapping[str, str] = {}, source: str = "") -> Browser:
        """``source``: the address of this machine to come from."""
        session = ClientSession(connector=TCPConnector(local_addr=(source, 0)) if source else None)
        try:
            socket = await session.ws_connect(url, protocols=("xmpp",), headers=headers, ssl=trusting(), autoclose=True)
        except BaseException:
            await session.close()
            raise
        return cls(session, socket)

    async def say(self, frame: str) -> None:
        await self.socket.send_str(frame)

    async def next(self) -> Element:
        """The next element."""
        async with asyncio.timeout(PATIENCE):
            frame = await self.socket.receive()
        if frame.type is not WSMsgType.TEXT:
            raise ConnectionError(f"closed with {self.socket.close_code}: {frame}")
        assert frame.data.startswith("<")
        return fromstring(frame.data)

    async def until(self, name: str, **attrs: str) -> Element:
        """The next element of this ``{namespace}name`` with these attributes; others are skipped."""
        while True:
            element = await self.next()
            if element.tag == name and all(element.get(k) == v for k, v in attrs.items()):
                return element

    async def rest(self) -> list[Element]:
        """Everything until the server closes; its code is in ``socket.close_code``."""
        found = []
        with suppress(ConnectionError):
            while True:
                found.append(await self.next())
        return found

    async def open(self, domain: str = "example.test") -> Element:
        """Open the stream; its features."""
        await self.say(f"<open xmlns='{FRAMING}' to='{domain}' version='1.0'/>")
        opened = await self.next()
        assert opened.tag == f"{{{FRAMING}}}open" and opened.get("from") == domain and opened.get("id")
        features = await self.next()
        assert features.tag == f"{{{STREAMS}}}features"
        return features

    async def plain(self, who: Identity, password: str) -> Element:
        secret = base64.b64encode(f"\0{who.user}\0{password}".encode()).decode()
        await self.say(f"<auth xmlns='{SASL}' mechanism='PLAIN'>{secret}</auth>")
        return await self.next()

    async def bind(self, resource: str = "page") -> str:
        bind = f"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind>"
        await self.say(f"<iq xmlns='{CLIENT}' type='set' id='bind'>{bind}</iq>")
        answer = await self.until(f"{{{CLIENT}}}iq", id="bind")
        assert answer.get("type") == "result"
        return "".join(answer.itertext())

    @classmethod
    async def signed_in(cls, url: str, who: Identity, password: str, resource: str = "page") -> Browser:
        browser = await cls.connect(url)
        await browser.open(who.domain)
        assert (await browser.plain(who, password)).tag == f"{{{SASL}}}success"
        await browser.open(who.domain)
        await browser.bind(resource)
        return browser

    async def close(self) -> None:
        await self.socket.close()
        await self._session.close()
