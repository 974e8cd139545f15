"""Requests of publishers (XEP-0060 section 7) and of readers (section 6.5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from .. import paging
from ..errors import bad_request, item_not_found
from ..syntax import xml
from .errors import invalid_payload, item_required, refusal, unsupported
from .eventing import Eventing
from .node import Item, Node
from .notices import items_of
from .request import Request

if TYPE_CHECKING:
    from .specials import Specials

MAX_ASKED = 200
"""Items that one request names."""
MAX_ANSWER = 512 * 1024
"""Bytes of payloads in one answer; the newest items fit in first."""


class Publishing:
    """Items come, go, and are read.  Nodes that are more than nodes have a say in it: ``specials``."""

    def __init__(self, eventing: Eventing, specials: Specials) -> None:
        self._eventing = eventing
        self._specials = specials

    async def publish(self, request: Request) -> bytes:
        """A new item (section 7.1)."""
        request.must_own()
        request.must_name()
        items = request.kids("item")
        if len(items) > 1:
            raise bad_request("one item is published at a time")
        options = request.fields(request.beside("publish-options"))
        options.pop("FORM_TYPE", None)
        id, payload = await self._given(request, items)
        special = self._specials.get(request.node)
        if special is not None:
            id = await special.publish(request.owner, id, payload, options, request.resource)
        else:
            publisher = request.resource.session.jid
            inner = xml.serialise(payload, "") if payload is not None else b""
            id = await self._eventing.publish(
                request.owner, request.node, id, inner, publisher=publisher, options=options
            )
        item = xml.element("item", {"id": id})
        return request.answer(xml.element("publish", {"node": request.node}, item))

    async def _given(self, request: Request, items: Sequence[Element]) -> tuple[str, Element | None]:
        """The item as it was sent (section 7.1.3.6)."""
        if items and request.node in self._specials:
            return items[0].get("id", ""), next(iter(items[0]), None)
        node = await self._eventing.node(request.owner, request.node)
        if not items:
            if node is None or node.config.persist_items or node.config.deliver_payloads:
                raise item_required()
            return "", None
        if len(items[0]) > 1:
            raise invalid_payload("an item has one payload")
        if len(items[0]):
            return items[0].get("id", ""), items[0][0]
        if node is None or node.config.deliver_payloads:
            raise refusal("modify", "bad-request", "payload-required")
        return items[0].get("id", ""), None

    async def retract(self, request: Request) -> bytes:
        """An item goes (section 7.2)."""
        request.must_own()
        request.must_name()
        items = request.kids("item")
        if len(items) != 1 or not items[0].get("id"):
            raise item_required()
        notify = request.deed.get("notify") in ("1", "true")
        id = items[0].get("id", "")
        special = self._specials.get(request.node)
        if special is not None:
            await special.retract(request.owner, id, notify=notify)
        else:
            node = await self._eventing.node(request.owner, request.node)
            if node is not None and not node.config.persist_items:
                raise unsupported("persistent-items")
            await self._eventing.retract(request.owner, request.node, id, notify=notify)
        return b""

    async def items(self, request: Request) -> bytes:
        """All items, some, or a page of them (section 6.5), from the oldest to the newest."""
        request.must_name()
        special = self._specials.get(request.node)
        if special is not None and request.asker == request.owner:
            await special.reading(request.resource)
            made = await special.whole(request.owner)
            if made is not None:
                return request.answer(xml.element("items", {"node": request.node}, made))
        found = await self._eventing.node(request.owner, request.node)
        node = await self._eventing.admission.check(request.owner, found, request.asker)
        if not node.config.persist_items:
            raise unsupported("persistent-items")
        fresh = node.fresh(self._eventing.now())
        asked = [item.get("id", "") for item in request.kids("item")][:MAX_ASKED]
        if asked:
            by_id = {item.id: item for item in fresh}
            return request.answer(await self._shown(request, node, [by_id[id] for id in asked if id in by_id]))
        limit = request.deed.get("max_items")
        if limit is not None:
            fresh = fresh[-_number(limit) :]
        if request.beside_set() is not None:
            return request.answer(await self._page(request, node, fresh))
        return request.answer(await self._shown(request, node, fresh))

    async def _page(self, request: Request, node: Node, items: Sequence[Item]) -> bytes:
        """A page of the items (XEP-0059)."""
        wish = paging.read(request.iq.tree[0])
        ids = [item.id for item in items]
        if (wish.after and wish.after not in ids) or (wish.before and wish.before not in ids):
            raise item_not_found()
        some = list(items)
        if wish.after:
            some = some[ids.index(wish.after) + 1 :]
        elif wish.before:
            some = some[: ids.index(wish.before)]
        if wish.limit is not None:
            some = some[-wish.limit :] if wish.last and wish.limit else some[: wish.limit]
        first, last = (some[0].id, some[-1].id) if some else ("", "")
        return await self._shown(request, node, some) + paging.told(first, last, len(items))

    async def _shown(self, request: Request, node: Node, items: Iterable[Item]) -> bytes:
        """As many of the newest as fit into one answer."""
        shown: list[tuple[Item, bytes]] = []
        size = 0
        for item in reversed(list(items)):
            size += item.size
            if shown and size > MAX_ANSWER:
                break
            payload = await self._eventing.shelves.payload(request.owner, node, item)
            if payload or not item.size:  # it may have gone while the others were read
                shown.append((item, payload))
        return items_of(node, shown[::-1])


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < len(text) < 10 and int(text)):
        raise bad_request("max_items is a number greater than zero")
    return int(text)
