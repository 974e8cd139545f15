"""One resource's place in one room: awaited after an invitation, entering, taken, or given up on."""

from __future__ import annotations

import asyncio
import enum
from typing import NamedTuple

from ....core.errors import Undeliverable
from ....core.message import Delivery

JOIN_GRACE = 3.0
"""Seconds a client has to enter a room it was invited to, before the room's messages reach it as chat."""
BOOKMARK_GRACE = 30.0
"""The same for a client that hears of bookmarks, and so enters by itself when it gets to it."""
MAX_HELD = 100
"""Messages held back for a client that may be about to enter."""


class State(enum.Enum):
    AWAITED = "awaited"
    """The client may be about to enter: messages wait for it."""
    ENTERING = "entering"
    """It is on its way in: messages wait until it has seen the history."""
    TAKEN = "taken"
    """It sits in the room."""
    RELAYED = "relayed"
    """It did not come: what is said in the room reaches it as chat."""


class Held(NamedTuple):
    """A message that waits, and who is told when it has been shown."""

    delivery: Delivery
    shown: asyncio.Future[None]


class Seat:
    """``invited``: the client has been sent an invitation for it."""

    __slots__ = ("_timer", "held", "invited", "state")

    def __init__(self) -> None:
        self.state = State.AWAITED
        self.invited = False
        self.held: list[Held] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def full(self) -> bool:
        """Whether as many messages wait as may wait for a client that is not even on its way."""
        return len(self.held) >= MAX_HELD

    def hold(self, delivery: Delivery) -> asyncio.Future[None]:
        """Keep a message until it is known how to show it."""
        shown = asyncio.get_running_loop().create_future()
        self.held.append(Held(delivery, shown))
        return shown

    def take_held(self) -> list[Held]:
        """What was held back, to be shown now."""
        held, self.held = self.held, []
        return held

    def expect(self, timer: asyncio.TimerHandle | None) -> None:
        """Wait no longer than this timer; None: no timer."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer

    def give_up(self) -> None:
        """The resource is gone: what waited stays in the journal."""
        self.expect(None)
        for held in self.take_held():
            if not held.shown.done():
                held.shown.set_exception(Undeliverable("the client went before it entered the room"))
