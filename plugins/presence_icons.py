"""Presence for web pages: an icon, a JSON document and a stream of events for every person.

    GET /presence/{who}.svg .png .json      ?size= ?theme= ?lang= ?t=
    POST /presence                          {"ids": [...], "lang": "de"}
    GET /presence/events?ids=a,b            server-sent events

Somebody unknown, hidden or blocking the viewer looks like somebody offline: the same bytes, the same headers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec
from aiohttp import web

from ..core.errors import BadAddress
from ..core.hooks import hookimpl
from ..core.identity import Identity
from ..web.answers import ASKED_BY_ANYBODY, ASKED_BY_SOMEBODY, NOTHING, OPEN_DATA, Answer, Written, answer, fields, head
from ..web.icons import SIZES, Theme
from ..web.languages import Language, accepted, named
from ..web.pictures import PNG_SIZES
from ..web.problems import Problem
from ..web.renderings import Shown
from ..web.site import Site, site_of, token_in
from ..web.streams import MAX_WATCHED, Stream
from ..web.visits import Visit

if TYPE_CHECKING:
    from ..core.front_end import FrontEnd

MAX_BATCH = 650
"""People of one POST /presence."""
BATCH_SHARE = 20
"""How many people of a batch count as one request of an unknown viewer."""
MAX_REMEMBERED = 4096
"""Addresses of badges whose meaning is remembered."""
MAX_REMEMBERED_LENGTH = 512
"""Characters of such an address."""
PREFLIGHT_AGE = 7200
"""Seconds a browser may remember that other sites' pages may ask."""

SIZES_OF = {"svg": SIZES, "png": PNG_SIZES, "json": SIZES}
FIELDS = frozenset(field.name for field in msgspec.structs.fields(Shown))

PREFLIGHT = head(
    204,
    {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, HEAD, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": str(PREFLIGHT_AGE),
        "Content-Security-Policy": NOTHING,
    },
)


class Ask(NamedTuple):
    """What the address of a badge says."""

    who: Identity
    kind: str
    size: int
    theme: Theme
    language: Language | None
    token: str | None


class Batch(msgspec.Struct):
    """The body of POST /presence."""

    ids: list[str]
    lang: str = ""
    fields: list[str] | None = None


class PresenceIcons:
    """Badges for web pages: ``[presence_icons]``."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The table [presence_icons]."""

        public: Literal["nobody", "availability"] = "nobody"
        """What a page shows whose viewer is unknown: nothing, or whether people are available, and no more."""

    def __init__(self, options: Options) -> None:
        self._options = options

    @hookimpl
    def routes(self, front_end: FrontEnd) -> Sequence[web.RouteDef]:
        """Everything under /presence."""
        if self._options.public == "availability":
            contacts = front_end.contacts
            contacts.policy = msgspec.structs.replace(contacts.policy, public=True)
        badges = Badges(front_end, site_of(front_end))
        return [
            web.get("/presence/events", badges.events, allow_head=False),
            web.get("/presence/{who}.{kind:svg|png|json}", badges.one),
            web.get("/presence/{who}", badges.one),
            web.post("/presence", badges.many),
            web.options("/presence", badges.preflight),
            web.options("/presence/{who}", badges.preflight),
        ]


