"""The block list (XEP-0191): whom a person neither hears nor is seen by."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..errors import StanzaError, bad_request
from ..queries import Place, Query
from ..resource import Resource, Resources
from ..syntax import jid, xml
from ..syntax.stanza import Stanza

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

ITEM = f"{{{xml.BLOCKING}}}item"
BLOCKED = xml.element("blocked", {"xmlns": xml.BLOCKING_ERRORS})
"""Why a stanza to somebody on the sender's own list is refused (section 3.3)."""


class BlockLists:
    """Each person's list, and the people on it in every resource's reach."""

    def __init__(self, front_end: FrontEnd, resources: Resources) -> None:
        self._front_end = front_end
        self._resources = resources

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", f"{{{xml.BLOCKING}}}blocklist", Place.ACCOUNT, self.read, xml.BLOCKING)
        yield Query("set", f"{{{xml.BLOCKING}}}block", Place.ACCOUNT, self.block)
        yield Query("set", f"{{{xml.BLOCKING}}}unblock", Place.ACCOUNT, self.unblock)

    async def load(self, resource: Resource) -> None:
        """Let a new resource know whom its person blocks."""
        resource.blocked = await self._front_end.contacts.blocked(resource.identity)

    async def read(self, resource: Resource, iq: Stanza) -> bytes:
        """The list; who has asked is told of its changes (section 3.2)."""
        resource.wants_blocklist = True
        blocked = sorted(str(who) for who in await self._front_end.contacts.blocked(resource.identity))
        return xml.element("blocklist", {"xmlns": xml.BLOCKING}, _items(blocked))

    async def block(self, resource: Resource, iq: Stanza) -> bytes:
        """Put people on the list (section 3.3)."""
        people = _people(iq)
        if not people:
            raise bad_request("nobody was named")
        if resource.identity in people:
            raise StanzaError("cancel", "not-allowed", "nobody blocks themselves")
        for who in people:
            await self._front_end.contacts.block(resource.identity, who)
        await self._changed(resource.identity, "block", people)
        return b""

    async def unblock(self, resource: Resource, iq: Stanza) -> bytes:
        """Take people off the list, or everybody (sections 3.4 and 3.5)."""
        people = _people(iq)
        everybody: list[Identity | None] = [None]
        for who in people or everybody:
            await self._front_end.contacts.unblock(resource.identity, who)
        await self._changed(resource.identity, "unblock", people)
        return b""

    async def _changed(self, owner: Identity, what: str, people: list[Identity]) -> None:
        blocked = await self._front_end.contacts.blocked(owner)
        change = xml.element(what, {"xmlns": xml.BLOCKING}, _items(str(who) for who in people))
        for resource in self._resources.of(owner):
            before, resource.blocked = resource.blocked, blocked
            if resource.wants_blocklist:
                attrs = {"type": "set", "id": f"block-{secrets.token_hex(4)}", "to": resource.session.jid}
                resource.send(xml.element("iq", attrs, change))
            if resource.watch is not None:
                for who in blocked - before:
                    resource.watch.leave(who)
                for who in before - blocked:
                    contact = await self._front_end.contacts.get(owner, who)
                    if contact is not None and contact.sees:
                        await resource.watch.follow(who)


def _people(iq: Stanza) -> list[Identity]:
    """Whom the request names.  Raises StanzaError: whole domains and single resources cannot be blocked here."""
    people = []
    for item in iq.tree[0].findall(ITEM):
        try:
            named = jid.parse(item.get("jid", ""))
        except BadAddress as why:
            raise StanzaError("modify", "jid-malformed", str(why)) from why
        if not named.user:
            raise StanzaError("cancel", "feature-not-implemented", "only people can be blocked, not whole domains")
        people.append(named.identity)
    return people


def _items(people: Iterable[str]) -> bytes:
    return b"".join(xml.element("item", {"jid": who}) for who in people)
