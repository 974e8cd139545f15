"""What everyone has published, who is watching, and what each watcher may see."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from .access import AccessLevel, rendered
from .errors import TooLarge
from .identity import Identity
from .presence import Availability, PresenceDocument, Publication, Reason, Source, aggregate

if TYPE_CHECKING:
    from .hookspecs import Hooks

log = logging.getLogger(__name__)

MAX_PUBLICATIONS = 20
"""Claims one person may have published at once."""
MAX_NOTE = 1024
"""Characters of a note; a longer one is cut."""
LOST_GRACE = 5.0
"""Seconds a lost endpoint's claim stays, so that a short reconnect is no change; a goodbye counts at once."""


@dataclass(slots=True)
class View:
    """A document as one access level sees it, made once for each change and shared by all watchers of that level.

    ``version`` grows with every change of the person's presence.  ``bodies`` is where a protocol keeps its
    rendering, so that a thousand watchers cost one: ``view.body("pidf", lambda: write(view.document))``.
    """

    document: PresenceDocument
    level: AccessLevel
    version: int
    bodies: dict[str, Any] = field(default_factory=dict)

    def body(self, kind: str, make: Callable[[], Any]) -> Any:
        """This protocol's rendering, made by ``make`` the first time it is asked for."""
        body = self.bodies.get(kind)
        if body is None:
            body = self.bodies[kind] = make()
        return body


class Watcher(Protocol):
    """Someone who asked to be told (RFC 3856): a SIP subscription, an XMPP session, a badge on a web page."""

    identity: Identity | None
    """Who is looking; None for a page whose viewer is unknown."""

    def notify(self, view: View, before: View | None) -> None:
        """The presentity's presence as this watcher may see it: at once when the watch begins, then at every change.

        ``before`` is the last view this watcher was given of this person, None the first time.  Must not block; a
        watcher that cannot keep up keeps the newest view and drops the older ones.
        """


@dataclass(slots=True)
class Presentity:
    """One person's claims, document and watchers."""

    document: PresenceDocument
    publications: dict[str, Publication] = field(default_factory=dict)
    reasons: list[Reason] = field(default_factory=list)
    watchers: dict[Watcher, View | None] = field(default_factory=dict)
    views: dict[AccessLevel, View] = field(default_factory=dict)
    version: int = 0
    timer: asyncio.TimerHandle | None = None


LevelOf = Callable[[Identity | None, Identity], Awaitable[AccessLevel]]


