"""How a connection of a component is doing, as the administrator sees it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from ....core.federation import LinkState, Partner

log = logging.getLogger(__name__)


class Standing:
    """Counts, and says in the log what changes: once, however often it is tried again."""

    def __init__(self, name: str, clock: Callable[[], datetime]) -> None:
        self.name = name
        self._clock = clock
        self._state = LinkState.IDLE
        self._error = ""
        self._since: datetime | None = None
        self.sent = self.received = self.refused = 0

    @property
    def up(self) -> bool:
        """Whether the connection is there."""
        return self._state is LinkState.UP

    def worked(self) -> None:
        """The connection is there."""
        if self._turn(LinkState.UP, ""):
            log.info("%s is connected", self.name)

    def failed(self, why: str) -> None:
        """It is not, for a reason in one sentence."""
        if self._turn(LinkState.FAILING, why):
            log.warning("%s is not connected: %s", self.name, why)

    def partner(self, queued: int) -> Partner:
        """The line in the list of other domains."""
        return Partner(
            self.name, "xmpp", self._state, self._error, queued, self.sent, self.received, self.refused,
            since=self._since,
        )  # fmt: skip

    def _turn(self, state: LinkState, error: str) -> bool:
        if (state, error) == (self._state, self._error):
            return False
        if state is not self._state:
            self._since = self._clock()
        self._state, self._error = state, error
        return True
