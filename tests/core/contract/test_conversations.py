"""Contract of Store: conversations begin, change and end, and are found again."""

from __future__ import annotations

import asyncio

import pytest

from ....core.conversation import ConversationEnded, History, ParticipantJoined, ParticipantLeft, Shape, SubjectChanged
from ....core.errors import Conflict, Gone
from ...people import ALICE, BOB, CAROL, DAVE, NOON, who
from .acts import ROOM, begun, inbox, join, later, leave, say, talk


async def test_one_that_was_begun_is_found(store):
    conversation = await talk(store)
    assert await store.conversation("c1") == conversation


async def test_one_that_never_was_is_not(store):
    assert await store.conversation("c1") is None
    assert await store.last_at(ROOM) is None
    assert await store.open_conversations() == []


async def test_everything_about_a_conference_is_kept(store):
    conference = await begun(
        store,
        CAROL,
        ALICE,
        BOB,
        address=ROOM,
        subject="Lunch?",
        moderators={ALICE, DAVE},
        open_door=True,
        locked=True,
        keeps_seats=False,
        continues="c0",
    )
    found = await store.conversation("c1")
    assert found == conference
    assert found.participants == [CAROL, ALICE, BOB]


async def test_the_newest_number_and_time_come_with_it(store):
    await talk(store)
    await say(store, "c1", ALICE, "a", "b", sent_at=later(3))
    found = await store.conversation("c1")
    assert (found.last_seq, found.last_said) == (2, later(3))


async def test_the_third_makes_it_a_conference(store):
    conversation = await talk(store)
    await join(store, conversation, CAROL)
    found = await store.conversation("c1")
    assert found == conversation
    assert (found.shape, found.address) == (Shape.CONFERENCE, ROOM)


