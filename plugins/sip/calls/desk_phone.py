"""Somebody whose phone is on a PBX: while one of their lines there is in use, they are on the phone."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ....core.call import Call
from ....core.errors import HereaboutsError
from ....core.identity import Identity
from ....core.presence import Activity, Availability, Publication, Source
from ..events import dialog_info
from ..events.link import Link, Wish
from ..events.subscriber import Subscriber
from ..syntax.message import Request
from .desk_line import DeskLine

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

GRACE = 40.0
"""Seconds by which what a PBX said outlasts its subscription, for a refresh that is late."""
LOST_GRACE = 10.0
"""Seconds that it holds once the PBX cannot be reached or has ended the subscription."""
MAX_CALL_IDS = 50
"""Calls of one person that went through this server, and are remembered so as not to be counted twice."""

NOTHING = dialog_info.Told(0, True, ())
"""COMPAT: Kamailio sends no document where nobody has telephoned yet."""


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A line, and the subscription that tells of it."""

    line: DeskLine
    subscriber: Subscriber


class DeskPhone:
    """One person's lines at one trunk, and the one claim that comes of them."""

    def __init__(
        self, front_end: FrontEnd, who: Identity, trunk: str, start: Callable[[Coroutine[Any, Any, None]], object]
    ) -> None:
        self.who = who
        self.lines: dict[str, Watched] = {}
        """By extension."""
        self._front_end = front_end
        self._owner = f"pbx/{trunk}"
        self._start = start
        self._since: datetime | None = None
        self._until = front_end.clock()
        self._turn = asyncio.Lock()
        self._carried: deque[str] = deque(maxlen=MAX_CALL_IDS)
        front_end.calls.watch(who, self._carries)

    def add(self, extension: str, wish: Wish, link: Link) -> Subscriber:
        """Watch one more line."""
        line = DeskLine(extension)

        def heard(request: Request) -> None:
            if not line.hears(dialog_info.read(request.body) if request.body else NOTHING):
                subscriber.ask_for_all()

        def changed() -> None:
            if subscriber.failing:
                line.begins_anew()
            self._start(self._show())

        subscriber = Subscriber(wish, link, heard, changed)
        self.lines[extension] = Watched(line, subscriber)
        return subscriber

    async def drop(self, extension: str) -> Subscriber:
        """Watch a line no more."""
        watched = self.lines.pop(extension)
        await self._show()
        return watched.subscriber

    def close(self) -> None:
        """Forget the person."""
        self._front_end.calls.unwatch(self.who, self._carries)

    # ---- inside

    def _carries(self, call: Call) -> None:
        """A call that goes through this server says by itself that its people are on the phone.

        Only those that are talked in: where a desk phone took what rang here as well, the PBX alone knows who talks.
        A claim that is there stays until the PBX ends it, so that nothing flickers.
        """
        call_id = str(call.native.get("call_id") or "")
        if call_id and self.who in call.talking and call_id not in self._carried:
            self._carried.append(call_id)

    async def _show(self) -> None:
        """What holds now; one after the other, so that a late answer never undoes a newer one."""
        async with self._turn:
            talking = [w.subscriber for w in self.lines.values() if w.line.talks(self._carried)]
            if not talking:
                self._since = None
                return await self._front_end.presence.withdraw(self.who, self._owner)
            now = self._front_end.clock()
            holds = [now + timedelta(seconds=s.granted + GRACE) for s in talking if not s.failing]
            # trouble shortens what was said and never prolongs it
            self._until = max(holds) if holds else min(self._until, now + timedelta(seconds=LOST_GRACE))
            if self._until > now:
                await self._publish(now)

    async def _publish(self, now: datetime) -> None:
        self._since = self._since or now
        claim = Publication(
            self._owner, Source.PHONE, Availability.BUSY, self._since, self._until, activity=Activity.IN_A_CALL
        )
        try:
            await self._front_end.presence.publish(self.who, claim)
        except HereaboutsError as why:
            log.warning("%s is not shown to be on the phone: %s", self.who, why)
