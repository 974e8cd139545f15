"""The roster (RFC 6121 section 2): the person's contact list as their clients read, change and hear of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ....core.contacts import Contact
from ....core.errors import BadAddress, NotAllowed, Refused, TooLarge
from ..errors import StanzaError, bad_request
from ..queries import Place, Query
from ..resource import LISTS, Resource
from ..syntax import jid, xml
from ..syntax.stanza import Stanza

if TYPE_CHECKING:
    from ....core.contact_lists import ContactLists
    from ....core.message import ContactChanged

QUERY = f"{{{xml.ROSTER}}}query"
ITEM = f"{{{xml.ROSTER}}}item"
GROUP = f"{{{xml.ROSTER}}}group"


class Roster:
    """Reads and changes contact lists; the lists themselves tell every endpoint of a change."""

    def __init__(self, contacts: ContactLists) -> None:
        self._contacts = contacts

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", QUERY, Place.ACCOUNT, self.read, xml.ROSTER)
        yield Query("set", QUERY, Place.ACCOUNT, self.change)
        for type in ("get", "set"):
            yield Query(type, QUERY, Place.PERSON, self.refuse)

    async def read(self, resource: Resource, iq: Stanza) -> bytes:
        """The list; from now on the resource is told of changes (section 2.1.3).  Nothing if it knows this version."""
        query = iq.child(QUERY)
        assert query is not None
        if len(query):
            raise bad_request("a roster is asked for as a whole")
        resource.session.interested = True
        version = await self._contacts.version(resource.identity)
        if query.get("ver") == version:
            return b""
        items = b"".join(item(contact) for contact in await self._contacts.of(resource.identity))
        return xml.element("query", {"xmlns": xml.ROSTER, "ver": version}, items)

    async def change(self, resource: Resource, iq: Stanza) -> bytes:
        """Add, change or remove the one entry named (sections 2.3, 2.4 and 2.5)."""
        query = iq.child(QUERY)
        assert query is not None
        if len(query) != 1 or query[0].tag != ITEM:
            raise bad_request("a change names one item")
        named = _address(query[0])
        if query[0].get("subscription") == "remove":
            await self._contacts.remove(resource.identity, named.identity)
            return await self._pushed(resource)
        groups = [(group.text or "").strip() for group in query[0].findall(GROUP)]
        if len(set(groups)) != len(groups):
            raise bad_request("a group is named twice")
        name = query[0].get("name", "")
        try:
            await self._contacts.put(resource.identity, named.identity, name=name, groups=tuple(groups))
        except NotAllowed as why:
            raise StanzaError("cancel", "not-allowed", str(why)) from why
        except (Refused, TooLarge) as why:
            raise StanzaError("modify", "not-acceptable", str(why)) from why
        return await self._pushed(resource)

    async def _pushed(self, resource: Resource) -> bytes:
        """A client that has the answer looks into its own copy of the list: the push comes before."""
        await resource.lanes.settled(LISTS)
        return b""

    async def refuse(self, resource: Resource, iq: Stanza) -> bytes:
        """Somebody else's list is theirs (section 2.3.3)."""
        raise StanzaError("auth", "forbidden")

    async def push(self, resource: Resource, news: ContactChanged) -> None:
        """Tell a resource of a change to its list (section 2.1.6)."""
        if not resource.session.interested:
            return
        version = await self._contacts.version(resource.identity)
        change = item(news.contact, removed=news.removed)
        query = xml.element("query", {"xmlns": xml.ROSTER, "ver": version}, change)
        attrs = {"type": "set", "id": f"push-{secrets.token_hex(4)}", "to": resource.session.jid}
        resource.send(xml.element("iq", attrs, query))


def item(contact: Contact, *, removed: bool = False) -> bytes:
    """One entry as section 2.1.2 spells it."""
    if removed:
        return xml.element("item", {"jid": str(contact.address), "subscription": "remove"})
    attrs = {
        "jid": str(contact.address),
        "name": contact.name or None,
        "subscription": contact.subscription.value,
        "ask": "subscribe" if contact.asked else None,
        "approved": "true" if contact.approved else None,
    }
    return xml.element("item", attrs, b"".join(xml.element("group", None, xml.text(g)) for g in contact.groups))


def _address(entry: Element) -> jid.Jid:
    try:
        named = jid.parse(entry.get("jid", ""))
    except BadAddress as why:
        raise StanzaError("modify", "jid-malformed", str(why)) from why
    if not named.user:
        raise StanzaError("modify", "not-acceptable", "only people can be on a contact list")
    return named
