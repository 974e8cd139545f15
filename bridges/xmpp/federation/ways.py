"""All ways to other domains, and what is known of those at their ends."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable

from ..abroad.carrier import Arrivals
from .confirmations import PING
from .dialback import Pair
from .letters import Letter
from .limits import MAX_WAYS
from .neighbour import Neighbour
from .open_stream import OpenStream
from .way import FULL, Way

log = logging.getLogger(__name__)


class Ways:
    """One for each pair of domains, made when there is something to say."""

    def __init__(self, call: Callable[[Pair, Neighbour], Awaitable[OpenStream]], arrivals: Arrivals) -> None:
        self._call = call
        self._arrivals = arrivals
        self._ways: dict[Pair, Way] = {}
        self._reached: dict[str, bool] = {}

    def send(self, pair: Pair, neighbour: Neighbour, letter: Letter) -> None:
        """Send a stanza, now or when the way is open."""
        way = self._ways.get(pair)
        if way is None:
            if len(self._ways) >= MAX_WAYS:
                self._forget_the_idle()
            if len(self._ways) >= MAX_WAYS:
                letter.give_up(FULL, "there are too many other domains")
                return
            way = self._ways[pair] = Way(pair, neighbour, self._call, self)
        way.send(letter)

    def queued(self, neighbour: Neighbour) -> int:
        """How much waits to go to a neighbour."""
        return sum(len(way) for way in self._ways.values() if way.neighbour is neighbour)

    def answers_ping(self, pair: Pair, id: str) -> bool:
        """Whether an IQ's answer is to a ping of ours; then it is known what arrived before that."""
        way = self._ways.get(pair)
        if way is None or not id.startswith(PING):
            return False
        way.pinged(id)
        return True

    def heard_from(self, pair: Pair) -> None:
        """They came to us: if they could not be reached, they can be now."""
        way = self._ways.get(pair)
        if way is not None:
            way.try_now()

    def close(self) -> None:
        """Say goodbye everywhere."""
        for way in self._ways.values():
            way.close()

    # ---- what the ways say

    def opened(self, way: Way) -> None:
        """A way is open."""
        way.neighbour.worked()
        self._reached[way.pair.theirs] = True
        log.info("%s is reached", way.pair.theirs)
        self._arrivals.found(way.pair.theirs)

    def failed(self, way: Way, why: str) -> None:
        """A way could not be opened."""
        if way.neighbour.failed(why):
            log.warning("%s is not reached: %s", way.pair.theirs, why)
        if self._reached.pop(way.pair.theirs, True):
            self._reached[way.pair.theirs] = False
            self._arrivals.lost(way.pair.theirs)

    def _forget_the_idle(self) -> None:
        states = Counter(way.pair.theirs for way in self._ways.values() if not way.idle)
        for pair in [pair for pair, way in self._ways.items() if way.idle]:
            del self._ways[pair]
            if not states[pair.theirs]:
                self._reached.pop(pair.theirs, None)
