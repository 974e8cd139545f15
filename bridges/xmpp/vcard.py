"""Visiting cards (XEP-0054): what a person wrote on theirs, or else what the people directory says, and their
picture."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ...core.access import AccessLevel
from ...core.identity import Identity
from ...core.people import Person
from .errors import StanzaError, service_unavailable
from .pep.avatars import Avatars, Picture, decoded
from .presence.sight import level_of
from .queries import Place, Query
from .resource import Resource
from .syntax import xml
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd

CARD = f"{{{xml.VCARD}}}vCard"
PHOTO = f"{{{xml.VCARD}}}PHOTO"
BINVAL = f"{{{xml.VCARD}}}BINVAL"
KIND = "vcard-temp"
"""The store's kind of document; its key is the person."""


class Cards:
    """One's own card can be written and read, others' can be read by those who may see them.

    The picture on it is the one that the person has published (XEP-0398), whichever way it came.
    """

    def __init__(self, front_end: FrontEnd, avatars: Avatars) -> None:
        self._front_end = front_end
        self._avatars = avatars

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", CARD, Place.ACCOUNT, self.own, xml.VCARD)
        yield Query("set", CARD, Place.ACCOUNT, self.write)
        yield Query("get", CARD, Place.PERSON, self.others, xml.VCARD)
        yield Query("set", CARD, Place.PERSON, self.refuse)
        yield Query("get", CARD, Place.SERVER, self.servers, xml.VCARD)

    async def own(self, resource: Resource, iq: Stanza) -> bytes:
        """The asker's card."""
        return await self._card_of(resource.identity, resource.identity)

    async def write(self, resource: Resource, iq: Stanza) -> bytes:
        """Keep a new card; its picture is published, or taken back where it has none.  Raises StanzaError."""
        card = iq.child(CARD)
        assert card is not None
        photos = [photo for photo in card.findall(PHOTO) if photo.find(BINVAL) is not None]
        images = [decoded(photo.findtext(BINVAL) or "") for photo in photos]
        if images and images[0]:
            await self._avatars.put(resource.identity, images[0])
        elif images and (photos[0].findtext(BINVAL) or "").strip():
            raise StanzaError("modify", "not-acceptable", "the picture is no base64")
        else:
            await self._avatars.drop(resource.identity)
        for photo in photos:
            card.remove(photo)
        await self._front_end.store.put_document(KIND, str(resource.identity), xml.serialise(card))
        return b""

    async def refuse(self, resource: Resource, iq: Stanza) -> bytes:
        """Nobody writes on somebody else's (section 3.2)."""
        raise StanzaError("auth", "forbidden")

    async def others(self, resource: Resource, iq: Stanza) -> bytes:
        """Somebody else's card."""
        assert iq.to is not None
        return await self.seen_by(resource.identity, iq.to.identity)

    async def seen_by(self, watcher: Identity, who: Identity) -> bytes:
        """A person's card as ``watcher`` may see it; only the picture where that alone is for everybody.

        Raises StanzaError, the same for who hides and who does not exist.
        """
        level = await level_of(self._front_end, watcher, who)
        if level.sees:
            return await self._card_of(who, watcher, directory=level > AccessLevel.EXTERNAL)
        picture = await self._avatars.picture(who, watcher)
        if picture is None:
            raise service_unavailable()
        return xml.element("vCard", {"xmlns": xml.VCARD}, _photo(picture))

    async def servers(self, resource: Resource, iq: Stanza) -> bytes:
        """The server's own card."""
        assert iq.to is not None
        return xml.element("vCard", {"xmlns": xml.VCARD}, xml.element("FN", None, xml.text(iq.to.domain)))

    async def _card_of(self, who: Identity, asker: Identity, *, directory: bool = True) -> bytes:
        """The written card, or one made from the directory if the reader may know what is there."""
        kept = await self._front_end.store.document(KIND, str(who))
        if kept is None:
            person = await self._front_end.accounts.person(who) if directory else None
            kept = card_from(person) if person is not None else xml.element("vCard", {"xmlns": xml.VCARD})
        if not await self._avatars.has(who):
            return kept
        card = Stanza.read(kept).tree
        picture = await self._avatars.picture(who, asker)
        return _with_photo(card, picture)


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


def _with_photo(card: Element, picture: Picture | None) -> bytes:
    kids = b"".join(xml.serialise(kid, xml.VCARD) for kid in card if kid.find(BINVAL) is None or kid.tag != PHOTO)
    attrs = {"xmlns": xml.VCARD, **{name: value for name, value in card.items() if "}" not in name}}
    return xml.element("vCard", attrs, kids + (_photo(picture) if picture is not None else b""))


def _photo(picture: Picture) -> bytes:
    inner = xml.element("TYPE", None, picture.type) + xml.element("BINVAL", None, base64.b64encode(picture.data))
    return xml.element("PHOTO", None, inner)
