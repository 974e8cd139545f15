"""Messages from clients to people (RFC 6121 sections 5 and 8): text goes through the IMMCU, errors come back."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from ....core.errors import Absent, Answered, NotFound
from ....core.identity import Endpoint
from ....core.message import Message, Utterance
from ..errors import StanzaError, service_unavailable
from ..presence.blocking import BLOCKED
from ..resource import Resource, Resources, Rest
from ..rooms.invitations import DIRECT, Invitations
from ..server_owned import DELAY, MESSAGE_TAGS, from_abroad, honest_delay, without
from ..syntax import jid
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from . import payload
from .signals import MARKABLE, RECEIPTS, REQUEST, Signals
from .threads import Threads
from .wordless import RETRACT, take_back, utterance, worth_keeping

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

TYPES = frozenset({"", "normal", "chat", "headline", "groupchat", "error"})
"""RFC 6121 section 5.2.2; any other type means normal."""


class Messages:
    """The rules of section 8.5 for one front end's people, whatever they are signed in with."""

    def __init__(
        self,
        front_end: FrontEnd,
        resources: Resources,
        signals: Signals,
        threads: Threads,
        invitations: Invitations,
    ) -> None:
        self._front_end = front_end
        self._resources = resources
        self._signals = signals
        self._threads = threads
        self._invitations = invitations

    async def take(self, resource: Resource, message: Stanza, to: Jid) -> Rest:
        """A message to a person or to one of their resources.  Raises StanzaError and what the IMMCU raises.

        What it returns is done when the message is on the disk.
        """
        if to.identity in resource.blocked:
            raise StanzaError("cancel", "not-acceptable", "you have blocked this person", inner=BLOCKED)
        inner = cleaned(message, resource)
        type = message.type
        if type in ("error", "headline", "groupchat"):
            self._take_special(resource, message, to, inner)
            return None
        if DIRECT in message.kids and await self._invitations.take_direct(resource, message, to):
            return None
        text = payload.text_of(message)
        if not text:
            if worth_keeping(message):
                return await self._keep(resource, message, to, inner)
            await self._signals.take(resource, message, to, inner)
            return None
        if type != "chat" and to.resource and not self._is_anywhere(to.endpoint):
            raise service_unavailable()
        utterance = Utterance(
            sender=resource.endpoint,
            text=text,
            origin=payload.origin_of(message),
            target=to.resource,
            client=resource.session.client,
            native=payload.native(message, inner),
        )
        try:
            saying = await self._front_end.immcu.offer(utterance, to.identity)
        except NotFound as why:
            raise service_unavailable() from why
        except Answered:
            return None
        return self._said(resource, message, to, saying)

    async def _keep(self, resource: Resource, message: Stanza, to: Jid, inner: bytes) -> Rest:
        """No text, and worth something later.  Nobody learns from it whether the person exists."""
        try:
            words = utterance(resource, message, inner, target=to.resource)
            saying = await self._front_end.immcu.offer(words, to.identity)
        except (NotFound, Absent, Answered):
            return None
        conversation = await self._front_end.immcu.between(resource.identity, to.identity)
        if conversation is not None and not RECEIPTS.isdisjoint(message.kids):
            self._signals.confirm(resource, message, conversation, inner, kept=True)
        return self._said(resource, message, to, saying)

    async def _said(self, resource: Resource, message: Stanza, to: Jid, saying: Awaitable[Message]) -> None:
        said = await saying
        if payload.THREAD in message.kids and (thread := payload.thread_of(message)):
            self._threads.note(said.conversation, thread)
        if REQUEST in message.kids or MARKABLE in message.kids:
            resource.remember(said.origin or said.id, message.id)
        if RETRACT in message.kids:
            conversation = self._front_end.immcu.conversations.get(said.conversation)
            if conversation is not None:
                await take_back(self._front_end, message, conversation, resource.identity, to.identity)
        if to.identity == resource.identity:
            self._to_myself(resource, said, to)

    def _take_special(self, resource: Resource, message: Stanza, to: Jid, inner: bytes) -> None:
        """Errors and headlines are worth nothing later; groupchat is for rooms (section 8.5.2.1.1)."""
        at_resource = to.resource and self._resources.at(to.endpoint) is not None
        if message.type == "error":
            if at_resource:
                self._signals.forward(resource, message, to, inner)
        elif at_resource or (message.type == "headline" and not to.resource):
            self._signals.forward(resource, message, to, inner)
        else:
            raise service_unavailable()

    def _is_anywhere(self, endpoint: Endpoint) -> bool:
        """Whether there is somebody signed in at this place, or it is for another domain to say."""
        return self._front_end.registrar.at(endpoint) is not None or self._resources.at(endpoint) is not None

    def _to_myself(self, resource: Resource, said: Message, to: Jid) -> None:
        """A note to oneself: the one who wrote it hears it too, at the resources addressed."""
        for other in self._signals.addressed(to):
            more = payload.stanza_id(other.session.bare_bytes, said.id)
            sender = resource.session.jid_bytes
            other.send(payload.stanza(sender, jid.quoted(to.full), payload.packed_message(said), more))


def cleaned(message: Stanza, resource: Resource) -> bytes:
    """A message's children, without those that only servers may add."""
    if resource.guest:
        return from_abroad(message, resource.identity.domain)
    if MESSAGE_TAGS.isdisjoint(message.kids):
        return message.inner
    keep = frozenset({DELAY}) if honest_delay(message, resource.session.bare) else frozenset()
    return without(message, MESSAGE_TAGS, keep=keep)


def sender_of(message: Message) -> bytes:
    """From which address a message comes: the sender's endpoint, or the person where it has none."""
    if not message.endpoint:
        return str(message.sender).encode()
    return jid.quoted(jid.full_jid(Endpoint(message.sender, message.endpoint)))
