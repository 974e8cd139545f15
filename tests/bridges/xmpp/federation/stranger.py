"""Another server, played by hand: what it says is text, what it hears is read as a stream."""

from __future__ import annotations

import asyncio
import ssl

from .....bridges.xmpp.federation.limits import PROVEN
from .....bridges.xmpp.syntax import xml
from .....bridges.xmpp.syntax.framer import Framer, Header
from .....bridges.xmpp.syntax.stanza import Stanza
from ....authority import Pair
from .houses import HERE, PATIENCE, THERE

OPENING = (
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
    "xmlns:db='jabber:server:dialback' version='1.0'"
)
STARTTLS = f"<starttls xmlns='{xml.TLS}'/>"
DIALBACK_OFFER = f"<dialback xmlns='{xml.DIALBACK_FEATURE}'><errors/></dialback>"
EXTERNAL = f"<auth xmlns='{xml.SASL}' mechanism='EXTERNAL'>=</auth>"


class Stranger:
    """One connection, whichever side opened it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.restart()

    def restart(self) -> None:
        self._framer = Framer(PROVEN, xml.SERVER)
        self._elements: list[Stanza] = []

    @classmethod
    async def calls(cls, port: int) -> Stranger:
        """A connection, and nothing said."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    @classmethod
    async def comes(cls, port: int, *, shows: Pair | None = None, sender: str = THERE, to: str = HERE) -> Stranger:
        """Through TLS, and greeted again."""
        stranger = await cls.calls(port)
        await stranger.opens(sender, to)
        await stranger.secures(shows)
        await stranger.opens(sender, to)
        return stranger

    @classmethod
    async def proves(cls, port: int, shows: Pair, **more: str) -> Stranger:
        """By its certificate; stanzas may go."""
        stranger = await cls.comes(port, shows=shows, **more)
        stranger.say(EXTERNAL)
        assert (await stranger.hears()).name == "success"
        stranger.restart()
        await stranger.opens(more.get("sender", THERE), more.get("to", HERE))
        return stranger

    def say(self, text: str) -> None:
        self.writer.write(text.encode())

    async def opens(self, sender: str = THERE, to: str = HERE) -> Stanza:
        """Open the stream; returns what is offered."""
        self.say(f"{OPENING} from='{sender}' to='{to}'>" if sender else f"{OPENING} to='{to}'>")
        offered = await self.hears()
        assert offered.name == "features", offered
        return offered

    async def secures(self, shows: Pair | None = None) -> None:
        """STARTTLS, as the one who called."""
        self.say(STARTTLS)
        assert (await self.hears()).name == "proceed"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if shows is not None:
            context.load_cert_chain(shows.certificate, shows.key)
        await self.writer.start_tls(context, server_hostname=HERE)
        self.restart()

    async def hears(self) -> Stanza:
        """The next element."""
        async with asyncio.timeout(PATIENCE):
            while not self._elements:
                data = await self.reader.read(4096)
                assert data, "the stream ended"
                self._elements += self._framer.receive(data, 0.0)
        return self._elements.pop(0)

    async def is_greeted(self) -> Header:
        """What the other side opens its stream with."""
        async with asyncio.timeout(PATIENCE):
            while self._framer.header is None:
                data = await self.reader.read(4096)
                assert data, "the stream ended"
                self._elements += self._framer.receive(data, 0.0)
        return self._framer.header

    async def is_ended(self) -> str:
        """Until the connection is closed; the condition of the stream error, if there was one."""
        said, framer, elements = "", self._framer, self._elements
        async with asyncio.timeout(PATIENCE):
            while True:
                for element in elements:
                    if element.name == "error":
                        said = xml.split(element.kids[0])[1]
                try:
                    data = await self.reader.read(4096)
                except OSError:
                    return said
                if not data:
                    return said
                elements = framer.receive(data, 0.0)

    def hang_up(self) -> None:
        self.writer.transport.abort()


class Host:
    """A server that is played by hand: whoever calls is a Stranger behind TLS, who was greeted."""

    def __init__(self, shows: Pair, features: str) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(shows.certificate, shows.key)
        self._features = features
        self.callers: asyncio.Queue[Stranger] = asyncio.Queue()

    async def open(self) -> int:
        self._server = await asyncio.start_server(self._called, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        self._server.close()

    async def caller(self) -> Stranger:
        async with asyncio.timeout(PATIENCE):
            return await self.callers.get()

    async def _called(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = Stranger(reader, writer)
        await self.greet(caller, STARTTLS)
        assert (await caller.hears()).name == "starttls"
        caller.say(f"<proceed xmlns='{xml.TLS}'/>")
        await writer.start_tls(self._context)
        caller.restart()
        await self.greet(caller, self._features)
        self.callers.put_nowait(caller)

    @staticmethod
    async def greet(caller: Stranger, features: str) -> None:
        """Answer its header."""
        await caller.is_greeted()
        caller.say(
            f"{OPENING} id='{id(caller)}' from='{THERE}' to='{HERE}'><stream:features>{features}</stream:features>"
        )
