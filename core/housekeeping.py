"""What the server does to conversations by itself: at boot, at stop, and when nobody uses them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from .conversation import Conversation, Event, Shape

if TYPE_CHECKING:
    from .immcu import Immcu
    from .roll import Roll
    from .settings import FrontEndSettings
    from .store import Store

log = logging.getLogger(__name__)

SERVER_RESTART = "server restart"
SERVER_STOPPED = "server stopped"
IDLE = "idle"
RESUMABLE = (SERVER_RESTART, SERVER_STOPPED, IDLE)
"""Why a conference may have ended whose address still works: the next message there opens it again."""
SWEEP_EVERY = 15.0
"""Seconds between two looks for idle conversations."""


async def close_orphans(store: Store, roll: Roll, clock: Callable[[], datetime]) -> None:
    """At boot: close the records of conversations that a crash cut off."""
    orphans = await store.open_conversations()
    for conversation in orphans:
        roll.enter(conversation)
        await roll.change(conversation, _ending(clock(), SERVER_RESTART), quiet=True)
    if orphans:
        log.warning("%d conversations were cut off by the last stop; their records are closed", len(orphans))


async def close_all(immcu: Immcu, clock: Callable[[], datetime]) -> None:
    """At stop: accept nothing more, and end every conversation so that its record is whole."""
    immcu.stopping = True
    for conversation in list(immcu.conversations.values()):
        await immcu.roll.change(conversation, _ending(clock(), SERVER_STOPPED), quiet=True)


async def end_idle(immcu: Immcu, settings: FrontEndSettings, now: datetime) -> None:
    """End what nobody has used for long.  Rooms that people enter and leave end with the last to leave instead."""
    for conversation in list(immcu.conversations.values()):
        if conversation.shape is Shape.TWO_PARTY:
            minutes = settings.idle_minutes
        elif conversation.keeps_seats:
            minutes = settings.conference_idle_minutes
        else:
            continue
        used = conversation.last_said or conversation.started_at
        if (now - used).total_seconds() > 60 * minutes:
            await immcu.end(conversation, IDLE)


async def keep_house(immcu: Immcu, settings: FrontEndSettings, clock: Callable[[], datetime]) -> None:
    """Look for idle conversations now and then, until cancelled."""
    while True:
        await asyncio.sleep(SWEEP_EVERY)
        try:
            await end_idle(immcu, settings, clock())
        except Exception:
            log.exception("looking for idle conversations failed; it is tried again in %.0f seconds", SWEEP_EVERY)


def _ending(at: datetime, reason: str) -> Callable[[Conversation], list[Event]]:
    return lambda draft: draft.end(at, reason)
