"""A phone in a browser, as far as the server can tell: SIP over a WebSocket, with a Contact nobody reaches."""

from __future__ import annotations

import asyncio
from typing import Any, Self

import aiohttp

from ....core.identity import Identity
from ....plugins.sip.syntax.message import Request, Response, parse
from .phone import PATIENCE, Phone


class BrowserPhone(Phone):
    """A Phone over ``ws`` (RFC 7118).  ``binary`` frames instead of text; ``origin`` is the page it is on."""

    def __init__(
        self, who: Identity, port: int, *, instance: str = "", origin: str = "", binary: bool = False, **more: str
    ) -> None:
        super().__init__(who, port, instance=instance, **more)
        self.origin, self.binary = origin, binary
        self.raw: list[str | bytes] = []

    async def connect(self, **_: Any) -> Self:
        self.session = aiohttp.ClientSession()
        try:
            self.socket = await self.session.ws_connect(
                f"http://127.0.0.1:{self.port}/sip", protocols=("sip",), origin=self.origin or None
            )
        except Exception:
            await self.session.close()
            raise
        self.local = f"{self.who.user}x7k.invalid"
        self._reading = asyncio.create_task(self._read())
        return self

    async def close(self) -> None:
        self._reading.cancel()
        await self.socket.close()
        await self.session.close()

    async def crash(self) -> None:
        """The page is gone without a word."""
        self._reading.cancel()
        transport = self.socket._response.connection.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()
        await self.session.close()

    def send(self, message: Request | Response | bytes) -> None:
        if isinstance(message, Request) and (via := message.first("Via")):
            message.set("Via", via.replace("SIP/2.0/TCP", "SIP/2.0/WS", 1))
        data = bytes(message)
        sending = self.socket.send_bytes(data) if self.binary else self.socket.send_str(data.decode())
        self._sending = asyncio.ensure_future(sending)

    @property
    def contact(self) -> str:
        return super().contact.replace("transport=tcp", "transport=ws")

    async def _read(self) -> None:
        async for frame in self.socket:
            self.raw.append(frame.data)
            data = frame.data.encode() if isinstance(frame.data, str) else frame.data
            if data.strip():
                await self._take(parse(data))

    async def is_hung_up_on(self) -> bool:
        """Whether the server closes, sooner or later."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self._reading])
        return self.socket.closed
