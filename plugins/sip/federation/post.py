"""Messages to one other domain: a bounded queue, in order for each person, tried again, and no silent loss."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....core.errors import Undeliverable
from ....core.identity import Endpoint, Identity
from ....core.message import Copy, Delivery, Native, News, Notice
from ..messages import letters
from ..messages.letters import Letter
from ..syntax.message import Response
from ..transaction.server import TimeoutExpired
from ..translate import sip_uri
from ..transport.flow import Flow
from .neighbour import Neighbour

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..messages.exchange import Exchange

log = logging.getLogger(__name__)

MAX_QUEUED = 1000
"""Messages that may wait for one domain; one more is refused, and its sender is told."""
MAX_AT_ONCE = 20
"""Messages under way to one domain."""
TRIED_FOR = 300.0
"""Seconds for which a message is tried; then its sender is told that it did not arrive."""
BUSY_PAUSE = 5.0
"""Seconds until the next try, where the other domain is busy."""
NO_ANSWER, UNWRITTEN, BUSY = 408, 500, 503
"""What stands for a response where there was none: silence, a failure of ours, too much at once."""
PASSING = frozenset((408, 430, 480, 500, 502, 503, 504))
"""Answers that mean: not now."""
REASONS = {
    403: "their domain does not allow it",
    404: "nobody there has this address",
    410: "nobody there has this address any more",
    413: "it is too long for their domain",
    415: "their device does not take it",
}


@dataclass(eq=False, slots=True)
class Posted:
    """A letter on its way, or what will become one; ``delivery`` where somebody said it."""

    to: Identity
    letter: Callable[[], Awaitable[Letter]]
    until: float
    delivery: Delivery | None = None
    outcome: asyncio.Future[None] | None = None


class Post:
    """The Channel of everybody in one domain.  Each person's messages go one after another (RFC 3428 section 8)."""

    def __init__(
        self,
        front_end: FrontEnd,
        exchange: Exchange,
        neighbour: Neighbour,
        way: Callable[[Neighbour], Awaitable[Flow]],
        *,
        tried_for: float = TRIED_FOR,
    ) -> None:
        self._front_end = front_end
        self._exchange = exchange
        self._neighbour = neighbour
        self._way = way
        self._tried_for = tried_for
        self._bags: dict[Identity, deque[Posted]] = {}
        self._carriers: dict[Identity, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(MAX_AT_ONCE)
        self._queued = 0
        neighbour.queued = lambda: self._queued

    # ---- the channel of the core

    def deliver(self, delivery: Delivery) -> asyncio.Future[None] | None:
        """What somebody said to one of their people."""
        if delivery.copy is Copy.SENT or delivery.message.wordless:
            return None
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        posted = Posted(delivery.to.identity, lambda: self._said(delivery), self._until(), delivery, outcome)
        if self._queued >= MAX_QUEUED:
            self._give_up(posted, "too many messages wait for their domain", BUSY)
        else:
            self._take(posted)
        return outcome

    def tell(self, news: News) -> None:
        """What only those who are signed in here are told."""

    def announce(self, to: Identity, letter: Callable[[], Awaitable[Letter]]) -> None:
        """Words of a conference for one of its participants."""
        if self._queued < MAX_QUEUED:
            self._take(Posted(to, letter, self._until()))

    def close(self) -> bool:
        """Carry nothing more; senders hear what did not arrive.  Returns whether there was anything."""
        for task in self._carriers.values():
            task.cancel()
        left = [posted for bag in self._bags.values() for posted in bag]
        for posted in left:
            self._give_up(posted, "the server was stopped before it could leave", BUSY)
        self._bags.clear()
        return bool(left)

    # ---- inside

    def _until(self) -> float:
        return asyncio.get_running_loop().time() + self._tried_for

    def _take(self, posted: Posted) -> None:
        self._queued += 1
        self._bags.setdefault(posted.to, deque()).append(posted)
        if posted.to not in self._carriers:
            self._carriers[posted.to] = asyncio.ensure_future(self._carry(posted.to))

    async def _carry(self, to: Identity) -> None:
        """One person's messages, until there are none."""
        bag = self._bags[to]
        try:
            while bag:
                why, status = await self._delivered(bag[0])
                posted = bag.popleft()
                self._queued -= 1
                if why:
                    self._give_up(posted, why, status)
                elif posted.outcome is not None and not posted.outcome.done():
                    posted.outcome.set_result(None)
        finally:
            del self._carriers[to]
            if not bag:
                self._bags.pop(to, None)

    async def _delivered(self, posted: Posted) -> tuple[str, int]:
        """Try until it is taken, refused, or too old; why it was not taken, or nothing, and the status that says so."""
        while True:
            try:
                async with self._turn:
                    response = await self._sent(posted)
                if response.status < 300:
                    self._neighbour.sent += 1
                    return "", response.status
                status = response.status
                if status not in PASSING:
                    return REASONS.get(status, f"their domain answered {status}"), status
                why, pause = f"their domain answered {status}", BUSY_PAUSE
            except Undeliverable as failed:
                why, pause, status = str(failed), self._neighbour.rest(), NO_ANSWER
            except Exception:
                log.exception("a letter to %s could not be written", posted.to)
                return "it could not be written", UNWRITTEN
            pause = max(0.05, pause) * random.uniform(1.0, 1.2)
            if asyncio.get_running_loop().time() + pause >= posted.until:
                return why, status
            await asyncio.sleep(pause)

    async def _sent(self, posted: Posted) -> Response:
        flow = await self._way(self._neighbour)
        letter = await posted.letter()
        # the name stands for the instance: no two receivers' requests look like one
        request = letters.addressed(letter, posted.to, sip_uri(posted.to), str(posted.to))
        try:
            return await self._exchange.request(request, flow)
        except TimeoutExpired:
            self._neighbour.failed(f"{self._neighbour.domain} does not answer")
            raise Undeliverable(self._neighbour.error) from None
        except Undeliverable as why:
            self._neighbour.failed(str(why))
            raise

    async def _said(self, delivery: Delivery) -> Letter:
        name = ""
        if delivery.conversation.address is not None:
            name = await self._exchange.name_of(delivery.message.sender)
        self._exchange.sent(delivery)
        return letters.said(delivery, name)

    def _give_up(self, posted: Posted, why: str, status: int) -> None:
        """Its sender hears of it, in one sentence: the program that said it, or all if that is gone."""
        _fail(posted, why)
        if posted.delivery is None:
            return
        message = posted.delivery.message
        text = f"{posted.to} did not get your message: {why}."
        notice = Notice(text, posted.delivery.conversation, message, Native("sip", str(status).encode()))
        speaker = self._front_end.registrar.at(Endpoint(message.sender, message.endpoint))
        if speaker is not None:
            speaker.channel.tell(notice)
        else:
            self._front_end.registrar.tell(message.sender, notice)


def _fail(posted: Posted, why: str) -> None:
    if posted.outcome is not None and not posted.outcome.done():
        posted.outcome.set_exception(Undeliverable(why))
        posted.outcome.exception()