class PresenceRegistry:
    """Publications in, documents out.  Rendered once for each access level, then fanned out."""

    def __init__(self, hooks: Hooks, level_of: LevelOf, clock: Callable[[], datetime]) -> None:
        self._hooks = hooks
        self._level_of = level_of
        self._clock = clock
        self._people: dict[Identity, Presentity] = {}
        self._levels: dict[Identity, dict[Watcher, AccessLevel]] = {}
        self._filtering = bool(hooks.implemented_by("filter_presence"))
        self._governed = bool(hooks.implemented_by("filter_publication"))
        self.watched: list[Callable[[Identity], None]] = []
        """Told whose watchers are not who they were."""

    # ---- publishing

    async def publish(self, who: Identity, publication: Publication) -> None:
        """A source says something about a person; it replaces what the same owner said before.

        Raises TooLarge when the person has MAX_PUBLICATIONS already, Refused when policy does not allow it.
        """
        if self._governed:
            publication = await self._hooks.filter_publication(publication=publication, identity=who)
        if len(publication.note) > MAX_NOTE:
            publication = replace(publication, note=publication.note[:MAX_NOTE])
        claims = self._presentity(who).publications
        if publication.owner not in claims and len(claims) >= MAX_PUBLICATIONS:
            raise TooLarge(f"{who} has {MAX_PUBLICATIONS} sources of presence already")
        claims[publication.owner] = publication
        await self._settle(who)

    async def withdraw(self, who: Identity, owner: str) -> None:
        """A source has nothing to say any more: what lies below shows again."""
        presentity = self._people.get(who)
        if presentity is not None and presentity.publications.pop(owner, None) is not None:
            await self._settle(who)

    async def depart(self, who: Identity, instance: str, grace: float = 0.0) -> None:
        """An endpoint is gone: its claims end, after ``grace`` seconds if it may come back."""
        presentity = self._people.get(who)
        if presentity is None:
            return
        ends = self._clock() + timedelta(seconds=grace)
        for owner, claim in list(presentity.publications.items()):
            if claim.instance == instance and claim.source < Source.USER:
                if grace:
                    presentity.publications[owner] = replace(claim, expires=ends)
                else:
                    del presentity.publications[owner]
        await self._settle(who)

    # ---- looking

    def of(self, who: Identity) -> PresenceDocument:
        """Everything there is to know; for the person and for the server, not for watchers."""
        presentity = self._people.get(who)
        return presentity.document if presentity else PresenceDocument(who)

    def why(self, who: Identity) -> list[Reason]:
        """Which claims made the document what it is."""
        presentity = self._people.get(who)
        return list(presentity.reasons) if presentity else []

    def publications(self, who: Identity) -> list[Publication]:
        """The live claims about a person."""
        presentity = self._people.get(who)
        return list(presentity.publications.values()) if presentity else []

    async def view(self, watcher: Identity | None, who: Identity) -> View:
        """The presence of ``who`` as ``watcher`` (None: anybody) may see it now."""
        level = await self._level_of(watcher, who)
        if not level.sees:  # the same work whether there is anybody or not: time must not tell
            return View(PresenceDocument(who), AccessLevel.STRANGER, 0)
        return await self._view(self._people.get(who) or Presentity(PresenceDocument(who)), level)

    async def watch(self, who: Identity, watcher: Watcher) -> None:
        """Tell ``watcher`` now, and at every change.  Somebody hidden or unknown looks like somebody offline."""
        level = await self._level_for(watcher, who)
        presentity = self._presentity(who)
        self._levels.setdefault(who, {})[watcher] = level
        view = await self._view(presentity, level)
        before = presentity.watchers.get(watcher)
        presentity.watchers[watcher] = view
        watcher.notify(view, before)
        for told in self.watched:
            told(who)

    def unwatch(self, who: Identity, watcher: Watcher) -> None:
        """Tell ``watcher`` no more."""
        presentity = self._people.get(who)
        if presentity is not None:
            presentity.watchers.pop(watcher, None)
            self._levels.get(who, {}).pop(watcher, None)
            self._forget_if_idle(who, presentity)
            for told in self.watched:
                told(who)

    def watchers(self, who: Identity) -> set[Identity]:
        """Who watches now, whatever they are shown."""
        presentity = self._people.get(who)
        return {w.identity for w in presentity.watchers if w.identity is not None} if presentity else set()

    async def access_changed(self, who: Identity, watchers: Iterable[Identity] | None = None) -> None:
        """The access levels at ``who`` have changed for these watchers (None: for all): show what they may see now."""
        presentity = self._people.get(who)
        if presentity is None:
            return
        wanted = None if watchers is None else set(watchers)
        for watcher in list(presentity.watchers):
            if wanted is None or watcher.identity in wanted:
                level = await self._level_for(watcher, who)
                if watcher in presentity.watchers:
                    self._levels[who][watcher] = level
                    self._show(presentity, watcher, await self._view(presentity, level))

    # ---- inside

    async def _level_for(self, watcher: Watcher, who: Identity) -> AccessLevel:
        """A watcher may have a method ``raised``: what its protocol shows to those who are let see this much."""
        level = await self._level_of(watcher.identity, who)
        raised: Callable[[AccessLevel], AccessLevel] | None = getattr(watcher, "raised", None)
        return raised(level) if raised is not None else level

    def _presentity(self, who: Identity) -> Presentity:
        presentity = self._people.get(who)
        if presentity is None:
            presentity = self._people[who] = Presentity(PresenceDocument(who))
        return presentity

    async def _settle(self, who: Identity) -> None:
        """Work the document out anew; if it changed, show it to whoever watches."""
        presentity = self._people.get(who)
        if presentity is None:
            return
        now = self._clock()
        claims = presentity.publications
        lost = [p for p in claims.values() if p.expires is not None and p.expires <= now]
        after, presentity.reasons = aggregate(who, claims.values(), now)
        for claim in lost:
            del claims[claim.owner]
        after = self._remembering(presentity.document, after, bool(lost), now)
        self._arm(who, presentity)
        before, presentity.document = presentity.document, after
        if before == after:
            self._forget_if_idle(who, presentity)
            return
        presentity.version += 1
        presentity.views.clear()
        self._hooks.presence_changed(before=before, after=after)
        await self._fan_out(who, presentity)

    def _remembering(
        self, before: PresenceDocument, after: PresenceDocument, lost: bool, now: datetime
    ) -> PresenceDocument:
        """When it really changed, and when last seen; unknown rather than offline when the last source was lost."""
        if (before.availability, before.activity) == (after.availability, after.activity) and before.since:
            after = replace(after, since=before.since)
        if after.availability.here:
            return after
        if not before.availability.here:
            return replace(before, devices=()) if not after.devices else after
        availability = Availability.UNKNOWN if lost else Availability.OFFLINE
        return replace(after, availability=availability, last_seen=now, since=now)

    async def _fan_out(self, who: Identity, presentity: Presentity) -> None:
        views: dict[AccessLevel, View] = {}
        levels = self._levels.get(who, {})
        for watcher in list(presentity.watchers):
            level = levels.get(watcher, AccessLevel.STRANGER)
            if level not in views:
                views[level] = await self._view(presentity, level)
            if watcher in presentity.watchers:
                self._show(presentity, watcher, views[level])

    def _show(self, presentity: Presentity, watcher: Watcher, view: View) -> None:
        before = presentity.watchers[watcher]
        granted = before is None or (view.level.sees and not before.level.sees)
        if before is not None and before.document == view.document and not granted:
            return
        presentity.watchers[watcher] = view
        try:
            watcher.notify(view, before)
        except Exception:
            log.exception("a watcher of %s failed; the others are not concerned", view.document.identity)

    async def _view(self, presentity: Presentity, level: AccessLevel) -> View:
        level = level if level.sees else AccessLevel.STRANGER
        view = presentity.views.get(level)
        if view is None:
            version = presentity.version
            document = rendered(presentity.document, level)
            if self._filtering and level.sees:
                document = await self._hooks.filter_presence(document=document, level=level)
            view = View(document, level, version)
            if version == presentity.version:
                presentity.views[level] = view
        return view

    def _arm(self, who: Identity, presentity: Presentity) -> None:
        """One timer for each person, for the claim that ends first."""
        if presentity.timer:
            presentity.timer.cancel()
            presentity.timer = None
        ends = [p.expires for p in presentity.publications.values() if p.expires is not None]
        if ends:
            loop = asyncio.get_running_loop()
            delay = max(0.0, (min(ends) - self._clock()).total_seconds()) + 0.001
            presentity.timer = loop.call_later(delay, lambda: asyncio.ensure_future(self._settle(who)))

    def _forget_if_idle(self, who: Identity, presentity: Presentity) -> None:
        if not presentity.publications and not presentity.watchers and presentity.document == PresenceDocument(who):
            self._people.pop(who, None)
            self._levels.pop(who, None)

    def close(self) -> None:
        """Stop the timers."""
        for presentity in self._people.values():
            if presentity.timer:
                presentity.timer.cancel()
                presentity.timer = None
