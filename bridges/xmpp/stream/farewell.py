"""The end of a connection: our last words are sent, and then the client has time to read them."""

from __future__ import annotations

import asyncio

from .limits import CLOSE_TIME, LINGER_TIME
from .pipe import Pipe


class Farewell:
    """Closes, but not while the client talks, for then it could not read (a reset would overtake our words).

    Whoever said goodbye first may close the connection (RFC 6120 section 4.4): a client that reads the end of TLS
    together with our goodbye may never look at the goodbye.
    """

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._loop = asyncio.get_running_loop()
        self._until = self._loop.time() + CLOSE_TIME
        self.heard = False
        """Set when the client says something more."""
        pipe.flush()
        if pipe.securing:
            pipe.abort()
        else:
            self._loop.call_later(LINGER_TIME, self._linger)

    def _linger(self) -> None:
        if self.heard and self._loop.time() < self._until:
            self.heard = False
            self._loop.call_later(LINGER_TIME, self._linger)
        else:
            self._close()

    def _close(self) -> None:
        self._pipe.close()
        self._loop.call_later(CLOSE_TIME, self._pipe.abort)
