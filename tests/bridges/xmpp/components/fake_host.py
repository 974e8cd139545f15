"""A host of components in the test's own hands: it shakes hands, keeps what it hears, and says what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re

from .raw import COMPONENT, SECRET

HEADER = re.compile(rb"<stream:stream [^>]*to=['\"]([^'\"]*)['\"][^>]*>")
PROOF = re.compile(rb"<handshake[^>]*>([0-9a-f]*)</handshake>")
QUESTION = re.compile(rb"<iq type='get' id='([^']*)' from='([^']*)' to='([^']*)'><ping xmlns='urn:xmpp:ping'/></iq>")


class FakeHost:
    """``refuses`` is a stream error instead of the handshake; ``echoes`` whether questions are handed back."""

    def __init__(self) -> None:
        self.refuses = ""
        self.echoes = self.welcomes = True
        self.port = 0
        self.heard: dict[str, bytes] = {}
        self.writers: dict[str, asyncio.StreamWriter] = {}
        self.attempts = self.inside = 0
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """No door, no connections."""
        if self._server is not None:
            self._server.close()
        for writer in self.writers.values():
            writer.transport.abort()
        self.writers.clear()

    async def left(self) -> None:
        """Wait until everybody has hung up."""
        async with asyncio.timeout(20):
            while self.inside:
                await asyncio.sleep(0.01)

    def say(self, domain: str, text: str) -> None:
        self.writers[domain].write(text.encode())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.inside += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)
        self.inside -= 1
        writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.attempts += 1
        header = HEADER.search(await reader.readuntil(b">"))
        assert header is not None
        domain = header[1].decode()
        if not self.welcomes:
            await reader.read()
            return
        writer.write(
            f"<?xml version='1.0'?><stream:stream xmlns='{COMPONENT}' from='{domain}' id='i&amp;d' "
            "xmlns:stream='http://etherx.jabber.org/streams'>".encode()
        )
        proof = PROOF.search(await reader.readuntil(b"</handshake>"))
        right = hashlib.sha1(f"i&d{SECRET}".encode()).hexdigest().encode()
        refusal = self.refuses or ("" if proof is not None and proof[1] == right else "not-authorized")
        if refusal:
            error = f"<{refusal} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
            writer.write(f"<stream:error>{error}</stream:error></stream:stream>".encode())
            return
        self.writers[domain] = writer
        self.heard.setdefault(domain, b"")
        writer.write(b"<handshake/>")
        seen = len(self.heard[domain])
        while data := await reader.read(65536):
            self.heard[domain] += data
            for question in QUESTION.finditer(self.heard[domain], seen):
                seen = question.end()
                if self.echoes:
                    writer.write(question[0])
