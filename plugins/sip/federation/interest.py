"""Somebody of ours watches somebody elsewhere: one subscription of ours, kept alive (RFC 6665, the subscriber)."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ....core.errors import HereaboutsError, Undeliverable
from ....core.identity import Identity
from ..dialog import Dialog
from ..errors import Refusal
from ..presence import pidf
from ..syntax.headers import NameAddr
from ..syntax.message import Request, Response
from ..transaction.server import TimeoutExpired
from ..translate import sip_uri
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow
from .neighbour import BACK_OFF, Neighbour

log = logging.getLogger(__name__)

LASTS = 3600
"""Seconds we ask for."""
SHORTEST = 60
LONGEST = 86_400
"""Seconds that a granted subscription lasts at least and at most, whatever is said."""
REFUSED_PAUSE = 3600.0
"""Seconds until somebody is asked again whose domain said no."""
REFUSED = frozenset((403, 404, 410, 603, 604))
"""Answers that mean: not you, or there is no such person."""
FINAL = frozenset(("rejected", "noresource", "invariant"))
"""Reasons of an end after which asking again at once is of no use (RFC 6665 section 4.1.3)."""

RequestOver = Callable[[Request, Flow], "asyncio.Future[Response]"]


@dataclass(frozen=True, slots=True)
class Ways:
    """What all interests share: how to reach a domain, to send over a flow, and what to call ourselves."""

    flow: Callable[[Neighbour], Awaitable[Flow]]
    request: RequestOver
    addresses: OwnAddresses


class Interest:
    """One watcher of ours, one person elsewhere.  ``changed`` is called when what is known has changed.

    ``state``: empty until they answer, then ``pending``, ``active`` or ``rejected``; ``lost`` while the domain cannot
    be reached.
    """

    def __init__(
        self,
        watcher: Identity,
        who: Identity,
        neighbour: Neighbour,
        ways: Ways,
        changed: Callable[[Interest], None],
    ) -> None:
        self.watcher, self.who, self.neighbour = watcher, who, neighbour
        self.call_id, self.tag = secrets.token_hex(12), secrets.token_hex(6)
        self.state = ""
        self.lost = False
        self.claim: pidf.Claim | None = None
        self.flow: Flow | None = None
        self.lasts = LASTS
        self._ways = ways
        self._changed = changed
        self._dialog: Dialog | None = None
        self._over = ""
        self._retry_after = 0.0
        self._poke = asyncio.Event()
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
        if event is None or event.value != "presence":
            raise Refusal(489)
        state = request.subscription_state
        if request.body:
            kind = request.content_type
            if kind is None or kind.value != pidf.CONTENT_TYPE:
                raise Refusal(415, "", ("Accept", pidf.CONTENT_TYPE))
            self.claim = pidf.read(request.body)
        word, params = (state.value, state.params) if state is not None else ("active", {})
        self.lost = False
        if word == "terminated":
            self._ended(params.get("reason") or "", params.get("retry-after") or "")
        else:
            self.state = "active" if word == "active" else "pending"
        self._changed(self)

    def flow_closed(self) -> None:
        """The connection is gone; whether the subscription is shows when it is refreshed."""
        self._poke.set()

    def close(self) -> None:
        """Nobody wants to know any more."""
        self._running.cancel()
        if self._dialog is not None and not self._over and self.flow is not None and not self.flow.closed:
            self._ways.request(self._dialog.request("SUBSCRIBE", self._headers(0)), self.flow)

    # ---- inside

    def _ended(self, reason: str, retry_after: str) -> None:
        self._over = reason or "ended"
        digits = retry_after if retry_after.isdecimal() and len(retry_after) < 6 else ""
        self._retry_after = float(digits) if digits else 0.0
        if reason in FINAL:
            self.state, self.claim = "rejected", None
        self._poke.set()

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                await self._begin()
                failures = 0
                pause = await self._keep()
            except Undeliverable as why:
                log.info("%s cannot watch %s now: %s", self.watcher, self.who, why)
                pause = max(self.neighbour.rest(), BACK_OFF[min(failures, len(BACK_OFF) - 1)])
                failures += 1
                self._is_lost()
            except HereaboutsError as why:
                log.info("%s may not watch %s: %s", self.watcher, self.who, why)
                self.state, self.claim, pause = "rejected", None, REFUSED_PAUSE
                self._changed(self)
            self.call_id, self._dialog, self._over = secrets.token_hex(12), None, ""
            await asyncio.sleep(pause * random.uniform(1.0, 1.2))

    async def _begin(self) -> None:
        """Ask.  Raises Undeliverable where that may help later, Refusal where it will not."""
        self.flow = await self._ways.flow(self.neighbour)
        to = sip_uri(self.who)
        request = Request(
            "SUBSCRIBE",
            to,
            [
                ("From", f"<{sip_uri(self.watcher)}>;tag={self.tag}"),
                ("To", NameAddr(to)),
                ("Call-ID", self.call_id),
                ("CSeq", "1 SUBSCRIBE"),
                ("Contact", self._ways.addresses.contact(self.flow, self.watcher.user)),
                *self._headers(LASTS),
            ],
        )
        response = await self._answer(request)
        if response.status in REFUSED:
            raise Refusal(response.status, f"their domain answered {response.status}")
        if response.status >= 300:
            raise Undeliverable(f"their domain answered {response.status}")
        try:
            self._dialog = Dialog.asked(request, response)
        except Refusal as why:
            raise Undeliverable(f"their domain answered what is no answer: {why}") from None
        self._granted(response)

    async def _keep(self) -> float:
        """Refresh in time, until it is over; then how long to wait before asking anew."""
        while not self._over:
            try:
                async with asyncio.timeout(max(SHORTEST / 2, self.lasts * 0.8)):
                    await self._poke.wait()
            except TimeoutError:
                pass
            self._poke.clear()
            if self._over:
                break
            self.flow = await self._ways.flow(self.neighbour)
            assert self._dialog is not None, "what is kept was begun"
            response = await self._answer(self._dialog.request("SUBSCRIBE", self._headers(LASTS)))
            if response.status == 481:
                return 0.0
            if response.status >= 300:
                raise Undeliverable(f"their domain answered {response.status}")
            self._granted(response)
        if self.state == "rejected":
            return REFUSED_PAUSE
        return max(self._retry_after, 0.5)

    async def _answer(self, request: Request) -> Response:
        assert self.flow is not None, "a flow was looked for"
        try:
            return await self._ways.request(request, self.flow)
        except TimeoutExpired:
            self.neighbour.failed(f"{self.neighbour.domain} does not answer")
            raise Undeliverable(self.neighbour.error) from None
        except Undeliverable as why:
            self.neighbour.failed(str(why))
            raise

    def _granted(self, response: Response) -> None:
        self.lasts = min(max(response.expires or LASTS, SHORTEST), LONGEST)
        if self.lost:
            self.lost = False
            self._changed(self)

    def _is_lost(self) -> None:
        if not self.lost:
            self.lost = True
            self._changed(self)

    def _headers(self, expires: int) -> Sequence[tuple[str, object]]:
        return [("Event", "presence"), ("Accept", pidf.CONTENT_TYPE), ("Expires", expires)]
