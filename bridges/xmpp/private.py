"""Private storage (XEP-0049): what a person's clients keep with us for one another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol
from xml.etree.ElementTree import Element

from ...core.errors import TooLarge
from ...core.identity import Identity
from .errors import StanzaError, bad_request
from .queries import Place, Query
from .resource import Resource
from .syntax import xml
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from ...core.store import Store

QUERY = f"{{{xml.PRIVATE}}}query"
KIND = "private-xml"
"""The store's kind of document; its key is the person, a slash, and the element's name: it goes with the person."""

MAX_ELEMENTS = 50
"""Elements of different names one person may keep."""


class Elsewhere(Protocol):
    """Keeps an element of one name in a way of its own."""

    async def element(self, who: Identity) -> bytes: ...

    async def keep(self, who: Identity, element: bytes, sender: str = "") -> None: ...


class PrivateStorage:
    """One element of each name for each person, replaced as a whole."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.others: dict[str, Elsewhere] = {}
        """Who keeps what is not kept here, by ``{namespace}name``."""

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", QUERY, Place.ACCOUNT, self.read, xml.PRIVATE)
        yield Query("set", QUERY, Place.ACCOUNT, self.write)
        for type in ("get", "set"):
            yield Query(type, QUERY, Place.PERSON, self.refuse)

    async def read(self, resource: Resource, iq: Stanza) -> bytes:
        """The element asked for, or an empty one of that name (section 2.2)."""
        asked = _the_one_element(iq)
        other = self.others.get(asked.tag)
        if other is not None:
            kept: bytes | None = await other.element(resource.identity)
        else:
            kept = await self.kept(resource.identity, asked.tag)
        return xml.element("query", {"xmlns": xml.PRIVATE}, kept or xml.serialise(Element(asked.tag)))

    async def write(self, resource: Resource, iq: Stanza) -> bytes:
        """Keep the element (section 2.1)."""
        given = _the_one_element(iq)
        other = self.others.get(given.tag)
        if other is not None:
            await other.keep(resource.identity, xml.serialise(given), resource.session.jid)
        else:
            await self.put(resource.identity, given.tag, xml.serialise(given))
        return b""

    async def refuse(self, resource: Resource, iq: Stanza) -> bytes:
        """Nobody reads or writes what is somebody else's (section 2.3)."""
        raise StanzaError("cancel", "forbidden")

    async def kept(self, who: Identity, tag: str) -> bytes | None:
        """What lies here for a person under a name ``{namespace}name``."""
        return await self._store.document(KIND, f"{who}/{tag}")

    async def put(self, who: Identity, tag: str, element: bytes | None) -> None:
        """Keep an element for a person, or no longer.  Raises TooLarge."""
        key = f"{who}/{tag}"
        if element is None:
            await self._store.put_document(KIND, key, None)
            return
        kept = await self._store.documents(KIND, f"{who}/")
        if key not in kept and len(kept) >= MAX_ELEMENTS:
            raise TooLarge(f"{MAX_ELEMENTS} elements are kept already")
        await self._store.put_document(KIND, key, element)


def _the_one_element(iq: Stanza) -> Element:
    query = iq.child(QUERY)
    assert query is not None
    kids = list(query)
    if len(kids) != 1 or not xml.split(kids[0].tag)[0] or kids[0].tag.startswith(f"{{{xml.PRIVATE}}}"):
        raise bad_request("the query holds one element of a namespace of its own")
    return kids[0]
