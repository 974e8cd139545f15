"""What our people see of people of other domains: asked for when they come online, kept once for all who watch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ....core.access import AccessLevel
from ....core.errors import HereaboutsError
from ....core.identity import Endpoint, Identity
from ....core.locks import Locks
from ....core.message import Native
from ....core.presence import Availability, Publication, Source
from .. import translate
from ..errors import StanzaError
from ..messages.payload import PROTOCOL
from ..presence.watch import Goodbyes
from ..resource import Start
from ..server_owned import PRESENCE_TAGS, without
from ..syntax import xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from .guests import Guests

MAX_PEOPLE = 50_000
"""People of other domains that are watched at once; beyond, nobody new is asked for."""
MAX_RESOURCES = 12
"""Resources of one person of another domain whose presence is kept; what a further one says is not shown."""
MAX_PRESENCE = 16 * 1024
"""Bytes of one presence of theirs that are passed on with all it holds; a larger one is shown in our words."""
CHANGES_BURST = 20
"""Changes of one person's presence that are shown at once."""
CHANGE_EVERY = 2.0
"""Seconds in which one more change may be shown, for long; what comes in between is shown together."""
OWNER = "federation/xmpp/"
"""What a claim is called among a person's, with the resource after it."""


@dataclass(slots=True)
class Sight:
    """One person elsewhere: which of their resources each watcher was shown, and what each of those said last."""

    shown: dict[Identity, set[str]] = field(default_factory=dict)
    said: dict[str, Publication] = field(default_factory=dict)
    published: dict[str, Publication] = field(default_factory=dict)
    goodbyes: dict[str, bytes] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    changes: float = CHANGES_BURST
    counted: float = 0.0
    timer: asyncio.TimerHandle | None = None


