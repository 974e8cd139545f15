"""Whom our people watch elsewhere: a subscription for each pair, only while it is wanted, and what comes of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ....core.access import AccessLevel
from ....core.errors import HereaboutsError
from ....core.identity import Identity
from ....core.presence import Activity, Publication, Source
from ....core.subscription import Deed
from ..errors import Refusal, refusal_of
from ..syntax.message import Request
from ..transaction.reply import Reply
from ..transport.flow import Flow
from .interest import Interest, Ways
from .neighbour import Neighbour, ProvenDomain

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

MAX_WATCHED = 20_000
"""Pairs of a watcher of ours and somebody elsewhere; beyond, nobody is asked."""
GRACE = 32.0
"""Seconds that what was said outlasts the subscription, for a refresh that is late."""
OWNER = "federation/sip"
"""What the claim is called among a person's."""


class Interests:
    """A DialogOwner: takes the NOTIFYs for our subscriptions.

    What different watchers are shown of one person may differ, for their domain decides.  The fullest becomes the
    claim that all see, and each watcher's level follows what their own subscription showed: all of it, the availability
    alone, or nothing.
    """

    def __init__(
        self,
        front_end: FrontEnd,
        neighbour_of: Callable[[str], Neighbour | None],
        ways: Ways,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._front_end = front_end
        self._neighbour_of = neighbour_of
        self._ways = ways
        self._start = start
        self._of: dict[Identity, dict[Identity, Interest]] = {}
        self._by_tag: dict[str, Interest] = {}
        self._seen: set[Identity] = set()
        front_end.presence.watched.append(self._watched)
        front_end.contacts.changed.append(self._list_changed)

    # ---- what our people want

    def close(self) -> None:
        """Say that nobody watches any more."""
        self._front_end.presence.watched.remove(self._watched)
        self._front_end.contacts.changed.remove(self._list_changed)
        for interest in self._by_tag.values():
            interest.subscriber.close()
        self._of.clear()
        self._by_tag.clear()

    def watched_at(self, neighbour: Neighbour) -> int:
        """How many people of a domain are watched."""
        return sum(self._neighbour_of(who.domain) is neighbour for who in self._of)

    def flow_closed(self, flow: Flow) -> None:
        """Subscriptions over it are looked after."""
        for interest in self._by_tag.values():
            if interest.subscriber.flow is flow:
                interest.subscriber.look()

    def _watched(self, who: Identity) -> None:
        if not self._front_end.ours(who.domain) and self._neighbour_of(who.domain) is not None:
            self._seen.add(who)
            self._start(self._reconcile(who))

    def _list_changed(self, owner: Identity) -> None:
        for who in list(self._seen):
            if owner in self._front_end.presence.watchers(who) or owner in self._of.get(who, ()):
                self._start(self._reconcile(who))

    async def _reconcile(self, who: Identity) -> None:
        """Subscribe for whoever watches and wants to see, and for nobody else."""
        wanted = set()
        for watcher in self._front_end.presence.watchers(who):
            if self._front_end.ours(watcher.domain):
                entry = await self._front_end.contacts.get(watcher, who)
                if entry is not None and (entry.asked or entry.sees):
                    wanted.add(watcher)
        # nobody is waited for from here on: what is wanted, and what is there, is looked at in one go
        watching = self._front_end.presence.watchers(who)
        if not watching:
            self._seen.discard(who)
        there = self._of.setdefault(who, {})
        for watcher in [w for w in there if w not in wanted or w not in watching]:
            gone = there.pop(watcher)
            gone.subscriber.close()
            del self._by_tag[gone.subscriber.tag]
            self._front_end.federation.shows(watcher, who, None)
        neighbour = self._neighbour_of(who.domain)
        for watcher in wanted & watching:
            if watcher not in there and neighbour is not None and len(self._by_tag) < MAX_WATCHED:
                new = there[watcher] = Interest(watcher, who, neighbour, self._ways, self._changed)
                self._by_tag[new.subscriber.tag] = new
        if not there:
            del self._of[who]
            await self._front_end.presence.withdraw(who, OWNER)

    # ---- what the others say

    def owns(self, request: Request, flow: Flow) -> bool:
        """Whether it is a NOTIFY for a subscription of ours."""
        return request.method == "NOTIFY" and self._of_dialog(request) is not None

    def take(self, request: Request, reply: Reply, flow: Flow) -> None:
        """One NOTIFY: only the domain that was asked may answer."""
        interest = self._of_dialog(request)
        try:
            if interest is None:
                raise Refusal(481)
            proven = flow.peer.of(interest.who.domain) if isinstance(flow.peer, ProvenDomain) else None
            if proven is not interest.neighbour:
                raise Refusal(403, "somebody else's subscription")
            if not proven.may_ask(interest.who):
                raise Refusal(503, "", ("Retry-After", 5))
            interest.subscriber.hears(request)
        except HereaboutsError as why:
            return reply(refusal_of(request, why))
        reply(request.reply(200))

    def _changed(self, interest: Interest) -> None:
        self._start(self._show(interest))

    async def _show(self, interest: Interest) -> None:
        """One subscription says something new: the consent first, then what there is to see."""
        watcher, who = interest.watcher, interest.who
        if self._of.get(who, {}).get(watcher) is not interest:
            return
        federation, contacts = self._front_end.federation, self._front_end.contacts
        if interest.state == "rejected":
            federation.shows(watcher, who, None)
            await self._publish(who)
            return await contacts.heard(who, Deed.REVOKE, watcher)
        if interest.state == "active":
            await contacts.heard(who, Deed.GRANT, watcher)
        await self._publish(who)

    async def _publish(self, who: Identity) -> None:
        """What all of them together know of a person."""
        interests = list(self._of.get(who, {}).values())
        active = [i for i in interests if i.state == "active" and i.claim is not None]
        here = [i for i in active if i.claim is not None and i.claim.availability.here]
        best = max(here, key=lambda i: (not i.lost, _level(i)), default=None)
        changed = [i.watcher for i in active if self._levelled(i, best)]
        if best is not None and best.claim is not None:
            now = self._front_end.clock()
            claim = best.claim
            publication = Publication(
                OWNER,
                Source.MACHINE,
                claim.availability,
                now,
                now if best.lost else now + timedelta(seconds=best.subscriber.granted + GRACE),
                claim.activity,
                claim.note,
                claim.idle_since or (now if claim.idle else None),
                instance=who.domain,
            )
            await self._front_end.presence.publish(who, self._as_before(who, publication))
        else:
            await self._front_end.presence.withdraw(who, OWNER)
        if changed:
            await self._front_end.presence.access_changed(who, changed)

    def _as_before(self, who: Identity, now: Publication) -> Publication:
        """The same state is as old as it was."""
        for before in self._front_end.presence.publications(who):
            same = (before.availability, before.activity) == (now.availability, now.activity)
            if before.owner == OWNER and same:
                idle = before.idle_since if now.idle_since and before.idle_since else now.idle_since
                return replace(now, since=before.since, idle_since=idle)
        return now

    def _levelled(self, interest: Interest, best: Interest | None) -> bool:
        claim = interest.claim
        hidden = best is not None and claim is not None and not claim.availability.here
        level = AccessLevel.STRANGER if hidden else _level(interest)
        return self._front_end.federation.shows(interest.watcher, interest.who, level)

    def _of_dialog(self, request: Request) -> Interest | None:
        interest = self._by_tag.get(request.to.tag)
        known = interest is not None and interest.subscriber.call_id == request.call_id
        return interest if known else None


def _level(interest: Interest) -> AccessLevel:
    """How much the watcher was shown: more than the availability, or that alone."""
    claim = interest.claim
    rich = claim is not None and (claim.activity is not Activity.NONE or claim.note or claim.idle)
    return AccessLevel.COLLEAGUES if rich else AccessLevel.EXTERNAL
