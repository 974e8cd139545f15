"""What one subscription to a list is shown: everybody at first, then who has changed (RFC 4662 section 4)."""

from __future__ import annotations

import asyncio
import secrets
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ....core.identity import Identity
from ....core.presence_registry import View
from ..presence import pidf
from ..syntax.message import Request
from .rlmi import OVERHEAD, Dialect, Resource, write

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

MAX_DOCUMENTS = 48 * 1024
"""Bytes of documents in one NOTIFY; those that find no room follow in the next, whoever is here before who is not."""
MAX_DEFLATED = 192 * 1024
"""The same for those who take compressed ones, before compression."""
MAX_DATAGRAM_BODY = 750
"""Bytes of a list's NOTIFY body over UDP, which leaves room for its headers."""
MAX_DATAGRAM_DOCUMENTS = 10
"""Documents in one NOTIFY over UDP."""
AT_ONCE = 50
"""People of a list that begin to be watched before others have their turn."""


Content = tuple[str, bytes] | tuple[str, bytes, str]


class Entry(NamedTuple):
    """One line of a list: an address as it was written, a name, and who is there; None for nobody we can show."""

    uri: str
    name: str
    person: Identity | None


class Manners(NamedTuple):
    """How a subscriber is to be spoken to: ``uri`` is what it subscribed to, ``host`` is ours."""

    uri: str
    host: str
    dialect: Dialect = Dialect.STANDARD
    deflated: bool = False
    datagrams: bool = False


class Origin(Protocol):
    """Where the list comes from."""

    def begun(self, feed: ListFeed) -> None:
        """Somebody is watching it now.  Raises Refusal."""

    def ended(self, feed: ListFeed) -> None:
        """Nobody is any more."""

    async def again(self, feed: ListFeed, request: Request) -> Sequence[Entry] | None:
        """The list that a refresh brings; None where it brings none."""


class Member:
    """One person of a list: a Watcher of the core, and the line about them."""

    __slots__ = ("_changed", "active", "entry", "identity", "view")

    def __init__(self, entry: Entry, watcher: Identity, changed: Callable[[Member], None]) -> None:
        self.entry = entry
        self.identity: Identity | None = watcher
        self.view: View | None = None
        self.active = False
        self._changed = changed

    def notify(self, view: View, before: View | None) -> None:
        """What the core shows; once seen, somebody who hides is offline and not withdrawn."""
        self.view = view
        self.active = self.active or view.level.sees
        self._changed(self)

    @property
    def here(self) -> bool:
        """Whether there is more to say than that they are offline."""
        return self.view is not None and self.view.document.availability.here

    def resource(self, *, said: bool, plain: bool, named: bool) -> Resource:
        """The line; ``said`` with the state, which is the same rendering that every other watcher of the level gets."""
        uri, name = self.entry.uri, self.entry.name if named else ""
        if self.entry.person is None:
            return Resource(uri, name, "terminated", "noresource")
        if self.view is None or not said:
            return Resource(uri, name)
        if not self.active:
            return Resource(uri, name, "pending")
        view = self.view
        document = view.body("pidf plain" if plain else "pidf", lambda: pidf.write(view.document, plain=plain))
        return Resource(uri, name, "active", "", pidf.CONTENT_TYPE, document)


