"""The registry: whoever watches sees what they may, once for each change; whoever hides looks offline."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from ...core.access import AccessLevel
from ...core.errors import Refused, TooLarge
from ...core.hooks import hookimpl
from ...core.presence import Activity, Availability, PresenceDocument, Publication, Source
from ...core.presence_registry import MAX_NOTE, MAX_PUBLICATIONS, PresenceRegistry
from ..people import ALICE, BOB, CAROL, DAVE, NOON, Clock
from ..plugged import hooks_of

LEVELS = {BOB: AccessLevel.COLLEAGUES, CAROL: AccessLevel.EXTERNAL, DAVE: AccessLevel.BLOCKED}


class Eye:
    """A watcher that remembers what it saw."""

    def __init__(self, identity=None):
        self.identity = identity
        self.seen = []

    def notify(self, view, before):
        self.seen.append((view, before))

    @property
    def documents(self):
        return [view.document for view, _ in self.seen]


def registry_with(*plugins, levels=LEVELS, clock=None):
    async def level_of(watcher, presentity):
        return levels.get(watcher, AccessLevel.STRANGER)

    return PresenceRegistry(hooks_of(*plugins), level_of, clock or Clock())


def claim(owner="xmpp/desk", availability=Availability.AVAILABLE, **more):
    more.setdefault("source", Source.MACHINE)
    return Publication(owner, availability=availability, since=NOON, instance=owner.partition("/")[2], **more)


async def test_a_watcher_sees_now_and_every_change():
    registry, bob = registry_with(), Eye(BOB)
    await registry.watch(ALICE, bob)
    await registry.publish(ALICE, claim())
    await registry.publish(ALICE, claim(availability=Availability.BUSY))
    assert [d.availability for d in bob.documents] == [
        Availability.OFFLINE, Availability.AVAILABLE, Availability.BUSY]  # fmt: skip
    assert [before and before.document.availability for _, before in bob.seen] == [
        None, Availability.OFFLINE, Availability.AVAILABLE]  # fmt: skip


async def test_versions_grow_with_every_change():
    registry, bob = registry_with(), Eye(BOB)
    await registry.watch(ALICE, bob)
    for availability in (Availability.AVAILABLE, Availability.AWAY, Availability.BUSY):
        await registry.publish(ALICE, claim(availability=availability))
    versions = [view.version for view, _ in bob.seen]
    assert versions == sorted(set(versions))


async def test_no_change_is_no_news():
    registry, bob = registry_with(), Eye(BOB)
    await registry.publish(ALICE, claim())
    await registry.watch(ALICE, bob)
    await registry.publish(ALICE, claim())
    assert len(bob.seen) == 1


async def test_the_blocked_and_strangers_see_nothing_and_hear_nothing():
    registry, dave, nobody = registry_with(), Eye(DAVE), Eye(None)
    for eye in (dave, nobody):
        await registry.watch(ALICE, eye)
    await registry.publish(ALICE, claim(note="secret"))
    assert dave.documents == nobody.documents == [PresenceDocument(ALICE)]


async def test_somebody_unknown_looks_like_somebody_hidden():
    registry = registry_with()
    await registry.publish(ALICE, claim())
    hidden, unknown = await registry.view(DAVE, ALICE), await registry.view(DAVE, CAROL)
    assert hidden.document == PresenceDocument(ALICE)
    assert unknown.document == PresenceDocument(CAROL)
    assert hidden.level == unknown.level


async def test_external_watchers_get_no_news_of_what_they_do_not_see():
    registry, carol = registry_with(), Eye(CAROL)
    await registry.publish(ALICE, claim())
    await registry.watch(ALICE, carol)
    await registry.publish(ALICE, claim(note="in room 4"))
    assert len(carol.seen) == 1


async def test_watchers_of_one_level_share_one_rendering():
    registry, eyes = registry_with(), [Eye(BOB) for _ in range(3)]
    for eye in eyes:
        await registry.watch(ALICE, eye)
    await registry.publish(ALICE, claim())
    views = {id(eye.seen[-1][0]) for eye in eyes}
    assert len(views) == 1
    made = []
    view = eyes[0].seen[-1][0]
    for _ in range(2):
        assert view.body("pidf", lambda: made.append(1) or b"<presence/>") == b"<presence/>"
    assert made == [1]


async def test_a_failing_watcher_harms_nobody_else():
    class Broken(Eye):
        def notify(self, view, before):
            raise RuntimeError("broken")

    registry, bob = registry_with(), Eye(BOB)
    broken = Broken(BOB)
    with pytest.raises(RuntimeError):
        await registry.watch(ALICE, broken)
    await registry.watch(ALICE, bob)
    await registry.publish(ALICE, claim())
    assert bob.documents[-1].availability is Availability.AVAILABLE


async def test_who_stops_watching_hears_no_more():
    registry, bob = registry_with(), Eye(BOB)
    await registry.watch(ALICE, bob)
    registry.unwatch(ALICE, bob)
    await registry.publish(ALICE, claim())
    assert len(bob.seen) == 1


async def test_being_blocked_shows_at_once_and_ends_at_once():
    levels = {BOB: AccessLevel.COLLEAGUES}
    registry, bob = registry_with(levels=levels), Eye(BOB)
    await registry.publish(ALICE, claim())
    await registry.watch(ALICE, bob)
    levels[BOB] = AccessLevel.BLOCKED
    await registry.access_changed(ALICE, [BOB])
    assert bob.documents[-1] == PresenceDocument(ALICE)
    await registry.publish(ALICE, claim(availability=Availability.BUSY))
    assert len(bob.seen) == 2
    levels[BOB] = AccessLevel.COLLEAGUES
    await registry.access_changed(ALICE)
    assert bob.documents[-1].availability is Availability.BUSY


async def test_a_goodbye_counts_at_once_and_a_loss_after_the_grace():
    clock = Clock()
    registry, bob = registry_with(clock=clock), Eye(BOB)
    await registry.publish(ALICE, claim("xmpp/desk"))
    await registry.watch(ALICE, bob)
    await registry.depart(ALICE, "desk")
    assert bob.documents[-1].availability is Availability.OFFLINE
    await registry.publish(ALICE, claim("xmpp/desk"))
    await registry.depart(ALICE, "desk", grace=60)
    assert bob.documents[-1].availability is Availability.AVAILABLE
    clock.turn(seconds=61)
    await registry.withdraw(ALICE, "nothing of the kind")
    await registry.depart(ALICE, "desk")
    assert not bob.documents[-1].availability.here


async def test_a_claim_that_is_not_renewed_leaves_somebody_unknown_last_seen_then():
    clock = Clock()
    registry, seen = registry_with(clock=clock), asyncio.Event()

    class Waiting(Eye):
        def notify(self, view, before):
            super().notify(view, before)
            if view.document.availability is Availability.UNKNOWN:
                seen.set()

    bob = Waiting(BOB)
    await registry.publish(ALICE, claim(expires=clock.now + timedelta(milliseconds=5)))
    await registry.watch(ALICE, bob)
    clock.turn(seconds=1)
    await asyncio.wait_for(seen.wait(), 30)
    assert bob.documents[-1].last_seen == clock.now


async def test_since_tells_when_it_changed_not_when_it_was_repeated():
    clock = Clock()
    registry = registry_with(clock=clock)
    await registry.publish(ALICE, claim())
    clock.turn(minutes=5)
    await registry.publish(
        ALICE, Publication("xmpp/desk", Source.MACHINE, Availability.AVAILABLE, clock.now, note="hi")
    )
    assert registry.of(ALICE).since == NOON


async def test_why_names_every_source():
    registry = registry_with()
    await registry.publish(ALICE, claim())
    await registry.publish(
        ALICE, claim("sip/call", Availability.BUSY, source=Source.PHONE, activity=Activity.IN_A_CALL)
    )
    assert {reason.owner for reason in registry.why(ALICE)} == {"xmpp/desk", "sip/call"}
    assert registry.why(BOB) == []


async def test_a_person_has_a_limited_number_of_sources_and_a_note_a_limited_length():
    registry = registry_with()
    for n in range(MAX_PUBLICATIONS):
        await registry.publish(ALICE, claim(f"s/{n}", note="x" * (MAX_NOTE + 1)))
    assert len(registry.of(ALICE).note) == MAX_NOTE
    with pytest.raises(TooLarge):
        await registry.publish(ALICE, claim("s/one more"))


async def test_policy_changes_or_refuses_what_is_published():
    class Policy:
        @hookimpl
        def filter_publication(self, publication, identity):
            if publication.note == "rude":
                raise Refused("not here")
            return None

    registry = registry_with(Policy())
    with pytest.raises(Refused):
        await registry.publish(ALICE, claim(note="rude"))
    assert registry.of(ALICE) == PresenceDocument(ALICE)


async def test_a_filter_is_asked_once_for_each_level():
    asked = []

    class Discretion:
        @hookimpl
        def filter_presence(self, document, level):
            asked.append(level)

    registry, eyes = registry_with(Discretion()), [Eye(BOB) for _ in range(5)]
    for eye in eyes:
        await registry.watch(ALICE, eye)
    asked.clear()
    await registry.publish(ALICE, claim())
    assert asked == [AccessLevel.COLLEAGUES]


async def test_who_watches_is_known_and_changes_are_told():
    registry, told = registry_with(), []
    registry.watched.append(told.append)
    bob, dave, anybody = Eye(BOB), Eye(DAVE), Eye()
    assert registry.watchers(ALICE) == set()
    for eye in (bob, dave, anybody, Eye(BOB)):
        await registry.watch(ALICE, eye)
    assert registry.watchers(ALICE) == {BOB, DAVE}, "each once, the blocked too, and no unknown viewers"
    registry.unwatch(ALICE, dave)
    assert registry.watchers(ALICE) == {BOB} and told == [ALICE] * 5
    registry.unwatch(CAROL, bob)
    assert told == [ALICE] * 5
