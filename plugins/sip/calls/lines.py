"""What stands between the proxy and the sockets where a trunk is at the other end: who calls, and our password."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from ....core.errors import HereaboutsError, Undeliverable
from ....core.identity import Identity
from ..syntax.grammar import Params
from ..syntax.headers import NameAddr
from ..syntax.message import Request, Response
from ..syntax.uri import SipUri
from ..translate import identity_of
from ..transport.flow import Flow
from .credentials import ASKED_BY
from .trunks import ASSERTED, Trunk, Trunks
from .wires import Below

MAX_ANSWERS = 2
"""How often one request is sent again with credentials: once, and once more for a nonce that had grown stale."""
PREFERRED = "P-Preferred-Identity"
"""Who a client says it is to a server that believes it because of its password: RFC 3325 section 9.2."""


class Lines:
    """The server below, as the proxy sees it.  ``numbers_of`` says which numbers somebody has."""

    def __init__(
        self,
        server: Below,
        trunks: Trunks,
        ours: Callable[[str], bool],
        numbers_of: Callable[[Identity], Awaitable[list[str]]],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._server = server
        self._trunks = trunks
        self._ours = ours
        self._numbers_of = numbers_of
        self._start = start

    def request(
        self, request: Request, flow: Flow, *, progress: Callable[[Response], None] | None = None, stamp: bool = True
    ) -> asyncio.Future[Response]:
        """Send a request over a flow; to a trunk with our credentials, and again when it asks for them."""
        trunk = self._trunks.at(flow)
        if trunk is None:
            _keep_private(request)
        if trunk is None or not stamp:
            return self._server.request(request, flow, progress=progress, stamp=stamp)
        answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._start(self._ask(trunk, request, flow, progress, answer))
        return answer

    def send(self, request: Request, flow: Flow) -> None:
        """Send an ACK."""
        self._server.send(request, flow)

    # ---- inside

    async def _ask(
        self,
        trunk: Trunk,
        request: Request,
        flow: Flow,
        progress: Callable[[Response], None] | None,
        answer: asyncio.Future[Response],
    ) -> None:
        begins = request.method == "INVITE" and not request.to.tag
        try:
            if begins:
                trunk.setups.add(request.call_id)
                await self._present(trunk, request)
            response = await self._answered(trunk, request, flow, progress)
            if begins:
                self._judge(trunk, flow, response)
            if not answer.done():
                answer.set_result(response)
        except Exception as why:
            if begins and isinstance(why, Undeliverable):
                self._blame(trunk, flow, str(why))
            if not answer.done():
                answer.set_exception(why)
            if not isinstance(why, HereaboutsError | ValueError):
                raise
        finally:
            if begins:
                trunk.setups.discard(request.call_id)

    async def _answered(
        self, trunk: Trunk, request: Request, flow: Flow, progress: Callable[[Response], None] | None
    ) -> Response:
        sent = self._copy(trunk, request, 0)
        response = await self._sent(request, sent, flow, progress)
        for again in range(1, MAX_ANSWERS + 1):
            if response.status not in ASKED_BY or not trunk.account.heed(response, sent):
                break
            sent = self._copy(trunk, request, again)
            response = await self._sent(request, sent, flow, progress)
        return response

    def _copy(self, trunk: Trunk, request: Request, again: int) -> Request:
        """Each time a message of its own: what was sent before may still have to be acknowledged as it was."""
        vias = request.all("Via")[1:] if again else request.all("Via")
        copy = Request(request.method, request.uri, request.headers(), request.body)
        copy.drop("Via")
        for via in reversed(vias):
            copy.add("Via", via, first=True)
        if again and request.method == "REGISTER":
            # A proxy must not count on for the phone behind it (the dialog is the phone's); what is ours counts on.
            copy.set("CSeq", f"{request.cseq.number + again} REGISTER")
        trunk.account.sign(copy)
        return copy

    def _sent(
        self, request: Request, sent: Request, flow: Flow, progress: Callable[[Response], None] | None
    ) -> asyncio.Future[Response]:
        """Sends the copy; the request gets its Via, so that a CANCEL made of the request finds it."""
        first = len(sent.all("Via")) == len(request.all("Via"))
        future = self._server.request(sent, flow, progress=progress)
        if first:
            request.add("Via", sent.all("Via")[0], first=True)
        elif sent.all("Via"):
            request.set_top("Via", sent.via[0])
        return future

    async def _present(self, trunk: Trunk, request: Request) -> None:
        """RFC 3325 sections 5 and 6: trusted trunks learn who calls, even where others shall not; other trunks are
        told which number to show, unless nobody shall know it."""
        known = request.all(ASSERTED)
        request.drop(PREFERRED)
        if not trunk.options.trusted:
            request.drop(ASSERTED)
        shown = await self._shown(trunk, request)
        if trunk.options.trusted and not known and shown:
            request.set(ASSERTED, shown)
        elif not trunk.options.trusted and shown and not _private(request):
            request.set(PREFERRED, shown)

    async def _shown(self, trunk: Trunk, request: Request) -> NameAddr | None:
        address = request.from_
        try:
            who = identity_of(address)
            numbers = await self._numbers_of(who) if self._ours(who.domain) else []
        except HereaboutsError:
            numbers = []  # no number, or the directory is not to be asked now: the call goes all the same
        number = next((n for n in numbers if n.startswith("+")), "") or trunk.options.number
        uri = SipUri("sip", number, trunk.domain, None, Params({"user": "phone"}))
        return NameAddr(uri, "" if _private(request) else address.display) if number else None

    def _judge(self, trunk: Trunk, flow: Flow, response: Response) -> None:
        """What an answer to an INVITE says of the hop."""
        trouble = "answered 503 to a call" if response.status == 503 else ""
        self._blame(trunk, flow, trouble)

    def _blame(self, trunk: Trunk, flow: Flow, trouble: str) -> None:
        for place, known in trunk.flows.items():
            if known is flow:
                self._trunks.noted(trunk, place, trouble)


def _private(request: Request) -> bool:
    """Whether the caller wants no number shown: RFC 3325 section 9.3, RFC 3323 section 4.2."""
    wishes = {wish.strip().lower() for text in request.all("Privacy") for wish in text.split(";")}
    return bool(wishes & {"id", "user", "header"})


def _keep_private(request: Request) -> None:
    """RFC 3325 section 7: a phone is told who calls by a trunk, unless the caller does not want that."""
    if request.first(ASSERTED) and _private(request):
        request.drop(ASSERTED)
