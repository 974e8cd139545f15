"""The block list (XEP-0191): whom a person neither hears nor is seen by."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..errors import StanzaError, bad_request
from ..queries import Place, Query
from ..resource import Resource, Resources, Start
from ..syntax import jid, xml
from ..syntax.stanza import Stanza

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

ITEM = f"{{{xml.BLOCKING}}}item"
BLOCKED = xml.element("blocked", {"xmlns": xml.BLOCKING_ERRORS})
"""Why a stanza to somebody on the sender's own list is refused (section 3.3)."""
MAX_NAMED = 200
"""People that one request names."""


class BlockLists:
    """Each person's list, and the people on it in every resource's reach.

    The list may change by other ways too, a phone's or an administrator's: every client is told by whatever way it did.
    """

    def __init__(self, front_end: FrontEnd, resources: Resources, start: Start) -> None:
        self._front_end = front_end
        self._resources = resources
        self._start = start
        self._at_work: set[Identity] = set()
        front_end.contacts.changed.append(self._list_changed)

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
        blocked = await self._front_end.contacts.blocked(resource.identity)
        return xml.element("blocklist", {"xmlns": xml.BLOCKING}, _items(blocked))

    async def block(self, resource: Resource, iq: Stanza) -> bytes:
        """Put people on the list (section 3.3); what is said of why, such as a report (XEP-0377), goes nowhere."""
        people = _people(iq)
        if not people:
            raise bad_request("nobody was named")
        if resource.identity in people:
            raise StanzaError("cancel", "not-allowed", "nobody blocks themselves")
        await self._change(resource.identity, people, block=True)
        return b""

    async def unblock(self, resource: Resource, iq: Stanza) -> bytes:
        """Take people off the list, or everybody (sections 3.4 and 3.5)."""
        await self._change(resource.identity, _people(iq), block=False)
        return b""

    # ---- inside

    async def _change(self, owner: Identity, people: list[Identity], *, block: bool) -> None:
        """All that one request names is one change."""
        contacts = self._front_end.contacts
        self._at_work.add(owner)
        try:
            if block:
                for who in people:
                    await contacts.block(owner, who)
            else:
                freed: list[Identity | None] = [*people] or [None]
                for one in freed:
                    await contacts.unblock(owner, one)
        finally:
            self._at_work.discard(owner)
            await self._tell(owner)

    def _list_changed(self, owner: Identity) -> None:
        """A contact list or a block list is not what it was."""
        if owner not in self._at_work and self._resources.of(owner):
            self._start(self._tell(owner))

    async def _tell(self, owner: Identity) -> None:
        """Every client of a person learns what is different; who is blocked goes, who no longer is comes back."""
        blocked = await self._front_end.contacts.blocked(owner)
        for resource in self._resources.of(owner):
            before, resource.blocked = resource.blocked, blocked
            new, free = blocked - before, before - blocked
            if resource.wants_blocklist:
                if new:
                    _push(resource, "block", new)
                if free:
                    # An empty element says that nobody is blocked any more (section 3.5).
                    _push(resource, "unblock", free if blocked else ())
            if resource.watch is not None:
                for who in new:
                    resource.watch.leave(who)
                for who in free:
                    contact = await self._front_end.contacts.get(owner, who)
                    if contact is not None and contact.sees:
                        await resource.watch.follow(who)


def blocked_by_sender() -> StanzaError:
    """Nobody writes to whom they block (section 3.3)."""
    return StanzaError("cancel", "not-acceptable", "you have blocked this person", inner=BLOCKED)


def _push(resource: Resource, what: str, people: Iterable[Identity]) -> None:
    attrs = {"type": "set", "id": f"block-{secrets.token_hex(4)}", "to": resource.session.jid}
    change = xml.element(what, {"xmlns": xml.BLOCKING}, _items(people))
    resource.send(xml.element("iq", attrs, change))


def _people(iq: Stanza) -> list[Identity]:
    """Whom the request names.  Raises StanzaError: whole domains and single resources cannot be blocked here."""
    people = []
    named = iq.tree[0].findall(ITEM)
    if len(named) > MAX_NAMED:
        raise StanzaError("modify", "policy-violation", f"at most {MAX_NAMED} people are named at once")
    for item in named:
        try:
            address = jid.parse(item.get("jid", ""))
        except BadAddress as why:
            raise StanzaError("modify", "jid-malformed", str(why)) from why
        if not address.user:
            raise StanzaError("cancel", "feature-not-implemented", "people are blocked, not whole domains")
        if address.resource:
            raise StanzaError("cancel", "feature-not-implemented", "people are blocked, not single devices of theirs")
        people.append(address.identity)
    return people


def _items(people: Iterable[Identity]) -> bytes:
    return b"".join(xml.element("item", {"jid": who}) for who in sorted(map(str, people)))
