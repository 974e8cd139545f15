"""The socket under a connection with another server: bytes both ways, in the clear and then in TLS."""

from __future__ import annotations

import asyncio
import ssl
from typing import cast

from ..stream.pipe import Pipe


class Wire(asyncio.Protocol):
    """What is made of the bytes is a subclass's matter."""

    def __init__(self, remote: str) -> None:
        self.remote = remote
        self.made = False
        """Whether there ever was a connection."""
        self.full = False
        """Whether the other server does not read."""
        self.certificate: dict[str, object] | None = None
        """What the other server has shown, if it was asked and its authority is believed."""
        self._loop = asyncio.get_running_loop()
        self.said = self._loop.time()
        """When we wrote last."""
        self._output: list[bytes] = []
        self._pipe: Pipe | None = None
        self._early = b""
        """Came through TLS before we were told that the handshake is over."""
        self._securing: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.made = True
        self._pipe = Pipe(cast(asyncio.Transport, transport), self._output, self._stuck)
        self.certificate = self._pipe.peer_certificate
        self._begun()

    def data_received(self, data: bytes) -> None:
        """A portion of the stream."""
        if self._pipe is None:
            return
        if self._pipe.securing:
            self._early += data
        else:
            self._came(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            self._gone("the connection broke" + (f": {exc}" if exc else ""))
            pipe.forget()

    def pause_writing(self) -> None:
        """The other server does not read as fast as we write."""
        self.full = True

    def resume_writing(self) -> None:
        """It does again."""
        self.full = False
        self._room()

    def write(self, data: bytes) -> None:
        """Queue bytes."""
        if data and self._pipe is not None:
            self.said = self._loop.time()
            self._output.append(data)
            self._pipe.flush_soon()

    def abort(self) -> None:
        """Close without another word."""
        if self._pipe is not None:
            self._pipe.abort()

    def _secure(self, context: ssl.SSLContext, server: str | None) -> None:
        """Begin the handshake; ``server`` is whom we look for, where we called."""
        if self._pipe is not None:
            self._pipe.begin_securing()
            self._securing = asyncio.ensure_future(self._shake_hands(self._pipe, context, server))

    async def _shake_hands(self, pipe: Pipe, context: ssl.SSLContext, server: str | None) -> None:
        try:
            await pipe.secure(self, context, server)
        except (OSError, TimeoutError) as why:
            pipe.abort()
            self._unsecured(why)
            self.connection_lost(None)
            return
        self.certificate = pipe.peer_certificate
        self._secured()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    # ---- what a subclass makes of it

    def _begun(self) -> None:
        """There is a connection."""

    def _came(self, data: bytes) -> None:
        """Bytes came."""

    def _secured(self) -> None:
        """TLS is there."""

    def _unsecured(self, why: BaseException) -> None:
        """TLS will not be there; the connection is lost next."""

    def _room(self) -> None:
        """The other server reads on."""

    def _stuck(self) -> None:
        """The other server does not read at all."""

    def _gone(self, reason: str) -> None:
        """It is over."""
