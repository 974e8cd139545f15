"""A subscription of ours at another server: the subscriber's side of RFC 6665, whatever it is to.

It is kept alive until it is closed.  ``failing`` says in words why it does not hold at present.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from secrets import token_hex

from ....core.errors import HereaboutsError, Undeliverable
from ..dialog import Dialog
from ..errors import Refusal
from ..syntax.headers import NameAddr, Term
from ..syntax.message import Request, Response
from ..transport.flow import Flow
from .link import Link, Wish

log = logging.getLogger(__name__)

SHORTEST = 10
"""Seconds that a subscription is taken to last at least; whoever grants less is not asked more often."""
LONGEST = 86_400
"""Seconds of an Expires, a Min-Expires or a Retry-After that are believed at most."""
NOTIFIED_WITHIN = 32.0
"""Seconds in which the first NOTIFY has to come after the 2xx: Timer N, 64*T1 (RFC 6665 section 4.1.2.4)."""
BACK_OFF = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds until it is tried again; the last is repeated."""
HELD_AFTER = 60.0
"""Seconds after which a subscription has held; one that fails sooner is tried less and less often."""
REFUSED_PAUSE = 600.0
"""Seconds until whoever said no is asked again."""
MAX_CHALLENGES = 2
"""How often one SUBSCRIBE is sent again with a password: once, and once more for a nonce that had grown stale."""
WHOLE_AGAIN_AFTER = 5.0
"""Seconds between two times that everything is asked for once more because something was missed."""
LATER = frozenset((408, 423, 429, 480, 481, 491))
"""Refusals of the 4xx class that say nothing of the next try; all others mean no, as 6xx do."""
NO = frozenset((403, 404, 410, 603, 604))
"""Refusals that are an answer to the question itself: not you, or there is no such thing."""
FINAL = frozenset(("rejected", "noresource", "invariant"))
"""Reasons of an end after which asking again at once is of no use (RFC 6665 section 4.1.3)."""


