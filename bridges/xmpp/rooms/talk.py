"""What is said in rooms (XEP-0045 sections 7.3 to 7.5), and how it reaches clients inside, outside and in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ....core.bylaws import role_of
from ....core.charter import Whispers
from ....core.conversation import Conversation
from ....core.errors import Answered, NotAllowed, NotFound, Undeliverable
from ....core.message import Copy, Delivery, Message, Native, Receipt, Typing, Utterance
from ....core.standing import Role, Standing
from ..errors import StanzaError, bad_request, item_not_found
from ..messages import payload, wordless
from ..messages.carbons import carbon
from ..messages.messages import sender_of
from ..messages.signals import NEWS, RECEIPTS, Signals, receipt_stanza, typing_stanza
from ..messages.threads import Threads
from ..messages.wordless import RETRACT, worth_keeping
from ..resource import Resource, Rest
from ..server_owned import DELAY, MESSAGE_TAGS, without
from ..syntax import xml
from ..syntax.stanza import Stanza
from . import stanzas as room_stanzas
from .names import Names
from .room import Occupant, Room
from .seat import Seat, State
from .stanzas import Halves

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

PRIVATE = xml.element("x", {"xmlns": xml.MUC_USER})
"""Marks a private message as one (section 7.5)."""


class RoomTalk:
    """Text in, through the IMMCU, and out to each client in the way that fits where it is."""

    def __init__(self, front_end: FrontEnd, names: Names, signals: Signals, threads: Threads, *, relays: bool) -> None:
        self._front_end = front_end
        self._names = names
        self._signals = signals
        self._threads = threads
        self._relays = relays
        self._made: tuple[str, Halves] = ("", Halves(b"", b""))

    # ---- in

    async def say(self, resource: Resource, stanza: Stanza, room: Room) -> Rest:
        """To everybody in the room, or a new subject.  Raises StanzaError and what the IMMCU raises.

        An owner who speaks before they have said what the room is to be takes it as it is.
        """
        conversation, who = room.conversation, resource.identity
        inner = self._clean(stanza, room, resource)
        text = payload.text_of(stanza)
        if text is None and payload.SUBJECT in stanza.kids:
            await self._name(room, resource, stanza.tree.findtext(payload.SUBJECT) or "")
        elif who in conversation.silent:
            raise only_listens()
        elif text:
            if not conversation.charter.configured:
                await self._front_end.immcu.chair.settle(conversation, who)
            return await self._say(resource, stanza, conversation, text, payload.native(stanza, inner))
        elif worth_keeping(stanza):
            return await self._keep(resource, stanza, conversation, inner)
        elif not NEWS.isdisjoint(stanza.kids):
            self._signals.tell(resource, stanza, conversation, inner)
        else:
            self._reflect(resource, stanza, room, inner)
        return None

    async def _name(self, room: Room, resource: Resource, subject: str) -> None:
        """A new subject; one that is the old one is nothing that happens, but who sent it waits for it."""
        before = room.conversation.subject
        await self._front_end.immcu.name(room.conversation, subject, resource.identity)
        if subject == before and (occupant := room.occupants.get(resource.identity)) is not None:
            halves = room_stanzas.subject(room, occupant.nick)
            for other in room.resources():
                other.send(halves.to(other.session.jid_bytes))

    async def answer(self, resource: Resource, stanza: Stanza, conversation: Conversation) -> Rest:
        """Somebody who gets the room's messages as chat writes back in the same way."""
        text = payload.text_of(stanza)
        if not text:
            return None
        native = payload.native(stanza, without(stanza, MESSAGE_TAGS))
        return await self._say(resource, stanza, conversation, text, native, echo=False)

    async def say_privately(self, resource: Resource, stanza: Stanza, room: Room, to: Occupant) -> None:
        """To one occupant, between the two of them.  Raises StanzaError and what the IMMCU raises.

        Where addresses are hidden it goes from client to client: the IMMCU would have to say who it is from.
        """
        if not may_whisper(room, resource):
            raise StanzaError("auth", "forbidden", "private messages are not for everybody here")
        inner = without(stanza, MESSAGE_TAGS) + PRIVATE
        text = payload.text_of(stanza)
        packed = payload.packed(stanza, inner)
        if text and to.who != resource.identity and room.conversation.charter.addresses_shown:
            native = Native(payload.PRIVATE_PROTOCOL, room.jid_bytes + b"\n" + packed)
            utterance = Utterance(
                resource.endpoint,
                text,
                origin=payload.origin_of(stanza),
                client=resource.session.client,
                native=native,
            )
            try:
                await self._front_end.immcu.send(utterance, to.who)
            except NotFound as why:
                raise item_not_found() from why
            except Answered:
                return
        else:
            sender = room.occupant_jid(room.occupants[resource.identity].nick)
            for other in to.resources:
                other.send(payload.stanza(sender, other.session.jid_bytes, packed))

    async def _say(
        self,
        resource: Resource,
        stanza: Stanza,
        conversation: Conversation,
        text: str,
        native: Native,
        *,
        echo: bool = True,
    ) -> Rest:
        """Put it in line; the speaker's own client hears it from the room as everybody does (``echo``)."""
        words = Utterance(
            resource.endpoint,
            text,
            origin=payload.origin_of(stanza),
            client=resource.session.client,
            native=native,
            echo=echo,
        )
        return await self._put(resource, stanza, conversation, words)

    async def _keep(self, resource: Resource, stanza: Stanza, conversation: Conversation, inner: bytes) -> Rest:
        """No text, and worth something to those who come later."""
        rest = await self._put(resource, stanza, conversation, wordless.utterance(resource, stanza, inner, echo=True))
        if not RECEIPTS.isdisjoint(stanza.kids):
            self._signals.confirm(resource, stanza, conversation, inner, kept=True)
        return rest

    async def _put(self, resource: Resource, stanza: Stanza, conversation: Conversation, words: Utterance) -> Rest:
        try:
            saying = await self._front_end.immcu.put(conversation, words)
        except NotAllowed as why:
            raise StanzaError("modify", "not-acceptable", str(why)) from why
        except Answered:
            return None
        if payload.THREAD in stanza.kids and (thread := payload.thread_of(stanza)):
            self._threads.note(conversation.id, thread)
        return self._on_the_disk(resource, stanza, conversation, saying)

    async def _on_the_disk(
        self, resource: Resource, stanza: Stanza, conversation: Conversation, saying: Awaitable[Message]
    ) -> None:
        await saying
        if RETRACT in stanza.kids:
            await wordless.take_back(self._front_end, stanza, conversation, resource.identity)

    def _clean(self, stanza: Stanza, room: Room, resource: Resource) -> bytes:
        """The room's owner may bring history along, with its times (section 7.9); nobody else sets times."""
        if MESSAGE_TAGS.isdisjoint(stanza.kids):
            return stanza.inner
        owner = room.conversation.standing(resource.identity) is Standing.OWNER
        return without(stanza, MESSAGE_TAGS, keep=frozenset({DELAY}) if owner else frozenset())

    def _reflect(self, resource: Resource, stanza: Stanza, room: Room, inner: bytes) -> None:
        """Neither text nor anything the core has words for: from client to client."""
        if not stanza.kids:
            raise bad_request("an empty message")
        sender = room.occupant_jid(room.occupants[resource.identity].nick)
        halves = Halves(*payload.halves(sender, payload.packed(stanza, inner), type=b"groupchat"))
        for other in room.resources():
            other.send(halves.to(other.session.jid_bytes))

    # ---- out

    def halves(self, room: Room, said: Message, *, delayed: bool = False) -> Halves:
        """A message as the room reflects it; made once for all who hear it now."""
        id, halves = self._made
        if id == said.id and not delayed:
            return halves
        nick = room.nick_of(said.sender, self._names.nick_of(said.sender))
        halves = room_stanzas.message(room, said, nick, delayed=delayed)
        if not delayed:
            self._made = (said.id, halves)
        return halves

    def deliver(self, room: Room, resource: Resource, seat: Seat, delivery: Delivery) -> asyncio.Future[None] | None:
        """A message for one client: reflected, held back, or as chat; as chat goes only what has words."""
        if delivery.message.wordless and seat.state is not State.TAKEN:
            return None
        if seat.state is State.TAKEN:
            halves = self.halves(room, delivery.message, delayed=delivery.delayed)
            resource.send(halves.to(resource.session.jid_bytes))
            return None
        if seat.state is State.AWAITED and seat.full:
            seat.state = State.RELAYED
            self.relay_held(room, resource, seat)
        if seat.state is State.RELAYED:
            return self.relay(room, resource, delivery)
        return seat.hold(delivery)

    def show_held(self, room: Room, resource: Resource, seat: Seat, *, after: int) -> None:
        """The client has come in: what it has not seen in the history follows."""
        for delivery, shown in seat.take_held():
            if delivery.message.conversation != room.conversation.id or delivery.message.seq > after:
                halves = self.halves(room, delivery.message, delayed=delivery.delayed)
                resource.send(halves.to(resource.session.jid_bytes))
            if not shown.done():
                shown.set_result(None)

    def relay_held(self, room: Room, resource: Resource, seat: Seat) -> None:
        """The client did not come in: what was held back reaches it as chat."""
        for delivery, shown in seat.take_held():
            outcome = self.relay(room, resource, delivery)
            if shown.done():
                continue
            if outcome is None:
                shown.set_result(None)
            else:
                shown.set_exception(Undeliverable("the client is not in the room"))

    def relay(self, room: Room, resource: Resource, delivery: Delivery) -> asyncio.Future[None] | None:
        """A room's message as chat from the room itself, naming who said it; never from that person's address."""
        said, session = delivery.message, resource.session
        if not self._relays:
            outside = asyncio.get_running_loop().create_future()
            outside.set_exception(Undeliverable("the client is not in the room"))
            return outside
        more = payload.stanza_id(session.bare_bytes, said.id)
        if delivery.delayed:
            more += payload.delay(said.sent_at, room.jid)
        text = payload.plain(said)
        if delivery.copy is Copy.SENT:
            if session.carbons:
                original = payload.stanza(sender_of(said), room.jid_bytes, _chat(said, text), more)
                resource.send(carbon(resource, "sent", original, b"chat"))
            return None
        packed = _chat(said, f"{self._names.of(said.sender)}: {text}")
        resource.send(payload.stanza(room.jid_bytes, session.jid_bytes, packed, more))
        return None

    def signal(self, room: Room, resource: Resource, news: Typing | Receipt) -> None:
        """Typing and receipts of another participant, for a client in the room."""
        who = news.who.identity
        sender = room.occupant_jid(room.nick_of(who, self._names.nick_of(who)))
        to = resource.session.jid_bytes
        if isinstance(news, Typing):
            resource.send(typing_stanza(news, sender, to, type=b"groupchat"))
        else:
            resource.send(receipt_stanza(news, sender, to, news.origin, type=b"groupchat"))


def _chat(said: Message, text: str) -> bytes:
    return f"c id='{xml.attr(said.origin or said.id)}'><body>{xml.text(text)}</body>".encode()


def only_listens() -> StanzaError:
    """A visitor has no voice (section 7.4)."""
    return StanzaError("auth", "forbidden", "only who has been given voice speaks here")


def may_whisper(room: Room, resource: Resource) -> bool:
    """Whether somebody may send private messages in this room."""
    role, allowed = role_of(room.conversation, resource.identity), room.conversation.charter.whispers
    if allowed is Whispers.MODERATORS:
        return role is Role.MODERATOR
    if allowed is Whispers.PARTICIPANTS:
        return role in (Role.SPEAKER, Role.MODERATOR)
    return allowed is Whispers.ANYONE
