"""Bookmarked rooms (XEP-0402): a node of one's account, and the same list as older clients read and write it
(XEP-0048): in private storage (XEP-0049), and as one item of another node (XEP-0223)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ...core.errors import BadAddress, TooLarge
from ...core.identity import Identity
from ...core.locks import Locks
from . import bookmark
from .bookmark import NEW, NODE, OLD_NODE, STORAGE
from .errors import StanzaError, bad_request
from .pep import form
from .pep.errors import precondition_not_met
from .pep.eventing import Eventing
from .pep.node import PRIVATE, Item, Node
from .pep.notices import items_of
from .pep.shelves import Shelf
from .private import PrivateStorage
from .resource import Resource, Resources
from .syntax import jid, xml
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from datetime import datetime

COMPAT = (f"{NODE}#compat", f"{NODE}#compat-pep")
"""What is announced: all three ways lead to one list (XEP-0402 section 5)."""
MAX_BOOKMARKS = 200
"""Rooms one person may have bookmarked."""
CURRENT = "current"
"""The id of the one item of the old node."""


class Bookmarks:
    """The new node: one item for each room.  Changes by the old ways are changes of single items here."""

    def __init__(self, eventing: Eventing, storage: PrivateStorage, resources: Resources) -> None:
        self._eventing = eventing
        self._storage = storage
        self._resources = resources
        self._locked = Locks().held
        eventing.configs[NODE] = PRIVATE
        eventing.changed.append(self._changed)
        eventing.shelves.inherits.append(self._inherit)
        storage.others[STORAGE] = self

    # ---- for the server's own use

    async def add(self, who: Identity, room: Identity, name: str, nick: str) -> None:
        """Let a person's clients enter a room by themselves; a bookmark they have already stays as it is."""
        node = await self._eventing.node(who, NODE)
        if node is None or str(room) not in node.items:
            await self._put(who, str(room), bookmark.made(name, nick), {}, "")

    async def remove(self, who: Identity, room: Identity) -> None:
        """Let them do so no more."""
        node = await self._eventing.node(who, NODE)
        if node is not None and str(room) in node.items:
            await self._eventing.retract(who, NODE, str(room), notify=True)

    # ---- the new node (pep/specials.py)

    async def publish(
        self,
        owner: Identity,
        id: str,
        payload: Element | None,
        options: Mapping[str, list[str]],
        resource: Resource | None,
    ) -> str:
        """One bookmark, new or changed (sections 3.3 and 3.4).  Raises StanzaError, TooLarge."""
        room = _room(id)
        if payload is None or payload.tag != NEW:
            raise bad_request("a bookmark is a conference element")
        await self._put(owner, room, payload, options, resource.session.jid if resource is not None else "")
        return room

    async def retract(self, owner: Identity, id: str, *, notify: bool) -> None:
        """One bookmark less (section 3.5)."""
        await self._eventing.retract(owner, NODE, _room(id), notify=True)

    async def reading(self, resource: Resource) -> None:
        """Whoever reads the list is told of its changes, whatever its capabilities say."""
        resource.wants_bookmarks = True

    async def whole(self, owner: Identity) -> bytes | None:
        """The node has its items itself."""
        return None

    # ---- the whole list, as older clients know it

    async def element(self, who: Identity) -> bytes:
        """The list, and whatever else a client has put beside it."""
        rooms = [bookmark.as_old(id, tree) for id, tree in (await self._trees(who)).items()]
        beside = bookmark.storage(await self._storage.kept(who, STORAGE))
        storage = Element(STORAGE)
        storage.extend(rooms)
        storage.extend(beside)
        return xml.serialise(storage)

    async def keep(self, who: Identity, element: bytes, sender: str = "") -> None:
        """A client says what the whole list is: what is different is published, and what is missing is retracted.

        Raises TooLarge, StanzaError.
        """
        given = bookmark.storage(element)
        rooms, beside = bookmark.sorted_out(given)
        if len(rooms) > MAX_BOOKMARKS:
            raise TooLarge(f"at most {MAX_BOOKMARKS} rooms are bookmarked")
        async with self._locked(who):
            await self._storage.put(who, STORAGE, _written(beside))
            before = await self._trees(who)
            for room in [room for room in before if room not in rooms]:
                await self._eventing.retract(who, NODE, room, notify=True)
            for room, old in rooms.items():
                new = bookmark.as_new(old, before.get(room))
                if room not in before or not bookmark.same(new, before[room]):
                    await self._put(who, room, new, {}, sender)

    # ---- inside

    async def _put(
        self, who: Identity, room: str, tree: Element, options: Mapping[str, list[str]], sender: str
    ) -> None:
        node = await self._eventing.node(who, NODE)
        if node is not None and room not in node.items and len(node.items) >= MAX_BOOKMARKS:
            raise TooLarge(f"at most {MAX_BOOKMARKS} rooms are bookmarked")
        inner = xml.serialise(tree, "")
        await self._eventing.publish(who, NODE, room, inner, publisher=sender, options=options)

    async def _trees(self, who: Identity) -> dict[str, Element]:
        node = await self._eventing.node(who, NODE)
        if node is None:
            return {}
        shelves = self._eventing.shelves
        return {id: Stanza.read(await shelves.payload(who, node, item)).tree for id, item in list(node.items.items())}

    async def _changed(self, owner: Identity, node: Node) -> None:
        """Clients that hear of the old node get all of it."""
        if node.name == NODE and any(OLD_NODE in resource.interests for resource in self._resources.of(owner)):
            now = self._eventing.now()
            payload = await self.element(owner)
            old = Node(OLD_NODE, PRIVATE, now)
            change = items_of(old, [(Item(CURRENT, now, "", len(payload), payload), payload)])
            await self._eventing.notices.tell(owner, old, change)

    async def _inherit(self, who: Identity, shelf: Shelf) -> None:
        """Before there were nodes, the list was kept in private storage."""
        kept = await self._storage.kept(who, STORAGE)
        if kept is None or NODE in shelf.nodes:
            return
        rooms, beside = bookmark.sorted_out(bookmark.storage(kept))
        if not rooms:
            return
        now: datetime = self._eventing.now()
        node = Node(NODE, PRIVATE, now)
        await self._eventing.shelves.keep_node(who, node)
        for room, old in rooms.items():
            payload = xml.serialise(bookmark.as_new(old, None), "")
            await self._eventing.shelves.keep_item(who, node, Item(room, now, "", len(payload), payload))
        await self._storage.put(who, STORAGE, _written(beside))


