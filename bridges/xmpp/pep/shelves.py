"""People's nodes as the store has them, and in memory those that were used last."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from ....core.identity import Identity
from ....core.locks import Locks
from .errors import full
from .node import KIB, Affiliation, Config, Item, Node

if TYPE_CHECKING:
    from ....core.store import Store

NODES = "pep-node"
"""The store's kind of document for a node; its key is the person, a slash, and the node's name, quoted."""
ITEMS = "pep-item"
"""The same for an item; a slash and the item's id follow."""
PAYLOADS = "pep-payload"
"""The same for a payload that is too large to lie with its item."""

MAX_NODES = 200
"""Nodes of one person."""
MAX_KEPT = 8 * KIB * KIB
"""Bytes of all payloads of one person."""
MAX_HELD = 64 * KIB * KIB
"""Bytes in memory; beyond that the nodes of those whom nobody asked for longest are read anew when needed."""
LARGE = 4 * KIB
"""Bytes of a payload that is read from the store whenever it is asked for: a picture, a bundle of keys."""
_OVERHEAD = 400
"""Bytes that a node or an item takes besides its payload."""


class _NodeRecord(msgspec.Struct, omit_defaults=True):
    name: str
    created: datetime
    config: Config = Config()
    subscribers: tuple[str, ...] = ()
    affiliations: dict[str, Affiliation] = {}


class _ItemRecord(msgspec.Struct, omit_defaults=True):
    id: str
    at: datetime
    publisher: str = ""
    size: int = 0
    apart: bool = False


@dataclass(slots=True)
class Shelf:
    """One person's nodes."""

    nodes: dict[str, Node] = field(default_factory=dict)

    @property
    def kept(self) -> int:
        """Bytes of all payloads."""
        return sum(item.size for node in self.nodes.values() for item in node.items.values())

    @property
    def weight(self) -> int:
        """Bytes in memory, about."""
        things = 1 + sum(1 + len(node.items) for node in self.nodes.values())
        held = sum(len(item.payload or b"") for node in self.nodes.values() for item in node.items.values())
        return held + _OVERHEAD * things


Inheritance = Callable[[Identity, Shelf], Awaitable[None]]


