"""Contract of Store: what somebody has not been shown waits for them, and nothing else does."""

from __future__ import annotations

import pytest

from ....core.conversation import History
from ....core.store import Shown
from ...people import ALICE, BOB, CAROL, at
from .acts import ROOM, begun, inbox, join, later, leave, say, show, talk


async def test_what_others_said_waits(store):
    await talk(store)
    await say(store, "c1", ALICE, "one", "two")
    await say(store, "c1", BOB, "three")
    assert await inbox(store, BOB) == ["one", "two"]
    assert await inbox(store, ALICE) == ["three"]


async def test_nothing_waits_for_somebody_who_is_in_no_conversation(store):
    await talk(store)
    await say(store, "c1", ALICE, "one")
    assert await inbox(store, CAROL) == []


async def test_what_was_shown_does_not_wait(store):
    await talk(store)
    await say(store, "c1", ALICE, "one", "two", "three")
    await show(store, "c1", BOB, 2)
    assert await inbox(store, BOB) == ["three"]


async def test_a_position_never_goes_back(store):
    await talk(store)
    await say(store, "c1", ALICE, "one", "two", "three")
    await show(store, "c1", BOB, 2)
    await show(store, "c1", BOB, 1)
    assert await inbox(store, BOB) == ["three"]


@pytest.mark.parametrize("seq", [3, 2**70])
async def test_a_position_never_leads(store, seq):
    """Whatever a client claims to have seen: a message that it cannot have seen will wait."""
    await talk(store)
    await say(store, "c1", ALICE, "one")
    await show(store, "c1", BOB, seq)
    await say(store, "c1", ALICE, "two")
    assert await inbox(store, BOB) == ["two"]


@pytest.mark.parametrize("seq", [0, -3])
async def test_a_position_of_nothing_moves_nothing(store, seq):
    await talk(store)
    await say(store, "c1", ALICE, "one")
    await show(store, "c1", BOB, seq)
    assert await inbox(store, BOB) == ["one"]


async def test_a_position_where_nobody_sits_harms_nothing(store):
    await talk(store)
    await say(store, "c1", ALICE, "one")
    await show(store, "c1", CAROL, 1)
    await show(store, "never", BOB, 1)
    assert await inbox(store, BOB) == ["one"]


async def test_any_endpoint_of_a_person_moves_their_position(store):
    await talk(store)
    await say(store, "c1", ALICE, "one", "two", "three")
    await show(store, "c1", BOB, 1, instance="phone")
    await show(store, "c1", BOB, 2, instance="desk")
    assert await inbox(store, BOB) == ["three"]


async def test_one_conversation_is_not_another(store):
    await talk(store), await talk(store, "c2", started_at=later(1))
    await say(store, "c1", ALICE, "one")
    await say(store, "c2", ALICE, "two")
    await show(store, "c1", BOB, 1)
    assert await inbox(store, BOB) == ["two"]


async def test_the_oldest_conversation_comes_first_and_each_is_in_order(store):
    await talk(store, "c2", started_at=later(5))
    await talk(store, "c1", started_at=later(1))
    await say(store, "c2", ALICE, "third")
    await say(store, "c1", ALICE, "first", "second")
    await say(store, "c2", ALICE, "fourth")
    assert await inbox(store, BOB) == ["first", "second", "third", "fourth"]


@pytest.mark.parametrize(("limit", "found"), [(3, "123"), (1, "1"), (0, ""), (-1, ""), (2**80, "12345678")])
async def test_no_more_than_was_asked_for(store, limit, found):
    await talk(store), await talk(store, "c2", started_at=later(1))
    await say(store, "c1", ALICE, *"1234")
    await say(store, "c2", ALICE, *"5678")
    assert "".join(await inbox(store, BOB, limit)) == found


async def test_what_waits_outlives_the_conversation(store):
    conversation = await talk(store)
    await say(store, "c1", ALICE, "one", "two")
    await store.change(conversation, conversation.end(later(1), "idle"))
    assert await inbox(store, BOB) == ["one", "two"]
    await show(store, "c1", BOB, 1)
    assert await inbox(store, BOB) == ["two"]
    await show(store, "c1", BOB, 2)
    assert await inbox(store, BOB) == [] == await inbox(store, ALICE)


