"""What is done with nodes: created, published to, taken from, configured, deleted; and who is told."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ....core.identity import Identity
from ..errors import StanzaError, bad_request, item_not_found
from ..resource import Resources
from ..syntax import xml
from . import form
from .access import Admission
from .errors import item_required, nodeid_required, precondition_not_met, too_large
from .node import MAX_NODE_NAME, Config, Item, Node
from .notices import Notices, items_of
from .shelves import Shelf, Shelves

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

Fields = Mapping[str, list[str]]
Changed = Callable[[Identity, Node], Awaitable[None]]


class Eventing:
    """Nodes for requests from clients and for the server's own use alike."""

    def __init__(self, front_end: FrontEnd, resources: Resources) -> None:
        self._clock = front_end.clock
        self.shelves = Shelves(front_end.store)
        self.admission = Admission(front_end)
        self.notices = Notices(front_end, resources, self.admission)
        self.configs: dict[str, Config] = {}
        """How nodes of these names are when they are made without being told: by whoever they belong to."""
        self.changed: list[Changed] = []
        """Told of every node whose items are not what they were, after everybody else."""
        front_end.accounts.leaving.append(self.shelves.leave)

    def now(self) -> datetime:
        """The time by which items expire."""
        return self._clock()

    async def node(self, owner: Identity, name: str) -> Node | None:
        """Somebody's node of this name, if there is one."""
        return (await self.shelves.of(owner)).nodes.get(name)

    async def last(self, owner: Identity, name: str) -> tuple[Item, bytes] | None:
        """What was published last to a node, if there is anything."""
        node = await self.node(owner, name)
        fresh = node.fresh(self._clock()) if node is not None else []
        if node is None or not fresh:
            return None
        return fresh[-1], await self.shelves.payload(owner, node, fresh[-1])

    # ---- nodes

    async def create(self, owner: Identity, name: str, fields: Fields) -> str:
        """A new node, under a name of our own where none is given (section 8.1).  Raises StanzaError."""
        async with self.shelves.locked(owner) as shelf:
            name = name or secrets.token_hex(12)
            if name in shelf.nodes:
                raise StanzaError("cancel", "conflict", "there is a node of that name")
            return (await self._made(owner, name, fields)).name

    async def configure(self, owner: Identity, name: str, fields: Fields) -> None:
        """A node gets another configuration (section 8.2).  Raises StanzaError."""
        async with self.shelves.locked(owner) as shelf:
            node = _found(shelf, name)
            node.config = form.changed(node.config, fields)
            await self.shelves.keep_node(owner, node)
            await self._make_room(owner, node)
        if node.config.notify_config:
            told = form.result(node.config) if node.config.deliver_payloads else b""
            await self.notices.tell(owner, node, xml.element("configuration", {"node": name}, told))

    async def delete(self, owner: Identity, name: str) -> None:
        """A node goes (section 8.4).  Raises StanzaError."""
        async with self.shelves.locked(owner) as shelf:
            node = _found(shelf, name)
            await self.shelves.drop_node(owner, node)
        if node.config.notify_delete:
            await self.notices.tell(owner, node, xml.element("delete", {"node": name}))
        await self._tell_changed(owner, node)

    async def purge(self, owner: Identity, name: str) -> None:
        """All items go (section 8.5).  Raises StanzaError."""
        async with self.shelves.locked(owner) as shelf:
            node = _found(shelf, name)
            await self.shelves.drop_items(owner, node, node.items)
        await self.notices.tell(owner, node, xml.element("purge", {"node": name}))
        await self._tell_changed(owner, node)

    # ---- items

    async def publish(
        self, owner: Identity, name: str, id: str, payload: bytes, *, publisher: str = "", options: Fields | None = None
    ) -> str:
        """A new item, or another one in its place (section 7.1); its id.

        ``options`` are what the publisher wants the node to be; one that does not exist becomes so.

        Raises StanzaError.
        """
        if len(id) > MAX_NODE_NAME:
            raise bad_request(f"an id has at most {MAX_NODE_NAME} characters")
        async with self.shelves.locked(owner) as shelf:
            node = shelf.nodes.get(name)
            if options is not None and form.unknown(options):
                raise precondition_not_met(f"{form.unknown(options)[0][:80]} is not known here")
            if node is None:
                node = await self._made(owner, name, options or {})
            elif options:
                form.check(node.config, options)
            if len(payload) > node.config.max_payload_size:
                raise too_large(node.config.max_payload_size)
            item = Item(id or secrets.token_hex(10), self._moment(node), publisher, len(payload), payload)
            if node.config.persist_items:
                await self.shelves.keep_item(owner, node, item)
                await self._make_room(owner, node)
        if node.config.deliver_notifications:
            change = items_of(node, [(item, payload)], payloads=node.config.deliver_payloads)
            await self.notices.tell(owner, node, change)
        await self._tell_changed(owner, node)
        return item.id

    async def retract(self, owner: Identity, name: str, id: str, *, notify: bool = False) -> None:
        """An item goes (section 7.2).  Raises StanzaError."""
        async with self.shelves.locked(owner) as shelf:
            node = _found(shelf, name)
            if not id:
                raise item_required()
            if id not in node.items:
                raise item_not_found()
            await self.shelves.drop_items(owner, node, [id])
        if notify or node.config.notify_retract:
            change = xml.element("items", {"node": name}, xml.element("retract", {"id": id}))
            await self.notices.tell(owner, node, change)
        await self._tell_changed(owner, node)

    async def keep(self, owner: Identity, node: Node) -> None:
        """A node's subscribers or affiliations are not what they were; the caller holds the lock."""
        await self.shelves.keep_node(owner, node)

    # ---- inside

    async def _made(self, owner: Identity, name: str, fields: Fields) -> Node:
        if not name:
            raise nodeid_required()
        if len(name) > MAX_NODE_NAME:
            raise StanzaError("modify", "not-acceptable", f"a name has at most {MAX_NODE_NAME} characters")
        config = form.changed(self.configs.get(name, Config()), fields)
        node = Node(name, config, self._clock())
        await self.shelves.keep_node(owner, node)
        return node

    async def _make_room(self, owner: Identity, node: Node) -> None:
        """The oldest items go where there are too many, and those whose time is over (section 7.1.2)."""
        fresh = node.fresh(self._clock())[-node.config.room :] if node.config.persist_items else []
        kept = {item.id for item in fresh}
        await self.shelves.drop_items(owner, node, [id for id in node.items if id not in kept])

    def _moment(self, node: Node) -> datetime:
        """Now, but later than all that is there: items keep their order."""
        now = self._clock().astimezone(UTC)
        newest = max((item.at for item in node.items.values()), default=now - timedelta(seconds=1))
        return max(now, newest + timedelta(microseconds=1))

    async def _tell_changed(self, owner: Identity, node: Node) -> None:
        for told in self.changed:
            await told(owner, node)


def _found(shelf: Shelf, name: str) -> Node:
    if not name:
        raise nodeid_required()
    node = shelf.nodes.get(name)
    if node is None:
        raise item_not_found()
    return node
