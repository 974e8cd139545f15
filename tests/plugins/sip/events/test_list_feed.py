"""A list's notices, whatever happens between them: who puts them together knows how everybody is."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .....core.access import AccessLevel
from .....core.identity import Identity
from .....core.presence import Availability, Publication, Source
from .....core.presence_registry import PresenceRegistry
from .....plugins.sip.events import list_feed
from .....plugins.sip.events.list_feed import Entry, ListFeed, Manners
from .....plugins.sip.events.rlmi import Dialect
from .....plugins.sip.translate import sip_uri
from ....people import ALICE, NOON, Clock
from ....plugged import hooks_of
from .rlmi_reader import Seen, read

CAST = [Identity(f"p{number}", "x.test") for number in range(6)]


class House:
    """A presence registry, and who is hidden from Alice in it."""

    def __init__(self) -> None:
        self.hidden: set[Identity] = set()
        self.presence = PresenceRegistry(hooks_of(), self._level, Clock())

    async def _level(self, watcher: Identity | None, presentity: Identity) -> AccessLevel:
        return AccessLevel.BLOCKED if presentity in self.hidden else AccessLevel.COLLEAGUES

    async def publish(self, who: Identity, availability: Availability) -> None:
        await self.presence.publish(who, Publication("d", Source.MACHINE, availability, NOON, instance="d"))

    async def hide(self, who: Identity) -> None:
        self.hidden ^= {who}
        await self.presence.access_changed(who, [ALICE])


class Nowhere:
    """A list that comes from nowhere."""

    def begun(self, feed: ListFeed) -> None: ...

    def ended(self, feed: ListFeed) -> None: ...

    async def again(self, feed: ListFeed, request: object) -> Sequence[Entry] | None:
        return None


@dataclass
class Client:
    """Somebody who puts notices together as RFC 4662 section 5 tells them, and loses some."""

    feed: ListFeed
    coded: bool = False
    due: bool = True
    full: bool = True
    version: int = -1
    states: dict[str, str] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)

    def call(self) -> None:
        self.due = True

    async def hear(self, *, lost: bool = False) -> None:
        """Take notices until no more are due."""
        for _ in range(50):
            await asyncio.sleep(0)
            if not self.due:
                return
            self.due = False
            full, self.full = self.full, lost
            content = self.feed.body(full, False)
            body = zlib.decompress(content[1]) if len(content) == 3 else content[1]
            assert (len(content) == 3) is self.coded
            if lost:
                self.due, lost = True, False  # the subscription sends everything again
            else:
                self._take(read(content[0], body))
        raise AssertionError("notices without end")

    def _take(self, seen: Seen) -> None:
        assert seen.version > self.version and (seen.full or seen.version == self.version + 1)
        self.version = seen.version
        if seen.full:
            self.documents = {uri: d for uri, d in self.documents.items() if uri in seen.states}
            self.states = {uri: self.states.get(uri, "") for uri in seen.states}
        self.states |= {uri: state for uri, state in seen.states.items() if state}
        self.documents |= seen.documents


def entries(people: Sequence[Identity]) -> list[Entry]:
    return [Entry(str(sip_uri(who)), "", who) for who in people]


async def watching(
    house: House, people: Sequence[Identity], *, deflated: bool = False, datagrams: bool = False
) -> tuple[ListFeed, Client]:
    manners = Manners("sip:rls@x.test", "x.test", Dialect.STANDARD, deflated, datagrams)
    feed = ListFeed(SimpleNamespace(presence=house.presence), ALICE, entries(people), manners, Nowhere())  # type: ignore
    client = Client(feed, deflated)
    await feed.start(client.call)
    return feed, client


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.sampled_from(CAST), st.sampled_from(list(Availability)[:6])),
        st.tuples(st.just("hide"), st.sampled_from(CAST)),
        st.tuples(st.just("list"), st.lists(st.sampled_from(CAST), unique=True)),
        st.tuples(st.just("hear")),
        st.tuples(st.just("lose")),
        st.tuples(st.just("refresh")),
    ),
    max_size=14,
)


@pytest.mark.parametrize(
    ("room", "deflated", "datagrams"), [(48 * 1024, False, False), (900, True, False), (900, False, True)]
)
@given(people=st.lists(st.sampled_from(CAST), unique=True), events=EVENTS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_client_knows_how_it_is(
    room: int, deflated: bool, datagrams: bool, people: list[Identity], events: list[tuple[object, ...]]
) -> None:
    async def play() -> None:
        house = House()
        feed, client = await watching(house, people, deflated=deflated, datagrams=datagrams)
        listed = list(people)
        for event, *more in events:
            if event == "publish":
                await house.publish(*more)  # type: ignore[arg-type]
            elif event == "hide":
                await house.hide(*more)  # type: ignore[arg-type]
            elif event == "list":
                [listed] = more  # type: ignore[assignment]
                await feed.become(entries(listed))
            elif event == "refresh":
                client.due = client.full = True
            else:
                await client.hear(lost=event == "lose")
        await client.hear()
        assert set(client.states) == {str(sip_uri(who)) for who in listed}
        for who in listed:
            uri = str(sip_uri(who))
            view = await house.presence.view(ALICE, who)
            if uri in client.documents:
                basic = "open" if view.document.availability.here else "closed"
                assert f"<basic>{basic}</basic>" in client.documents[uri]
            else:
                assert client.states[uri] == "pending" and who in house.hidden
        feed.stop()
        assert all(not house.presence.watchers(who) for who in CAST)
        house.presence.close()

    before = list_feed.MAX_DOCUMENTS, list_feed.MAX_DEFLATED
    list_feed.MAX_DOCUMENTS = list_feed.MAX_DEFLATED = room
    try:
        asyncio.run(play())
    finally:
        list_feed.MAX_DOCUMENTS, list_feed.MAX_DEFLATED = before


async def test_where_nothing_has_changed_nothing_is_due() -> None:
    house = House()
    feed, client = await watching(house, CAST[:2])
    await client.hear()
    await house.publish(CAST[5], Availability.BUSY)
    await feed.become(entries(CAST[:2]))
    assert not client.due
    feed.stop()


async def test_who_stays_on_the_list_keeps_their_watch_and_their_id() -> None:
    house = House()
    feed, client = await watching(house, CAST[:2])
    await client.hear()
    before = house.presence._people[CAST[0]].watchers.copy()
    await feed.become(entries([CAST[2], CAST[0]]))
    await client.hear()
    assert house.presence._people[CAST[0]].watchers.keys() == before.keys()
    assert not house.presence.watchers(CAST[1]) and house.presence.watchers(CAST[2]) == {ALICE}
    feed.stop()


async def test_a_feed_that_was_stopped_while_it_began_watches_nobody() -> None:
    house = House()
    manners = Manners("sip:rls@x.test", "x.test")
    feed = ListFeed(SimpleNamespace(presence=house.presence), ALICE, entries(CAST), manners, Nowhere())  # type: ignore
    await feed.start(feed.stop)  # the first thing it has to say ends it
    assert all(not house.presence.watchers(who) for who in CAST)


async def test_a_datagram_that_is_too_long_is_not_made_twice() -> None:
    """Over UDP a subscription asks for the shortest form at once; there is none shorter, and no version is skipped."""
    house = House()
    feed, _ = await watching(house, CAST[:2], datagrams=True)
    first = feed.body(True, False)
    assert feed.body(True, True) == first
    await asyncio.sleep(0)
    assert read(*feed.body(False, False)[:2]).version == 1
    feed.stop()
