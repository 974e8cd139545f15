"""What came of one stream and nobody has looked at yet."""

from __future__ import annotations

from ..syntax.framer import Header
from ..syntax.stanza import Stanza
from .framing import Framing, Reader
from .limits import BEFORE_SIGN_IN, Limits


class Intake:
    """Bytes come in at one end; elements are taken out at the other, in order."""

    __slots__ = ("_framing", "_reader", "elements")

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._reader: Reader = framing.reader(BEFORE_SIGN_IN)
        self.elements: list[Stanza] = []
        """Read and not looked at, the oldest last."""

    def receive(self, data: bytes, now: float) -> None:
        """Bytes came."""
        stanzas = self._reader.receive(data, now)
        if stanzas:
            stanzas.reverse()
            self.elements = stanzas + self.elements if self.elements else stanzas

    def restart(self, limits: Limits) -> None:
        """The stream begins anew, with these limits."""
        self._reader.close()
        self._reader = self._framing.reader(limits)

    def widen(self, limits: Limits) -> None:
        """The stream goes on with these limits; nothing is half read."""
        self._reader.widen(limits)

    @property
    def header(self) -> Header | None:
        """What opened the stream."""
        return self._reader.header

    @property
    def closed(self) -> bool:
        """Whether the client has closed its side.  Raises StreamError where it went wrong instead."""
        if self._reader.failure is not None:
            raise self._reader.failure
        return self._reader.closed

    @property
    def empty(self) -> bool:
        """Whether nothing at all came after the element that was taken last."""
        reader = self._reader
        return not self.elements and reader.clean and not reader.closed and reader.failure is None

    @property
    def due(self) -> float | None:
        """When to call ``look``."""
        return self._reader.due

    def look(self, now: float) -> None:
        """Look again at what is not whole, if it is time."""
        if self._reader.due is not None and now >= self._reader.due:
            self.receive(b"", now)

    def rest(self) -> None:
        """Nothing has come for a while: give memory back."""
        self._reader.rest()

    def close(self) -> None:
        """Nobody will look any more."""
        self._reader.close()
        self.elements.clear()
