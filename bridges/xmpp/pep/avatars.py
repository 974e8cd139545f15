"""Pictures of people: published as nodes (XEP-0084), shown on visiting cards and in presence too (XEP-0398)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element

from ....core.identity import Identity
from ..errors import StanzaError
from ..syntax import xml
from ..syntax.stanza import Stanza
from .eventing import Eventing
from .images import kind
from .node import KIB, Config, Node
from .photos import Photos

if TYPE_CHECKING:
    from ..resource import Resources

DATA = "urn:xmpp:avatar:data"
METADATA = "urn:xmpp:avatar:metadata"
INFO = f"{{{METADATA}}}info"
CONVERSION = "urn:xmpp:pep-vcard-conversion:0"
MAX_IMAGE = 180 * KIB
"""Bytes of a picture: as base64 it fits into the largest stanza that is allowed unless the site says otherwise."""


class Picture(NamedTuple):
    """A picture, and what names it: the SHA-1 of its bytes."""

    data: bytes
    type: str
    hash: str


Refresh = Callable[[Identity], Awaitable[None]]


class Avatars:
    """The node is the truth; the card and the hash in presence follow it, and a card with a picture makes a node."""

    def __init__(self, eventing: Eventing, photos: Photos, resources: Resources) -> None:
        self._eventing = eventing
        self._photos = photos
        self._resources = resources
        self.refresh: list[Refresh] = []
        """Told whose picture is another now."""
        eventing.changed.append(self._changed)

    async def picture(self, owner: Identity, asker: Identity) -> Picture | None:
        """Somebody's picture, for who may read both nodes."""
        for name in (METADATA, DATA):
            node = await self._eventing.node(owner, name)
            if node is None or not await self._eventing.admission.sees(owner, node, asker):
                return None
        return await self._published(owner)

    async def has(self, owner: Identity) -> bool:
        """Whether somebody has ever said what their picture is; it may be none."""
        return await self._eventing.node(owner, METADATA) is not None

    async def put(self, owner: Identity, data: bytes) -> None:
        """A picture that was put on a card (XEP-0398 section 3.2).  Raises StanzaError."""
        image = kind(data)
        if len(data) > MAX_IMAGE:
            raise StanzaError("modify", "not-acceptable", f"a picture has at most {MAX_IMAGE} bytes")
        if image is None:
            raise StanzaError("modify", "not-acceptable", "a picture is PNG, JPEG, GIF or WebP")
        hash = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        if hash == self._photos.of(owner):
            return
        await self._eventing.publish(owner, DATA, hash, xml.element("data", {"xmlns": DATA}, base64.b64encode(data)))
        size = {"width": str(image.width), "height": str(image.height)} if image.width and image.height else {}
        info = xml.element("info", {"id": hash, "type": image.type, "bytes": str(len(data)), **size})
        await self._eventing.publish(owner, METADATA, hash, xml.element("metadata", {"xmlns": METADATA}, info))

    async def drop(self, owner: Identity) -> None:
        """No picture any more (XEP-0084 section 3.5)."""
        if self._photos.of(owner):
            await self._eventing.publish(owner, METADATA, "", xml.element("metadata", {"xmlns": METADATA}))

    # ---- inside

    async def _changed(self, owner: Identity, node: Node) -> None:
        # Bytes come before the metadata that names them: only when all are gone is that news by itself.
        if node.name != METADATA and (node.name != DATA or node.items):
            return
        found = await self._published(owner)
        metadata = await self._eventing.node(owner, METADATA)
        shown = found is not None and metadata is not None and not _hidden(metadata.config)
        hash = found.hash if found is not None and shown else ""
        if await self._photos.put(owner, hash):
            for resource in self._resources.of(owner):
                resource.photo = hash
            for told in self.refresh:
                await told(owner)

    async def _published(self, owner: Identity) -> Picture | None:
        """The picture whose metadata was published last, if its bytes are here and are what they are said to be."""
        last = await self._eventing.last(owner, METADATA)
        node = await self._eventing.node(owner, DATA)
        if last is None or node is None or not last[1]:
            return None
        for info in Stanza.read(last[1]).tree.findall(INFO):
            item = node.items.get(info.get("id", ""))
            if item is not None and not info.get("url"):
                found = picture_of(Stanza.read(await self._eventing.shelves.payload(owner, node, item)).tree)
                if found is not None and found.hash == item.id:
                    return found
        return None


def picture_of(data: Element) -> Picture | None:
    """The picture in an element as base64; None where it is none."""
    image = decoded(data.text or "")
    what = kind(image)
    if what is None or len(image) > MAX_IMAGE:
        return None
    return Picture(image, what.type, hashlib.sha1(image, usedforsecurity=False).hexdigest())


def decoded(text: str) -> bytes:
    """Base64 with whatever white space; nothing where it is none."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _hidden(config: Config) -> bool:
    """A picture that not all of the person's contacts may see is not told of in presence."""
    return config.access_model in ("whitelist", "roster")
