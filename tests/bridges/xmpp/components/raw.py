"""A component on a real socket that says exactly what a test wants (XEP-0114), and a gateway made with slixmpp."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from slixmpp import ComponentXMPP

from ..socket_client import SocketClient

COMPONENT = "jabber:component:accept"
SECRET = "a secret between the two of us"
IRC = "irc.example.test"


def header(domain: str = IRC, ns: str = COMPONENT) -> str:
    return f"<stream:stream to='{domain}' xmlns='{ns}' xmlns:stream='http://etherx.jabber.org/streams'>"


class RawComponent(SocketClient):
    """Bytes in, bytes out."""

    async def open(self, domain: str = IRC) -> str:
        """Open the stream; the id it has."""
        self.say(header(domain))
        said = await self.until(f"xmlns='{COMPONENT}'")
        if " id='" not in said:
            said += await self.until(">")
        return said.partition(" id='")[2].partition("'")[0]

    async def shake(self, stream: str, secret: str = SECRET) -> None:
        self.say(f"<handshake>{hashlib.sha1((stream + secret).encode()).hexdigest()}</handshake>")

    @classmethod
    async def attached(cls, port: int, domain: str = IRC, secret: str = SECRET) -> RawComponent:
        """One that was let in."""
        component = await cls.connect(port)
        assert isinstance(component, RawComponent)
        await component.shake(await component.open(domain), secret)
        await component.until("<handshake/>")
        return component


class EchoGateway(ComponentXMPP):  # type: ignore[misc]
    """Somebody's gateway: lets everybody subscribe, says back what it is told, and lists what it is."""

    def __init__(self, port: int, domain: str = IRC, secret: str = SECRET) -> None:
        super().__init__(domain, secret, "127.0.0.1", port, fix_error_ns=False)
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0199")
        self.plugin["xep_0030"].add_identity(category="gateway", itype="irc", name="Echoes")
        self.attached = asyncio.Event()
        self.heard: list[tuple[str, str]] = []
        self.presences: list[tuple[str, str, str]] = []
        self.auto_authorize = False
        self.auto_subscribe = False
        self.add_event_handler("session_start", lambda _: self.attached.set())
        self.add_event_handler("message", self._message)
        for kind in ("subscribe", "probe", "available", "unavailable", "subscribed", "unsubscribe"):
            self.add_event_handler(f"presence_{kind}", self._presence)

    async def open(self) -> EchoGateway:
        self.connect()
        await asyncio.wait_for(self.attached.wait(), 20)
        return self

    async def leave(self) -> None:
        self.disconnect()
        await asyncio.wait_for(self.disconnected, 10)

    def _message(self, message: Any) -> None:
        if message["type"] in ("chat", "normal") and message["body"]:
            self.heard.append((str(message["from"]), message["body"]))
            message.reply(f"echo: {message['body']}").send()

    def _presence(self, presence: Any) -> None:
        self.presences.append((presence["type"], str(presence["from"]), str(presence["to"])))
        if presence["type"] == "subscribe":
            there, here = presence["from"].bare, presence["to"].bare
            self.send_presence(pto=there, pfrom=here, ptype="subscribed")
            self.send_presence(pto=there, pfrom=f"{here}/irc", pshow="away", pstatus="behind the gateway")
