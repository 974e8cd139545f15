"""One endpoint's session with a conference: the dialog, its timer, and what may be asked inside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import uniform
from typing import Protocol

from ....core.identity import Endpoint, Identity
from ..dialog import Dialog
from ..errors import Refusal
from ..syntax.headers import NameAddr
from ..syntax.message import Request, Response
from ..transport.flow import Flow
from .session_timer import TAG, Agreed, agree, offered

log = logging.getLogger(__name__)

ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, MESSAGE, SUBSCRIBE, NOTIFY, REFER")
"""What a focus takes, inside a session and outside."""
SUPPORTED = (TAG, "recipient-list-invite", "norefersub", "replaces")
"""Extensions of INVITE and REFER that a focus knows."""
GLARE = 491
EXPIRED = "session timer expired"
GONE = "the endpoint knows nothing of it"


class Wire(Protocol):
    """The server below."""

    def request(
        self, request: Request, flow: Flow, *, progress: Callable[[Response], None] | None = None, stamp: bool = True
    ) -> asyncio.Future[Response]:
        """Send, and get the final response; ``progress`` hears the others."""

    def send(self, request: Request, flow: Flow) -> None:
        """Send an ACK."""


class Session:
    """``me`` is what the endpoint calls itself here; ``wraps``: it is sent CPIM, by which it knows who said what.

    An endpoint that does not refresh a session as agreed is silent: ``over`` hears of it.
    """

    def __init__(
        self,
        conference: Identity,
        endpoint: Endpoint,
        dialog: Dialog,
        flow: Flow,
        wire: Wire,
        *,
        me: NameAddr,
        wraps: bool,
        over: Callable[[Session, str], None],
    ) -> None:
        self.conference = conference
        self.endpoint = endpoint
        self.dialog = dialog
        self.flow = flow
        self.me = me
        self.wraps = wraps
        self.ended = ""
        self.acknowledged = False
        self._wire = wire
        self._over = over
        self._timer: asyncio.TimerHandle | None = None
        self._seconds = 0
        self._asking = False

    # ---- lasting

    def lasts(self, agreed: Agreed) -> None:
        """The other end says that it is there; from now on the agreed time runs anew."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._seconds = agreed.seconds
        if self._seconds and not self.ended:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._over, self, EXPIRED)

    def end(self, why: str, *, say: bool = True) -> None:
        """It is over; with ``say`` the other end is told (BYE, with a Reason of RFC 3326)."""
        if self.ended:
            return
        self.ended = why
        if self._timer is not None:
            self._timer.cancel()
        if say and not self.flow.closed:
            self._wire.request(self.dialog.request("BYE", [("Reason", f'SIP ;cause=200 ;text="{why}"')]), self.flow)

    # ---- asked by us

    def acknowledge(self) -> None:
        """ACK the 2xx to our INVITE, each time it comes."""
        self._wire.send(self.dialog.request("ACK"), self.flow)

    async def rename(self, subject: str) -> None:
        """A re-INVITE with the conference's subject; a glare is tried again as RFC 3261 section 14.1 says."""
        while not self.ended and not self.flow.closed:
            self._asking = True
            headers: list[tuple[str, object]] = [("Subject", subject), ALLOW, ("Supported", TAG)]
            try:
                response = await self._wire.request(self.dialog.request("INVITE", headers), self.flow)
            finally:
                self._asking = False
            if response.status < 300:
                return self.acknowledge()
            if response.status in (408, 481):
                return self._over(self, GONE)
            if response.status != GLARE:
                return log.info("%s did not take the subject: %d", self.endpoint, response.status)
            await asyncio.sleep(uniform(0.0, 2.0) if self.dialog.heard else uniform(2.1, 4.0))

    # ---- asked by the other end

    def renewed(self, request: Request) -> Response:
        """The answer to a re-INVITE or UPDATE, media looked at already.  Raises Refusal 491, 422."""
        if self._asking:
            raise Refusal(GLARE)
        agreed = agree(request)
        self.lasts(agreed)
        return self.response(request, agreed)

    def response(self, request: Request, agreed: Agreed) -> Response:
        """A 200 as the focus gives it."""
        headers: list[tuple[str, object]] = [
            ("Contact", self.dialog.contact),
            ALLOW,
            ("Supported", ", ".join(SUPPORTED)),
            ("Allow-Events", "conference"),
        ]
        if agreed.seconds:
            headers += [agreed.header, ("Require", TAG)]
        return request.reply(200, headers=headers)


def invitation(subject: str) -> list[tuple[str, object]]:
    """The headers of an INVITE from a conference to somebody who shall take part (RFC 4579 section 5.5)."""
    more: list[tuple[str, object]] = [("Subject", subject)] if subject else []
    return [*more, ALLOW, ("Supported", ", ".join(SUPPORTED)), ("Allow-Events", "conference"), *offered()]