class Sights:
    """Their server tells each of our people apart what they may see.  All of it together is the claim that everybody
    here sees who was shown anything; whoever was shown nothing sees nothing."""

    def __init__(
        self, front_end: FrontEnd, guests: Guests, goodbyes: Goodbyes, start: Start, *, dnd: Availability
    ) -> None:
        self._front_end = front_end
        self._guests = guests
        self._goodbyes = goodbyes
        self._start = start
        self._dnd = dnd
        self._of: dict[Identity, Sight] = {}
        self._watchers: dict[Identity, set[Identity]] = {}
        self._locked = Locks().held
        front_end.presence.watched.append(self._watched)
        front_end.contacts.told.append(self._list_changed)

    # ---- what our people want

    def _watched(self, who: Identity) -> None:
        if who in self._of or (not self._front_end.ours(who.domain) and self._guests.serves(who.domain)):
            self._start(self._reconcile(who))

    def _list_changed(self, owner: Identity) -> None:
        if self._front_end.registrar.of(owner) or owner in self._watchers:
            self._start(self._look_again(owner))

    async def _look_again(self, owner: Identity) -> None:
        """Whom they may see now, or no longer."""
        ours = self._front_end.ours
        people = {entry.address for entry in await self._front_end.contacts.of(owner) if not ours(entry.address.domain)}
        for who in people | self._watchers.get(owner, set()):
            if who in self._of or self._guests.serves(who.domain):
                await self._reconcile(who)

    async def _reconcile(self, who: Identity) -> None:
        async with self._locked(who):
            await self._look(who)

    async def _look(self, who: Identity) -> None:
        """Ask for those who are watched by somebody whom they let, and forget the others."""
        presence, may = self._front_end.presence, set()
        for watcher in presence.watchers(who):
            entry = await self._front_end.contacts.get(watcher, who)
            if entry is not None and entry.sees:
                may.add(watcher)
        wanted = may & presence.watchers(who)
        sight = self._of.get(who)
        if sight is None:
            if not wanted or len(self._of) >= MAX_PEOPLE:
                return
            sight = self._of[who] = Sight()
        for watcher in [w for w in sight.shown if w not in wanted]:
            self._stop(who, sight, watcher)
        for watcher in wanted - sight.shown.keys():
            sight.shown[watcher] = set()
            self._watchers.setdefault(watcher, set()).add(who)
            self._ask(who, watcher)
        if not sight.shown:
            self._of.pop(who, None)
        await self._settle(who, sight)

    def _stop(self, who: Identity, sight: Sight, watcher: Identity) -> None:
        del sight.shown[watcher]
        watched = self._watchers[watcher]
        watched.discard(who)
        if not watched:
            del self._watchers[watcher]
        self._front_end.federation.shows(watcher, who, None)
        self._forget_unshown(sight)

    def _ask(self, who: Identity, watcher: Identity) -> None:
        attrs = {"from": str(watcher), "to": str(who), "type": "probe"}
        self._guests.of(who).send(xml.element("presence", attrs))

    # ---- what their server says

    def take(self, sender: Jid, stanza: Stanza, to: Jid) -> bool:
        """Available or unavailable, for one of our people; False where they do not watch the sender as a contact."""
        who = sender.identity
        sight = self._of.get(who)
        if sight is None or to.identity not in sight.shown:
            return False
        shown = sight.shown[to.identity]
        if stanza.type == "unavailable":
            gone = {sender.resource} if sender.resource else set(shown)
            shown -= gone
            for resource in gone:
                sight.goodbyes[resource] = without(stanza, PRESENCE_TAGS)[:MAX_PRESENCE]
            self._forget_unshown(sight)
        else:
            claim = self._claim(sender, stanza)
            if claim is None or (sender.resource not in sight.said and len(sight.said) >= MAX_RESOURCES):
                return True
            sight.said[sender.resource] = claim
            shown.add(sender.resource)
        self._soon(who, sight)
        return True

    def lost(self, domain: str) -> None:
        """Their domain cannot be heard: nobody knows where its people are."""
        for who, sight in self._at(domain):
            for shown in sight.shown.values():
                shown.clear()
            sight.said.clear()
            self._start(self._settle(who, sight, lost=True))

    def found(self, domain: str) -> None:
        """Ask anew, for everybody who watches somebody there."""
        for who, sight in self._at(domain):
            for watcher in sight.shown:
                self._ask(who, watcher)

    def watched_at(self, domain: str) -> int:
        """How many people of a domain are watched."""
        return sum(1 for _ in self._at(domain))

    # ---- inside

    def _at(self, domain: str) -> Iterable[tuple[Identity, Sight]]:
        return [(who, sight) for who, sight in self._of.items() if who.domain == domain]

    def _claim(self, sender: Jid, stanza: Stanza) -> Publication | None:
        """What a resource of theirs says; None where it is no presence that anybody could read."""
        try:
            says = translate.read(stanza, self._dnd)
        except StanzaError:
            return None
        inner = without(stanza, PRESENCE_TAGS)
        return Publication(
            owner=OWNER + sender.resource,
            source=Source.MACHINE,
            availability=says.availability,
            since=self._front_end.clock(),
            activity=says.activity,
            note=says.note,
            idle_since=says.idle_since,
            instance=sender.resource,
            priority=says.priority,
            native=Native(PROTOCOL, inner) if len(inner) <= MAX_PRESENCE else None,
        )

    def _forget_unshown(self, sight: Sight) -> None:
        """A resource that none of our people is shown is none."""
        seen = set().union(*sight.shown.values())
        for resource in [r for r in sight.said if r not in seen]:
            del sight.said[resource]

    def _soon(self, who: Identity, sight: Sight) -> None:
        """Show it now, or where somebody changes all the time, a little later with what comes until then."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        sight.changes = min(CHANGES_BURST, sight.changes + (now - sight.counted) / CHANGE_EVERY)
        sight.counted = now
        if sight.timer is not None:
            return
        if sight.changes >= 1:
            sight.changes -= 1
            self._start(self._settle(who, sight))
        else:
            sight.timer = loop.call_later((1 - sight.changes) * CHANGE_EVERY, self._late, who, sight)

    def _late(self, who: Identity, sight: Sight) -> None:
        sight.timer = None
        if self._of.get(who) is sight:
            self._soon(who, sight)

    async def _settle(self, who: Identity, sight: Sight, *, lost: bool = False) -> None:
        """Make the claims what was said; then whoever was shown something for the first time sees it."""
        async with sight.lock:
            for resource in [r for r in sight.published if r not in sight.said]:
                await self._end(who, sight, resource, lost=lost)
            for resource, claim in list(sight.said.items()):
                before = sight.published.get(resource)
                if before is None or replace(claim, since=before.since) != before:
                    await self._publish(who, sight, resource, claim, before)
            sight.goodbyes.clear()
            if not lost:
                await self._levels(who, sight)

    async def _end(self, who: Identity, sight: Sight, resource: str, *, lost: bool) -> None:
        claim, endpoint = sight.published.pop(resource), Endpoint(who, resource)
        if lost:
            await self._front_end.presence.publish(who, replace(claim, expires=self._front_end.clock()))
            return
        self._goodbyes[endpoint] = sight.goodbyes.get(resource, b"")
        try:
            await self._front_end.presence.withdraw(who, claim.owner)
        finally:
            del self._goodbyes[endpoint]

    async def _publish(
        self, who: Identity, sight: Sight, resource: str, claim: Publication, before: Publication | None
    ) -> None:
        if before is not None and (claim.availability, claim.activity) == (before.availability, before.activity):
            claim = replace(claim, since=before.since)
        try:
            await self._front_end.presence.publish(who, claim)
        except HereaboutsError:
            return
        sight.published[resource] = claim

    async def _levels(self, who: Identity, sight: Sight) -> None:
        shows = self._front_end.federation.shows
        levels = {w: AccessLevel.COLLEAGUES if shown else AccessLevel.STRANGER for w, shown in sight.shown.items()}
        changed = [watcher for watcher, level in levels.items() if shows(watcher, who, level)]
        if changed:
            await self._front_end.presence.access_changed(who, changed)