async def test_it_stays_a_conference_when_people_leave(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await leave(store, conversation, CAROL)
    found = await store.conversation("c1")
    assert (found.shape, found.participants) == (Shape.CONFERENCE, [ALICE, BOB])


async def test_the_subject_changes(store):
    conversation = await talk(store)
    await store.change(conversation, conversation.name("Lunch?", ALICE, NOON))
    assert (await store.conversation("c1")).subject == "Lunch?"


async def test_whoever_comes_back_sits_at_the_end(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await leave(store, conversation, ALICE)
    await join(store, conversation, ALICE)
    assert (await store.conversation("c1")).participants == [BOB, CAROL, ALICE]


async def test_somebody_who_is_there_does_not_come_twice(store):
    """Two front ends may see the same person enter."""
    conversation = await talk(store)
    again = ParticipantJoined("c1", BOB, later(1))
    await store.change(conversation, [again])
    assert (await store.conversation("c1")).participants == [ALICE, BOB]
    assert [seat.who for seat in (await store.record("c1")).seats] == [str(ALICE), str(BOB)]


async def test_somebody_who_is_not_there_does_not_leave(store):
    conversation = await talk(store)
    await store.change(conversation, [ParticipantLeft("c1", CAROL, later(1))])
    assert (await store.conversation("c1")).participants == [ALICE, BOB]


async def test_an_ended_one_is_found_with_those_who_stayed_to_the_end(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await leave(store, conversation, BOB)
    await store.change(conversation, conversation.end(NOON, "idle"))
    found = await store.conversation("c1")
    assert (found.shape, found.participants) == (Shape.ENDED, [ALICE, CAROL])


async def test_what_is_in_the_way_of_an_address(store):
    await begun(store, ALICE, address=ROOM)
    with pytest.raises(Conflict):
        await begun(store, BOB, id="c2", address=ROOM)
    assert await store.conversation("c2") is None
    with pytest.raises(Gone):
        await say(store, "c2", BOB, "is anybody here?")


async def test_an_id_is_used_once(store):
    await talk(store)
    with pytest.raises(Conflict):
        await begun(store, CAROL, DAVE)
    assert (await store.conversation("c1")).participants == [ALICE, BOB]


async def test_an_address_is_free_again_after_the_end(store):
    first = await begun(store, ALICE, address=ROOM)
    await store.change(first, first.end(NOON, "idle"))
    second = await begun(store, BOB, id="c2", address=ROOM)
    assert await store.last_at(ROOM) == second


async def test_talks_of_two_have_no_address_to_fight_about(store):
    await talk(store), await talk(store, "c2")
    assert len(await store.open_conversations()) == 2


async def test_a_talk_does_not_become_a_conference_where_one_is(store):
    await begun(store, DAVE, id="c0", address=ROOM)
    conversation = await talk(store)
    with pytest.raises(Conflict):
        await join(store, conversation, CAROL)
    found = await store.conversation("c1")
    assert (found.shape, found.participants) == (Shape.TWO_PARTY, [ALICE, BOB])


async def test_the_newest_at_an_address(store):
    first = await begun(store, ALICE, BOB, address=ROOM)
    await store.change(first, first.end(later(1), "idle"))
    second = await begun(store, CAROL, DAVE, id="c2", address=ROOM, started_at=later(2))
    await leave(store, second, DAVE)
    assert (await store.last_at(ROOM)).participants == [CAROL]
    await store.change(second, second.end(later(3), "server restart"))
    last = await store.last_at(ROOM)
    assert (last.id, last.shape, last.participants) == ("c2", Shape.ENDED, [CAROL])
    assert await store.last_at(who("attic@conference.example.test")) is None


async def test_open_conversations_are_listed_until_they_end(store):
    first, second = await talk(store), await talk(store, "c2", started_at=later(1))
    await say(store, "c2", ALICE, "hello", sent_at=later(2))
    second.last_seq, second.last_said = 1, later(2)
    assert await store.open_conversations() == [first, second]
    await store.change(first, first.end(NOON, "idle"))
    assert await store.open_conversations() == [second]


async def test_after_a_restart_the_open_ones_are_still_open_and_can_be_ended(make_store):
    async with make_store() as store:
        conversation = await begun(store, ALICE, BOB, CAROL)
        await say(store, "c1", ALICE, "hello")
    async with make_store() as store:
        (orphan,) = await store.open_conversations()
        assert orphan.participants == conversation.participants
        record = await store.change(orphan, [ConversationEnded("c1", later(9), "server restart")])
        assert (record.reason, record.said, record.number) == ("server restart", 1, 1)
        assert await store.open_conversations() == []


@pytest.mark.parametrize(
    "event",
    [
        ParticipantJoined("c1", CAROL, later(2)),
        SubjectChanged("c1", ALICE, "Lunch?", later(2)),
    ],
)
async def test_nothing_happens_after_the_end(store, event):
    conversation = await talk(store)
    await store.change(conversation, conversation.end(NOON, "idle"))
    with pytest.raises(Gone):
        await store.change(conversation, [event])
    assert [seat.who for seat in (await store.record("c1")).seats] == [str(ALICE), str(BOB)]


async def test_nothing_happens_in_what_never_was(store):
    conversation = await talk(store)
    conversation.id = "never"
    with pytest.raises(Gone):
        await store.change(conversation, [ParticipantJoined("never", CAROL, NOON)])


async def test_a_change_that_fails_changes_nothing(store):
    conversation = await talk(store)
    conversation.moderators = {ALICE}
    events = [
        ParticipantJoined("c1", CAROL, NOON),
        ConversationEnded("c1", NOON, "idle"),
        SubjectChanged("c1", BOB, "", NOON),
    ]
    with pytest.raises(Gone):
        await store.change(conversation, events)
    found = await store.conversation("c1")
    assert (found.shape, found.participants, found.moderators) == (Shape.TWO_PARTY, [ALICE, BOB], set())
    assert await store.records() == []
    (accepted,) = await say(store, "c1", ALICE, "still here")
    assert accepted.message.seq == 1


async def test_a_change_harms_no_other_job_of_its_turn(store):
    conversation = await talk(store)
    await begun(store, DAVE, id="c0", address=ROOM)
    outcomes = await asyncio.gather(
        say(store, "c1", ALICE, "one"),
        store.change(conversation, conversation.join(CAROL, NOON, address=ROOM)),
        say(store, "c1", BOB, "two"),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], Conflict)
    assert await inbox(store, BOB) == ["one"] and await inbox(store, ALICE) == ["two"]


@pytest.mark.parametrize(("history", "first"), [(History.ALL, 1), (History.NOW, 3), (History.NONE, 4)])
async def test_the_adder_chooses_what_is_visible(store, history, first):
    conversation = await talk(store)
    await say(store, "c1", ALICE, "one", "two", "three")
    await join(store, conversation, CAROL, history)
    await say(store, "c1", ALICE, "four")
    assert await store.first_visible("c1", CAROL) == first
    assert await store.first_visible("c1", ALICE) == 1


@pytest.mark.parametrize("history", History)
async def test_in_an_empty_conversation_everything_is_visible(store, history):
    conversation = await talk(store)
    await join(store, conversation, CAROL, history)
    assert await store.first_visible("c1", CAROL) == 1


async def test_for_whoever_came_back_the_last_adder_has_chosen(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await say(store, "c1", ALICE, "one")
    await leave(store, conversation, CAROL)
    await say(store, "c1", ALICE, "two")
    await join(store, conversation, CAROL)
    assert await store.first_visible("c1", CAROL) == 3


async def test_nothing_is_visible_for_somebody_who_was_never_there(store):
    await talk(store)
    assert await store.first_visible("c1", CAROL) == 1
    await say(store, "c1", ALICE, "one", "two")
    assert await store.first_visible("c1", CAROL) == 3
    assert await store.first_visible("never", CAROL) == 1
