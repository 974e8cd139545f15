"""One subscription: the notifier's side of RFC 6665."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ....core.errors import HereaboutsError
from ....core.identity import Identity
from ..dialog import Dialog
from ..syntax.message import Request, Response
from ..transport.flow import Flow, FlowClosed
from .package import TERMINATED, Feed

if TYPE_CHECKING:
    from ..messages.exchange import RequestOver

log = logging.getLogger(__name__)

MAX_DATAGRAM = 1300
"""Bytes of a NOTIFY over UDP (RFC 3261 section 18.1.1); a longer one goes in the plain form, which is shorter."""

UNANSWERED = "the subscriber does not answer"
TOO_RICH = frozenset((406, 415, 488, 606))
"""Answers that mean: I do not understand this document.  The subscription stays, in plain words."""


class Subscription:
    """Notifies at once, then at every change, but no more often than every ``pause`` seconds: the newest state wins."""

    def __init__(
        self,
        subscriber: Identity,
        dialog: Dialog,
        flow: Flow,
        feed: Feed,
        request: RequestOver,
        ended: Callable[[Subscription, str], None],
        *,
        event: str,
        instance: str = "",
        pause: float = 1.0,
    ) -> None:
        self.subscriber = subscriber
        self.dialog = dialog
        self.flow = flow
        self.feed = feed
        self.event = event
        """As the SUBSCRIBE said it, ``id`` and all."""
        self.instance = instance
        self._request = request
        self._ended = ended
        self._pause = pause
        self._full = True
        self._plain = False
        self._begun = False
        self._due = False
        self._under_way = False
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._lease: asyncio.TimerHandle | None = None
        self._until = 0.0
        self.over = ""

    # ---- the dialog

    async def begin(self) -> None:
        """The first NOTIFY: RFC 6665 wants one at once, even where there is nothing to see yet."""
        try:
            await self.feed.start(self._changed)
        except HereaboutsError as why:
            log.info("what %s subscribed to is not to be had: %s", self.subscriber, why)
            return self.end("noresource")
        if self.over:
            return self.feed.stop()  # it ended while it began
        self._begun = self._due = True
        self._send_when_due()

    async def show_once(self) -> None:
        """A fetch: what there is to see now, and the end (RFC 6665 section 4.4.3)."""
        try:
            await self.feed.start(lambda: None)
        except HereaboutsError as why:
            log.info("what %s asked for is not to be had: %s", self.subscriber, why)
        self.end("timeout")

    def lasts(self, seconds: int) -> None:
        """Granted for so long; then it ends by itself."""
        loop = asyncio.get_running_loop()
        if self._lease is not None:
            self._lease.cancel()
        self._until = loop.time() + seconds
        self._lease = loop.call_at(self._until, self.end, "timeout")

    def refreshed(self) -> None:
        """RFC 6665: a NOTIFY at once, whatever was sent before."""
        self._next = 0.0
        self._full = True
        self._due = self._begun
        self._send_when_due()

    def over_flow(self, flow: Flow) -> None:
        """The subscriber is behind another flow now; what it missed meanwhile is sent."""
        if self.flow is not flow:
            self.flow = flow
            self.refreshed()

    def end(self, reason: str, retry_after: int = 0) -> None:
        """Say that it is over, and be it."""
        if self.over:
            return
        self._full = True
        after = f";retry-after={retry_after}" if retry_after else ""
        self._send(f"terminated;reason={reason}{after}")
        self._stop(reason)

    def _stop(self, reason: str) -> None:
        self.over = reason
        for timer in (self._timer, self._lease):
            if timer is not None:
                timer.cancel()
        self.feed.stop()
        self._ended(self, reason)

    # ---- sending

    def _changed(self) -> None:
        if self._begun:  # before, the first NOTIFY is on its way anyhow
            self._due = True
            self._send_when_due()

    def _send_when_due(self) -> None:
        if self.over or not self._due or self._under_way or self.flow.closed:
            return
        if self.feed.state() == TERMINATED:
            return self.end("noresource")
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if loop.time() < self._next:
            self._timer = loop.call_at(self._next, self._send_when_due)
            return
        self._due, self._under_way, self._next = False, True, loop.time() + self._pause
        left = max(0, round(self._until - loop.time()))
        self._send(f"{self.feed.state()};expires={left}")

    def _send(self, state: str) -> None:
        headers: list[tuple[str, object]] = [
            ("Event", self.feed.event or self.event),
            ("Subscription-State", state),
            *self.feed.headers,
        ]
        content = self.feed.body(self._full, self._plain)
        self._full = False
        request = self.dialog.request("NOTIFY", headers)
        if content is not None:
            _carry(request, content)
            if not self.flow.reliable and not self._plain and len(bytes(request)) > MAX_DATAGRAM:
                _carry(request, self.feed.body(True, True) or content)
        self._request(request, self.flow).add_done_callback(self._answered)

    def _answered(self, answer: asyncio.Future[Response]) -> None:
        self._under_way = False
        if self.over or answer.cancelled():
            return
        failure = answer.exception()
        if isinstance(failure, FlowClosed):
            # nothing is wrong with the subscription: it goes on when the subscriber is back
            self._due = self._full = True
        elif failure is not None:
            self._stop(UNANSWERED)
        else:
            self._take(answer.result())
        self._send_when_due()

    def _take(self, response: Response) -> None:
        """RFC 6665, and what clients do."""
        if response.status < 300:
            return
        self._full = True
        if response.status in TOO_RICH:
            if not self._plain:
                log.info("%s is sent the plain form of %s (%d)", self.subscriber, self.event, response.status)
            self._due, self._plain = self._due or not self._plain, True
        elif response.status >= 500 and response.first("Retry-After"):
            self._due = True
            self._next = asyncio.get_running_loop().time() + max(self._pause, _retry_after(response))
        else:
            self._stop(f"the subscriber answered {response.status}")


def _carry(request: Request, content: tuple[str, bytes] | tuple[str, bytes, str]) -> None:
    """Put a body in, in the place of one that was there."""
    request.set("Content-Type", content[0])
    request.drop("Content-Encoding")
    if len(content) == 3:
        request.add("Content-Encoding", content[2])
    request.body = content[1]


def _retry_after(response: Response) -> float:
    digits = (response.first("Retry-After") or "").partition("(")[0].partition(";")[0].strip()
    return min(float(digits), 600.0) if digits.isdecimal() and len(digits) < 7 else 5.0