class Shelves:
    """Reads through, writes through.  Whoever changes a person's nodes holds their lock."""

    def __init__(self, store: Store, limit: int = MAX_HELD) -> None:
        self._store = store
        self._limit = limit
        self._held: OrderedDict[Identity, tuple[Shelf, int]] = OrderedDict()
        self._weight = 0
        self._reading = Locks().held
        self._changing = Locks().held
        self._busy: set[Identity] = set()
        self.inherits: list[Inheritance] = []
        """Asked when somebody's nodes are read: what older versions of the server kept elsewhere."""

    async def of(self, who: Identity) -> Shelf:
        """Somebody's nodes; an empty shelf for who has none or does not exist."""
        found = self._held.get(who)
        if found is None:
            async with self._reading(who):
                found = self._held.get(who)
                if found is None:
                    return await self._read(who)
        self._held.move_to_end(who)
        return found[0]

    @asynccontextmanager
    async def locked(self, who: Identity) -> AsyncIterator[Shelf]:
        """Somebody's nodes, which nobody else changes meanwhile, and which stay in memory so long."""
        async with self._changing(who):
            self._busy.add(who)
            try:
                yield await self.of(who)
            finally:
                self._busy.discard(who)

    async def payload(self, who: Identity, node: Node, item: Item) -> bytes:
        """What is in an item."""
        if item.payload is not None:
            return item.payload
        return await self._store.document(PAYLOADS, _key(who, node.name, item.id)) or b""

    async def keep_node(self, who: Identity, node: Node) -> None:
        """A node is new or different.  Raises StanzaError."""
        shelf = await self.of(who)
        if node.name not in shelf.nodes and len(shelf.nodes) >= MAX_NODES:
            raise full(f"an account has at most {MAX_NODES} nodes")
        record = _NodeRecord(node.name, node.created, node.config, node.subscribers, node.affiliations)
        await self._store.put_document(NODES, _key(who, node.name), msgspec.json.encode(record))
        shelf.nodes[node.name] = node
        self._weigh(who)

    async def keep_item(self, who: Identity, node: Node, item: Item) -> None:
        """An item is new or different; it is the newest now.  Raises StanzaError."""
        shelf = await self.of(who)
        assert item.payload is not None
        before = node.items.get(item.id)
        if shelf.kept - (before.size if before else 0) + item.size > MAX_KEPT:
            raise full(f"an account keeps at most {MAX_KEPT} bytes")
        key, apart = _key(who, node.name, item.id), item.size > LARGE
        if apart:
            await self._store.put_document(PAYLOADS, key, item.payload)
        head = msgspec.json.encode(_ItemRecord(item.id, item.at, item.publisher, item.size, apart))
        await self._store.put_document(ITEMS, key, head + b"\n" + (b"" if apart else item.payload))
        if before is not None and before.payload is None and not apart:
            await self._store.put_document(PAYLOADS, key, None)
        node.items.pop(item.id, None)
        node.items[item.id] = item._replace(payload=None) if apart else item
        self._weigh(who)

    async def drop_items(self, who: Identity, node: Node, ids: Iterable[str]) -> None:
        """Items go."""
        for id in list(ids):
            item = node.items.pop(id)
            await self._store.put_document(ITEMS, _key(who, node.name, id), None)
            if item.payload is None:
                await self._store.put_document(PAYLOADS, _key(who, node.name, id), None)
        self._weigh(who)

    async def drop_node(self, who: Identity, node: Node) -> None:
        """A node goes, and all that is in it."""
        shelf = await self.of(who)
        await self.drop_items(who, node, node.items)
        await self._store.put_document(NODES, _key(who, node.name), None)
        shelf.nodes.pop(node.name, None)
        self._weigh(who)

    async def leave(self, who: Identity) -> None:
        """Somebody's account goes, and their nodes with it, so that whoever reads them meanwhile finds none."""
        async with self.locked(who) as shelf:
            for node in list(shelf.nodes.values()):
                await self.drop_node(who, node)
        _, weight = self._held.pop(who, (None, 0))
        self._weight -= weight

    # ---- inside

    async def _read(self, who: Identity) -> Shelf:
        shelf = Shelf()
        for body in (await self._store.documents(NODES, f"{who}/")).values():
            record = msgspec.json.decode(body, type=_NodeRecord)
            shelf.nodes[record.name] = Node(
                record.name, record.config, record.created, record.subscribers, record.affiliations
            )
        by_name = {quote(name, safe=""): node for name, node in shelf.nodes.items()}
        found = await self._store.documents(ITEMS, f"{who}/") if by_name else {}
        kept = [(key.split("/", 2)[1], _item(body)) for key, body in found.items()]
        for name, item in sorted(kept, key=lambda one: (one[1].at, one[1].id)):
            if name in by_name:
                by_name[name].items[item.id] = item
        self._held[who] = (shelf, 0)
        for inherit in self.inherits:
            await inherit(who, shelf)
        self._weigh(who)
        return shelf

    def _weigh(self, who: Identity) -> None:
        found = self._held.get(who)
        if found is None:
            return
        shelf, before = found
        weight = shelf.weight
        self._held[who] = (shelf, weight)
        self._weight += weight - before
        if self._weight > self._limit:
            for idle in [one for one in self._held if one not in self._busy and one != who]:
                self._weight -= self._held.pop(idle)[1]
                if self._weight <= self._limit:
                    break


def _key(who: Identity, node: str, *item: str) -> str:
    return "/".join((str(who), quote(node, safe=""), *item))


def _item(body: bytes) -> Item:
    head, _, payload = body.partition(b"\n")
    record = msgspec.json.decode(head, type=_ItemRecord)
    at = record.at.astimezone(UTC)
    return Item(record.id, at, record.publisher, record.size, None if record.apart else payload)
