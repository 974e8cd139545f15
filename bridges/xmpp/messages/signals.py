"""Messages without text: typing (XEP-0085), receipts (XEP-0184), markers (XEP-0333), what only clients understand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.access import AccessLevel
from ....core.conversation import Conversation
from ....core.message import Receipt, Typing
from ..resource import Resource, Resources
from ..syntax import jid, xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from .payload import MAX_THREAD, native, packed, stanza

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

COMPOSING = f"{{{xml.CHAT_STATES}}}composing"
CHAT_STATES = frozenset(
    f"{{{xml.CHAT_STATES}}}{state}" for state in ("active", "composing", "paused", "inactive", "gone")
)
RECEIVED = f"{{{xml.RECEIPTS}}}received"
REQUEST = f"{{{xml.RECEIPTS}}}request"
MARKABLE = f"{{{xml.MARKERS}}}markable"
DISPLAYED = frozenset({f"{{{xml.MARKERS}}}displayed", f"{{{xml.MARKERS}}}acknowledged"})
MARKED_RECEIVED = f"{{{xml.MARKERS}}}received"
RECEIPTS = DISPLAYED | {RECEIVED, MARKED_RECEIVED}
"""Elements that say of an earlier message, by its id, that it has arrived or been seen."""
NEWS = CHAT_STATES | RECEIPTS
"""What the core has words for, so that people of other worlds hear of it too."""


class Signals:
    """Passes on what is not worth keeping: to everybody where the core has words for it, else from client to client."""

    def __init__(self, front_end: FrontEnd, resources: Resources) -> None:
        self._front_end = front_end
        self._resources = resources

    async def take(self, resource: Resource, message: Stanza, to: Jid, inner: bytes) -> None:
        """A message without text to a person.  Nobody learns from it whether the person exists."""
        if await self._front_end.contacts.level(resource.identity, to.identity) is AccessLevel.BLOCKED:
            return
        if not NEWS.isdisjoint(message.kids):
            conversation = await self._front_end.immcu.between(resource.identity, to.identity)
            if conversation is not None:
                self.tell(resource, message, conversation, inner)
                return
        self.forward(resource, message, to, inner)

    def tell(self, resource: Resource, message: Stanza, conversation: Conversation, inner: bytes) -> None:
        """Typing and receipts in a conversation: to all who are in it."""
        own_words = native(message, inner)
        who = resource.endpoint
        if not CHAT_STATES.isdisjoint(message.kids):
            typing = Typing(conversation, who, COMPOSING in message.kids, own_words)
            self._front_end.immcu.tell(conversation, typing, but=who)
            return
        self.confirm(resource, message, conversation, inner)

    def confirm(
        self, resource: Resource, message: Stanza, conversation: Conversation, inner: bytes, *, kept: bool = False
    ) -> None:
        """Receipts alone; ``kept`` are those that go to XMPP people as messages."""
        for kid in message.tree:
            if kid.tag in RECEIPTS:
                about, seen = kid.get("id", "")[:MAX_THREAD], kid.tag in DISPLAYED
                receipt = Receipt(conversation, resource.endpoint, about, seen, native(message, inner), kept)
                self._front_end.immcu.tell(conversation, receipt, but=resource.endpoint)
                return

    def forward(self, resource: Resource, message: Stanza, to: Jid, inner: bytes) -> None:
        """From one client to others, as it is: those addressed, and only while they are there."""
        sent = stanza(resource.session.jid_bytes, jid.quoted(to.full), packed(message, inner), type=_type(message))
        for other in self.addressed(to):
            if resource.identity not in other.blocked:
                other.send(sent)

    def addressed(self, to: Jid) -> Iterable[Resource]:
        """The resources a message to this address goes to (RFC 6121 section 8.5)."""
        at = self._resources.at(to.endpoint) if to.resource else None
        return [at] if at is not None else self._resources.reachable(to.identity)


def typing_stanza(news: Typing, sender: bytes, to: bytes, *, type: bytes = b"") -> bytes:
    """Somebody types, or has stopped, in the words of their own client if it speaks XMPP."""
    if news.native is not None and news.native.protocol == "xmpp":
        return stanza(sender, to, news.native.payload, type=type)
    state = "composing" if news.active else "paused"
    return stanza(sender, to, f"c><{state} xmlns='{xml.CHAT_STATES}'/>".encode(), type=type)


def receipt_stanza(news: Receipt, sender: bytes, to: bytes, origin: str, *, type: bytes = b"") -> bytes:
    """A message was delivered or displayed; ``origin`` is the stanza id its sender knows it by."""
    if news.native is not None and news.native.protocol == "xmpp":
        return stanza(sender, to, news.native.payload, type=type)
    name, namespace = ("displayed", xml.MARKERS) if news.displayed else ("received", xml.RECEIPTS)
    return stanza(sender, to, f"c><{name} xmlns='{namespace}' id='{xml.attr(origin)}'/>".encode(), type=type)


def _type(message: Stanza) -> bytes:
    """The stanza's own type where it has one that is not packed."""
    return b"error" if message.type == "error" else b""
