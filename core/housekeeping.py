"""What the server does to conversations by itself: at boot, at stop, and when nobody uses them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from .conversation import Conversation, Event, Shape

if TYPE_CHECKING:
    from .calls import Calls
    from .hookspecs import Hooks
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
EMPTY_MINUTES = 1
"""How long a persistent conference stays awake with nobody in it."""
SWEEP_EVERY = 15.0
"""Seconds between two looks for idle conversations."""


async def close_orphans(store: Store, roll: Roll, hooks: Hooks, clock: Callable[[], datetime]) -> None:
    """At boot: close the records of conversations and calls that a crash cut off."""
    orphans = await store.open_conversations()
    for conversation in orphans:
        if conversation.shape is Shape.CALL:
            await _close_call(conversation, store, hooks, clock())
            continue
        roll.enter(conversation)
        await roll.change(conversation, _ending(clock(), SERVER_RESTART), quiet=True)
    if orphans:
        log.warning("%d conversations and calls were cut off by the last stop; their records are closed", len(orphans))


async def close_all(immcu: Immcu, calls: Calls, clock: Callable[[], datetime]) -> None:
    """At stop: accept nothing more, and end every conversation and call so that its record is whole."""
    immcu.stopping = True
    await calls.close(SERVER_STOPPED)
    for conversation in list(immcu.conversations.values()):
        await immcu.roll.change(conversation, _ending(clock(), SERVER_STOPPED), quiet=True)


async def end_idle(immcu: Immcu, settings: FrontEndSettings, now: datetime) -> None:
    """End what nobody has used for long.  Rooms that people enter and leave end with the last to leave instead."""
    for conversation in list(immcu.conversations.values()):
        if conversation.shape is Shape.TWO_PARTY:
            minutes = settings.idle_minutes
        elif conversation.keeps_seats:
            minutes = settings.conference_idle_minutes
        elif not conversation.participants:
            minutes = EMPTY_MINUTES
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


async def _close_call(call: Conversation, store: Store, hooks: Hooks, at: datetime) -> None:
    """A call is nothing that the roll knows: only its record is left."""
    record = await store.change(call, call.end(at, SERVER_RESTART))
    if record is not None:
        hooks.record_closed(record=record)


def _ending(at: datetime, reason: str) -> Callable[[Conversation], list[Event]]:
    return lambda draft: draft.end(at, reason, for_good=False)
