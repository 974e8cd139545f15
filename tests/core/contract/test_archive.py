"""Contract of Store: what was said is read again, by those who may, page by page."""

from __future__ import annotations

import pytest

from ....core.archive import MAX_ASKED, Page, Question
from ....core.conversation import History
from ....core.errors import NotFound, TooLarge
from ...people import ALICE, BOB, CAROL, DAVE
from .acts import ROOM, begun, join, later, leave, say, talk, texts


async def told(store, question: Question) -> list[str]:
    return texts((await store.archived(question)).messages)


async def test_both_find_their_talk_and_nobody_else_does(store):
    await talk(store)
    await say(store, "c1", ALICE, "a")
    await say(store, "c1", BOB, "b")
    for who in (ALICE, BOB):
        page = await store.archived(Question(who))
        assert texts(page.messages) == ["a", "b"] and page.complete and page.total is None
    assert await store.archived(Question(CAROL)) == Page([], True)


async def test_talks_with_everybody_are_one_archive_in_the_order_of_acceptance(store):
    await talk(store)
    await begun(store, ALICE, CAROL, id="c2")
    for number in range(3):
        await say(store, "c1", BOB, f"b{number}")
        await say(store, "c2", CAROL, f"c{number}")
    assert await told(store, Question(ALICE)) == ["b0", "c0", "b1", "c1", "b2", "c2"]
    assert await told(store, Question(ALICE, other=CAROL)) == ["c0", "c1", "c2"]
    assert await told(store, Question(ALICE, other=DAVE)) == []


async def test_paging_in_both_directions_meets_every_message_once(store):
    await talk(store)
    said = [f"m{number}" for number in range(10)]
    await say(store, "c1", ALICE, *said)
    for last in (False, True):
        found: list[str] = []
        place: dict[str, str] = {}
        while True:
            page = await store.archived(Question(BOB, limit=3, last=last, **place))
            found = texts(page.messages) + found if last else found + texts(page.messages)
            if page.complete:
                break
            place = {"before": page.messages[0].id} if last else {"after": page.messages[-1].id}
        assert found == said
    assert (await store.archived(Question(BOB, limit=10))).complete
    between = Question(BOB, after="c1-alice-m2", before="c1-alice-m5")
    assert await told(store, between) == ["m3", "m4"]


async def test_counting_without_reading(store):
    await talk(store)
    assert await store.archived(Question(ALICE, limit=0)) == Page([], True, 0)
    await say(store, "c1", ALICE, "a", "b")
    assert await store.archived(Question(ALICE, limit=0)) == Page([], False, 2)


async def test_by_time(store):
    await talk(store)
    for minute in range(4):
        await say(store, "c1", ALICE, f"m{minute}", sent_at=later(minute))
    assert await told(store, Question(BOB, since=later(1), until=later(2))) == ["m1", "m2"]


async def test_by_id_and_only_from_the_own_archive(store):
    await talk(store)
    await begun(store, CAROL, DAVE, id="c2")
    await say(store, "c1", ALICE, "a", "b", "c")
    await say(store, "c2", CAROL, "secret")
    assert await told(store, Question(BOB, ids=["c1-alice-c", "c1-alice-a"])) == ["a", "c"]
    for wrong in ({"ids": ["c2-carol-secret"]}, {"after": "c2-carol-secret"}, {"before": "never"}):
        with pytest.raises(NotFound):
            await store.archived(Question(BOB, **wrong))
    with pytest.raises(TooLarge):
        await store.archived(Question(BOB, ids=["c1-alice-a"] * (MAX_ASKED + 1)))


async def test_a_conference_has_its_own_archive_and_seats_decide_what_is_seen_of_it(store):
    room = await begun(store, ALICE, BOB, address=ROOM)
    await say(store, "c1", ALICE, "before")
    await join(store, room, CAROL, History.NONE)
    await say(store, "c1", ALICE, "with carol")
    await leave(store, room, CAROL)
    await say(store, "c1", ALICE, "after")
    assert await told(store, Question(ALICE)) == [], "talks are between two"
    assert await told(store, Question(ALICE, ROOM)) == ["before", "with carol", "after"]
    assert await told(store, Question(CAROL, ROOM)) == ["with carol"]
    assert await told(store, Question(DAVE, ROOM)) == []
    assert await told(store, Question(DAVE, ROOM, everything=True)) == ["before", "with carol", "after"]


async def test_who_came_twice_sees_each_message_once(store):
    room = await begun(store, ALICE, BOB, address=ROOM)
    await join(store, room, CAROL, History.ALL)
    await say(store, "c1", ALICE, "one")
    await leave(store, room, CAROL)
    await join(store, room, CAROL, History.ALL)
    await say(store, "c1", ALICE, "two")
    assert await told(store, Question(CAROL, ROOM)) == ["one", "two"]
