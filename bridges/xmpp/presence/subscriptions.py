"""Presence subscriptions (RFC 6121 section 3): stanzas in, stanzas out; the contact lists own the states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ....core.identity import Identity
from ....core.message import Native, SubscriptionNews
from ..messages.payload import PROTOCOL
from ..resource import Resource
from ..server_owned import PRESENCE_TAGS, without
from ..syntax import xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza

if TYPE_CHECKING:
    from ....core.accounts import Accounts
    from ....core.contact_lists import ContactLists

NAMES: Mapping[str, str] = {
    "subscribe": "ask",
    "subscribed": "grant",
    "unsubscribe": "stop",
    "unsubscribed": "revoke",
}
"""The presence types, and what the core calls them."""
TYPES = {what: type for type, what in NAMES.items()}


class Subscriptions:
    """Who asks whom.  Somebody who does not exist never answers, and so does somebody who hides."""

    def __init__(self, contacts: ContactLists, accounts: Accounts) -> None:
        self._contacts = contacts
        self._accounts = accounts

    async def take(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        """A client asks, grants, stops or revokes.  Raises TooLarge, Busy."""
        if not to.user:
            return
        inner = without(stanza, PRESENCE_TAGS)
        words = Native(PROTOCOL, inner) if inner else None
        deed = getattr(self._contacts, NAMES[stanza.type])
        await deed(resource.identity, to.identity, words)

    async def tell(self, resource: Resource, news: SubscriptionNews) -> None:
        """Another person's deed, for one resource.

        A question goes to those that have presence, and again at each sign-in until it is answered (section 3.1.3);
        all else goes to those who asked for the roster (sections 3.2.3 and 3.3.3).
        """
        if news.what == "ask":
            if resource.available:
                resource.send(await self._question(resource, news.who, news.native))
        elif resource.session.interested or resource.available:
            resource.send(stanza(news.who, resource.identity, TYPES[news.what], _inner(news.native)))

    async def ask_again(self, resource: Resource) -> None:
        """Questions that nobody has answered yet, for a resource that has just become available."""
        for contact in await self._contacts.questions(resource.identity):
            words = await self._contacts.words(resource.identity, contact.address)
            resource.send(await self._question(resource, contact.address, words))

    async def _question(self, resource: Resource, asker: Identity, words: Native | None) -> bytes:
        """Whoever asks without a word is called by their name at least (XEP-0172 section 4.1)."""
        inner = _inner(words)
        if not inner:
            person = await self._accounts.person(asker)
            if person is not None and person.name:
                inner = xml.element("nick", {"xmlns": xml.NICK}, xml.text(person.name))
        return stanza(asker, resource.identity, "subscribe", inner)


def stanza(sender: Identity, to: Identity, type: str, inner: bytes = b"") -> bytes:
    """A subscription stanza: always from and to bare JIDs (section 3.1.2)."""
    return xml.element("presence", {"from": str(sender), "to": str(to), "type": type}, inner)


def _inner(words: Native | None) -> bytes:
    return words.payload if words is not None and words.protocol == PROTOCOL else b""
