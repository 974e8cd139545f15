"""Nodes under service discovery (XEP-0060 sections 5.2 to 5.5): only to those who may read them."""

from __future__ import annotations

from ....core.identity import Identity
from ..messages.payload import stamp
from ..syntax import xml
from . import form
from .eventing import Eventing


class NodeDiscovery:
    """What an account consists of, and what a node is."""

    def __init__(self, eventing: Eventing) -> None:
        self._eventing = eventing

    async def nodes(self, owner: Identity, asker: Identity) -> list[tuple[str, str]]:
        """The names and titles of the nodes that somebody may read."""
        shelf = await self._eventing.shelves.of(owner)
        admission = self._eventing.admission
        return [
            (name, shelf.nodes[name].config.title)
            for name in sorted(shelf.nodes)
            if await admission.sees(owner, shelf.nodes[name], asker)
        ]

    async def items(self, owner: Identity, name: str, asker: Identity) -> list[str]:
        """The ids of what is in a node.  Raises StanzaError."""
        node = await self._eventing.admission.check(owner, await self._eventing.node(owner, name), asker)
        return [item.id for item in node.fresh(self._eventing.now())]

    async def node(self, owner: Identity, name: str, asker: Identity) -> bytes:
        """What a node is: its identity, what it can do, and its metadata.  Raises StanzaError."""
        node = await self._eventing.admission.check(owner, await self._eventing.node(owner, name), asker)
        feature = xml.element("feature", {"var": xml.PUBSUB})
        identity = xml.element("identity", {"category": "pubsub", "type": "leaf"})
        return identity + feature + form.meta_data(node, str(owner), stamp(node.created))
