"""pidf-manipulation: presence that holds without any publication, as an XCAP document (RFC 4827).

It is the person's own choice for all endpoints, and holds until it is deleted.  As everywhere here, somebody is seen as
anything but offline only while they are signed in somewhere.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ....core.errors import BadAddress, HereaboutsError
from ....core.identity import Identity
from ....core.presence import Publication, Source
from ..presence import pidf
from ..translate import identity_of
from ..xml import MalformedXml
from .faults import cannot_keep, invalid
from .usage import Drawer, Element, reread, written

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

OWNER = "xcap"
"""Whose claim it is, among a person's."""


class HardState:
    """The usage."""

    content_type = pidf.CONTENT_TYPE
    namespace = pidf.PIDF

    def __init__(self, front_end: FrontEnd) -> None:
        self._presence = front_end.presence
        self._clock = front_end.clock
        self._drawer = Drawer(front_end.store, "pidf-manipulation")

    async def document(self, owner: Identity) -> bytes | None:
        """What was written last."""
        return await self._drawer.read(owner)

    async def write(self, owner: Identity, root: Element) -> None:
        """The document must be about its owner."""
        publication = self._publication(owner, root)
        await self._presence.publish(owner, publication)
        await self._drawer.keep(owner, root)

    async def remove(self, owner: Identity) -> None:
        """What the endpoints say counts again."""
        await self._drawer.drop(owner)
        await self._presence.withdraw(owner, OWNER)

    async def restore(self) -> None:
        """At start: what was kept holds."""
        for address, kept in (await self._drawer.everybodys()).items():
            try:
                owner = Identity.parse(address)
                await self._presence.publish(owner, self._publication(owner, reread(kept)))
            except HereaboutsError as why:
                log.warning("the hard state of %s is not restored: %s", address, why)

    def _publication(self, owner: Identity, root: Element) -> Publication:
        """Raises Fault."""
        try:
            claim = pidf.read(written(root))
        except MalformedXml as why:
            raise invalid(str(why)) from None
        try:
            about = identity_of(claim.entity)
        except BadAddress:
            raise invalid("a document needs an entity") from None
        if about != owner:
            raise cannot_keep("the document is about somebody else")
        return Publication(
            OWNER, Source.USER, claim.availability, self._clock(), activity=claim.activity, note=claim.note
        )
