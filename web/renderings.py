"""What badges and streams say about a person: bodies made once for what they show, then served many times.

Somebody offline and somebody hidden show nothing but that, so both get the same bytes by the same way: no rendering of
theirs is kept with the person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import NamedTuple

import msgspec

from ..core.identity import Identity
from ..core.presence import Availability, PresenceDocument
from ..core.presence_registry import View
from .answers import OPEN_DATA, PICTURE, Body, body_of
from .icons import Theme, icon_of, svg
from .languages import Language
from .pictures import all_pngs, png_name
from .problems import encoded
from .ways import Way, ways_to
from .words import plain, text_of

MAX_DRAWINGS = 8192
"""SVG bodies that are kept, about 2 KiB each; when there are more, all are made anew."""
MAX_NOTE = 200
"""Characters of a note that are shown."""


class Shown(msgspec.Struct, frozen=True):
    """One person's presence as JSON.  Names of people are not in it: who may look them up is another question."""

    id: str
    availability: str
    activity: str
    idle: bool
    icon: str
    text: str
    lang: str
    since: datetime | None
    until: datetime | None
    last_seen: datetime | None
    note: str
    reach: list[Way]


class Told(NamedTuple):
    """One person's presence as an event of a stream; ``mark`` tells two contents apart."""

    event: bytes
    mark: int


class Renderings:
    """The bodies, and the clock and zone their words are made with."""

    def __init__(self, clock: Callable[[], datetime], zone: tzinfo | None) -> None:
        self._clock = clock
        self._zone = zone
        pngs = {name: body_of(content, "image/png", picture("png")) for name, content in all_pngs().items()}
        self._pngs = pngs
        self._drawings: dict[tuple[object, ...], Body] = {}
        self._offline = {language: _after_id(_shown(_nobody(), language, self.now())) for language in Language}

    def now(self) -> datetime:
        """The moment, as the server's clocks show it."""
        return self._clock().astimezone(self._zone)

    def svg(self, view: View, size: int, theme: Theme, language: Language) -> Body:
        """The icon with its words."""
        document = view.document
        icon, text, note = "offline", "", ""
        if document.availability is not Availability.OFFLINE:
            icon, text, note = self.words(view, language)
        key = (icon, text, note, size, theme, language)
        body = self._drawings.get(key)
        if body is None:
            if len(self._drawings) >= MAX_DRAWINGS:
                self._drawings.clear()
            title = text or text_of(_nobody(), language, self.now())
            content = svg(icon, size, theme, title, note, language.value).encode()
            headers = picture("svg") | {"Content-Language": language.value}
            body = self._drawings[key] = body_of(content, "image/svg+xml; charset=utf-8", headers)
        return body

    def png(self, view: View, size: int, theme: Theme) -> Body:
        """The icon alone."""
        return self._pngs[png_name(icon_of(view.document), size, theme)]

    def json(self, view: View, language: Language) -> Body:
        """Everything the viewer may know."""
        if view.document.availability is Availability.OFFLINE:
            return _json_body(self.element(view, language), language)
        day = self.now().toordinal()
        kind = f"web json {language} {day}"
        body: Body = view.body(kind, lambda: _json_body(self.element(view, language), language))
        return body

    def element(self, view: View, language: Language) -> bytes:
        """The same without a head, to stand in a list."""
        document = view.document
        if document.availability is Availability.OFFLINE:
            return b'{"id":%b%b' % (_spelled(document.identity), self._offline[language])
        now = self.now()
        kind = f"web element {language} {now.toordinal()}"
        element: bytes = view.body(kind, lambda: encoded(_shown(document, language, now)))
        return element

    def told(self, view: View, language: Language) -> Told:
        """The same as an event; one object serves every stream that shows it."""

        def make() -> Told:
            element = self.element(view, language)
            mark = int.from_bytes(hashlib.sha256(element).digest()[:8])
            return Told(b"event: presence\ndata: %b\n\n" % element, mark)

        told: Told = view.body(f"web event {language}", make)
        return told

    def words(self, view: View, language: Language) -> tuple[str, str, str]:
        """The icon's name, the text and the note."""
        now = self.now()

        def make() -> tuple[str, str, str]:
            document = view.document
            return icon_of(document), text_of(document, language, now), plain(document.note, MAX_NOTE)

        words: tuple[str, str, str] = view.body(f"web words {language} {now.toordinal()}", make)
        return words


def picture(kind: str) -> dict[str, str]:
    """The headers of a picture."""
    return PICTURE | {"Content-Disposition": f'inline; filename="presence.{kind}"'}


def _shown(document: PresenceDocument, language: Language, now: datetime) -> Shown:
    here = document.availability is not Availability.OFFLINE
    return Shown(
        id=str(document.identity),
        availability=document.availability.word,
        activity=document.activity.value,
        idle=document.idle,
        icon=icon_of(document),
        text=text_of(document, language, now),
        lang=language.value,
        since=document.since if here else None,
        until=document.until if here else None,
        last_seen=document.last_seen if here else None,
        note=plain(document.note, MAX_NOTE) if here else "",
        reach=ways_to(document, language),
    )


def _nobody() -> PresenceDocument:
    return PresenceDocument(Identity("", ""))


def _after_id(shown: Shown) -> bytes:
    whole = encoded(shown)
    return whole[len(b'{"id":') + len(encoded(shown.id)) :]


def _spelled(who: Identity) -> bytes:
    return encoded(str(who))


def _json_body(element: bytes, language: Language) -> Body:
    headers = OPEN_DATA | {"Content-Language": language.value}
    return body_of(element, "application/json", headers)
