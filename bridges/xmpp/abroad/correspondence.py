"""The core's way to people of other domains: messages and news become stanzas that carriers take."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ....core.conversation import Shape
from ....core.identity import Identity
from ....core.message import Copy, Delivery, Happened, Message, News, Receipt, SubscriptionNews, Typing
from ..messages import payload
from ..messages.messages import sender_of
from ..messages.signals import receipt_stanza, typing_stanza
from ..messages.threads import Threads
from ..syntax import jid
from ..syntax.jid import Jid

if TYPE_CHECKING:
    from ....core.registrar import Channel
    from ..parts import Parts
    from .guests import Guests
    from .presences import Presences


class Correspondence:
    """The Channel of everybody that a carrier reaches.  Never waits: an error comes later, or never."""

    def __init__(self, parts: Parts, guests: Guests, presences: Presences, threads: Threads) -> None:
        self._parts = parts
        self._presences = presences
        self._guests = guests
        self._threads = threads

    def deliver(self, delivery: Delivery) -> asyncio.Future[None] | None:
        """What somebody said to one of their people, or in a conference that one of them is in."""
        message, who = delivery.message, delivery.to.identity
        if delivery.conversation.shape is Shape.CONFERENCE:
            return self._in_conference(delivery)
        if delivery.copy is Copy.SENT:
            return None
        if message.native is not None and message.native.protocol == payload.PRIVATE_PROTOCOL:
            self._in_private(who, message)
            return None
        guest = self._guests.at(Jid(who.user, who.domain, message.target))
        packed = payload.packed_message(message, self._threads.of(delivery.conversation.id))
        guest.send(payload.stanza(sender_of(message), guest.session.jid_bytes, packed))
        return None

    def tell(self, news: News) -> None:
        """News say for themselves whom they are for: see ``hear``."""

    def hear(self, who: Identity, news: News) -> None:
        """News for one of their people, who is signed in nowhere here."""
        if not self._guests.serves(who.domain):
            return
        match news:
            case Receipt(kept=True):
                return
            case Typing() | Receipt():
                self._signal(who, news)
            case Happened():
                self._happened(who, news)
            case SubscriptionNews():
                self._presences.tell(who, news)

    # ---- inside

    def _in_conference(self, delivery: Delivery) -> asyncio.Future[None] | None:
        """To those of their programs that are in the room; if none is, to the person, as chat."""
        address, who = delivery.conversation.address, delivery.to.identity
        assert address is not None
        hearers = self._guests.sitting(who, address)
        if not hearers and delivery.copy is not Copy.SENT:
            hearers = [self._guests.of(who)]
        outcomes = [self._parts.rooms.deliver(guest, delivery) for guest in hearers]
        return None if None in outcomes or not outcomes else outcomes[0]

    def _in_private(self, who: Identity, message: Message) -> None:
        """From one occupant of a room of ours to another (XEP-0045 section 7.5); to nobody who has left it."""
        assert message.native is not None
        room = Identity.parse(message.native.payload.partition(b"\n")[0].decode())
        for guest in self._guests.sitting(who, room):
            sender = self._parts.rooms.private_sender(guest, message)
            if sender is not None:
                guest.send(payload.stanza(sender, guest.session.jid_bytes, payload.packed_message(message)))

    def _signal(self, who: Identity, news: Typing | Receipt) -> None:
        conversation, sender = news.conversation, jid.quoted(jid.full_jid(news.who))
        if conversation.shape is Shape.CONFERENCE:
            for guest in self._guests.sitting(who, conversation.address) if conversation.address is not None else ():
                self._parts.rooms.signal(guest, news)
        elif isinstance(news, Receipt) and news.kept:
            return  # it came as a message
        elif isinstance(news, Typing):
            guest = self._guests.of(who)
            guest.send(typing_stanza(news, sender, guest.session.jid_bytes))
        else:
            guest = self._guests.that_said(who, news.origin)
            known_as = guest.stanza_ids.get(news.origin, news.origin)
            guest.send(receipt_stanza(news, sender, guest.session.jid_bytes, known_as))

    def _happened(self, who: Identity, news: Happened) -> None:
        address = news.conversation.address
        if address is None:
            return
        guests = self._guests.sitting(who, address) or [self._guests.of(who)]
        for guest in guests:
            self._parts.events.happened(guest, news.event, news.conversation)


if TYPE_CHECKING:

    def _is_a_channel(correspondence: Correspondence) -> Channel:
        return correspondence
