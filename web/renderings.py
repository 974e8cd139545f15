"""What badges and streams say about a person: bodies made once for what they show, then served many times.

Somebody offline and somebody hidden show nothing but that, so both get the same bytes by the same way: no rendering of
theirs is kept with the person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
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
EVENT = {language: f"web event {language}" for language in Language}
"""Where a view keeps its event."""
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
        self._midnights = (clock(), clock(), 0)
        self._offline = {language: _after_id(_shown(_nobody(), language, self.now())) for language in Language}

    def now(self) -> datetime:
        """The moment, as the server's clocks show it."""
        return self._clock().astimezone(self._zone)

    def today(self) -> int:
        """The number of the day; texts say "14:02" of today and the date of other days, so they are made once a day."""
        begins, ends, day = self._midnights
        if not begins <= self._clock() < ends:
            midnight = self.now().replace(hour=0, minute=0, second=0, microsecond=0)
            day = midnight.toordinal()
            self._midnights = (midnight, midnight + timedelta(days=1), day)
        return day

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
        kind = f"web json {language} {self.today()}"
        body: Body = view.body(kind, lambda: _json_body(self.element(view, language), language))
        return body

    def shown(self, view: View, language: Language) -> Shown:
        """The same as a value, for pages."""
        return _shown(view.document, language, self.now())

    def element(self, view: View, language: Language) -> bytes:
        """The same without a head, to stand in a list."""
        return self.elements([view], language)[0]

    def elements(self, views: Iterable[View], language: Language) -> list[bytes]:
        """Many of them."""
        kind = f"web element {language} {self.today()}"
        offline, elements = self._offline[language], []
        for view in views:
            document = view.document
            element = view.bodies.get(kind)
            if element is None and document.availability is Availability.OFFLINE:
                element = b'{"id":%b%b' % (_spelled(document.identity), offline)
            elif element is None:
                element = view.bodies[kind] = encoded(_shown(document, language, self.now()))
            elements.append(element)
        return elements

    def told(self, view: View, language: Language) -> Told:
        """The same as an event; one object serves every stream that shows it."""
        told: Told | None = view.bodies.get(EVENT[language])
        if told is None:
            element = self.element(view, language)
            mark = int.from_bytes(hashlib.sha256(element).digest()[:8])
            told = view.bodies[EVENT[language]] = Told(b"event: presence\ndata: %b\n\n" % element, mark)
        return told

    def words(self, view: View, language: Language) -> tuple[str, str, str]:
        """The icon's name, the text and the note."""

        def make() -> tuple[str, str, str]:
            document = view.document
            return icon_of(document), text_of(document, language, self.now()), plain(document.note, MAX_NOTE)

        words: tuple[str, str, str] = view.body(f"web words {language} {self.today()}", make)
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


@lru_cache(maxsize=16384)
def _spelled(who: Identity) -> bytes:
    return encoded(str(who))


def _json_body(element: bytes, language: Language) -> Body:
    headers = OPEN_DATA | {"Content-Language": language.value}
    return body_of(element, "application/json", headers)
