"""What people are told of nodes (XEP-0163 section 4): by event messages, to whoever may hear and wants to."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..messages.payload import stamp
from ..resource import Resource, Resources
from ..syntax import jid, xml
from .access import Admission
from .node import Item, Node

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


class Notices:
    """Three kinds of people hear of a node: its owner's own clients, whoever watches the owner, and subscribers.

    The first two hear only what their client has asked for by ``+notify`` in its capabilities (section 4.2).
    """

    def __init__(self, front_end: FrontEnd, resources: Resources, admission: Admission) -> None:
        self._front_end = front_end
        self._resources = resources
        self._admission = admission
        self.visitors: dict[Identity, dict[str, Resource]] = {}
        """Clients of other domains that have shown somebody here their presence, by whom, and by their address."""

    async def tell(self, owner: Identity, node: Node, change: bytes) -> None:
        """An event of a node: ``change`` is what the event element holds."""
        event = xml.element("event", {"xmlns": xml.PUBSUB_EVENT}, change)
        head, tail = _halves(owner, node, event)
        for resource in await self._hearers(owner, node):
            resource.send(head + resource.session.jid_bytes + tail)

    def last(self, resource: Resource, owner: Identity, node: Node, item: Item, payload: bytes) -> None:
        """The newest item, to a client that has come, or to a subscriber (section 4.3.4)."""
        event = xml.element("event", {"xmlns": xml.PUBSUB_EVENT}, items_of(node, [(item, payload)]))
        event += xml.element("delay", {"xmlns": xml.DELAY, "stamp": stamp(item.at)})
        head, tail = _halves(owner, node, event)
        resource.send(head + resource.session.jid_bytes + tail)

    async def _hearers(self, owner: Identity, node: Node) -> list[Resource]:
        """Every client that is told, once."""
        found = dict.fromkeys(r for r in self._resources.of(owner) if wants(r, node.name))
        for watcher in self._front_end.presence.watchers(owner) - {owner}:
            theirs = self._resources.of(watcher)
            interested = [r for r in theirs if node.name in r.interests and owner not in r.blocked]
            if interested and await self._admission.sees(owner, node, watcher):
                found.update(dict.fromkeys(interested))
        for visitor in [v for v in self.visitors.get(owner, {}).values() if node.name in v.interests]:
            if await self._admission.sees(owner, node, visitor.identity):
                found[visitor] = None
        for address in node.subscribers:
            for resource in self._named(address):
                if resource not in found and await self._admission.sees(owner, node, resource.identity):
                    found[resource] = None
        return list(found)

    def _named(self, address: str) -> list[Resource]:
        """The clients that a subscription is for."""
        try:
            named = jid.parse(address)
        except BadAddress:
            return []
        if not named.user:
            return []
        if named.resource:
            at = self._resources.at(named.endpoint)
            return [at] if at is not None else []
        return [resource for resource in self._resources.of(named.identity) if resource.available]


def wants(resource: Resource, node: str) -> bool:
    """Whether a client has asked to be told of nodes of this name."""
    return node in resource.interests or (resource.wants_bookmarks and node == xml.BOOKMARKS)


def items_of(node: Node, items: list[tuple[Item, bytes]], *, payloads: bool = True) -> bytes:
    """An ``<items/>`` element, for events and answers alike: both namespaces spell it the same."""
    inner = b"".join(xml.element("item", {"id": item.id}, payload if payloads else b"") for item, payload in items)
    return xml.element("items", {"node": node.name}, inner)


def _halves(owner: Identity, node: Node, inner: bytes) -> tuple[bytes, bytes]:
    head = b"<message from='" + jid.quoted(str(owner)) + b"' to='"
    kind = f"' type='{node.config.notification_type}' id='{secrets.token_hex(6)}'>".encode()
    return head, b"".join((kind, inner, b"</message>"))
