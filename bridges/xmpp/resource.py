"""A connected resource (RFC 6121 section 4): one session, and everything the router keeps about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ...core.identity import Endpoint, Identity
from .stream.session import Session
from .syntax.jid import Jid

if TYPE_CHECKING:
    from .capabilities import Caps
    from .presence.watch import Watch
    from .rooms.seat import Seat
    from .syntax.stanza import Stanza

Rest: TypeAlias = Awaitable[None] | None
"""What work leaves to be waited for."""
Start = Callable[[Coroutine[Any, Any, None]], None]
"""Begins work that nobody waits for."""

LISTS = "lists"
"""The lane of a resource in which its contact list's news keep their order."""
KEY = "resource"
"""Where a session keeps its resource."""

MAX_DIRECTED = 250
"""People and rooms one resource may have shown its presence to by itself (RFC 6121 section 4.6)."""
MAX_REMEMBERED = 200
"""Messages whose stanza id a resource remembers, so that a receipt from another world finds them."""


class Resource:
    """What a session has asked for and been shown.  ``seats`` are the rooms it sits in or is awaited in."""

    __slots__ = (
        "asked",
        "blocked",
        "caps",
        "guest",
        "identity",
        "interests",
        "lanes",
        "language",
        "photo",
        "seats",
        "session",
        "stanza_ids",
        "unwatched",
        "wants_blocklist",
        "wants_bookmarks",
        "watch",
    )

    def __init__(self, session: Session, language: str, *, guest: bool = False) -> None:
        self.session = session
        self.identity: Identity = session.identity
        self.guest = guest
        """Somebody of another domain, whose server vouches for them; see abroad/guests.py."""
        self.language = language
        self.lanes = Lanes()
        self.seats: dict[Identity, Seat] = {}
        self.watch: Watch | None = None
        self.blocked: frozenset[Identity] = frozenset()
        self.wants_blocklist = False
        self.wants_bookmarks = False
        self.unwatched = False
        """Nobody looks at the client (XEP-0352): what is of no use to somebody who does not look can wait or be
        dropped."""
        self.stanza_ids: dict[str, str] = {}
        self.asked: dict[str, Callable[[Stanza], None]] = {}
        """Questions of ours to the client that wait for an answer, by their id; see asking.py."""
        self.caps: Caps | None = None
        self.photo = ""
        """The hash of its person's picture, as its presence says it (XEP-0153)."""
        self.interests: frozenset[str] = frozenset()
        """The nodes that the client wants to be told of (XEP-0163 section 4.2)."""

    @property
    def endpoint(self) -> Endpoint:
        """The place in the core's words."""
        return self.session.endpoint

    @property
    def available(self) -> bool:
        """Whether it has sent presence and not taken it back."""
        return self.session.presence is not None

    def send(self, data: bytes) -> None:
        """Queue whole stanzas for the client."""
        self.session.send(data)

    def remember(self, message: str, stanza_id: str) -> None:
        """The stanza id of a message this resource sent, for a receipt that names the message."""
        self.stanza_ids[message] = stanza_id
        if len(self.stanza_ids) > MAX_REMEMBERED:
            del self.stanza_ids[next(iter(self.stanza_ids))]

    def __repr__(self) -> str:
        return f"<Resource {self.session.jid}>"


class Lanes:
    """Work in the order it came, for each addressee apart (RFC 6120 section 10.1).

    What one client sends to one address is never overtaken; a slow addressee holds up nobody else.  Work may return
    what is still to be waited for, such as a message on its way to the disk: messages follow each other without
    waiting for that, everything else waits for it.
    """

    __slots__ = ("_last", "_placed")

    def __init__(self) -> None:
        self._last: dict[str, asyncio.Future[None]] = {}
        self._placed: dict[str, asyncio.Future[None]] = {}

    @property
    def at_work(self) -> bool:
        """Whether anything in any lane is not done yet."""
        return bool(self._last)

    def busy(self, lane: str) -> bool:
        """Whether something in this lane is not done yet."""
        return lane in self._last

    async def settled(self, lane: str) -> None:
        """Wait until what was taken in this lane so far is done."""
        last = self._last.get(lane)
        if last is not None:
            await asyncio.shield(last)

    def take(
        self, lane: str, work: Callable[..., Awaitable[Rest]], *args: Any, message: bool = False
    ) -> Coroutine[Any, Any, None]:
        """Work that begins when what was taken before it in its lane has ended, or for a message: has its place."""
        loop = asyncio.get_running_loop()
        before = (self._placed if message else self._last).get(lane)
        placed = self._placed[lane] = loop.create_future()
        done = self._last[lane] = loop.create_future()
        return self._run(lane, before, placed, done, work, args)

    async def _run(
        self,
        lane: str,
        before: asyncio.Future[None] | None,
        placed: asyncio.Future[None],
        done: asyncio.Future[None],
        work: Callable[..., Awaitable[Rest]],
        args: tuple[Any, ...],
    ) -> None:
        try:
            try:
                if before is not None and not before.done():
                    await asyncio.shield(before)
                rest = await work(*args)
            finally:
                placed.set_result(None)
            if rest is not None:
                await rest
        finally:
            done.set_result(None)
            if self._last.get(lane) is done:
                del self._last[lane], self._placed[lane]


class Strangers(Protocol):
    """The people of other domains, as far as something leads there."""

    def serves(self, domain: str) -> bool:
        """Whether stanzas can be sent to this domain."""

    def at(self, address: Jid) -> Resource:
        """What stands for an address of such a domain."""


class Resources:
    """Every connected resource of this front end, by person; people of other domains have what stands for them."""

    def __init__(self) -> None:
        self._by_person: dict[Identity, dict[str, Resource]] = {}
        self.abroad: Strangers | None = None

    def add(self, resource: Resource) -> None:
        """It is bound; one that had its name before is forgotten."""
        self._by_person.setdefault(resource.identity, {})[resource.endpoint.instance] = resource

    def remove(self, resource: Resource) -> None:
        """Its stream is gone."""
        theirs = self._by_person.get(resource.identity, {})
        if theirs.get(resource.endpoint.instance) is resource:
            del theirs[resource.endpoint.instance]
            if not theirs:
                del self._by_person[resource.identity]

    def of(self, who: Identity) -> list[Resource]:
        """All of a person's; somebody of another domain is one, whatever programs they use."""
        theirs = self._by_person.get(who)
        if theirs is None:
            stranger = self._stranger(who, "")
            return [stranger] if stranger is not None else []
        return list(theirs.values())

    def at(self, endpoint: Endpoint) -> Resource | None:
        """The one at this place."""
        theirs = self._by_person.get(endpoint.identity)
        if theirs is None:
            return self._stranger(endpoint.identity, endpoint.instance)
        return theirs.get(endpoint.instance)

    def reachable(self, who: Identity) -> list[Resource]:
        """Those of a person that messages to the bare JID go to: with presence, and no negative priority."""
        return [r for r in self.of(who) if r.available and r.session.priority >= 0]

    def _stranger(self, who: Identity, instance: str) -> Resource | None:
        if self.abroad is None or not self.abroad.serves(who.domain):
            return None
        return self.abroad.at(Jid(who.user, who.domain, instance))
