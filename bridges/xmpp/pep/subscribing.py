"""Requests of subscribers (XEP-0060 sections 5.6, 5.7, 6.1 and 6.2)."""

from __future__ import annotations

from ..errors import item_not_found
from ..syntax import xml
from .errors import forbidden, not_a_contact, refusal
from .eventing import Eventing
from .node import MAX_SUBSCRIBERS, Node
from .request import Request


class Subscribing:
    """Whoever may read a node may subscribe to it; contacts need not, their capabilities say what they want."""

    def __init__(self, eventing: Eventing) -> None:
        self._eventing = eventing

    async def subscribe(self, request: Request) -> bytes:
        """An address of the asker's is told from now on (section 6.1); a second time changes nothing."""
        request.must_name()
        named = request.subscriber()
        if named.bare != str(request.asker):
            raise refusal("modify", "bad-request", "invalid-jid", "people subscribe by themselves")
        async with self._eventing.shelves.locked(request.owner) as shelf:
            found = shelf.nodes.get(request.node)
            node = await self._eventing.admission.check(request.owner, found, request.asker)
            if named.full not in node.subscribers:
                if len(node.subscribers) >= MAX_SUBSCRIBERS:
                    raise refusal("wait", "policy-violation", "too-many-subscriptions")
                node.subscribers = (*node.subscribers, named.full)
                await self._eventing.keep(request.owner, node)
        answer = request.answer(_subscription(node, named.full, "subscribed"))
        if node.config.send_last_published_item != "never":
            await self._send_last(request, node)
        return answer

    async def unsubscribe(self, request: Request) -> bytes:
        """No longer (section 6.2)."""
        request.must_name()
        named = request.subscriber()
        async with self._eventing.shelves.locked(request.owner) as shelf:
            node = shelf.nodes.get(request.node)
            subscribed = node is not None and named.full in node.subscribers
            if not subscribed and not await self._eventing.admission.knows(request.owner, request.asker):
                raise not_a_contact()
            if node is None:
                raise item_not_found()
            if named.bare != str(request.asker):
                raise forbidden()
            if not subscribed:
                raise refusal("cancel", "unexpected-request", "not-subscribed")
            node.subscribers = tuple(who for who in node.subscribers if who != named.full)
            await self._eventing.keep(request.owner, node)
        return request.answer(_subscription(node, named.full, "none"))

    async def subscriptions(self, request: Request) -> bytes:
        """The asker's own, at one node or at all of this account (section 5.6)."""
        own = str(request.asker)
        inner = b"".join(
            _subscription(node, who, "subscribed")
            for node in await self._nodes(request)
            for who in node.subscribers
            if who.partition("/")[0] == own
        )
        return request.answer(xml.element("subscriptions", {"node": request.node or None}, inner))

    async def affiliations(self, request: Request) -> bytes:
        """What the asker is to one node or to all of this account (section 5.7)."""
        inner = b""
        for node in await self._nodes(request):
            what = "owner" if request.asker == request.owner else node.affiliations.get(str(request.asker))
            if what is not None:
                inner += xml.element("affiliation", {"node": node.name, "affiliation": what})
        return request.answer(xml.element("affiliations", {"node": request.node or None}, inner))

    async def _nodes(self, request: Request) -> list[Node]:
        """Those that are asked about.  Raises StanzaError for one that the asker may not know of."""
        shelf = await self._eventing.shelves.of(request.owner)
        if request.node:
            return [await self._eventing.admission.check(request.owner, shelf.nodes.get(request.node), request.asker)]
        return [shelf.nodes[name] for name in sorted(shelf.nodes)]

    async def _send_last(self, request: Request, node: Node) -> None:
        last = await self._eventing.last(request.owner, node.name)
        if last is not None:
            self._eventing.notices.last(request.resource, request.owner, node, *last)


def _subscription(node: Node, who: str, state: str) -> bytes:
    return xml.element("subscription", {"node": node.name, "jid": who, "subscription": state})
