"""Visiting cards (XEP-0054): what a person wrote on theirs, or else what the people directory says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...core.access import AccessLevel
from ...core.identity import Identity
from ...core.people import Person
from .errors import service_unavailable
from .presence.sight import level_of
from .queries import Place, Query
from .resource import Resource
from .syntax import xml
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd

CARD = f"{{{xml.VCARD}}}vCard"
KIND = "vcard-temp"
"""The store's kind of document; its key is the person."""


class Cards:
    """One's own card can be written and read, others' can be read by those who may see them."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", CARD, Place.ACCOUNT, self.own, xml.VCARD)
        yield Query("set", CARD, Place.ACCOUNT, self.write)
        yield Query("get", CARD, Place.PERSON, self.others, xml.VCARD)
        yield Query("get", CARD, Place.SERVER, self.servers, xml.VCARD)

    async def own(self, resource: Resource, iq: Stanza) -> bytes:
        """The asker's card."""
        return await self.card_of(resource.identity)

    async def write(self, resource: Resource, iq: Stanza) -> bytes:
        """Keep a new card."""
        card = iq.child(CARD)
        assert card is not None
        await self._front_end.store.put_document(KIND, str(resource.identity), xml.serialise(card))
        return b""

    async def others(self, resource: Resource, iq: Stanza) -> bytes:
        """Somebody else's card."""
        assert iq.to is not None
        return await self.seen_by(resource.identity, iq.to.identity)

    async def seen_by(self, watcher: Identity, who: Identity) -> bytes:
        """A person's card as ``watcher`` may see it.

        Raises StanzaError, the same for who hides and who does not exist.
        """
        level = await level_of(self._front_end, watcher, who)
        if not level.sees:
            raise service_unavailable()
        return await self.card_of(who, directory=level > AccessLevel.EXTERNAL)

    async def servers(self, resource: Resource, iq: Stanza) -> bytes:
        """The server's own card."""
        assert iq.to is not None
        return xml.element("vCard", {"xmlns": xml.VCARD}, xml.element("FN", None, xml.text(iq.to.domain)))

    async def card_of(self, who: Identity, *, directory: bool = True) -> bytes:
        """The written card, or one made from the directory if the reader may know what is there."""
        kept = await self._front_end.store.document(KIND, str(who))
        if kept is not None:
            return kept
        person = await self._front_end.accounts.person(who) if directory else None
        return card_from(person) if person is not None else xml.element("vCard", {"xmlns": xml.VCARD})


def card_from(person: Person) -> bytes:
    """A card that says what the directory says."""
    parts = [xml.element("FN", None, xml.text(person.shown_name))]
    parts.append(xml.element("JABBERID", None, xml.text(person.address)))
    if person.mail:
        mail = xml.element("INTERNET") + xml.element("PREF") + xml.element("USERID", None, xml.text(person.mail))
        parts.append(xml.element("EMAIL", None, mail))
    for phone in person.phones:
        number = xml.element("WORK") + xml.element("VOICE") + xml.element("NUMBER", None, xml.text(phone))
        parts.append(xml.element("TEL", None, number))
    if person.title:
        parts.append(xml.element("TITLE", None, xml.text(person.title)))
    return xml.element("vCard", {"xmlns": xml.VCARD}, b"".join(parts))