class Badges:
    """The routes, for one front end."""

    def __init__(self, front_end: FrontEnd, site: Site) -> None:
        self._presence = front_end.presence
        self._site = site
        self._asked: dict[str, Ask] = {}
        self._policies = {
            (known, asked): fields(
                (ASKED_BY_SOMEBODY if known else ASKED_BY_ANYBODY)
                | {"Vary": "Authorization" if asked else "Authorization, Accept-Language"}
            )
            for known in (True, False)
            for asked in (True, False)
        }

    async def one(self, request: web.Request) -> Answer:
        """One person's icon or document."""
        ask = self._ask(request)
        token = ask.token or token_in({}, request.headers)
        viewer = self._site.viewer(token)
        self._site.admit(request, viewer)
        language = ask.language or accepted(request.headers.get("Accept-Language", ""))
        view = await self._presence.view(viewer.identity, ask.who)
        match ask.kind:
            case "svg":
                body = self._site.renderings.svg(view, ask.size, ask.theme, language)
            case "png":
                body = self._site.renderings.png(view, ask.size, ask.theme)
            case _:
                body = self._site.renderings.json(view, language)
        policy = self._policies[token is not None, ask.language is not None or ask.kind == "png"]
        return answer(request, body, policy)

    async def many(self, request: web.Request) -> Answer:
        """Many people's documents, in the order they were asked for."""
        batch = _batch(await request.read(), request.content_type)
        token = token_in(request.query, request.headers)
        viewer = self._site.viewer(token)
        self._site.admit(request, viewer, max(1.0, len(batch.ids) / BATCH_SHARE))
        people = _people(batch.ids)
        language = _language(batch.lang) or accepted(request.headers.get("Accept-Language", ""))
        view_of, watcher = self._presence.view, viewer.identity
        elements = self._site.renderings.elements([await view_of(watcher, who) for who in people], language)
        if batch.fields is not None:
            elements = _only(elements, batch.fields)
        content = b'{"value":[%b]}' % b",".join(elements)
        headers = {
            "Content-Type": "application/json",
            "Content-Length": str(len(content)),
            "Content-Language": language.value,
            "Cache-Control": "private, no-store",
        }
        return Answer(head(200, headers | OPEN_DATA), content)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """A stream of everybody's state, then of every change."""
        token = token_in(request.query, request.headers)
        viewer = self._site.viewer(token)
        self._site.admit_stream(request, viewer)
        people = list(dict.fromkeys(_people(request.query.get("ids", "").split(","))))
        if len(people) > MAX_WATCHED:
            raise Problem("too-large", f"one stream watches at most {MAX_WATCHED} people")
        language = _language(request.query.get("lang", "")) or accepted(request.headers.get("Accept-Language", ""))
        key = token if viewer.identity is not None and token else f"anybody at {request.remote}"
        if not self._site.streams.room_for(key, limited=not self._site.keeper.exempt(request.remote or "")):
            raise Problem("busy", "too many event streams are open", retry_after=5)
        transport, visit = request.transport, request.protocol
        if transport is None:
            raise ConnectionResetError("the reader has gone")
        stream = Stream(self._site.streams, viewer, language, transport)
        if isinstance(visit, Visit):
            visit.on_lost = stream.end
        last = request.headers.get("Last-Event-ID") or request.query.get("last", "")
        expires_in = viewer.expires - self._site.renderings.now().timestamp()
        await self._site.streams.run(stream, people, key, last, expires_in)
        return Written()

    async def preflight(self, request: web.Request) -> Answer:
        """Pages of other sites may ask: what they see depends on the token they have."""
        return Answer(PREFLIGHT, b"", 204)

    def _ask(self, request: web.Request) -> Ask:
        raw = request.raw_path
        ask = self._asked.get(raw)
        if ask is None:
            ask = _meaning(request.match_info, request.query)
            if len(raw) <= MAX_REMEMBERED_LENGTH:
                if len(self._asked) >= MAX_REMEMBERED:
                    self._asked.clear()
                self._asked[raw] = ask
        return ask


def _meaning(path: Mapping[str, str], query: Mapping[str, str]) -> Ask:
    kind = path.get("kind", "json")
    try:
        theme = Theme(query.get("theme", "auto"))
    except ValueError:
        raise Problem("bad-parameter", f"theme is one of {', '.join(Theme)}") from None
    digits = query.get("size", "16")
    size = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 4 else 0
    if size not in SIZES_OF[kind]:
        raise Problem("bad-parameter", f"size is one of {', '.join(map(str, SIZES_OF[kind]))}")
    return Ask(Identity.parse(path["who"]), kind, size, theme, _language(query.get("lang", "")), query.get("t"))


def _language(tag: str) -> Language | None:
    try:
        return named(tag) if tag else None
    except ValueError as wrong:
        raise Problem("bad-parameter", str(wrong)) from None


def _batch(raw: bytes, content_type: str) -> Batch:
    if content_type not in ("application/json", "text/plain", "application/octet-stream"):
        raise Problem("wrong-type", "application/json or text/plain")
    try:
        batch = msgspec.json.decode(raw, type=Batch)
    except msgspec.DecodeError as wrong:
        raise Problem("malformed", str(wrong)) from None
    if len(batch.ids) > MAX_BATCH:
        raise Problem("too-large", f"at most {MAX_BATCH} people at once")
    return batch


def _people(ids: Sequence[str]) -> list[Identity]:
    people, errors = [], []
    for position, address in enumerate(ids):
        try:
            people.append(Identity.parse(address))
        except BadAddress as wrong:
            errors.append({"pointer": f"#/ids/{position}", "detail": str(wrong)})
    if errors:
        raise Problem("bad-address", f"{len(errors)} of {len(ids)} addresses", errors=errors[:20])
    return people


def _only(elements: list[bytes], wanted: list[str]) -> list[bytes]:
    unknown = [name for name in wanted if name not in FIELDS]
    if unknown:
        raise Problem("bad-parameter", f"fields are some of {', '.join(sorted(FIELDS))}")
    keep = dict.fromkeys(["id", *wanted])
    documents = (msgspec.json.decode(element, type=dict[str, msgspec.Raw]) for element in elements)
    return [msgspec.json.encode({name: document[name] for name in keep}) for document in documents]


plugin = PresenceIcons
