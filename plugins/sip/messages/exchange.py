"""What the channels of one SIP plugin share: the wire, people's names, and which message goes by which id."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from ....core.conversation import Conversation, Shape
from ....core.identity import Endpoint, Identity
from ....core.message import Delivery, Happened, Receipt
from ..syntax.message import Request, Response
from ..transport.flow import Flow
from .group import Seat
from .imdn import Disposition, Notification
from .letters import message_id_of

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ....core.people import Person
    from .channel import SipChannel

MAX_REMEMBERED = 20_000
"""Messages sent whose notifications still find their way back."""
MAX_NAMES = 5_000
NAME_GOOD_FOR = 60.0
"""Seconds after which the directory is asked again."""

RequestOver = Callable[[Request, Flow], "asyncio.Future[Response]"]


class Conferences(Protocol):
    """How endpoints are in conferences; see the package conferences."""

    async def seat(self, channel: SipChannel, conversation: Conversation) -> Seat | None:
        """How an endpoint is in a conference; None for one that only knows text.  May take as long as an INVITE."""

    async def shown(self, channel: SipChannel, news: Happened) -> bool:
        """Whether an endpoint sees what happened without words."""

    async def distrust(self, channel: SipChannel, conversation: Conversation) -> None:
        """An endpoint did not take CPIM."""


@dataclass(slots=True)
class Sent:
    """A message under way: whose it is, what they call it, and what they have been told of it."""

    conversation: str
    sender: Identity
    origin: str
    delivered: bool = False
    displayed: bool = False
    told: set[tuple[Identity, bool]] = field(default_factory=set)
    """In a conference: of whom the sender knows that they got it (False) or saw it (True)."""


class Exchange:
    """The seam between channels and the server."""

    def __init__(self, front_end: FrontEnd, request: RequestOver) -> None:
        self._front_end = front_end
        self.request = request
        self._sent: OrderedDict[str, Sent] = OrderedDict()
        self._people: OrderedDict[Identity, tuple[Person | None, float]] = OrderedDict()
        self.conferences: Conferences | None = None
        self.when_lost: Callable[[SipChannel, str], None] = self._sign_out
        """Who decides what it means that an endpoint does not answer over the flow that was used."""

    def clock(self) -> datetime:
        """What time it is."""
        return self._front_end.clock()

    async def name_of(self, who: Identity) -> str:
        """What somebody is called: as the directory says, else as their address begins."""
        person = await self._person(who)
        return person.shown_name if person is not None else who.user

    async def language_of(self, who: Identity) -> str:
        """What somebody reads, "" where that is not known."""
        person = await self._person(who)
        return person.language if person is not None else ""

    async def _person(self, who: Identity) -> Person | None:
        now = asyncio.get_running_loop().time()
        person, until = self._people.get(who, (None, 0.0))
        if until <= now:
            person = await self._front_end.accounts.person(who) if self._front_end.ours(who.domain) else None
            self._people[who] = (person, now + NAME_GOOD_FOR)
            if len(self._people) > MAX_NAMES:
                self._people.popitem(last=False)
        return person

    def lost(self, channel: SipChannel, reason: str) -> None:
        """An endpoint does not answer any more over the flow that was used last."""
        self.when_lost(channel, reason)

    def _sign_out(self, channel: SipChannel, reason: str) -> None:
        self._front_end.registrar.unbind(channel.endpoint, channel, reason)

    # ---- what became of messages

    def sent(self, delivery: Delivery) -> None:
        """A message leaves under its own id; notifications will name that."""
        message = delivery.message
        if message.origin and message.id not in self._sent:
            self._sent[message.id] = Sent(message.conversation, message.sender, message.origin)
            if len(self._sent) > MAX_REMEMBERED:
                self._sent.popitem(last=False)

    def taken(self, delivery: Delivery, endpoint: Endpoint) -> None:
        """An endpoint answered 2xx: that is "delivered" to senders of other worlds.

        A SIP sender has its own 2xx for that, and is sent notifications only where somebody really made one.
        """
        if not message_id_of(delivery.message.origin):
            self.notified(endpoint, Notification(delivery.message.id, Disposition.DELIVERED))

    def notified(self, endpoint: Endpoint, notification: Notification) -> None:
        """Tell the sender of a message, once each, that it was delivered or displayed."""
        sent = self._sent.get(notification.message_id)
        conversation = self._front_end.immcu.conversations.get(sent.conversation) if sent else None
        if sent is None or conversation is None or notification.disposition is Disposition.OTHER:
            return
        if endpoint.identity == sent.sender or endpoint.identity not in conversation.participants:
            return
        displayed = notification.disposition is Disposition.DISPLAYED
        receipt = Receipt(conversation, endpoint, sent.origin, displayed)
        if conversation.shape is Shape.CONFERENCE:
            self._notified_in_conference(sent, receipt)
        elif conversation.shape is Shape.TWO_PARTY and not sent.displayed and (displayed or not sent.delivered):
            sent.delivered, sent.displayed = True, displayed
            self._front_end.immcu.tell(conversation, receipt, endpoint)

    def _notified_in_conference(self, sent: Sent, receipt: Receipt) -> None:
        """Only the sender is told, and only one who calls their messages by names of SIP."""
        known = receipt.who.identity, receipt.displayed
        if known not in sent.told and message_id_of(sent.origin):
            sent.told.add(known)
            self._front_end.registrar.tell(sent.sender, receipt)
