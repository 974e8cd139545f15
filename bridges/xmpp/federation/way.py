"""The way from one of our domains to one of theirs: a bounded queue, a connection when there is something to say."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

from ..stream.alarm import Alarm
from .dialback import Pair
from .letters import Letter, Waiting
from .limits import BACK_OFF, MAX_QUEUED, MAX_QUEUED_BYTES, MAX_UNTAKEN, QUEUE_TIME
from .neighbour import Neighbour
from .open_stream import OpenStream
from .places import NO_ANSWER, NOT_FOUND, Unreached

FULL = "resource-constraint"
STOPPING = "the server is stopping"
TOO_LONG = "the way to their server did not open in time"


class Told(Protocol):
    """Who hears how it goes."""

    def opened(self, way: Way) -> None:
        """The way is open, for the first time or again."""

    def failed(self, way: Way, why: str) -> None:
        """It could not be opened."""


class Way:
    """Stanzas go in the order they came.  What was written to a connection that broke and was not confirmed goes once
    more where it was said by somebody; of a question its asker is told, and may ask again."""

    def __init__(
        self, pair: Pair, neighbour: Neighbour, call: Callable[[Pair, Neighbour], Awaitable[OpenStream]], told: Told
    ) -> None:
        self.pair = pair
        self.neighbour = neighbour
        self._call = call
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._waiting = Waiting()
        self._stream: OpenStream | None = None
        self._calling: asyncio.Task[None] | None = None
        self._resting: asyncio.Future[None] | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._tries = 0
        """How often it is still tried though nothing waits, because what broke should be mended."""
        self._closed = False
        self._alarm = Alarm(self._expire)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._stream is not None

    @property
    def idle(self) -> bool:
        """Whether it could be forgotten."""
        return self._stream is None and self._calling is None and not self._waiting

    def send(self, letter: Letter) -> None:
        """Send it, now or when it can be."""
        if self._closed:
            letter.give_up(NO_ANSWER, STOPPING)
        elif self._stream is not None and not self._waiting and not self._stream.full:
            self._write(letter)
        elif len(self._waiting) >= (MAX_UNTAKEN if self.is_open else MAX_QUEUED):
            letter.give_up(FULL, "too many stanzas wait for their server")
        elif self._waiting.bytes + len(letter.stanza) > MAX_QUEUED_BYTES:
            letter.give_up(FULL, "too much waits for their server")
        elif self._retry_at > letter.until:
            letter.give_up(NO_ANSWER, self.neighbour.error)
        else:
            self._waiting.put(letter)
            if not self.is_open:
                self._start()

    def pinged(self, ping: str) -> None:
        """They answered a ping of ours."""
        if self._stream is not None:
            self._stream.pinged(ping)

    def try_now(self) -> None:
        """They are there: they came to us.  If they could not be reached, they may be now."""
        self._retry_at = 0.0
        if self._failures and self._calling is None and not self.is_open and not self._closed:
            self._tries = 1
            self._start()
        if self._resting is not None and not self._resting.done():
            self._resting.set_result(None)

    def close(self) -> None:
        """Say goodbye; senders hear what did not leave any more."""
        self._closed = True
        self._alarm.cancel()
        if self._calling is not None:
            self._calling.cancel()
        for letter in self._waiting.take_all():
            letter.give_up(NO_ANSWER, f"{STOPPING}, and it could not leave before")
        if self._stream is not None:
            self._stream.close()

    # ---- connecting

    def _start(self) -> None:
        if self._calling is None:
            self._calling = self._loop.create_task(self._connect())
        if self._waiting:
            self._alarm.set(self._waiting.first.until)

    async def _connect(self) -> None:
        """Until it is open, or nothing waits for that."""
        try:
            while self._waiting or self._tries > 0:
                await self._rest()
                self._tries -= 1
                try:
                    stream = await self._call(self.pair, self.neighbour)
                except Unreached as why:
                    self._failed(why)
                else:
                    self._opened(stream)
                    break
        finally:
            self._calling = None
        if not self.is_open and not self._closed and (self._waiting or self._tries > 0):
            self._start()

    async def _rest(self) -> None:
        pause = self._retry_at - self._loop.time()
        if pause > 0:
            self._resting = self._loop.create_future()
            try:
                async with asyncio.timeout(pause * random.uniform(1.0, 1.2)):
                    await self._resting
            except TimeoutError:
                pass
            finally:
                self._resting = None

    def _failed(self, why: Unreached) -> None:
        """It rests, longer each time; what cannot wait that long is given up."""
        self._retry_at = self._loop.time() + BACK_OFF[min(self._failures, len(BACK_OFF) - 1)]
        self._failures += 1
        self._told.failed(self, str(why))
        nobody = why.condition == NOT_FOUND
        if nobody:
            self._tries = 0
        for letter in self._waiting.take_all() if nobody else self._waiting.take_those_until(self._retry_at):
            letter.give_up(why.condition, str(why))

    def _opened(self, stream: OpenStream) -> None:
        self._alarm.cancel()
        self._failures, self._tries, self._retry_at = 0, 0, 0.0
        self._stream = stream
        stream.ended = self._ended
        stream.reads_on = self._drain
        self._told.opened(self)
        self._drain()

    def _drain(self) -> None:
        while self._waiting and self._stream is not None and not self._stream.full:
            self._write(self._waiting.take())

    def _write(self, letter: Letter) -> None:
        assert self._stream is not None
        self._stream.send(letter)
        if letter.is_message and not letter.again:
            self.neighbour.sent += 1

    def _ended(self, reason: str, clean: bool) -> None:
        """The connection is over."""
        stream, self._stream = self._stream, None
        assert stream is not None
        left = stream.confirmations.left()
        if self._closed:
            for letter in left:
                letter.give_up(NO_ANSWER, f"{STOPPING}, and it is not known whether it arrived")
            return
        until = self._loop.time() + QUEUE_TIME
        again = [letter for letter in left if letter.is_message and not letter.again]
        for letter in left:
            if letter not in again:
                letter.give_up(NO_ANSWER, f"the connection with their server ended: {reason}")
        for letter in again:
            letter.again, letter.until = True, until
        self._waiting.put_back(again)
        if not clean:
            self._tries = len(BACK_OFF)
        if self._waiting or self._tries:
            self._start()

    def _expire(self) -> None:
        """What has waited long enough."""
        if self.is_open:
            return
        for letter in self._waiting.take_those_until(self._loop.time()):
            letter.give_up(NO_ANSWER, self.neighbour.error or TOO_LONG)
        if self._waiting:
            self._alarm.set(self._waiting.first.until)
