"""Another domain's server made of a socket: it says what it is told to, with whatever certificate it is given."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from .....core.certificates import Certificate
from .....core.settings import FrontEndSettings
from .....plugins.sip.syntax.framing import SipStream
from .....plugins.sip.syntax.message import Request, Response
from .houses import PATIENCE

_numbers = count(1)


class Stranger:
    """Its certificate names ``domain``; ``answers`` says what it answers to requests, None for nothing at all."""

    def __init__(self, folder: Path, domain: str) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.domain = domain
        made = Certificate(FrontEndSettings(domains=(domain,)), folder, (domain,))
        self.ca = str(made.authority)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        made.shown_by(self.context)
        self.listening = made.context
        self.heard: list[Request] = []
        self.answers: int | None = 200
        self._waiting: dict[str, asyncio.Future[Response]] = {}

    async def connect(self, port: int) -> None:
        """As a client.  Raises OSError where it is not let in."""
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", port, ssl=self.context)
        self._reading = asyncio.create_task(self._read(self.reader, self.writer))

    async def is_turned_away(self, port: int) -> bool:
        """Whether the other side closes before anything is said."""
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=self.context)
                writer.write(b"OPTIONS sip:x SIP/2.0\r\n\r\n")
                gone = not await reader.read(1)
                writer.close()
                return gone
        except (OSError, ssl.SSLError):
            return True

    @asynccontextmanager
    async def listens(self, port: int) -> AsyncIterator[None]:
        """As a server: takes connections, and answers as it is told."""
        server = await asyncio.start_server(self._read, "127.0.0.1", port, ssl=self.listening)
        try:
            yield
        finally:
            server.close()

    def request(self, method: str, uri: str, sender: str, *, body: bytes = b"", **more: object) -> Request:
        headers: list[tuple[str, object]] = [
            ("Via", f"SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bKs{next(_numbers)};rport"),
            ("From", f"<{sender}>;tag=s"),
            ("To", f"<{uri}>"),
            ("Call-ID", str(more.get("call") or f"stranger-{next(_numbers)}")),
            ("CSeq", f"{next(_numbers)} {method}"),
            ("Max-Forwards", more.get("hops", 70)),
            ("Contact", "<sip:x@127.0.0.1:5061;transport=tls>"),
        ]
        if body:
            headers.append(("Content-Type", "text/plain"))
        if method in ("SUBSCRIBE", "PUBLISH"):
            headers.append(("Event", more.get("event", "presence")))
        return Request(method, uri, headers, body)

    async def ask(self, method: str, uri: str, sender: str, **more: object) -> Response:
        """One request, and the answer."""
        return await self.exchange(self.request(method, uri, sender, **more))  # type: ignore[arg-type]

    async def exchange(self, request: Request) -> Response:
        """Send a request, and wait for the answer."""
        waiting = self._waiting[request.via[0].branch] = asyncio.get_running_loop().create_future()
        self.writer.write(bytes(request))
        async with asyncio.timeout(PATIENCE):
            return await waiting

    def reply(self, request: Request) -> Response:
        """The answer to a request."""
        return request.reply(self.answers or 200)

    def close(self) -> None:
        self._reading.cancel()
        self.writer.close()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stream = SipStream()
        stream.signed_in = True
        while data := await reader.read(65536):
            stream.receive_data(data)
            while (message := stream.next()) is not None:
                if isinstance(message, Response):
                    waiting = self._waiting.pop(message.via[0].branch, None)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(message)
                elif isinstance(message, Request):
                    self.heard.append(message)
                    if self.answers is not None:
                        writer.write(bytes(self.reply(message)))
