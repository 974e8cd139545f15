"""One request on its way through us to one place, its responses on their way back, and the CANCEL behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ....core.errors import Undeliverable
from ..syntax.message import Request, Response
from ..transaction.reply import Reply
from ..transaction.server import TimeoutExpired
from ..transport.flow import Flow
from .copies import cancelling, returned
from .wires import Below

Heard = Callable[[Response], None]


class Passage:
    """RFC 3261 sections 16.7 and 16.10 for a request that goes one way only, as those inside a dialog do.

    ``heard`` is called with each final response before it goes back, and may change it; a 408 or 480 stands for
    silence and for a lost flow.
    """

    def __init__(self, server: Below, request: Request, reply: Reply, heard: Heard) -> None:
        """``request`` is the copy that goes on; what came is in the reply."""
        self._server = server
        self._request = request
        self._reply = reply
        self._heard = heard
        self._provisional = False
        self._flow: Flow | None = None

    def go(self, flow: Flow) -> None:
        """Send it."""
        self._flow = flow
        self._reply.relayed = True
        self._reply.on_cancel = self._cancel
        self._server.request(self._request, flow, progress=self._progress).add_done_callback(self._final)

    def _progress(self, response: Response) -> None:
        if self._request.method != "INVITE":
            return  # RFC 4320 section 4.1: a 100 is for one hop, and nothing else is sent
        if response.status >= 200:
            return self._back(response)
        if response.status > 100:
            self._reply(returned(response, self._reply.request))
        first, self._provisional = not self._provisional, True
        if first and self._reply.cancelled:
            self._cancel()

    def _final(self, future: asyncio.Future[Response]) -> None:
        if future.cancelled():
            return
        why = future.exception()
        if why is None:
            self._back(future.result())
        elif isinstance(why, Undeliverable):
            self._back(self._reply.request.reply(408 if isinstance(why, TimeoutExpired) else 480))

    def _back(self, response: Response) -> None:
        response = returned(response, self._reply.request)
        self._heard(response)
        self._reply(response)

    def _cancel(self) -> None:
        if self._provisional and self._flow is not None:
            reasons = self._reply.cancel.all("Reason") if self._reply.cancel is not None else ()
            self._server.request(cancelling(self._request, reasons), self._flow, stamp=False)