class OldBookmarks:
    """The old node, whose one item is the whole list; it is made anew whenever it is read."""

    def __init__(self, bookmarks: Bookmarks) -> None:
        self._bookmarks = bookmarks

    async def publish(
        self,
        owner: Identity,
        id: str,
        payload: Element | None,
        options: Mapping[str, list[str]],
        resource: Resource | None,
    ) -> str:
        """The whole list, whatever the item is called.  Raises StanzaError, TooLarge."""
        if payload is None or payload.tag != STORAGE:
            raise bad_request("bookmarks are a storage element")
        wanted = form.known({var: given for var, given in options.items() if not var.endswith("#max_items")})
        for name in wanted.keys() & {"access_model", "persist_items"}:
            if wanted[name] not in (form.shown(name, getattr(PRIVATE, name)), ["true"]):
                raise precondition_not_met(f"bookmarks are private: {name} is {wanted[name][:1]}")
        await self._bookmarks.keep(owner, xml.serialise(payload), resource.session.jid if resource is not None else "")
        return id or CURRENT

    async def retract(self, owner: Identity, id: str, *, notify: bool) -> None:
        """No bookmarks any more."""
        await self._bookmarks.keep(owner, xml.serialise(Element(STORAGE)))

    async def reading(self, resource: Resource) -> None:
        """Its capabilities say whether it wants to be told."""

    async def whole(self, owner: Identity) -> bytes | None:
        """The one item."""
        return xml.element("item", {"id": CURRENT}, await self._bookmarks.element(owner))


def _room(text: str) -> str:
    try:
        return jid.parse(text).bare
    except BadAddress as why:
        raise StanzaError("modify", "jid-malformed", str(why)) from why


def _written(beside: list[Element]) -> bytes | None:
    if not beside:
        return None
    storage = Element(STORAGE)
    storage.extend(beside)
    return xml.serialise(storage)
