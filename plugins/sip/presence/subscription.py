"""One subscription to somebody's presence: the notifier's side of RFC 6665, and a Watcher of the core."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....core.identity import Identity
from ....core.presence_registry import View
from ..errors import Refusal
from ..syntax.headers import NameAddr
from ..syntax.message import Request, Response
from ..transport.flow import Flow, FlowClosed
from . import pidf

if TYPE_CHECKING:
    from ..messages.exchange import RequestOver

log = logging.getLogger(__name__)

MAX_FORWARDS = 70
MAX_DATAGRAM = 1300
"""Bytes of a NOTIFY over UDP (RFC 3261 section 18.1.1); a longer one goes in the plain form, which is shorter."""

UNANSWERED = "the subscriber does not answer"
TOO_RICH = frozenset((406, 415, 488, 606))
"""Answers that mean: I do not understand this document.  The subscription stays, in plain words."""


@dataclass(slots=True)
class Dialog:
    """RFC 3261 section 12, as far as a notifier needs it."""

    call_id: str
    local: NameAddr
    remote: NameAddr
    target: str
    routes: Sequence[str]
    contact: NameAddr
    heard: int
    sent: int = 0

    @classmethod
    def begun(cls, request: Request, response: Response, contact: NameAddr) -> Dialog:
        """The dialog that a 2xx to an initial SUBSCRIBE makes.  Raises Refusal 400 without exactly one Contact."""
        return cls(
            request.call_id,
            response.to,
            request.from_,
            target_of(request),
            request.all("Record-Route"),
            contact,
            request.cseq.number,
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """Call-ID, our tag, their tag."""
        return self.call_id, self.local.tag, self.remote.tag

    def hears(self, request: Request) -> None:
        """A request inside the dialog.  Raises Refusal 500 for one that comes late (RFC 3261 section 12.2.2)."""
        if request.cseq.number <= self.heard:
            raise Refusal(500, "CSeq is lower than the last one")
        self.heard = request.cseq.number
        if request.contacts:
            self.target = target_of(request)

    def request(self, method: str, headers: Sequence[tuple[str, object]], body: bytes) -> Request:
        """The next request of ours."""
        self.sent += 1
        head: list[tuple[str, object]] = [
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.sent} {method}"),
            ("Max-Forwards", MAX_FORWARDS),
            ("Contact", self.contact),
            *(("Route", route) for route in self.routes),
        ]
        return Request(method, self.target, [*head, *headers], body)


def target_of(request: Request) -> str:
    """Where requests of the dialog are addressed to.  Raises Refusal 400."""
    contacts = request.contacts
    if not isinstance(contacts, list) or len(contacts) != 1 or not contacts[0].uri.is_sip:
        raise Refusal(400, "a SUBSCRIBE needs one Contact")
    return str(contacts[0].uri)


class Subscription:
    """Notifies at once, then at every change, but no more often than every ``pause`` seconds: the newest view wins.

    Whoever may not see the person, or watches nobody, is told "pending" and sees somebody who is offline.  Once shown,
    a person who hides again is offline, not withdrawn: the watcher cannot tell the difference.
    """

    def __init__(
        self,
        watcher: Identity,
        presentity: Identity,
        dialog: Dialog,
        flow: Flow,
        request: RequestOver,
        ended: Callable[[Subscription, str], None],
        *,
        event: str,
        instance: str = "",
        pause: float = 1.0,
    ) -> None:
        self.identity: Identity | None = watcher
        self.presentity = presentity
        self.dialog = dialog
        self.flow = flow
        self.event = event
        self.instance = instance
        self._request = request
        self._ended = ended
        self._pause = pause
        self._view: View | None = None
        self._active = False
        self._plain = False
        self._due = False
        self._under_way = False
        self._next = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._lease: asyncio.TimerHandle | None = None
        self._until = 0.0
        self.over = ""

    # ---- the watcher of the core

    def notify(self, view: View, before: View | None) -> None:
        """The newest view, to be sent now or when the pause is over."""
        self._view = view
        self._active = self._active or view.level.sees
        self._due = True
        self._send_when_due()

    # ---- the dialog

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
        self._due = self._view is not None
        self._send_when_due()

    def over_flow(self, flow: Flow) -> None:
        """The subscriber is behind another flow now; what it missed meanwhile is sent."""
        if self.flow is not flow:
            self.flow = flow
            self.refreshed()

    def show_once(self, view: View) -> None:
        """A fetch: what there is to see now, and the end (RFC 6665 section 4.4.3)."""
        self._view = view
        self.end("timeout")

    def end(self, reason: str, retry_after: int = 0) -> None:
        """Say that it is over, and be it."""
        if self.over:
            return
        self._stop(reason)
        after = f";retry-after={retry_after}" if retry_after else ""
        self._send(f"terminated;reason={reason}{after}")

    def _stop(self, reason: str) -> None:
        self.over = reason
        for timer in (self._timer, self._lease):
            if timer is not None:
                timer.cancel()
        self._ended(self, reason)

    # ---- sending

    def _send_when_due(self) -> None:
        if self.over or not self._due or self._under_way or self.flow.closed:
            return
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if loop.time() < self._next:
            self._timer = loop.call_at(self._next, self._send_when_due)
            return
        self._due, self._under_way, self._next = False, True, loop.time() + self._pause
        left = max(0, round(self._until - loop.time()))
        self._send(f"{'active' if self._active else 'pending'};expires={left}")

    def _send(self, state: str) -> None:
        headers = [("Event", self.event), ("Subscription-State", state)]
        body = self._body(self._plain)
        if body:
            headers.append(("Content-Type", pidf.CONTENT_TYPE))
        request = self.dialog.request("NOTIFY", headers, body)
        if not self.flow.reliable and len(bytes(request)) > MAX_DATAGRAM:
            request.body = self._body(True)
        self._request(request, self.flow).add_done_callback(self._answered)

    def _body(self, plain: bool) -> bytes:
        view = self._view
        if view is None:
            return b""
        made: bytes = view.body("pidf plain" if plain else "pidf", lambda: pidf.write(view.document, plain=plain))
        return made

    def _answered(self, answer: asyncio.Future[Response]) -> None:
        self._under_way = False
        if self.over or answer.cancelled():
            return
        failure = answer.exception()
        if isinstance(failure, FlowClosed):
            # nothing is wrong with the subscription: it goes on when the subscriber is back
            self._due = True
        elif failure is not None:
            self._stop(UNANSWERED)
        else:
            self._take(answer.result())
        self._send_when_due()

    def _take(self, response: Response) -> None:
        """RFC 6665, and what clients do."""
        if response.status < 300:
            return
        if response.status in TOO_RICH:
            if not self._plain:
                log.info("%s does not take PIDF with RPID (%d); it gets plain PIDF", self.identity, response.status)
            self._due, self._plain = self._due or not self._plain, True
        elif response.status >= 500 and response.first("Retry-After"):
            self._due = True
            self._next = asyncio.get_running_loop().time() + max(self._pause, _retry_after(response))
        else:
            self._stop(f"the subscriber answered {response.status}")


def _retry_after(response: Response) -> float:
    digits = (response.first("Retry-After") or "").partition("(")[0].partition(";")[0].strip()
    return min(float(digits), 600.0) if digits.isdecimal() and len(digits) < 7 else 5.0
