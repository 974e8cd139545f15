"""The way to one registered endpoint: letters one after another, over the flow on which it registered."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ....core.conversation import Conversation, Shape
from ....core.errors import Undeliverable
from ....core.identity import Endpoint
from ....core.message import Copy, Delivery, Happened, News, Notice, Receipt, Typing
from ..syntax.headers import NameAddr
from ..syntax.message import Response
from ..syntax.uri import SipUri
from ..transaction.server import TimeoutExpired
from ..translate import sip_uri
from ..transport.flow import Flow, FlowClosed
from . import composing, group, imdn, letters
from .group import Seat
from .letters import Letter
from .phrases import people_in, phrase_of

if TYPE_CHECKING:
    from .exchange import Exchange

log = logging.getLogger(__name__)

MAX_WAITING = 200
"""Letters that may wait for one endpoint; what comes beyond stays in the journal."""
MAX_NEWS_WAITING = 20
"""Letters in front of which a typing notice is no news any more."""
MAX_DATAGRAM = 1300
"""Bytes of a request over UDP (RFC 3428 section 8)."""

NOT_TAKEN = frozenset((405, 406, 415, 488, 501, 606))
"""Answers to a typing notice or a notification that mean: never send me these."""
NOT_HERE = frozenset((408, 410, 430))
"""Answers that mean: the endpoint is not behind this flow any more."""


@dataclass(eq=False, slots=True)
class Waiting:
    """A letter in the lane, or what will become one, and who wants to know how it went."""

    letter: Letter | Callable[[], Awaitable[Letter | None]]
    outcome: asyncio.Future[None] | None = None
    delivery: Delivery | None = None


class SipChannel:
    """A Channel of the core.  RFC 3428 section 8: one MESSAGE at a time, the next when it is answered."""

    def __init__(self, exchange: Exchange, endpoint: Endpoint, contact: SipUri, flow: Flow, language: str = "") -> None:
        self._exchange = exchange
        self.endpoint = endpoint
        self.contact = contact
        self.routes: Sequence[str] = ()
        self.flow = flow
        self.used = flow
        """Over which the last letter went."""
        self._language = language
        self._waiting: deque[Waiting] = deque()
        self._running: asyncio.Task[None] | None = None
        self._under_way: asyncio.Future[Response] | None = None
        self._refused: set[str] = set()
        self.closed = ""

    # ---- the channel of the core

    def deliver(self, delivery: Delivery) -> asyncio.Future[None] | None:
        """What somebody said; what the person said elsewhere themselves, pager mode cannot show."""
        if delivery.copy is Copy.SENT or delivery.message.wordless:
            return None
        outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.closed or len(self._waiting) >= MAX_WAITING:
            outcome.set_exception(Undeliverable(self.closed or "too many messages wait for this endpoint"))
        else:
            self._post(Waiting(lambda: self._said(delivery), outcome, delivery))
        return outcome

    def tell(self, news: News) -> None:
        """Typing, receipts, and what a conference says; lists of contacts are not SIP's business here."""
        if self.closed or len(self._waiting) >= MAX_NEWS_WAITING:
            return
        match news:
            case Typing() if composing.CONTENT_TYPE not in self._refused:
                self._post(Waiting(lambda: self._typing(news)))
            case Receipt(origin=origin, conversation=talk) if imdn.CONTENT_TYPE not in self._refused:
                message_id = letters.message_id_of(origin)
                if message_id and talk.shape is Shape.TWO_PARTY:
                    now = self._exchange.clock()
                    self._post(Waiting(letters.receipt(news, message_id, now, _random_id())))
                elif message_id:
                    self._post(Waiting(lambda: self._receipt(news, message_id)))
            case Notice():
                self._post(Waiting(self._notice(news)))
            case Happened(conversation=conversation) if conversation.address is not None:
                self._post(Waiting(lambda: self._happened(news)))

    # ---- the registration

    def moved(self, flow: Flow, contact: SipUri, routes: Sequence[str] = (), *, again: bool = True) -> None:
        """The endpoint registered again, perhaps over another flow.

        ``again``: the old one is no more, so what was under way on it goes again.
        """
        self.contact, self.routes = contact, routes
        if flow is not self.flow:
            self.flow = flow
            if again and self._under_way is not None and not self._under_way.done():
                self._under_way.set_exception(FlowClosed("the endpoint has moved"))

    def close(self, reason: str) -> None:
        """The endpoint is gone; what waits stays in the journal."""
        self.closed = reason
        if self._running is not None:
            self._running.cancel()
        for waiting in self._waiting:
            _fail(waiting, reason)
        self._waiting.clear()

    # ---- the lane

    def _post(self, waiting: Waiting) -> None:
        self._waiting.append(waiting)
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                waiting = self._waiting[0]
                await self._send(waiting)
                if self._waiting and self._waiting[0] is waiting:
                    self._waiting.popleft()
        finally:
            self._running = None

    async def _send(self, waiting: Waiting) -> None:
        try:
            letter = waiting.letter if isinstance(waiting.letter, Letter) else await waiting.letter()
            if letter is None or (waiting.outcome is None and letter.kind in self._refused):
                return
            response = await self._answer(letter)
            if letter.to is not None and response.status in NOT_TAKEN:
                return await self._send_plainly(waiting)
        except Undeliverable as why:
            return _fail(waiting, str(why))
        except Exception:
            log.exception("a letter to %s could not be written", self.endpoint)
            _fail(waiting, "it could not be written")
            return
        self._settle(waiting, letter, response)

    async def _send_plainly(self, waiting: Waiting) -> None:
        """The endpoint does not take what is wrapped for a conference: what was said is said again in plain text."""
        if self._exchange.conferences is None or waiting.delivery is None:
            return
        await self._exchange.conferences.distrust(self, waiting.delivery.conversation)
        await self._send(waiting)

    async def _answer(self, letter: Letter) -> Response:
        """Send, and once more over each other flow that the endpoint is behind meanwhile (RFC 5626 section 5.3)."""
        while True:
            flow = self.used = self.flow
            to, instance = self.endpoint
            request = letters.addressed(letter, to, self.contact, instance, self.routes)
            if not flow.reliable and len(bytes(request)) > MAX_DATAGRAM:
                raise Undeliverable(f"longer than {MAX_DATAGRAM} bytes, which UDP does not carry")
            self._under_way = self._exchange.request(request, flow)
            try:
                response = await self._under_way
                if response.status in NOT_HERE:
                    self._exchange.lost(self, f"it answered {response.status}")
                if response.status not in NOT_HERE or self.flow is flow or self.closed:
                    return response
            except (FlowClosed, TimeoutExpired) as why:
                if isinstance(why, TimeoutExpired):
                    self._exchange.lost(self, "it does not answer")
                if self.flow is flow or self.closed:
                    raise
            finally:
                self._under_way = None

    def _settle(self, waiting: Waiting, letter: Letter, response: Response) -> None:
        if 200 <= response.status < 300:
            if waiting.outcome is not None and not waiting.outcome.done():
                waiting.outcome.set_result(None)
            if waiting.delivery is not None:
                self._exchange.taken(waiting.delivery, self.endpoint)
            return
        if response.status in NOT_TAKEN and waiting.outcome is None:
            self._refused.add(letter.kind)
        _fail(waiting, f"the endpoint answered {response.status}")

    # ---- writing

    async def _said(self, delivery: Delivery) -> Letter:
        if delivery.conversation.address is None:
            self._exchange.sent(delivery)
            return letters.said(delivery, "")
        name = await self._exchange.name_of(delivery.message.sender)
        seat = await self._seat(delivery.conversation)
        self._exchange.sent(delivery)
        return letters.said(delivery, name) if seat is None else group.said(delivery, name, seat)

    async def _typing(self, news: Typing) -> Letter:
        if news.conversation.address is None:
            return letters.typing(news, "", _random_id())
        name, seat = await self._exchange.name_of(news.who.identity), await self._seat(news.conversation)
        if seat is None:
            return letters.typing(news, name, _random_id())
        return group.typing(news, name, seat, self._exchange.clock(), _random_id())

    async def _receipt(self, news: Receipt, message_id: str) -> Letter | None:
        """Of a message to a conference; who is not sent CPIM there could not tell whose it is."""
        seat = await self._seat(news.conversation)
        return group.receipt(news, message_id, seat, self._exchange.clock(), _random_id()) if seat is not None else None

    async def _seat(self, conversation: Conversation) -> Seat | None:
        """How the endpoint is in a conference if it takes CPIM there."""
        if self._exchange.conferences is None:
            return None
        seat = await self._exchange.conferences.seat(self, conversation)
        return seat if seat is not None and seat.wraps else None

    async def _happened(self, news: Happened) -> Letter | None:
        if self._exchange.conferences is not None and await self._exchange.conferences.shown(self, news):
            return None
        needed = people_in(news.event, news.conversation)
        names = {who: await self._exchange.name_of(who) for who in needed}
        text = phrase_of(
            news.event, news.conversation, self.endpoint.identity, lambda who: names.get(who, str(who)), self._language
        )
        address = news.conversation.address
        if not text or address is None:
            return None
        return letters.plain(NameAddr(sip_uri(address)), text, _random_id())

    def _notice(self, news: Notice) -> Letter:
        """From the conference it is about, else from the server itself: never in another person's name."""
        address = news.conversation.address if news.conversation is not None else None
        sender = sip_uri(address) if address is not None else SipUri("sip", "", self.endpoint.identity.domain)
        return letters.plain(NameAddr(sender), news.text, _random_id())


def _fail(waiting: Waiting, reason: str) -> None:
    if waiting.outcome is not None and not waiting.outcome.done():
        waiting.outcome.set_exception(Undeliverable(reason))
        waiting.outcome.exception()


def _random_id() -> str:
    return secrets.token_hex(12)
