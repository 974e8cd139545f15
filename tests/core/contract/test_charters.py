"""Contract of Store: rules of conferences, who belongs to them, which ones sleep, and what was taken back."""

from __future__ import annotations

from ....core.charter import Charter, Whispers
from ....core.conversation import MessageRetracted
from ....core.standing import Standing
from ....core.store import Retraction
from ...people import ALICE, BOB, CAROL, NOON
from .acts import ROOM, begun, later, leave, say

CHARTER = Charter("Coven", "Where witches meet", persistent=True, password="moon", whispers=Whispers.MODERATORS)


async def test_everything_about_rules_and_people_is_kept(store):
    conference = await begun(
        store,
        ALICE,
        BOB,
        address=ROOM,
        keeps_seats=False,
        charter=CHARTER,
        standings={ALICE: Standing.OWNER, CAROL: Standing.OUTCAST},
        names={CAROL: "Hecate"},
        silent={BOB},
    )
    assert await store.conversation("c1") == conference
    conference.silent, conference.standings[BOB] = set(), Standing.ADMIN
    await store.change(conference, conference.name("tea", ALICE, NOON))
    assert await store.conversation("c1") == conference


async def test_who_moderated_before_there_were_standings_owns_it(store):
    await begun(store, ALICE, BOB, address=ROOM, moderators={ALICE})
    assert (await store.conversation("c1")).standings == {ALICE: Standing.OWNER}


async def test_a_persistent_one_sleeps_until_it_goes_on_or_ends_for_good(store):
    first = await begun(store, ALICE, address=ROOM, keeps_seats=False, charter=CHARTER)
    assert await store.asleep() == []
    await leave(store, first, ALICE)
    (sleeping,) = await store.asleep()
    assert (sleeping.id, sleeping.charter) == ("c1", CHARTER)
    second = await begun(
        store, ALICE, id="c2", address=ROOM, keeps_seats=False, charter=CHARTER, continues="c1", started_at=later(9)
    )
    assert await store.asleep() == []
    await store.change(second, second.end(later(10), "over"))
    assert await store.asleep() == []


async def test_a_temporary_one_does_not_sleep(store):
    conference = await begun(store, ALICE, address=ROOM, keeps_seats=False)
    await leave(store, conference, ALICE)
    assert await store.asleep() == []


async def test_what_was_taken_back_is_not_shown_any_more_and_stays(store):
    conference = await begun(store, ALICE, BOB, CAROL, address=ROOM)
    said = [accepted.message for accepted in await say(store, "c1", ALICE, "a", "b")]
    gone = MessageRetracted("c1", said[0].id, ALICE, later(5), BOB, "rude")
    for _ in range(2):
        await store.change(conference, [gone])
    assert await store.retractions([m.id for m in said]) == {said[0].id: Retraction(BOB, later(5), "rude")}
    assert await store.retractions([]) == {}
    assert [m.text for m in await store.unseen(CAROL)] == ["b"]
    assert [m.text for m in await store.read("c1")] == ["a", "b"]
