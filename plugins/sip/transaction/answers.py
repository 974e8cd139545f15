"""2xx responses to INVITE, sent again until the ACK comes: RFC 3261 section 13.3.1.4.  Time is an argument."""

from __future__ import annotations

import heapq
from itertools import count
from typing import NamedTuple

from ..syntax.message import Request, Response
from ..transport.flow import Flow
from ..transport.limits import MAX_UNACKNOWLEDGED
from .machines import PATIENCE, T1, T2
from .reply import Reply

Dialog = tuple[str, str, str, int]
"""Call-ID, From tag, To tag and the number of CSeq: what the ACK has in common with the INVITE's 2xx."""


class Answer(NamedTuple):
    """One 2xx on its way."""

    flow: Flow
    data: bytes
    interval: float
    until: float
    reply: Reply


class Answers:
    """Every 2xx that waits for its ACK."""

    def __init__(self, limit: int = MAX_UNACKNOWLEDGED) -> None:
        self._limit = limit
        self._waiting: dict[Dialog, Answer] = {}
        self._timers: list[tuple[float, int, Dialog]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def next_timer(self) -> float | None:
        """When ``tick`` is due."""
        return self._timers[0][0] if self._timers else None

    def sent(self, response: Response, reply: Reply, now: float) -> None:
        """A 2xx was sent for the first time.  Beyond the limit it is not sent again."""
        dialog = _dialog(response)
        if dialog not in self._waiting and len(self._waiting) < self._limit:
            self._waiting[dialog] = Answer(reply.flow, bytes(response), T1, now + PATIENCE, reply)
            heapq.heappush(self._timers, (now + T1, next(self._order), dialog))

    def acknowledged(self, ack: Request) -> None:
        """The ACK came."""
        self._waiting.pop(_dialog(ack), None)

    def tick(self, now: float) -> tuple[list[Answer], list[Answer]]:
        """Those to send again, and those nobody acknowledged: their dialogs are to be ended with BYE."""
        again: list[Answer] = []
        never: list[Answer] = []
        while self._timers and self._timers[0][0] <= now:
            due, _, dialog = heapq.heappop(self._timers)
            answer = self._waiting.get(dialog)
            if answer is None:
                continue
            if due >= answer.until:
                never.append(self._waiting.pop(dialog))
                continue
            again.append(answer)
            interval = min(2 * answer.interval, T2)
            self._waiting[dialog] = answer._replace(interval=interval)
            heapq.heappush(self._timers, (min(due + interval, answer.until), next(self._order), dialog))
        return again, never

    def flow_closed(self, flow: Flow) -> None:
        """Nothing goes there any more."""
        for dialog in [dialog for dialog, answer in self._waiting.items() if answer.flow is flow]:
            del self._waiting[dialog]


def _dialog(message: Request | Response) -> Dialog:
    return message.call_id, message.from_.tag, message.to.tag, message.cseq.number
