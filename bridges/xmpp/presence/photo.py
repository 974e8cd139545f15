"""The hash of a person's picture in their presence (XEP-0153), put there by us (XEP-0398 section 4)."""

from __future__ import annotations

from collections.abc import Mapping

from ..resource import Resource
from ..server_owned import PRESENCE_TAGS, without
from ..syntax import xml
from ..syntax.stanza import Stanza

UPDATE = f"{{{xml.VCARD_UPDATE}}}x"
PHOTO = f"{{{xml.VCARD_UPDATE}}}photo"
NO_UPDATE = frozenset({*PRESENCE_TAGS, UPDATE})


def shown(resource: Resource, presence: Stanza) -> bytes:
    """What a client says of its presence, with the hash of its person's picture.

    A client that says it has no picture is believed; one that says nothing, or another hash, is not up to date.
    """
    hash = resource.photo
    if not hash:
        return without(presence, PRESENCE_TAGS)
    update = presence.child(UPDATE)
    if update is not None:
        photo = update.find(PHOTO)
        if photo is not None and not (photo.text or "").strip():
            return without(presence, PRESENCE_TAGS)
    return without(presence, NO_UPDATE) + element(hash)


def element(hash: str) -> bytes:
    """The hash as presence carries it (XEP-0153 section 4.1)."""
    return xml.element("x", {"xmlns": xml.VCARD_UPDATE}, xml.element("photo", None, hash))


def replaced(inner: bytes, hash: str) -> bytes:
    """The children of a presence with another hash, or with word that there is no picture."""
    kids = Stanza.read(b"<presence>" + inner + b"</presence>").tree
    rest = b"".join(xml.serialise(kid) for kid in kids if kid.tag != UPDATE)
    return rest + element(hash)


def everywhere(inners: Mapping[str, bytes], hash: str) -> dict[str, bytes]:
    """Devices of other worlds have their person's picture too; clients of ours have said theirs."""
    if not hash:
        return dict(inners)
    mark = xml.VCARD_UPDATE.encode()
    return {name: inner if mark in inner else inner + element(hash) for name, inner in inners.items()}
