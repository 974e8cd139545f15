"""The core's way to a client: messages and news become stanzas of its stream."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...core.conversation import Conversation, Shape
from ...core.identity import Identity
from ...core.message import (
    ContactChanged,
    Copy,
    Delivery,
    Happened,
    Message,
    News,
    Notice,
    Receipt,
    SignedOut,
    SubscriptionNews,
    Typing,
)
from .failures import failure_of
from .messages import payload
from .messages.carbons import carbon, may_copy
from .messages.messages import sender_of
from .messages.signals import receipt_stanza, typing_stanza
from .messages.threads import Threads
from .presence.roster import Roster
from .presence.subscriptions import Subscriptions
from .resource import LISTS, Resource, Start
from .rooms.events import RoomEvents
from .rooms.rooms import Rooms
from .syntax import jid, xml

if TYPE_CHECKING:
    from ...core.registrar import Channel


class ClientChannel:
    """Never waits: a stanza is queued, or work is begun that queues it."""

    __slots__ = ("_domain", "_events", "_rooms", "_roster", "_start", "_subscriptions", "_threads", "resource")

    def __init__(
        self,
        resource: Resource,
        roster: Roster,
        subscriptions: Subscriptions,
        rooms: Rooms,
        events: RoomEvents,
        threads: Threads,
        start: Start,
    ) -> None:
        self.resource = resource
        self._roster = roster
        self._subscriptions = subscriptions
        self._rooms = rooms
        self._events = events
        self._threads = threads
        self._start = start
        self._domain = resource.identity.domain

    # ---- messages

    def deliver(self, delivery: Delivery) -> asyncio.Future[None] | None:
        """Show a message.  Where the client counts what it has handled (XEP-0198), it is shown when it says so."""
        ledger = self.resource.session.ledger
        sent = ledger.sent if ledger is not None else 0
        outcome = self._deliver(delivery)
        if ledger is None or outcome is not None or ledger.sent == sent or delivery.copy is Copy.SENT:
            return outcome
        return ledger.receipt()

    def _deliver(self, delivery: Delivery) -> asyncio.Future[None] | None:
        """In a room, as chat, or as the copy of a chat."""
        conversation = delivery.conversation
        if conversation.shape is Shape.CONFERENCE:
            return self._rooms.deliver(self.resource, delivery)
        message, session, copy = delivery.message, self.resource.session, delivery.copy
        if conversation.participants == [message.sender]:
            # A note to oneself: clients of ours got it when it was written (messages.py).
            if message.native is not None and message.native.protocol == payload.PROTOCOL:
                return None
            copy = Copy.ADDRESSED
        if copy is not Copy.ADDRESSED and not session.carbons:
            return None
        packed = payload.packed_message(message, self._threads.of(conversation.id))
        more = payload.stanza_id(session.bare_bytes, message.id)
        if delivery.delayed:
            more += payload.delay(message.sent_at, self._domain)
        sender, private = sender_of(message), self._rooms.private_sender(self.resource, message)
        if copy is Copy.ADDRESSED:
            to = session.jid_bytes if message.target else session.bare_bytes
            session.send(payload.stanza(private or sender, to, packed, more))
        elif private is None and may_copy(packed):
            self._copy(delivery, sender, packed, more)
        return None

    def _copy(self, delivery: Delivery, sender: bytes, packed: bytes, more: bytes) -> None:
        message, sent = delivery.message, delivery.copy is Copy.SENT
        to = self._other(message, delivery.conversation) if sent else self.resource.identity
        address = f"{to}/{message.target}" if message.target else str(to)
        original = payload.stanza(sender, jid.quoted(address), packed, more)
        self.resource.send(carbon(self.resource, "sent" if sent else "received", original, payload.type_of(packed)))

    def _other(self, message: Message, conversation: Conversation) -> Identity:
        return next((p for p in conversation.participants if p != message.sender), message.sender)

    # ---- news

    def tell(self, news: News) -> None:
        """What is new, in XMPP's words."""
        match news:
            case Typing() | Receipt():
                self._signal(news)
            case Notice():
                self._notice(news)
            case Happened():
                self._events.happened(self.resource, news.event, news.conversation)
            case ContactChanged():
                self._start(self.resource.lanes.take(LISTS, self._contact_changed, news))
            case SignedOut(reason=reason):
                self.resource.session.close("not-authorized", reason)
            case SubscriptionNews():
                self._start(self.resource.lanes.take(LISTS, self._subscriptions.tell, self.resource, news))

    def _signal(self, news: Typing | Receipt) -> None:
        resource = self.resource
        if isinstance(news, Receipt) and news.kept:
            return
        if not resource.available or resource.session.priority < 0 or (resource.unwatched and isinstance(news, Typing)):
            return
        if news.conversation.shape is Shape.CONFERENCE:
            self._rooms.signal(resource, news)
            return
        sender, to = jid.quoted(jid.full_jid(news.who)), resource.session.jid_bytes
        if isinstance(news, Typing):
            resource.send(typing_stanza(news, sender, to))
        else:
            known_as = resource.stanza_ids.get(news.origin, news.origin)
            resource.send(receipt_stanza(news, sender, to, known_as))

    def _notice(self, news: Notice) -> None:
        """The server's own words: in the room they are about, or else from the domain."""
        if news.about is not None and self._is_mine(news.about) and self._failed(news, news.about):
            return
        body = b"<body>" + xml.text(news.text).encode() + b"</body>"
        address = news.conversation.address if news.conversation is not None else None
        room = self._rooms.sitting(self.resource, address) if address is not None else None
        sender, type = (room.jid, b"groupchat") if room is not None else (self._domain, b"chat")
        self.resource.send(payload.stanza(sender.encode(), self.resource.session.jid_bytes, b"c>" + body, type=type))

    def _is_mine(self, message: Message) -> bool:
        """Whether this client said it, in its own words."""
        own = message.native is not None and message.native.protocol == payload.PROTOCOL
        return own and self.resource.endpoint == (message.sender, message.endpoint)

    def _failed(self, news: Notice, message: Message) -> bool:
        """A message between two that did not arrive comes back as an error (RFC 6120 section 8.3)."""
        if news.conversation is None or news.conversation.shape is not Shape.TWO_PARTY:
            return False
        other = self._other(message, news.conversation)
        address = f"{other}/{message.target}" if message.target else str(other)
        id = payload.id_of(payload.packed_message(message))
        attrs = {"from": address, "to": self.resource.session.jid, "id": id or None}
        condition, text = failure_of(news)
        self.resource.send(xml.error_to("message", attrs, condition.type, condition.name, text))
        return True

    async def _contact_changed(self, news: ContactChanged) -> None:
        """The roster push first, then whatever presence follows from it (RFC 6121 section 3.1.6)."""
        await self._roster.push(self.resource, news)
        watch = self.resource.watch
        if watch is None:
            return
        if news.removed:
            watch.leave(news.contact.address)
        else:
            await watch.follow(news.contact.address)


if TYPE_CHECKING:

    def _is_a_channel(channel: ClientChannel) -> Channel:
        return channel
