"""Small questions to the server: are you there (XEP-0199), what are you (0092), what time is it (0202), since when
(0012)."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...core.hooks import PROJECT
from .errors import StanzaError
from .messages.payload import stamp
from .presence.sight import level_of
from .queries import Place, Query
from .resource import Resource
from .syntax import xml
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd


class Service:
    """Answers for the server itself, and says since when people are away."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        for place in (Place.ACCOUNT, Place.SERVER, Place.SERVICE):
            yield Query("get", f"{{{xml.PING}}}ping", place, self.ping, xml.PING)
        for place in (Place.SERVER, Place.SERVICE):
            yield Query("get", f"{{{xml.VERSION}}}query", place, self.version, xml.VERSION)
            yield Query("get", f"{{{xml.TIME}}}time", place, self.time, xml.TIME)
            yield Query("get", f"{{{xml.LAST}}}query", place, self.uptime, xml.LAST)
        for place in (Place.ACCOUNT, Place.PERSON):
            yield Query("get", f"{{{xml.LAST}}}query", place, self.last_seen, xml.LAST)
        # Long superseded (RFC 6121 appendix E.1), and still sent by clients that wait for the answer.
        for place in (Place.ACCOUNT, Place.SERVER):
            yield Query("set", f"{{{xml.SESSION}}}session", place, self.ping)

    async def ping(self, resource: Resource, iq: Stanza) -> bytes:
        """We are here."""
        return b""

    async def version(self, resource: Resource, iq: Stanza) -> bytes:
        """The program's name and version; the operating system's name alone."""
        inner = xml.element("name", None, PROJECT) + xml.element("version", None, xml.text(self._front_end.version))
        return xml.element("query", {"xmlns": xml.VERSION}, inner + xml.element("os", None, platform.system()))

    async def time(self, resource: Resource, iq: Stanza) -> bytes:
        """Our clock, and how far its place is from UTC."""
        now = self._front_end.clock()
        offset = now.replace(tzinfo=UTC).astimezone().strftime("%z") or "+0000"
        inner = xml.element("tzo", None, f"{offset[:3]}:{offset[3:5]}") + xml.element("utc", None, stamp(now))
        return xml.element("time", {"xmlns": xml.TIME}, inner)

    async def uptime(self, resource: Resource, iq: Stanza) -> bytes:
        """How long the server has been running (XEP-0012 section 4)."""
        return self._seconds(self._front_end.started_at)

    async def last_seen(self, resource: Resource, iq: Stanza) -> bytes:
        """How long a person has been away (XEP-0012 section 3).

        Raises StanzaError: forbidden for those who may not see them, and for who does not exist.
        """
        who = iq.to.identity if iq.to is not None else resource.identity
        if not (await level_of(self._front_end, resource.identity, who)).sees:
            raise StanzaError("auth", "forbidden")
        document = (await self._front_end.presence.view(resource.identity, who)).document
        if document.availability.here:
            return xml.element("query", {"xmlns": xml.LAST, "seconds": "0"})
        if document.last_seen is None:
            raise StanzaError("cancel", "item-not-found")
        return self._seconds(document.last_seen)

    def _seconds(self, since: datetime) -> bytes:
        seconds = max(0, int((self._front_end.clock() - since).total_seconds()))
        return xml.element("query", {"xmlns": xml.LAST, "seconds": str(seconds)})
