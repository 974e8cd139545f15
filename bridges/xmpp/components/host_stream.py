"""One domain of ours as a component of somebody's server (XEP-0114): slixmpp connects and shakes hands, we read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast
from xml.etree.ElementTree import Element

from slixmpp import ComponentXMPP

from ..stream.stream_error import StreamError
from ..syntax import xml
from ..syntax.stanza import Stanza
from .limits import HANDSHAKE_TIME
from .line import Line

if TYPE_CHECKING:
    from ..syntax.framer import Header
    from .line import Side

REASONS = {
    "not-authorized": "it does not take our secret; make the one in plugins.toml and the one there the same",
    "host-unknown": "it knows no such component; add it to the configuration there",
    "conflict": "another program is connected there under this name; stop that one",
}
"""What an administrator can do about the end of a stream."""

Heard = Callable[[Stanza], Awaitable[None] | None]
Refused = Callable[[Stanza, str], None]


class HostVoice:
    """What the host says: ``heard`` and ``refused`` get what comes after the handshake."""

    def __init__(self, heard: Heard, refused: Refused) -> None:
        self._heard = heard
        self.refused = refused
        self._why = ""
        self.line: Line | None = None
        self.prove: Callable[[str], None] | None = None
        """Called with the stream's id."""
        loop = asyncio.get_running_loop()
        self.welcome: asyncio.Future[None] = loop.create_future()
        """Done when the handshake is."""
        self.gone: asyncio.Future[str] = loop.create_future()
        """Why the connection is over, in one sentence, when it is."""
        self.refusal = False
        """Whether the host does not want us, so that there is no hurry to come back."""

    def opened(self, header: Header) -> None:
        """The host's header: it is answered with the proof."""
        if self.prove is not None:
            self.prove(header.attrs.get("id", ""))

    def heard(self, element: Stanza) -> Awaitable[None] | None:
        """The end of the handshake, then stanzas."""
        if element.ns == xml.STREAMS and element.name == "error":
            self._error(element)
        elif self.welcome.done():
            return self._heard(element)
        elif element.name == "handshake":
            self.welcome.set_result(None)
        return None

    def ended(self, error: StreamError | None) -> None:
        """The host has closed its stream, or does not keep to the rules."""
        self.over(f"the stream was ended: {error}" if error is not None else "the server ended the stream")
        if self.line is not None:
            self.line.end(error)

    def over(self, why: str) -> None:
        """There is no connection any more."""
        if not self.gone.done():
            self.gone.set_result(self._why or why)

    def _error(self, element: Stanza) -> None:
        condition = next((xml.split(kid)[1] for kid in element.kids if kid.startswith(f"{{{xml.STREAM_ERRORS}}}")), "")
        self.refusal = condition in REASONS
        self._why = REASONS.get(condition) or f"the server ended the stream: {condition or 'it did not say why'}"


class HostStream(ComponentXMPP):
    """slixmpp's component, whose bytes go through our framer: with its limits, and with no trees."""

    def __init__(self, domain: str, secret: str, voice: HostVoice) -> None:
        super().__init__(domain, secret)  # type: ignore[no-untyped-call]
        self.voice = voice
        voice.prove = self._prove
        self._sending: asyncio.Task[None] | None = None
        self.line: Line | None = None

    async def open(self, host: str, port: int) -> None:
        """Connect and shake hands.  Raises OSError, TimeoutError, or StreamError with what the host said."""
        self._sending = asyncio.create_task(self.run_filters())
        voice = self.voice
        async with asyncio.timeout(HANDSHAKE_TIME):
            await self.loop.create_connection(lambda: self, host, port)
            await asyncio.wait((voice.welcome, voice.gone), return_when=asyncio.FIRST_COMPLETED)
        if not voice.welcome.done():
            raise StreamError("not-authorized", voice.gone.result())

    def leave(self) -> None:
        """Close the stream, or what there is of one."""
        if self.line is not None:
            self.line.end()
        if self._sending is not None:
            self._sending.cancel()

    # ---- asyncio, instead of slixmpp's parser

    def connection_made(self, transport: asyncio.BaseTransport, send_event: bool = True) -> None:
        """The server has accepted the connection."""
        self.line = self.voice.line = Line(cast(asyncio.Transport, transport), self.voice)
        super().connection_made(transport, send_event)

    def init_parser(self) -> None:
        """The line has one."""

    def send_raw(self, data: str | bytes) -> None:
        """What slixmpp says: the header and the handshake.  It would have them logged."""
        if self.line is not None:
            self.line.say(data.encode() if isinstance(data, str) else data)

    def data_received(self, data: bytes | str) -> None:
        """Bytes from the host."""
        if self.line is not None and isinstance(data, bytes):
            self.line.receive(data)

    def pause_writing(self) -> None:
        """The host does not read."""
        if self.line is not None:
            self.line.pause()

    def resume_writing(self) -> None:
        """It does again."""
        if self.line is not None:
            self.line.resume()

    def connection_lost(self, exception: BaseException | None) -> None:
        """The connection is gone, and slixmpp need not look for another."""
        if self.line is not None:
            self.line.forget()
        self.transport = None
        self.voice.over("the connection was lost")

    def _prove(self, stream: str) -> None:
        self.start_stream_handler(Element("stream", {"id": stream}))  # type: ignore[no-untyped-call]


if TYPE_CHECKING:

    def _is_a_side(voice: HostVoice) -> Side:
        return voice
