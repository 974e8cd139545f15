"""The other front ends of a pool: what this one tells them, and what it does when they tell it something.

The bus may lose, repeat and reorder, so nothing depends on it: a hint only makes this front end look into the store
sooner, and what no hint told of is found by the sweep.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from .conversation import Conversation
from .errors import HereaboutsError
from .fan_out import FanOut
from .identity import Identity
from .message import Message
from .registrar import Registrar
from .roll import Roll
from .standalone import StandaloneBus
from .store import Bus, Frame

log = logging.getLogger(__name__)

SAID = "said"
"""A message was accepted: {"conversation": its id, "hearers": [address, …]}."""
CHANGED = "changed"
"""A conversation is not what it was: {"conversation": its id}."""
SWEEP_EVERY = 1.0
"""Seconds between two looks into the store for what the bus lost."""


class Neighbours:
    """One front end's side of the bus."""

    def __init__(self, bus: Bus, registrar: Registrar, fan_out: FanOut, roll: Roll) -> None:
        self._bus = bus
        self._registrar = registrar
        self._fan_out = fan_out
        self._roll = roll
        self._alone = isinstance(bus, StandaloneBus)
        roll.changed.append(self.changed)

    def said(self, message: Message, hearers: Sequence[Identity]) -> None:
        """Tell the others that there is something to show to the hearers they have."""
        if not self._alone:
            who = [str(hearer) for hearer in hearers]
            self._bus.send(Frame(SAID, {"conversation": message.conversation, "hearers": who}))

    def changed(self, conversation: Conversation) -> None:
        """Tell the others to look at a conversation again."""
        if not self._alone:
            self._bus.send(Frame(CHANGED, {"conversation": conversation.id}))

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[None]:
        """Listen and sweep while the server runs."""
        tasks = [] if self._alone else [asyncio.create_task(self._listen()), asyncio.create_task(self._sweep())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()

    async def sweep(self) -> None:
        """Show everybody who is signed in here what came by another front end and was not told of."""
        for binding in self._registrar.everybody():
            await self._fan_out.catch_up(binding.endpoint, late=False)

    async def _listen(self) -> None:
        async for kind, body in self._bus.frames():
            try:
                if kind == CHANGED:
                    await self._roll.refresh(str(body["conversation"]))
                elif kind == SAID:
                    for address in body["hearers"]:
                        for binding in self._registrar.ready(Identity.parse(address)):
                            await self._fan_out.catch_up(binding.endpoint, late=False)
            except (HereaboutsError, KeyError, TypeError) as why:
                log.warning("a frame of the bus could not be used (%s: %r); the sweep makes up for it", kind, why)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            try:
                await self.sweep()
            except HereaboutsError as why:
                log.warning("the store could not be swept: %s", why)
