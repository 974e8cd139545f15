"""Service discovery (XEP-0030): what the server, its conference service and its accounts are and can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Protocol

from ...core.hooks import PROJECT
from .capabilities import Caps, verification
from .errors import item_not_found, service_unavailable
from .messages.wordless import TOMBSTONES
from .presence.sight import level_of
from .queries import Place, Queries, Query
from .resource import Resource
from .syntax import xml
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd
    from ...core.identity import Identity
    from .pep.discovery import NodeDiscovery

INFO = f"{{{xml.DISCO_INFO}}}query"
ITEMS = f"{{{xml.DISCO_ITEMS}}}query"

SERVER_FEATURES = (xml.PRE_APPROVAL, xml.STANZA_ID, xml.CAPS)
"""What the server does without being asked by IQ."""
OFFLINE = "msgoffline"
"""Messages wait for those who are away (XEP-0160)."""
CAPS_NODE = "urn:hereabouts"
"""Names the program, beside the hash of what it can do (XEP-0115 section 4)."""
SERVICE_FEATURES = (xml.MUC,)
SERVER = (("server", "im", PROJECT), ("pubsub", "pep", PROJECT))
"""What the server is.  The nodes are those of accounts, but older clients, such as Pidgin, look for them here."""
ACCOUNT = (("account", "registered", ""), ("pubsub", "pep", ""))
"""What an account is: somebody's, and a place for their nodes (XEP-0163 section 6.1)."""


class Nodes(Protocol):
    """Parts of the server that have names of their own (XEP-0030 section 3.2); None is for what they do not know."""

    async def info(self, resource: Resource, iq: Stanza) -> bytes | None: ...

    async def items(self, resource: Resource, iq: Stanza) -> bytes | None: ...


class Discovery:
    """Answers from the table itself, so that what is there and what is said to be there are one."""

    def __init__(self, front_end: FrontEnd, queries: Queries, personal: NodeDiscovery) -> None:
        self._front_end = front_end
        self._personal = personal
        self._queries = queries
        self.nodes: list[Nodes] = []
        self.listed: list[Callable[[], Iterable[tuple[str, str]]]] = []
        """Services that are there besides our own, as (address, name), for the list of what the server consists of."""
        queries.announce(Place.SERVER, *SERVER_FEATURES)
        if front_end.settings.offline != "refuse":
            queries.announce(Place.SERVER, OFFLINE)
        queries.announce(Place.SERVICE, *SERVICE_FEATURES)
        for place in (Place.ACCOUNT, Place.ROOM):
            queries.announce(place, TOMBSTONES)

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        for place, answer in (
            (Place.SERVER, self.server),
            (Place.ACCOUNT, self.account),
            (Place.PERSON, self.person),
            (Place.SERVICE, self.service),
        ):
            yield Query("get", INFO, place, answer, xml.DISCO_INFO)
        yield Query("get", ITEMS, Place.SERVER, self.services, xml.DISCO_ITEMS)
        for place in (Place.ACCOUNT, Place.PERSON):
            yield Query("get", ITEMS, place, self.parts_of, xml.DISCO_ITEMS)

    async def server(self, resource: Resource, iq: Stanza) -> bytes:
        """An IM server, and all that can be asked of it or of one's account through it."""
        if node_of(iq) and node_of(iq) != self._caps().query_node:
            return _found([await nodes.info(resource, iq) for nodes in self.nodes])
        return self._server_info(_node(iq))

    def capabilities(self) -> bytes:
        """What the server says of itself, by its hash (XEP-0115 section 6.3)."""
        caps = self._caps()
        return xml.element("c", {"xmlns": xml.CAPS, "hash": caps.hash, "node": caps.node, "ver": caps.ver})

    def _caps(self) -> Caps:
        query = Stanza.read(self._server_info(None)).tree
        return Caps(CAPS_NODE, verification(query, "sha-1") or "", "sha-1")

    def _server_info(self, node: str | None) -> bytes:
        return _info(node, SERVER, self.server_features())

    def server_features(self) -> list[str]:
        """What the server can do, by itself and for each account."""
        return sorted({*self._queries.features(Place.SERVER), *self._queries.features(Place.ACCOUNT)})

    async def account(self, resource: Resource, iq: Stanza) -> bytes:
        """The asker's own account."""
        if node_of(iq):
            return await self._node_info(resource, iq, resource.identity)
        return info(iq, ACCOUNT, self._queries.features(Place.ACCOUNT))

    async def person(self, resource: Resource, iq: Stanza) -> bytes:
        """Somebody's account, for those who may see them (RFC 6121 section 8.5, XEP-0030 section 8)."""
        assert iq.to is not None
        if not (await level_of(self._front_end, resource.identity, iq.to.identity)).sees:
            raise service_unavailable()
        if node_of(iq):
            return await self._node_info(resource, iq, iq.to.identity)
        return info(iq, ACCOUNT, self._queries.features(Place.PERSON))

    async def _node_info(self, resource: Resource, iq: Stanza, owner: Identity) -> bytes:
        inner = await self._personal.node(owner, node_of(iq), resource.identity)
        return xml.element("query", {"xmlns": xml.DISCO_INFO, "node": node_of(iq)}, inner)

    async def service(self, resource: Resource, iq: Stanza) -> bytes:
        """The conference service (XEP-0045 section 6.2)."""
        _no_node(iq)
        return info(iq, [("conference", "text", "Conferences")], self._queries.features(Place.SERVICE))

    async def services(self, resource: Resource, iq: Stanza) -> bytes:
        """What the server consists of."""
        assert iq.to is not None
        if node_of(iq):
            return _found([await nodes.items(resource, iq) for nodes in self.nodes])
        others = [service for listed in self.listed for service in listed()]
        return items(iq, [(self._front_end.conference_domain(iq.to.domain), "Conferences"), *others])

    async def parts_of(self, resource: Resource, iq: Stanza) -> bytes:
        """An account's nodes, or what is in one: those that the asker may read, and nothing of who does not exist."""
        owner = iq.to.identity if iq.to is not None else resource.identity
        if node_of(iq) == xml.COMMANDS and iq.to is not None and owner == resource.identity:
            # The server's own: it answers for accounts, and some clients turn to theirs.
            return _found([await nodes.items(resource, iq) for nodes in self.nodes])
        if node_of(iq):
            found = await self._personal.items(owner, node_of(iq), resource.identity)
            return items(iq, [(str(owner), id) for id in found])
        nodes = await self._personal.nodes(owner, resource.identity)
        return node_items(iq, [(str(owner), name, title) for name, title in nodes])


