"""Which nodes a client wants to hear of: the ``+notify`` features behind its capabilities (XEP-0163 section 4.2)."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from .. import capabilities
from ..asking import ask
from ..capabilities import Caps
from ..resource import Resource, Start
from ..syntax import xml
from ..syntax.stanza import Stanza
from .eventing import Eventing
from .node import MAX_NODE_NAME

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ....core.identity import Identity

QUERY = f"{{{xml.DISCO_INFO}}}query"
NOTIFY = "+notify"
MAX_INTERESTS = 100
"""Nodes that one client may want to hear of."""
MAX_VISITORS = 100_000
"""Pairs of a person here and a client of another domain that showed them its presence; further ones hear nothing."""
MAX_KNOWN = 2000
"""Hashes whose features are remembered; those that nobody showed for longest are asked for anew."""

Interests = frozenset[str]


class Curiosity:
    """Asks a client once for what is behind a hash, and brings whoever comes what they want to hear of."""

    def __init__(self, front_end: FrontEnd, eventing: Eventing, start: Start) -> None:
        self._front_end = front_end
        self._eventing = eventing
        self._start = start
        self._visitors = 0
        self._known: OrderedDict[tuple[str, str], Interests] = OrderedDict()

    def shown(self, resource: Resource, presence: Stanza) -> None:
        """A client has shown presence: the first, or another."""
        caps = capabilities.of(presence)
        if caps == resource.caps:
            return
        resource.caps = caps
        if caps is None:
            resource.interests = frozenset()
            return
        known = self._known.get((caps.hash, caps.ver))
        if known is not None:
            self._known.move_to_end((caps.hash, caps.ver))
            self._start(self._interested(resource, known))
            return
        query = xml.element("query", {"xmlns": xml.DISCO_INFO, "node": caps.query_node})
        ask(resource, resource.session.bare, query, lambda answer: self._answered(resource, caps, answer))

    def elsewhere(self, guest: Resource, presence: Stanza, owner: Identity) -> None:
        """A client of another domain has shown its presence to somebody here, who may have nodes that it wants."""
        visitors = self._eventing.notices.visitors
        theirs, address = visitors.get(owner, {}), guest.session.jid
        if presence.type == "unavailable":
            self._visitors -= theirs.pop(address, None) is not None
            if not theirs:
                visitors.pop(owner, None)
            return
        caps = capabilities.of(presence)
        if caps is None or (theirs.get(address) is guest and guest.caps == caps):
            return
        if address not in theirs:
            if self._visitors >= MAX_VISITORS:
                return
            self._visitors += 1
        visitors.setdefault(owner, {})[address] = guest
        self._start(self._visited(guest, caps, owner))

    async def _visited(self, guest: Resource, caps: Caps, owner: Identity) -> None:
        if guest.caps != caps:
            guest.caps, guest.interests = caps, self._known.get((caps.hash, caps.ver), frozenset())
        if (caps.hash, caps.ver) in self._known or guest.interests:
            await self._tell(guest, owner, guest.interests)
            return
        query = xml.element("query", {"xmlns": xml.DISCO_INFO, "node": caps.query_node})
        ask(guest, str(owner), query, lambda answer: self._answered(guest, caps, answer, owner))

    async def met(self, resource: Resource, owner: Identity) -> None:
        """A client that is here has come to see somebody: they hear what that person's nodes say now."""
        await self._tell(resource, owner, resource.interests)

    def gone(self, resource: Resource) -> None:
        """It is unavailable: when it comes back, it is told of everything again."""
        resource.caps, resource.interests = None, frozenset()

    # ---- inside

    def _answered(self, resource: Resource, caps: Caps, answer: Stanza, owner: Identity | None = None) -> None:
        query = answer.child(QUERY) if answer.type == "result" else None
        if query is None:
            return
        wanted = interests_in(capabilities.features(query))
        # What is not what it says it is holds for this client alone (XEP-0115 section 5.4).
        if capabilities.verified(caps, query):
            self._known[caps.hash, caps.ver] = wanted
            if len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
        if resource.caps != caps or resource.session.closed:
            return
        if owner is not None:
            resource.interests = wanted
            self._start(self._tell(resource, owner, wanted))
        else:
            self._start(self._interested(resource, wanted))

    async def _interested(self, resource: Resource, wanted: Interests) -> None:
        """What a client did not hear of before, it is told as it is now (section 4.3.4)."""
        new = wanted - resource.interests
        resource.interests = wanted
        if not new:
            return
        owners = [resource.identity]
        owners += [contact.address for contact in await self._front_end.contacts.of(resource.identity) if contact.sees]
        for owner in owners:
            if owner not in resource.blocked and self._front_end.ours(owner.domain):
                await self._tell(resource, owner, new)

    async def _tell(self, resource: Resource, owner: Identity, names: Interests) -> None:
        shelf = await self._eventing.shelves.of(owner)
        for name in sorted(names & shelf.nodes.keys()):
            node = shelf.nodes[name]
            if node.config.send_last_published_item != "on_sub_and_presence" or not node.config.deliver_notifications:
                continue
            if not await self._eventing.admission.sees(owner, node, resource.identity):
                continue
            last = await self._eventing.last(owner, name)
            if last is not None and (resource.available or resource.guest):
                self._eventing.notices.last(resource, owner, node, *last)


def interests_in(features: list[str]) -> Interests:
    """The nodes that these features ask to be told of."""
    names = [feature.removesuffix(NOTIFY) for feature in features if feature.endswith(NOTIFY)]
    return frozenset([name for name in names if 0 < len(name) <= MAX_NODE_NAME][:MAX_INTERESTS])
