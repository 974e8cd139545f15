"""Requests of owners (XEP-0060 section 8): nodes are made, configured, emptied and deleted; who may read, who has
subscribed."""

from __future__ import annotations

from typing import get_args

from ....core.identity import Identity
from ..errors import StanzaError, bad_request, item_not_found
from ..syntax import xml
from . import form
from .errors import unsupported
from .eventing import Eventing
from .node import MAX_AFFILIATED, Affiliation, Config, Node
from .request import Request, bare_jid

AFFILIATIONS = get_args(Affiliation)


class Owning:
    """What nobody else may ask."""

    def __init__(self, eventing: Eventing) -> None:
        self._eventing = eventing

    async def create(self, request: Request) -> bytes:
        """A new node (section 8.1); the name where we chose it."""
        request.must_own()
        configure = request.beside("configure")
        if configure is not None and (configure.get("node") or request.iq.tree[0][0] is configure):
            raise bad_request("the configuration follows what is created, and names no node")
        fields = request.fields(configure)
        if fields.get(f"{form.PREFIX}node_type", ["leaf"]) != ["leaf"]:
            raise unsupported("collections")
        name = await self._eventing.create(request.owner, request.node, fields)
        return b"" if request.node else request.answer(xml.element("create", {"node": name}))

    async def configuration(self, request: Request) -> bytes:
        """The form (section 8.2.1)."""
        node = await self._own(request)
        return request.answer(xml.element("configure", {"node": node.name}, form.form(node.config)))

    async def configure(self, request: Request) -> bytes:
        """The form, filled in (section 8.2.4); a cancelled one changes nothing."""
        await self._own(request)
        if request.deed.find(form.FORM) is None:
            raise bad_request("the form is missing")
        fields = request.fields(request.deed)
        if fields:
            await self._eventing.configure(request.owner, request.node, fields)
        return b""

    async def default(self, request: Request) -> bytes:
        """How nodes are made (section 8.3)."""
        request.must_own()
        return request.answer(xml.element("default", None, form.form(Config())))

    async def delete(self, request: Request) -> bytes:
        """A node goes (section 8.4)."""
        await self._own(request)
        await self._eventing.delete(request.owner, request.node)
        return b""

    async def purge(self, request: Request) -> bytes:
        """All its items go (section 8.5)."""
        node = await self._own(request)
        if not node.config.persist_items:
            raise unsupported("persistent-items")
        await self._eventing.purge(request.owner, request.node)
        return b""

    # ---- who may, and who does

    async def affiliations(self, request: Request) -> bytes:
        """Everybody who is named (section 8.9.1)."""
        node = await self._own(request)
        named = [(str(request.owner), "owner"), *sorted(node.affiliations.items())]
        inner = b"".join(xml.element("affiliation", {"jid": who, "affiliation": what}) for who, what in named)
        return request.answer(xml.element("affiliations", {"node": node.name}, inner))

    async def affiliate(self, request: Request) -> bytes:
        """People become members or outcasts, or neither (section 8.9.2)."""
        await self._own(request)
        async with self._eventing.shelves.locked(request.owner) as shelf:
            node = shelf.nodes.get(request.node)
            if node is None:
                raise item_not_found()
            named = dict(node.affiliations)
            for given in request.kids("affiliation"):
                self._name(request.owner, named, given.get("jid", ""), given.get("affiliation"))
            if len(named) > MAX_AFFILIATED:
                raise StanzaError("modify", "not-acceptable", f"at most {MAX_AFFILIATED} people are named")
            node.affiliations = named
            await self._eventing.keep(request.owner, node)
        return b""

    def _name(self, owner: Identity, named: dict[str, Affiliation], who: str, what: str | None) -> None:
        who = bare_jid(who)
        if what is None:
            return
        if who == str(owner):
            if what != "owner":
                raise StanzaError("modify", "not-acceptable", "the owner stays the owner")
        elif what == "none":
            named.pop(who, None)
        elif what == "member":
            named[who] = "member"
        elif what == "outcast":
            named[who] = "outcast"
        else:
            raise StanzaError("modify", "not-acceptable", f"nobody becomes {what[:40]} here")

    async def subscriptions(self, request: Request) -> bytes:
        """Everybody who has subscribed by themselves (section 8.8.1)."""
        node = await self._own(request)
        inner = b"".join(
            xml.element("subscription", {"jid": who, "subscription": "subscribed"}) for who in node.subscribers
        )
        return request.answer(xml.element("subscriptions", {"node": node.name}, inner))

    async def unsubscribe(self, request: Request) -> bytes:
        """Subscribers are taken off (section 8.8.3); nobody is subscribed by somebody else."""
        await self._own(request)
        async with self._eventing.shelves.locked(request.owner) as shelf:
            node = shelf.nodes.get(request.node)
            if node is None:
                raise item_not_found()
            gone = set()
            for given in request.kids("subscription"):
                who, what = given.get("jid", ""), given.get("subscription")
                if what == "none":
                    gone.add(who)
                elif what is not None and not (what == "subscribed" and who in node.subscribers):
                    raise StanzaError("modify", "not-acceptable", "people subscribe by themselves")
            node.subscribers = tuple(who for who in node.subscribers if who not in gone)
            await self._eventing.keep(request.owner, node)
        return b""

    async def _own(self, request: Request) -> Node:
        """The owner's own node.  Raises StanzaError."""
        request.must_own()
        request.must_name()
        node = await self._eventing.node(request.owner, request.node)
        if node is None:
            raise item_not_found()
        return node
