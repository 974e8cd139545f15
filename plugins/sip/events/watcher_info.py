"""The package ``presence.winfo``: who watches me, and who asks to (RFC 3857)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ....core.contacts import Contact
from ....core.identity import Identity
from ..errors import Refusal
from ..sign_in.registration import Start
from ..syntax.message import Request
from ..translate import identity_of, sip_uri
from . import watcher_list
from .watcher_list import Watcher

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

NAME = "presence.winfo"
SETTLED = 0.1
"""Seconds in which changes are gathered, so that a hundred people who begin to watch are one change."""
MAX_WATCHERS = 1000
"""Watchers in one document, those who ask first."""

Watchers = dict[Identity, Watcher]


class WatcherPackage:
    """Whose watchers may change is told by the core; what they are is worked out once for each owner and change."""

    content_types: Sequence[str] = (watcher_list.CONTENT_TYPE,)

    def __init__(self, front_end: FrontEnd, start: Start) -> None:
        self._front_end = front_end
        self._start = start
        self._feeds: dict[Identity, set[WatcherFeed]] = {}
        self._stale: set[Identity] = set()
        front_end.contacts.changed.append(self._changed)
        front_end.presence.watched.append(self._changed)

    async def subscribe(self, request: Request, who: Identity, instance: str) -> WatcherFeed:
        """Only one's own (RFC 3857 section 4.6).  Raises Refusal 403, BadAddress."""
        if identity_of(request.target) != who:
            raise Refusal(403, "somebody else's watchers")
        return WatcherFeed(self, who)

    def close(self) -> None:
        """Hear of no more changes."""
        self._front_end.contacts.changed.remove(self._changed)
        self._front_end.presence.watched.remove(self._changed)

    # ---- what feeds ask

    async def begun(self, feed: WatcherFeed) -> Watchers:
        """A feed is told of changes from now on; here is what there is."""
        self._feeds.setdefault(feed.owner, set()).add(feed)
        return await self.watchers_of(feed.owner)

    def ended(self, feed: WatcherFeed) -> None:
        """And no longer."""
        feeds = self._feeds.get(feed.owner, set())
        feeds.discard(feed)
        if not feeds:
            self._feeds.pop(feed.owner, None)

    async def watchers_of(self, owner: Identity) -> Watchers:
        """Who asks, and who watches with permission.

        Whoever watches without it and has no question noted is left out, as is everybody who is blocked: of them the
        owner wanted to hear no more.
        """
        contacts = self._front_end.contacts
        asking = {contact.address: contact for contact in await contacts.questions(owner)}
        found = {address: _pending(contact) for address, contact in asking.items()}
        for who in sorted(self._front_end.presence.watchers(owner) - {owner} - set(found)):
            if len(found) >= MAX_WATCHERS:
                break
            if (await contacts.level(who, owner)).sees:
                contact = await contacts.get(owner, who)
                found[who] = Watcher(str(sip_uri(who)), "active", "approved", contact.name if contact else "")
        return found

    # ---- inside

    def _changed(self, owner: Identity) -> None:
        if owner in self._feeds and owner not in self._stale:
            self._stale.add(owner)
            self._start(self._look(owner))

    async def _look(self, owner: Identity) -> None:
        await asyncio.sleep(SETTLED)
        self._stale.discard(owner)
        watchers = await self.watchers_of(owner)
        for feed in list(self._feeds.get(owner, ())):
            feed.take(watchers)


def _pending(contact: Contact) -> Watcher:
    return Watcher(str(sip_uri(contact.address)), "pending", "subscribe", contact.name)


class WatcherFeed:
    """The whole list at first, with version 0; then only whoever has changed."""

    def __init__(self, package: WatcherPackage, owner: Identity) -> None:
        self.owner = owner
        self.event = ""
        self.headers: Sequence[tuple[str, object]] = ()
        self._package = package
        self._due: Callable[[], None] | None = None
        self._watchers: Watchers = {}
        self._said: Watchers = {}
        self._version = 0

    async def start(self, due: Callable[[], None]) -> None:
        """Begin to hear of changes."""
        self._due = due
        self._watchers = await self._package.begun(self)

    async def refreshed(self, request: Request) -> None:
        """A body would be a filter, which RFC 3857 leaves to others."""

    def stop(self) -> None:
        """Hear of no more."""
        self._due = None
        self._package.ended(self)

    def take(self, watchers: Watchers) -> None:
        """How it is now."""
        self._watchers = watchers
        if self._due is not None and watchers != self._said:
            self._due()

    def state(self) -> str:
        """Owners need nobody's permission."""
        return "active"

    def body(self, full: bool, plain: bool) -> tuple[str, bytes]:
        """RFC 3858 section 3: versions from 0, one by one."""
        now, before = self._watchers, self._said
        said = list(now.values()) if full else [w for who, w in now.items() if before.get(who) != w]
        if not full:
            said += [_gone(watcher) for who, watcher in before.items() if who not in now]
        document = watcher_list.write(str(sip_uri(self.owner)), self._version, said, full=full)
        self._version += 1
        self._said = now
        return watcher_list.CONTENT_TYPE, document


def _gone(watcher: Watcher) -> Watcher:
    """A question that was answered with no is rejected; a watch just ends."""
    return watcher._replace(status="terminated", event="rejected" if watcher.status == "pending" else "timeout")