class ListFeed:
    """The versions step by one from 0; the first document is whole, and so is each after the list itself changed."""

    def __init__(
        self, front_end: FrontEnd, who: Identity, entries: Sequence[Entry], manners: Manners, origin: Origin
    ) -> None:
        self.who = who
        self.event = "Presence" if manners.dialect is Dialect.LIBLINPHONE else ""
        self.headers: Sequence[tuple[str, object]] = (("Require", "eventlist"),)
        self._presence = front_end.presence
        self._manners = manners
        self._origin = origin
        self._members = {entry.uri: Member(entry, who, self._news) for entry in entries}
        self._unsaid: dict[Member, None] = {}
        self._whole = True
        self._version = 0
        self._due: Callable[[], None] | None = None
        self._shortest: Content | None = None

    @property
    def too_long_for_datagrams(self) -> bool:
        """Whether the subscriber is behind UDP, and not even the addresses fit into a datagram."""
        return self._manners.datagrams and len(self._written(self._lines([], True, True), True)[1]) > MAX_DATAGRAM_BODY

    async def start(self, due: Callable[[], None]) -> None:
        """Watch everybody."""
        self._origin.begun(self)
        self._due = due
        await self._watch(list(self._members.values()))

    async def refreshed(self, request: Request) -> None:
        """A new list takes the place of the old one (RFC 5367 section 3.2)."""
        entries = await self._origin.again(self, request)
        if entries is not None:
            await self.become(entries)

    async def become(self, entries: Sequence[Entry]) -> None:
        """The list is another one now: whoever stays is watched on, and everybody is said again."""
        if self._due is None or [member.entry for member in self._members.values()] == list(entries):
            return
        before = self._members
        stay = {e.uri: before[e.uri] for e in entries if e.uri in before and before[e.uri].entry.person == e.person}
        self._members = {entry.uri: stay.get(entry.uri) or Member(entry, self.who, self._news) for entry in entries}
        for entry in entries:
            self._members[entry.uri].entry = entry
        self._whole = True
        self._unwatch(member for uri, member in before.items() if uri not in stay)
        await self._watch([member for uri, member in self._members.items() if uri not in stay])
        self._tell()

    def stop(self) -> None:
        """Watch nobody any more."""
        self._due = None
        self._unwatch(self._members.values())
        self._origin.ended(self)

    def state(self) -> str:
        """Of the list; each person on it has a state of their own."""
        return "active"

    def body(self, full: bool, plain: bool) -> Content:
        """Who has changed, or everybody; what does not fit is due at once."""
        if self._shortest is not None:
            return self._shortest  # asked for again at once, because a datagram is shorter still
        full = full or self._whole
        self._whole = False
        if full:
            self._unsaid = dict.fromkeys(sorted(self._members.values(), key=lambda member: not member.here))
        if self._manners.datagrams:
            said, plain = self._fitting_datagram(full, plain)
        else:
            said = self._fitting(plain)
        for member in said:
            del self._unsaid[member]
        content_type, content = self._written(self._lines(said, full, plain), full)
        self._version += 1
        loop = asyncio.get_running_loop()
        if self._unsaid:
            loop.call_soon(self._tell)
        made = (content_type, content, "deflate") if self._manners.deflated else (content_type, content)
        if self._manners.datagrams:
            self._shortest = made
            loop.call_soon(self._forget_shortest)
        return made

    # ---- inside

    def _forget_shortest(self) -> None:
        self._shortest = None

    async def _watch(self, members: Sequence[Member]) -> None:
        for number, member in enumerate(members, 1):
            if member.entry.person is not None:
                await self._presence.watch(member.entry.person, member)
                if self._due is None:
                    return self._presence.unwatch(member.entry.person, member)
            if not number % AT_ONCE:
                await asyncio.sleep(0)

    def _unwatch(self, members: Iterable[Member]) -> None:
        for member in members:
            if member.entry.person is not None:
                self._presence.unwatch(member.entry.person, member)

    def _news(self, member: Member) -> None:
        self._unsaid[member] = None
        self._tell()

    def _tell(self) -> None:
        if self._due is not None and (self._whole or self._unsaid):
            self._due()

    def _fitting(self, plain: bool) -> list[Member]:
        """Of those who are still to be said, as many as one NOTIFY takes; at least one, or we would never end."""
        room = MAX_DEFLATED if self._manners.deflated else MAX_DOCUMENTS
        said: list[Member] = []
        for member in self._unsaid:
            resource = member.resource(said=True, plain=plain, named=False)
            room -= len(resource.document) + OVERHEAD
            if room < 0 and said:
                break
            said.append(member)
        return said

    def _fitting_datagram(self, full: bool, plain: bool) -> tuple[list[Member], bool]:
        """As they are, or in the plain form where not even one fits; and at least one, or we would never end."""
        said: list[Member] = []
        for member in list(self._unsaid)[:MAX_DATAGRAM_DOCUMENTS]:
            long = len(self._written(self._lines([*said, member], full, plain), full)[1]) > MAX_DATAGRAM_BODY
            if long and (said or full or not plain):
                break
            said.append(member)
        if said or full or plain or not self._unsaid:
            return said, plain
        return self._fitting_datagram(full, True)

    def _lines(self, said: Sequence[Member], full: bool, plain: bool) -> list[Resource]:
        named = full and not self._manners.datagrams
        members = self._members.values() if full else said
        chosen = set(said)
        return [member.resource(said=member in chosen, plain=plain, named=named) for member in members]

    def _written(self, lines: Sequence[Resource], full: bool) -> tuple[str, bytes]:
        manners = self._manners
        content_type, content = write(
            manners.uri,
            self._version,
            lines,
            full=full,
            host=manners.host,
            boundary=secrets.token_hex(6),
            dialect=manners.dialect,
        )
        return content_type, zlib.compress(content) if manners.deflated else content
