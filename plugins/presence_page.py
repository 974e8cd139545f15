"""The page of everybody: who is around, what they are doing and how they are best reached, live and without reload."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from ..core.errors import BadAddress
from ..core.hooks import hookimpl
from ..core.identity import Identity
from ..core.people import Person
from ..core.presence_registry import View
from ..web.languages import Language, chosen
from ..web.pages import Pages
from ..web.problems import Problem
from ..web.site import Site, site_of, token_in
from ..web.streams import MAX_WATCHED
from ..web.tokens import Viewer
from ..web.ways import Way
from ..web.words import moment, plain

if TYPE_CHECKING:
    from ..core.front_end import FrontEnd

MAX_NAME = 120
"""Characters of a name or a title that are shown."""
HUES = 8
"""Colours of avatars that page.css has."""

WORDS: dict[Language, dict[str, str]] = {
    Language.ENGLISH: {
        "title": "Who is around",
        "seen_by": "seen with the eyes of",
        "anybody": "as anybody may see it",
        "people": "People",
        "search": "Find somebody",
        "filter": "Show",
        "all": "All",
        "reachable": "Reachable",
        "engaged": "Busy",
        "away": "Away",
        "gone": "Not here",
        "since": "since",
        "local": "{} there",
        "reach": "How to reach {}",
        "im": "Chat",
        "call": "Call",
        "mail": "E-mail",
        "live": "Live",
        "lost": "Connecting again …",
        "ended": "This link has ended. Ask for a new one.",
        "static": "This page shows one moment. Reload it for the next; with JavaScript it follows by itself.",
        "none": "Nobody has an account here yet.",
        "no_match": "Nobody here fits.",
        "closed": "This page needs a link of your own",
        "closed_text": "It shows who is around, so it opens only with a link made for you. "
        "The server prints one when it starts; whoever runs it can give you another.",
        "skip": "Skip to the people",
        "language": "Deutsch",
    },
    Language.GERMAN: {
        "title": "Wer ist da",
        "seen_by": "gesehen mit den Augen von",
        "anybody": "wie jeder es sehen darf",
        "people": "Personen",
        "search": "Jemanden finden",
        "filter": "Zeigen",
        "all": "Alle",
        "reachable": "Erreichbar",
        "engaged": "Beschäftigt",
        "away": "Abwesend",
        "gone": "Nicht hier",
        "since": "seit",
        "local": "dort {}",
        "reach": "So erreichen Sie {}",
        "im": "Chat",
        "call": "Anrufen",
        "mail": "E-Mail",
        "live": "Live",
        "lost": "Verbinde erneut …",
        "ended": "Dieser Link gilt nicht mehr. Bitten Sie um einen neuen.",
        "static": "Diese Seite zeigt einen Augenblick. Neu laden zeigt den nächsten; mit JavaScript folgt sie selbst.",
        "none": "Hier hat noch niemand ein Konto.",
        "no_match": "Niemand passt dazu.",
        "closed": "Für diese Seite brauchen Sie einen eigenen Link",
        "closed_text": "Sie zeigt, wer da ist; darum öffnet sie sich nur mit einem Link, der für Sie gemacht ist. "
        "Der Server gibt beim Start einen aus; wer ihn betreibt, kann Ihnen einen weiteren geben.",
        "skip": "Zu den Personen",
        "language": "English",
    },
}

FAMILIES = {
    "available": "reachable",
    "busy": "engaged",
    "do-not-disturb": "engaged",
    "be-right-back": "away",
    "away": "away",
    "offline": "gone",
    "unknown": "gone",
}


class PresencePage:
    """Everybody on one page: ``[presence_page]``."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The table [presence_page]."""

        viewer: str = ""
        """With whose eyes the link sees that the server prints at start, such as "alice@example.com"."""
        link_hours: Annotated[int, msgspec.Meta(ge=1, le=720)] = 12
        """How long that link works."""
        public: Literal["nobody", "directory"] = "nobody"
        """Who may open the page without a link: nobody, or everybody, who then sees all names of the directory."""

        def __post_init__(self) -> None:
            if self.viewer:
                try:
                    Identity.parse(self.viewer)
                except BadAddress as wrong:
                    raise ValueError(f"viewer: {wrong}") from None

    def __init__(self, options: Options) -> None:
        self._options = options

    @hookimpl
    def routes(self, front_end: FrontEnd) -> Sequence[web.RouteDef]:
        """The page itself; its icons and changes come from presence_icons."""
        page = Page(front_end, site_of(front_end), self._options.public == "directory")
        return [web.get("/", page.show)]

    @hookimpl
    def addresses(self, front_end: FrontEnd) -> Sequence[tuple[str, str]]:
        """The link for the viewer of the options."""
        viewer = Identity.parse(self._options.viewer) if self._options.viewer else None
        if viewer is None and self._options.public == "nobody":
            return []
        link = site_of(front_end).link("/", viewer, self._options.link_hours)
        return [(f"Who is around, as {viewer} sees it" if viewer else "Who is around", link)]