class Subscriber:
    """``heard`` is given each NOTIFY but a mere end, and may refuse it; ``changed`` is called after whatever changed:
    a NOTIFY, a refresh, a failure, the end of one.
    """

    def __init__(self, wish: Wish, link: Link, heard: Callable[[Request], None], changed: Callable[[], None]) -> None:
        self.call_id, self.tag = token_hex(12), token_hex(6)
        self.active = False
        """Whether the other server shows what we asked for."""
        self.pending = False
        """Whether somebody there has to be asked first."""
        self.refused = False
        """Whether the answer was no."""
        self.lost = False
        """Whether the other server cannot be reached, or does not make sense."""
        self.failing = ""
        self.granted = wish.lasts
        """Seconds for which it was granted last."""
        self.flow: Flow | None = None
        self._wish, self._link = wish, link
        self._heard, self._changed = heard, changed
        self._lasts = wish.lasts
        self._number = 0
        self._dialog: Dialog | None = None
        self._over = False
        self._retry_after = 0.0
        self._poke, self._notified = asyncio.Event(), asyncio.Event()
        self._whole_at = float("-inf")
        self._running = asyncio.ensure_future(self._run())

    # ---- what comes

    def hears(self, request: Request) -> None:
        """A NOTIFY.  Raises Refusal, MalformedXml, MalformedSip."""
        dialog = self._dialog
        if dialog is not None:
            if request.from_.tag != dialog.remote.tag:
                raise Refusal(481, "a second dialog for one subscription")
            dialog.hears(request)
        event = request.event
        if event is None or event.value != self._wish.event:
            raise Refusal(489, "", ("Allow-Events", self._wish.event))
        state = request.subscription_state
        if state is None:
            raise Refusal(400, "a NOTIFY needs a Subscription-State")
        if request.body:
            kind = request.content_type
            if kind is None or kind.value != self._wish.content_type:
                raise Refusal(415, "", ("Accept", self._wish.content_type))
        if request.body or state.value != "terminated":
            self._heard(request)
        self._notified.set()
        self._becomes(state)
        self._changed()

    def look(self, after: float = 0.0) -> None:
        """Something happened to the way there: see, some seconds later, whether the subscription is still alive."""
        asyncio.get_running_loop().call_later(after, self._poke.set)

    def ask_for_all(self) -> None:
        """Something was missed; a refresh brings the whole state (RFC 6665 section 4.1.2.1)."""
        now = asyncio.get_running_loop().time()
        if now >= self._whole_at:  # else that is planned already
            self._whole_at = max(now, self._whole_at + WHOLE_AGAIN_AFTER)
            self.look(self._whole_at - now)

    def close(self) -> asyncio.Future[Response] | None:
        """End it; what is returned, if anything, is done when the other server has heard of it."""
        self._running.cancel()
        if self._dialog is None or self._over or self.flow is None or self.flow.closed:
            return None
        request = self._dialog.request("SUBSCRIBE", self._headers(0))
        if self._link.password is not None:
            self._link.password.sign(request)
        self._over = True
        return self._link.request(request, self.flow)

    # ---- inside

    def _becomes(self, state: Term) -> None:
        self.lost = False
        if state.value != "terminated":
            self.active, self.pending = state.value == "active", state.value == "pending"
            self.failing = "waits for permission" if self.pending else ""
            return
        reason = state.params.get("reason") or ""
        self._over, self.active, self.pending = True, False, False
        self._retry_after = _seconds(state.params.get("retry-after"))
        self.refused = reason in FINAL
        self.failing = f"ended: {reason}"[:100] if reason else "ended"
        self._poke.set()

    async def _run(self) -> None:
        failures, loop = 0, asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                await self._begin()
                await self._keep()
                pause = REFUSED_PAUSE if self.refused else self._retry_after
            except Undeliverable as why:
                pause = max(self._link.rest(), self._retry_after)
                self.lost = True
                self._fails(str(why))
            except HereaboutsError as why:
                pause = max(REFUSED_PAUSE, self._retry_after)
                self.refused = isinstance(why, Refusal) and why.status in NO
                self.lost = not self.refused
                self._fails(str(why))
            except Exception:
                log.exception("the subscription to %s of %s failed", self._wish.event, self._wish.resource)
                pause = REFUSED_PAUSE
                self.lost = True
                self._fails("a mistake of this server, see its log")
            failures = 0 if loop.time() - begun > HELD_AFTER else failures
            pause = max(pause, BACK_OFF[min(failures, len(BACK_OFF) - 1)])
            failures += 1
            self.call_id, self._dialog, self._over, self._number = token_hex(12), None, False, 0
            self._poke.clear()
            await asyncio.sleep(pause * random.uniform(1.0, 1.2))

    def _fails(self, why: str) -> None:
        before, self.failing, self.active = self.failing, why[:200], False
        if before != self.failing:
            log.info("%s of %s is not to be had: %s", self._wish.event, self._wish.resource, self.failing)
        self._changed()

    async def _begin(self) -> None:
        """Ask.  Raises Undeliverable where that may help later, Refusal where it will not."""
        self.refused, self._retry_after = False, 0.0
        self._notified.clear()
        self.flow = flow = await self._link.flow()
        request, response = await self._asked(self._first)
        if response.status == 423:
            self._lasts = max(self._lasts, _seconds(response.first("Min-Expires")))
            request, response = await self._asked(self._first)
        self._must_be_taken(response)
        self._dialog = Dialog.asked(request, response)
        self._holds(response)
        try:
            async with asyncio.timeout(NOTIFIED_WITHIN):
                await self._notified.wait()
        except TimeoutError:
            raise Undeliverable(f"{flow.remote} took the subscription and never notified") from None

    async def _keep(self) -> None:
        """Refresh in time, until it is over."""
        while not self._over:
            try:
                async with asyncio.timeout(self.granted * 0.8):
                    await self._poke.wait()
            except TimeoutError:
                pass
            self._poke.clear()
            if self._over:
                return
            self.flow = await self._link.flow()
            _, response = await self._asked(self._next)
            if response.status == 423:
                self._lasts = max(self._lasts, _seconds(response.first("Min-Expires")))
                _, response = await self._asked(self._next)
            if response.status == 481:  # they have forgotten it: RFC 6665 section 4.1.2.2
                self.active = False
                return self._fails("the other side has forgotten the subscription")
            self._must_be_taken(response)
            self._holds(response)
            self._changed()

    async def _asked(self, make: Callable[[], Request]) -> tuple[Request, Response]:
        """A SUBSCRIBE, with the password where that is wanted; each try has a number of its own."""
        assert self.flow is not None, "a flow was looked for"
        for again in range(MAX_CHALLENGES + 1):
            request = make()
            if self._link.password is not None:
                self._link.password.sign(request)
            response = await self._link.request(request, self.flow)
            if response.status not in (401, 407) or again == MAX_CHALLENGES or self._link.password is None:
                break
            if not self._link.password.heed(response, request):
                break
        return request, response

    def _first(self) -> Request:
        self._number += 1
        head: Sequence[tuple[str, object]] = [
            ("From", f"<{self._wish.by}>;tag={self.tag}"),
            ("To", NameAddr(self._wish.resource)),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self._number} SUBSCRIBE"),
            ("Contact", self._contact()),
            *self._headers(self._lasts),
        ]
        return Request("SUBSCRIBE", self._wish.resource, head)

    def _next(self) -> Request:
        assert self._dialog is not None, "what is kept was begun"
        return self._dialog.request("SUBSCRIBE", self._headers(self._lasts))

    def _contact(self) -> NameAddr:
        assert self.flow is not None, "a flow was looked for"
        return self._link.addresses.contact(self.flow, self._wish.by.user)

    def _headers(self, expires: int) -> Sequence[tuple[str, object]]:
        return [("Event", self._wish.event), ("Accept", self._wish.content_type), ("Expires", expires)]

    def _must_be_taken(self, response: Response) -> None:
        status = response.status
        if status < 300:
            return
        self._retry_after = _seconds(response.first("Retry-After"))
        why = f"answered {status} {response.reason}".strip()
        if status in (401, 407):
            why += ": is the password right?"
        if (400 <= status < 500 and status not in LATER) or status >= 600:
            raise Refusal(status, why)
        raise Undeliverable(why)

    def _holds(self, response: Response) -> None:
        said = response.expires
        self.lost = False
        self.granted = min(max(self._lasts if said is None else said, SHORTEST), LONGEST)


def _seconds(text: str | None) -> int:
    """A number of seconds as another server gives it, nothing for none."""
    digits = (text or "").partition("(")[0].partition(";")[0].strip()
    return min(int(digits), LONGEST) if digits.isascii() and digits.isdecimal() and len(digits) < 9 else 0
