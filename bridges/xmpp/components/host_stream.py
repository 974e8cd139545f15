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


class HostStream(ComponentXMPP):
    """slixmpp's component, whose bytes go through our framer: with its limits, and with no tree for what is passed on.

    ``heard`` and ``refused`` get what comes after the handshake; ``gone`` is called when all is over, with the reason.
    """

    def __init__(
        self,
        domain: str,
        secret: str,
        heard: Callable[[Stanza], Awaitable[None] | None],
        refused: Callable[[Stanza, str], None],
    ) -> None:
        super().__init__(domain, secret)  # type: ignore[no-untyped-call]
        self.whitespace_keepalive = False  # the line asks, and hears the answer
        self._heard = heard
        self._refused = refused
        self._why = ""
        self.line: Line | None = None
        self.welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the handshake is."""
        self.gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the connection is over, in one sentence, when it is."""
        self.refusal = False
        """Whether the host does not want us, so that there is no hurry to come back."""

    async def open(self, host: str, port: int) -> None:
        """Connect and shake hands.  Raises OSError, TimeoutError, or StreamError with what the host said."""
        async with asyncio.timeout(HANDSHAKE_TIME):
            self._run_out_filters = asyncio.ensure_future(self.run_filters())
            await self.loop.create_connection(lambda: self, host, port)
            await asyncio.wait((self.welcome, self.gone), return_when=asyncio.FIRST_COMPLETED)
        if not self.welcome.done():
            raise StreamError("not-authorized", self.gone.result())

    def leave(self) -> None:
        """Close the stream, or what there is of one."""
        if self.line is not None:
            self.line.end()
        if self._run_out_filters is not None:
            self._run_out_filters.cancel()

    # ---- asyncio, instead of slixmpp's parser

    def connection_made(self, transport: asyncio.BaseTransport, send_event: bool = True) -> None:
        """The server has accepted the connection."""
        self.line = Line(cast(asyncio.Transport, transport), cast("Side", self))
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
        """The connection is gone."""
        if self.line is not None:
            self.line.forget()
        super().connection_lost(exception)
        self._over("the connection was lost")

    # ---- Side

    def opened(self, header: Header) -> None:
        """The host's header: slixmpp answers with the proof."""
        root = Element("stream", {"id": header.attrs.get("id", "")})
        self.start_stream_handler(root)  # type: ignore[no-untyped-call]

    def heard(self, element: Stanza) -> Awaitable[None] | None:
        """The end of the handshake, then stanzas."""
        if element.ns == xml.STREAMS and element.name == "error":
            self._stream_error(element)
            return None
        if self.welcome.done():
            return self._heard(element)
        if element.name == "handshake":
            self._handle_handshake(None)  # type: ignore[no-untyped-call]
            self.welcome.set_result(None)
        return None

    def refused(self, element: Stanza, why: str) -> None:
        """What somebody behind the host sent is too much."""
        self._refused(element, why)

    def ended(self, error: StreamError | None) -> None:
        """The host has closed its stream, or does not keep to the rules."""
        self._over(f"the stream was ended: {error}" if error is not None else "the server ended the stream")
        if self.line is not None:
            self.line.end(error)

    # ---- inside

    def _stream_error(self, element: Stanza) -> None:
        condition = next((xml.split(kid)[1] for kid in element.kids if kid.startswith(f"{{{xml.STREAM_ERRORS}}}")), "")
        self.refusal = condition in REASONS
        self._why = REASONS.get(condition) or f"the server ended the stream: {condition or 'it did not say why'}"

    def _over(self, why: str) -> None:
        if not self.gone.done():
            self.gone.set_result(self._why or why)
        if self._run_out_filters is not None:
            self._run_out_filters.cancel()

    def exception(self, exception: Exception) -> None:
        """slixmpp's own work fails: it must not end ours."""
        self._over(f"{type(exception).__name__}")