def info(iq: Stanza, identities: Iterable[tuple[str, str, str]], features: Iterable[str], more: bytes = b"") -> bytes:
    """An answer to disco#info: identities as (category, type, name), features, and any forms."""
    return _info(_node(iq), identities, features, more)


def _info(
    node: str | None, identities: Iterable[tuple[str, str, str]], features: Iterable[str], more: bytes = b""
) -> bytes:
    parts = [
        xml.element("identity", {"category": category, "type": type, "name": name or None})
        for category, type, name in identities
    ]
    parts += [xml.element("feature", {"var": feature}) for feature in features]
    return xml.element("query", {"xmlns": xml.DISCO_INFO, "node": node}, b"".join(parts) + more)


def items(iq: Stanza, found: Iterable[tuple[str, str]]) -> bytes:
    """An answer to disco#items: (address, name)."""
    inner = b"".join(xml.element("item", {"jid": jid, "name": name or None}) for jid, name in found)
    return xml.element("query", {"xmlns": xml.DISCO_ITEMS, "node": _node(iq)}, inner)


def node_items(iq: Stanza, found: Iterable[tuple[str, str, str]]) -> bytes:
    """An answer to disco#items about nodes: (address, node, name)."""
    inner = b"".join(xml.element("item", {"jid": jid, "node": node, "name": name or None}) for jid, node, name in found)
    return xml.element("query", {"xmlns": xml.DISCO_ITEMS, "node": _node(iq)}, inner)


def node_of(iq: Stanza) -> str:
    """The node that is asked about, or nothing."""
    return _node(iq) or ""


def _node(iq: Stanza) -> str | None:
    return iq.tree[0].get("node")


def _found(answers: Iterable[bytes | None]) -> bytes:
    """The answer of who knew the node.  Raises StanzaError where nobody did."""
    for answer in answers:
        if answer is not None:
            return answer
    raise item_not_found()


def _no_node(iq: Stanza) -> None:
    """Nothing of ours has parts of its own.  Raises StanzaError."""
    if _node(iq):
        raise item_not_found()
