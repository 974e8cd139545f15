"""Bookmarked rooms (XEP-0402), kept in private storage (XEP-0048, XEP-0049) so that older clients see the same ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ...core.errors import BadAddress, TooLarge
from ...core.identity import Identity
from .errors import StanzaError, bad_request, item_not_found
from .private import PrivateStorage
from .queries import Place, Query
from .resource import Resource, Resources
from .syntax import jid, xml
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from collections.abc import Callable

NODE = "urn:xmpp:bookmarks:1"
OLD_NODE = "storage:bookmarks"
STORAGE = f"{{{OLD_NODE}}}storage"
OLD = f"{{{OLD_NODE}}}conference"
NEW = f"{{{NODE}}}conference"
PUBSUB = f"{{{xml.PUBSUB}}}pubsub"

MAX_BOOKMARKS = 200
"""Rooms one person may have bookmarked."""


class Bookmarks:
    """One list in two spellings.  Clients that have asked for the new one are told of its changes."""

    def __init__(self, storage: PrivateStorage, resources: Resources) -> None:
        self._storage = storage
        self._resources = resources
        self._locks: WeakValueDictionary[Identity, asyncio.Lock] = WeakValueDictionary()

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", PUBSUB, Place.ACCOUNT, self.read)
        yield Query("set", PUBSUB, Place.ACCOUNT, self.change)

    # ---- for the server's own use

    async def add(self, who: Identity, room: Identity, name: str, nick: str) -> None:
        """Let a person's clients enter a room by themselves; a bookmark they have already stays as it is."""

        def add(storage: Element) -> str | None:
            if _find(storage, str(room)) is not None:
                return None
            conference = SubElement(storage, OLD, {"jid": str(room), "name": name, "autojoin": "true"})
            SubElement(conference, f"{{{OLD_NODE}}}nick").text = nick
            return str(room)

        await self._edit(who, add)

    async def remove(self, who: Identity, room: Identity) -> None:
        """Let them do so no more."""
        await self._edit(who, lambda storage: _drop(storage, str(room)))

    # ---- for clients

    async def read(self, resource: Resource, iq: Stanza) -> bytes:
        """All bookmarks, or those named (section 3.2).  Raises StanzaError for every other node."""
        asked = _the_one(iq, "items")
        node = asked.get("node", "")
        if node not in (NODE, OLD_NODE):
            raise item_not_found()
        storage = await self._load(resource.identity)
        if node == OLD_NODE:
            items = [xml.element("item", {"id": "current"}, xml.serialise(storage))]
        else:
            resource.wants_bookmarks = True
            named = {item.get("id") for item in asked}
            items = [_item(old) for old in storage.findall(OLD) if not named or old.get("jid") in named]
        return _pubsub(xml.element("items", {"node": node}, b"".join(items)))

    async def change(self, resource: Resource, iq: Stanza) -> bytes:
        """One bookmark set or taken away (sections 3.3 to 3.5).  Raises StanzaError for every other node."""
        publish = iq.tree[0].find(f"{{{xml.PUBSUB}}}publish")
        deed = publish if publish is not None else _the_one(iq, "retract")
        item = deed.find(f"{{{xml.PUBSUB}}}item")
        if deed.get("node") != NODE:
            raise StanzaError("cancel", "feature-not-implemented")
        if item is None:
            raise bad_request("one item is published or retracted")
        room = _room(item.get("id", ""))
        if deed is publish:
            given = item.find(NEW)
            if given is None:
                raise bad_request("a bookmark is a conference element")
            await self._edit(resource.identity, lambda storage: _put(storage, _as_old(room, given)))
        elif not await self._edit(resource.identity, lambda storage: _drop(storage, room)):
            raise item_not_found()
        return _pubsub(xml.element("publish", {"node": NODE}, xml.element("item", {"id": room}))) if publish else b""

    # ---- inside

    async def _load(self, who: Identity) -> Element:
        kept = await self._storage.element(who, STORAGE)
        return ElementTree.fromstring(kept) if kept is not None else Element(STORAGE)

    async def _edit(self, who: Identity, edit: Callable[[Element], str | None]) -> bool:
        """Change the list; ``edit`` names the room it changed, or nothing."""
        lock = self._locks.get(who)
        if lock is None:
            lock = self._locks[who] = asyncio.Lock()
        async with lock:
            storage = await self._load(who)
            changed = edit(storage)
            if changed is None:
                return False
            if len(storage) > MAX_BOOKMARKS:
                raise TooLarge(f"at most {MAX_BOOKMARKS} rooms are bookmarked")
            await self._storage.keep(who, STORAGE, xml.serialise(storage))
        self._notify(who, changed, _find(storage, changed))
        return True

    def _notify(self, who: Identity, room: str, now: Element | None) -> None:
        """Tell clients of a change (section 4)."""
        change = _item(now) if now is not None else xml.element("retract", {"id": room})
        event = xml.element("event", {"xmlns": xml.PUBSUB_EVENT}, xml.element("items", {"node": NODE}, change))
        for resource in self._resources.of(who):
            if resource.wants_bookmarks:
                attrs = {"from": str(who), "to": resource.session.jid, "type": "headline"}
                resource.send(xml.element("message", attrs, event))


def _the_one(iq: Stanza, name: str) -> Element:
    found = iq.tree[0].find(f"{{{xml.PUBSUB}}}{name}")
    if found is None:
        raise StanzaError("cancel", "feature-not-implemented")
    return found


def _room(text: str) -> str:
    try:
        return jid.parse(text).bare
    except BadAddress as why:
        raise StanzaError("modify", "jid-malformed", str(why)) from why


def _find(storage: Element, room: str) -> Element | None:
    return next((old for old in storage.findall(OLD) if old.get("jid") == room), None)


def _drop(storage: Element, room: str) -> str | None:
    found = _find(storage, room)
    if found is None:
        return None
    storage.remove(found)
    return room


def _put(storage: Element, conference: Element) -> str:
    room = conference.get("jid", "")
    _drop(storage, room)
    storage.append(conference)
    return room


def _as_old(room: str, new: Element) -> Element:
    """A bookmark of XEP-0402 in the spelling of XEP-0048; extensions are kept along."""
    old = Element(OLD, {"jid": room, **{key: value for key, value in new.items() if key in ("name", "autojoin")}})
    for kid in new:
        namespace, name = xml.split(kid.tag)
        if namespace == NODE and name in ("nick", "password"):
            SubElement(old, f"{{{OLD_NODE}}}{name}").text = kid.text
        else:
            old.append(kid)
    return old


def _item(old: Element) -> bytes:
    """A bookmark of XEP-0048 as an item of XEP-0402."""
    new = Element(NEW, {key: value for key, value in old.items() if key in ("name", "autojoin")})
    for kid in old:
        namespace, name = xml.split(kid.tag)
        if namespace == OLD_NODE:
            SubElement(new, f"{{{NODE}}}{name}").text = kid.text
        else:
            new.append(kid)
    return xml.element("item", {"id": old.get("jid", "")}, xml.serialise(new))


def _pubsub(inner: bytes) -> bytes:
    return xml.element("pubsub", {"xmlns": xml.PUBSUB}, inner)