async def test_what_waits_outlives_a_restart(make_store):
    async with make_store() as store:
        await talk(store)
        await say(store, "c1", ALICE, "one", "two")
        await show(store, "c1", BOB, 1)
    async with make_store() as store:
        assert await inbox(store, BOB) == ["two"]


async def test_a_position_noted_just_before_the_end_is_written(make_store):
    async with make_store() as store:
        await talk(store)
        await say(store, "c1", ALICE, "one", "two")
        store.shown(Shown(at(BOB), "c1", 1, "", later(0)))
    async with make_store() as store:
        assert await inbox(store, BOB) == ["two"]


# ---- coming and going


@pytest.mark.parametrize(
    ("history", "waiting"), [(History.ALL, ["1", "2", "3", "4"]), (History.NOW, ["3", "4"]), (History.NONE, ["4"])]
)
async def test_a_newcomer_gets_the_history_that_was_chosen(store, history, waiting):
    conversation = await talk(store)
    await say(store, "c1", ALICE, "1", "2", "3")
    await join(store, conversation, CAROL, history)
    await say(store, "c1", ALICE, "4")
    assert await inbox(store, CAROL) == waiting


async def test_somebody_who_left_hears_no_more_but_what_they_missed_waits(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await say(store, "c1", ALICE, "1", "2")
    await show(store, "c1", CAROL, 1)
    await leave(store, conversation, CAROL)
    await say(store, "c1", ALICE, "3")
    assert await inbox(store, CAROL) == ["2"]
    await show(store, "c1", CAROL, 9)
    assert await inbox(store, CAROL) == []


async def test_what_was_said_between_two_seats_does_not_wait(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await say(store, "c1", ALICE, "1")
    await leave(store, conversation, CAROL)
    await say(store, "c1", ALICE, "2")
    await join(store, conversation, CAROL)
    await say(store, "c1", ALICE, "3")
    assert await inbox(store, CAROL) == ["1", "3"]


@pytest.mark.parametrize(("history", "waiting"), [(History.ALL, "123"), (History.NOW, "23"), (History.NONE, "3")])
async def test_for_whoever_comes_back_the_position_begins_anew(store, history, waiting):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await say(store, "c1", ALICE, "1")
    await show(store, "c1", CAROL, 1)
    await leave(store, conversation, CAROL)
    await say(store, "c1", ALICE, "2")
    await join(store, conversation, CAROL, history)
    await say(store, "c1", ALICE, "3")
    assert "".join(await inbox(store, CAROL)) == waiting


async def test_what_two_seats_cover_is_shown_once(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await say(store, "c1", ALICE, "1", "2")
    await leave(store, conversation, CAROL)
    await join(store, conversation, CAROL, History.ALL)
    await say(store, "c1", ALICE, "3")
    assert await inbox(store, CAROL) == ["1", "2", "3"]


async def test_being_shown_something_new_settles_what_was_before(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await say(store, "c1", ALICE, "1")
    await leave(store, conversation, CAROL)
    await join(store, conversation, CAROL)
    await say(store, "c1", ALICE, "2", "3")
    await show(store, "c1", CAROL, 2)
    assert await inbox(store, CAROL) == ["3"]


async def test_own_words_from_an_earlier_seat_do_not_wait(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await say(store, "c1", CAROL, "1")
    await leave(store, conversation, CAROL)
    await join(store, conversation, CAROL, History.ALL)
    assert await inbox(store, CAROL) == []


async def test_a_room_that_was_begun_again_keeps_what_waits_of_both(store):
    first = await begun(store, ALICE, BOB, address=ROOM)
    await say(store, "c1", ALICE, "1")
    await store.change(first, first.end(later(1), "server restart"))
    await begun(store, ALICE, BOB, id="c2", address=ROOM, started_at=later(2), continues="c1")
    await say(store, "c2", ALICE, "2")
    assert await inbox(store, BOB) == ["1", "2"]
