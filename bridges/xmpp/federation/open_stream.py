"""A stream of ours on which stanzas may go: what is written to it, and what is known to have arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..syntax import xml
from ..syntax.namespaces import settled
from .confirmations import Confirmations
from .dialback import Pair
from .letters import Letter

if TYPE_CHECKING:
    from .link import Link


class OpenStream:
    """What the way to another domain has of a connection."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.confirmations = Confirmations(pair)
        self.ended: Callable[[str, bool], None] = lambda reason, clean: None
        """Called when it is over, with the reason and whether that was no error."""
        self.reads_on: Callable[[], None] = lambda: None
        """Called when there is room again."""
        self.spoke = 0.0
        """When a stanza was written last."""
        self.is_over = False
        self._link: Link

    def begin(self, link: Link) -> None:
        """They believe us."""
        self._link = link
        self.spoke = self._now

    @property
    def full(self) -> bool:
        """Whether nothing more should be sent for now."""
        return self._link.full or self.confirmations.full

    def send(self, letter: Letter) -> None:
        """A stanza goes."""
        self.spoke = self._now
        self._link.write(settled(letter.stanza, xml.SERVER))
        self._link.write(self.confirmations.written(letter, self.spoke))
        self._link.go_on()  # it knows by when that is to be answered

    def has(self, count: str) -> None:
        """They have so many.  Raises StreamError."""
        self._confirmed(self.confirmations.has(count, self._now))

    def pinged(self, ping: str) -> None:
        """They answered a ping of ours, on a stream of theirs."""
        self._confirmed(self.confirmations.answered(ping, self._now))

    def close(self) -> None:
        """Say goodbye."""
        self._link.close()

    def _confirmed(self, next_question: bytes) -> None:
        self._link.write(next_question)
        self.reads_on()

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()