class Page:
    """The route."""

    def __init__(self, front_end: FrontEnd, site: Site, public: bool) -> None:
        self._front_end = front_end
        self._site = site
        self._public = public
        self._pages = Pages(site.static.addresses)

    async def show(self, request: web.Request) -> web.Response:
        """Everybody, as the link's viewer may see them now."""
        try:
            language = chosen(request.query, request.headers).language
        except ValueError as wrong:
            raise Problem("bad-parameter", str(wrong)) from None
        token = token_in(request.query, {}) or ""
        viewer = self._site.viewer(token)
        if not self._may_open(viewer):
            return self._pages.page("closed.html", language, 403, words=WORDS[language])
        people = await self._front_end.store.people(limit=MAX_WATCHED)
        cards = [await self._card(person, viewer, language) for person in sorted(people, key=_by_name)]
        other = Language.ENGLISH if language is Language.GERMAN else Language.GERMAN
        return self._pages.page(
            "presence_page.html",
            language,
            words=WORDS[language],
            cards=cards,
            counts={family: sum(card["family"] == family for card in cards) for family in FAMILIES.values()},
            domain=self._front_end.domains[0],
            viewer=str(viewer.identity or ""),
            token=token if viewer.identity else "",
            other=self._other(token if viewer.identity else "", other),
            other_lang=other.value,
        )

    def _may_open(self, viewer: Viewer) -> bool:
        if viewer.identity is None:
            return self._public
        return self._front_end.ours(viewer.identity.domain)

    def _other(self, token: str, language: Language) -> str:
        """The same page in the other language."""
        return f"/?lang={language.value}" + (f"&t={quote(token, safe='')}" if token else "")

    async def _card(self, person: Person, viewer: Viewer, language: Language) -> dict[str, Any]:
        who = Identity.parse(person.address)
        view: View = await self._front_end.presence.view(viewer.identity, who)
        shown = self._site.renderings.shown(view, language)
        now = self._site.renderings.now()
        return {
            "id": str(who),
            "name": plain(person.shown_name, MAX_NAME),
            "title": plain(person.title, MAX_NAME),
            "initials": initials_of(person.shown_name),
            "hue": zlib.crc32(str(who).encode()) % HUES,
            "family": FAMILIES[shown.availability],
            "shown": shown,
            "since": moment(shown.since, language, now) if shown.since and shown.availability != "unknown" else "",
            "local": _local(person.time_zone, now, language),
            "zone": person.time_zone if _zone(person.time_zone) else "",
            "ways": [_way(way, who, person) for way in shown.reach],
        }


def initials_of(name: str) -> str:
    """First and last: ``AL``."""
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in dict.fromkeys((*words[:1], *words[-1:]))).upper() or "?"


def _by_name(person: Person) -> tuple[str, str]:
    return person.shown_name.casefold(), person.address


def _way(way: Way, who: Identity, person: Person) -> dict[str, Any]:
    """A way with the address it leads to: from the directory, or the person's own address."""
    match way.by:
        case "mail":
            href = f"mailto:{quote(person.mail or str(who), safe='@')}"
        case "call" if person.phones:
            href = "tel:" + "".join(c for c in person.phones[0] if c in "+0123456789*#")
        case "call":
            href = f"sip:{quote(str(who), safe='@')}"
        case _:
            href = f"im:{quote(str(who), safe='@')}"
    return {"by": way.by, "why": way.why, "fit": way.fit, "href": href}


def _local(zone: str, now: datetime, language: Language) -> str:
    """What a clock on the person's wall shows, where that is not what ours shows."""
    there = _zone(zone)
    if there is None or now.astimezone(there).utcoffset() == now.utcoffset():
        return ""
    return WORDS[language]["local"].format(f"{now.astimezone(there):%H:%M}")


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


plugin = PresencePage
