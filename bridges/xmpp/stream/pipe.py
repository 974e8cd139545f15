"""The socket under one stream, in the clear or in TLS: writes once in a turn of the loop, watches what is not read."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from .framing import TAGS, Framing
from .limits import CLOSE_TIME, MAX_UNREAD, MAX_UNSENT, MAX_UNSENT_BURST, STEP_TIME


class Pipe:
    """What is put into ``output`` leaves together; ``stuck`` is called when the other end does not take it."""

    __slots__ = (
        "_flushing",
        "_joined",
        "_loop",
        "_output",
        "_paused",
        "_raw",
        "_stuck",
        "_transport",
        "_unread",
        "securing",
    )

    def __init__(
        self, transport: asyncio.Transport, output: list[bytes], stuck: Callable[[], None], framing: Framing = TAGS
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._raw = self._transport = transport
        self._output = output
        self._stuck = stuck
        self._joined = framing.joined
        self._flushing = self._paused = False
        self._unread: asyncio.TimerHandle | None = None
        self.securing = False
        """Whether the TLS handshake is under way: nothing can be written, nothing is read by us."""

    def flush_soon(self) -> None:
        """Write at the end of this turn."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what was produced, at once."""
        self._flushing = False
        if not self._output or self.securing:
            return
        self._transport.write(self._joined(self._output))
        self._output.clear()
        unsent = self.unsent
        if unsent > MAX_UNSENT_BURST:
            self._stuck()
        elif unsent > MAX_UNSENT and self._unread is None:
            self._unread = self._loop.call_later(MAX_UNREAD, self._look_again)

    @property
    def unsent(self) -> int:
        """Bytes that the other end has not taken."""
        behind_tls = self._raw.get_write_buffer_size() if self._raw is not self._transport else 0
        return self._transport.get_write_buffer_size() + behind_tls

    def read(self, reading: bool) -> None:
        """Read on, or don't for now."""
        if reading is self._paused and not self.securing:
            self._paused = not reading
            if reading:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    async def secure(self, protocol: asyncio.Protocol, context: ssl.SSLContext, server: str | None = None) -> None:
        """The TLS handshake, as the server; or with one, by its name.

        Raises OSError (ssl.SSLError is one) or TimeoutError.
        """
        tls = await self._loop.start_tls(
            self._raw,
            protocol,
            context,
            server_side=server is None,
            server_hostname=server,
            ssl_handshake_timeout=STEP_TIME,
            ssl_shutdown_timeout=CLOSE_TIME,
        )
        if tls is None:
            raise ConnectionError("the connection was lost during the handshake")
        self._transport = tls
        self.securing = False

    @property
    def peer_certificate(self) -> dict[str, object] | None:
        """What the other end has shown, if it was asked and its authority is believed."""
        return self._transport.get_extra_info("peercert") or None

    def begin_securing(self) -> None:
        """From now on what comes is the handshake's."""
        self.flush()
        self.securing = True
        self._raw.pause_reading()

    def close(self) -> None:
        """Close when all is written."""
        self._transport.close()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def forget(self) -> None:
        """It is closed."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        self._output.clear()

    def _look_again(self) -> None:
        self._unread = None
        if self.unsent > MAX_UNSENT:
            self._stuck()
