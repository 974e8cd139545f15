"""The IMMCU: two become many, everybody hears everything once and in order, and each conversation leaves one record."""

from __future__ import annotations

import asyncio

import pytest

from ...core.conversation import BecameConference, ConversationEnded, History, ParticipantJoined, Shape
from ...core.errors import Absent, Answered, Busy, Conflict, NotAllowed, NotFound, Protected, Refused, TooLarge
from ...core.hooks import hookimpl
from ...core.housekeeping import end_idle
from ...core.identity import Endpoint, Identity
from ...core.message import MAX_TEXT, Copy, Happened, Notice, SignedOut, Typing, Utterance
from ..people import ALICE, BOB, CAROL, DAVE, Clock, at, who
from ..stage import front_end_in, say, sit


async def test_a_message_reaches_the_other(front_end):
    bob = sit(front_end, BOB)
    message = await say(front_end, ALICE, BOB, "hello")
    assert (message.seq, bob.texts) == (1, ["hello"])
    assert bob.shown[0].copy is Copy.ADDRESSED and not bob.shown[0].delayed


async def test_the_answer_belongs_to_the_same_conversation(front_end):
    sit(front_end, ALICE), sit(front_end, BOB)
    first = await say(front_end, ALICE, BOB, "hello")
    second = await say(front_end, BOB, ALICE, "hi")
    assert (second.conversation, second.seq) == (first.conversation, 2)


async def test_many_at_once_start_one_conversation_and_keep_their_order(front_end):
    bob = sit(front_end, BOB)
    await asyncio.gather(*(say(front_end, ALICE, BOB, str(n)) for n in range(50)))
    assert bob.texts == [str(n) for n in range(50)]
    assert [d.message.seq for d in bob.shown] == list(range(1, 51))
    assert len(front_end.immcu.conversations) == 1


async def test_every_endpoint_of_both_sees_it(front_end):
    desk, phone = sit(front_end, BOB, "desk"), sit(front_end, BOB, "phone")
    own, other = sit(front_end, ALICE, "desk"), sit(front_end, ALICE, "phone")
    await say(front_end, ALICE, BOB, "hello")
    assert desk.texts == phone.texts == ["hello"]
    assert own.texts == [] and [d.copy for d in other.shown] == [Copy.SENT]


async def test_a_message_to_one_endpoint_is_a_copy_at_the_others(front_end):
    desk, phone = sit(front_end, BOB, "desk"), sit(front_end, BOB, "phone")
    await say(front_end, ALICE, BOB, "hello", target="phone")
    assert [d.copy for d in phone.shown] == [Copy.ADDRESSED]
    assert [d.copy for d in desk.shown] == [Copy.RECEIVED]


async def test_a_target_that_is_gone_means_the_person(front_end):
    desk = sit(front_end, BOB, "desk")
    await say(front_end, ALICE, BOB, "hello", target="phone")
    assert [d.copy for d in desk.shown] == [Copy.ADDRESSED]


async def test_the_same_thing_sent_twice_is_said_once(front_end):
    bob = sit(front_end, BOB)
    first = await say(front_end, ALICE, BOB, "hello", origin="o-1")
    again = await say(front_end, ALICE, BOB, "hello", origin="o-1")
    assert (again.id, again.seq) == (first.id, first.seq)
    assert bob.texts == ["hello"]


@pytest.mark.parametrize("name", ["nobody", "eve@elsewhere.example"])
async def test_there_is_nobody_to_talk_to(front_end, name):
    with pytest.raises(NotFound):
        await say(front_end, ALICE, who(name), "hello")
    assert front_end.immcu.conversations == {}


async def test_the_blocked_find_nobody(front_end):
    bob = sit(front_end, BOB)
    await say(front_end, ALICE, BOB, "hello")
    await front_end.contacts.block(BOB, ALICE)
    with pytest.raises(NotFound):
        await say(front_end, ALICE, BOB, "again")
    assert bob.texts == ["hello"]


async def test_too_much_text_is_refused(front_end):
    with pytest.raises(TooLarge):
        await say(front_end, ALICE, BOB, "ä" * (MAX_TEXT // 2 + 1))


async def test_a_filter_changes_refuses_or_answers(tmp_path):
    class Filter:
        @hookimpl
        async def filter_message(self, message, conversation):
            from dataclasses import replace

            if message.text == "/help":
                raise Answered("there is none")
            if message.text == "rude":
                raise Refused("not here")
            return replace(message, text=message.text.upper(), native=None)

    async with front_end_in(tmp_path, Filter()) as front_end:
        alice, bob = sit(front_end, ALICE), sit(front_end, BOB)
        await say(front_end, ALICE, BOB, "hello")
        with pytest.raises(Refused):
            await say(front_end, ALICE, BOB, "rude")
        with pytest.raises(Answered):
            await say(front_end, ALICE, BOB, "/help")
        assert bob.texts == ["HELLO"]
        assert [n.text for n in alice.news if isinstance(n, Notice)] == ["there is none"]


# ---- a third person


async def test_a_third_person_makes_it_a_conference_with_the_same_id(front_end):
    desks = {person: sit(front_end, person) for person in (ALICE, BOB, CAROL)}
    first = await say(front_end, ALICE, BOB, "hello")
    conversation = front_end.immcu.conversations[first.conversation]
    await front_end.immcu.add(conversation, CAROL, by=BOB)
    assert (conversation.id, conversation.shape) == (first.conversation, Shape.CONFERENCE)
    assert conversation.address is not None and front_end.is_conference(conversation.address.domain)
    for desk in desks.values():
        assert [type(n.event) for n in desk.news if isinstance(n, Happened)] == [BecameConference, ParticipantJoined]
    answer = await say(front_end, CAROL, conversation.address, "hello both")
    assert answer.conversation == first.conversation
    assert desks[ALICE].texts == ["hello both"] and desks[BOB].texts == ["hello", "hello both"]


@pytest.mark.parametrize(
    ("history", "seen"), [(History.NONE, []), (History.NOW, ["two"]), (History.ALL, ["one", "two"])]
)
async def test_the_newcomer_sees_the_history_that_the_adder_chose(front_end, history, seen):
    carol = sit(front_end, CAROL)
    await say(front_end, ALICE, BOB, "one")
    message = await say(front_end, BOB, ALICE, "two")
    conversation = front_end.immcu.conversations[message.conversation]
    await front_end.immcu.add(conversation, CAROL, by=BOB, history=history)
    assert carol.texts == seen
    assert [m.text for m in await front_end.immcu.history(conversation, CAROL)] == seen
    await say(front_end, ALICE, conversation.address, "three")
    assert carol.texts == [*seen, "three"]
    assert [m.text for m in await front_end.immcu.history(conversation, ALICE)] == ["one", "two", "three"]


async def test_two_people_of_a_conference_may_still_talk_alone(front_end):
    bob, carol = sit(front_end, BOB), sit(front_end, CAROL)
    first = await say(front_end, ALICE, BOB, "hello")
    await front_end.immcu.add(front_end.immcu.conversations[first.conversation], CAROL, by=ALICE)
    private = await say(front_end, ALICE, BOB, "between us")
    assert private.conversation != first.conversation
    assert bob.texts == ["hello", "between us"] and carol.texts == []


async def test_strangers_to_a_conference_do_not_find_it(front_end):
    first = await say(front_end, ALICE, BOB, "hello")
    conversation = front_end.immcu.conversations[first.conversation]
    await front_end.immcu.add(conversation, CAROL, by=ALICE)
    with pytest.raises(NotFound):
        await say(front_end, DAVE, conversation.address, "let me in")
    with pytest.raises(NotAllowed):
        await front_end.immcu.add(conversation, DAVE, by=DAVE)
    with pytest.raises(NotAllowed):
        await front_end.immcu.enter(conversation, DAVE)


async def test_who_left_hears_no_more_and_may_not_speak(front_end):
    carol = sit(front_end, CAROL)
    first = await say(front_end, ALICE, BOB, "hello")
    conversation = front_end.immcu.conversations[first.conversation]
    await front_end.immcu.add(conversation, CAROL, by=ALICE)
    await front_end.immcu.leave(conversation, CAROL)
    await say(front_end, ALICE, conversation.address, "she is gone")
    assert carol.texts == []
    assert await front_end.immcu.history(conversation, CAROL) == []
    with pytest.raises(NotFound):
        await say(front_end, CAROL, conversation.address, "wait")


async def test_a_room_from_the_start(front_end):
    address = Identity("lounge", "conference.example.test")
    room = await front_end.immcu.open_room(address, ALICE, subject="tea")
    with pytest.raises(Conflict):
        await front_end.immcu.open_room(address, BOB)
    bob = sit(front_end, BOB)
    await front_end.immcu.enter(room, BOB)
    await say(front_end, ALICE, address, "welcome")
    assert bob.texts == ["welcome"]
    with pytest.raises(NotAllowed):
        await front_end.immcu.leave(room, ALICE, reason="removed", by=BOB)
    await front_end.immcu.leave(room, BOB, reason="removed", by=ALICE)
    await front_end.immcu.leave(room, ALICE)
    assert await front_end.immcu.at(address) is None
    assert await front_end.immcu.open_room(address, BOB)


async def test_a_locked_conference_lets_nobody_in_whom_no_moderator_brings(front_end):
    room = await front_end.immcu.open_room(Identity("lounge", "conference.example.test"), ALICE)
    await front_end.immcu.enter(room, BOB)
    await front_end.immcu.chair.set_door(room, ALICE, locked=True)
    with pytest.raises(NotAllowed):
        await front_end.immcu.enter(room, CAROL)
    with pytest.raises(NotAllowed):
        await front_end.immcu.add(room, CAROL, by=BOB)
    await front_end.immcu.add(room, CAROL, by=ALICE)
    assert room.participants == [ALICE, BOB, CAROL]


async def test_roles_and_the_door_outlast_a_restart_and_everybody_is_told(tmp_path):
    address = Identity("lounge", "conference.example.test")
    async with front_end_in(tmp_path) as front_end:
        room = await front_end.immcu.open_room(address, ALICE)
        bob = sit(front_end, BOB)
        await front_end.immcu.enter(room, BOB)
        await front_end.immcu.chair.appoint(room, BOB, ALICE, moderator=True)
        await front_end.immcu.chair.set_door(room, BOB, open_door=False, locked=True)
        told = [news.event for news in bob.news if isinstance(news, Happened)]
        assert [type(event).__name__ for event in told[-2:]] == ["RoleChanged", "DoorChanged"]
    async with front_end_in(tmp_path) as front_end:
        room = await front_end.immcu.at(address)
        assert (room.participants, room.open_door, room.locked) == ([], False, True)
        with pytest.raises(NotAllowed):
            await front_end.immcu.enter(room, CAROL)
        await front_end.immcu.enter(room, ALICE)
        await front_end.immcu.enter(room, BOB)
        assert room.moderators == {ALICE, BOB}
        with pytest.raises(Protected):
            await front_end.immcu.chair.eject(room, ALICE, BOB)
        await front_end.immcu.chair.eject(room, BOB, ALICE)
        assert (room.participants, room.moderators) == ([ALICE], {ALICE})


# ---- absent people


async def test_the_absent_get_it_at_sign_in_once_with_the_original_time(tmp_path):
    clock = Clock()
    async with front_end_in(tmp_path, clock=clock) as front_end:
        await say(front_end, ALICE, BOB, "one")
        clock.turn(minutes=3)
        await say(front_end, ALICE, BOB, "two")
        clock.turn(hours=1)
        bob = sit(front_end, BOB)
        await front_end.fan_out.catch_up(at(BOB))
        assert bob.texts == ["one", "two"]
        assert all(d.delayed for d in bob.shown)
        assert (bob.shown[1].message.sent_at - bob.shown[0].message.sent_at).total_seconds() == 180
        front_end.registrar.unbind(at(BOB))
        again = sit(front_end, BOB)
        await front_end.fan_out.catch_up(at(BOB))
        assert again.texts == []


async def test_what_is_said_during_the_catching_up_comes_after_it(front_end):
    await asyncio.gather(*(say(front_end, ALICE, BOB, f"old {n}") for n in range(20)))
    bob = sit(front_end, BOB)
    catching = asyncio.create_task(front_end.fan_out.catch_up(at(BOB)))
    await asyncio.gather(*(say(front_end, ALICE, BOB, f"new {n}") for n in range(20)))
    await catching
    assert bob.texts == [f"old {n}" for n in range(20)] + [f"new {n}" for n in range(20)]


async def test_an_endpoint_that_did_not_take_it_gets_it_next_time(front_end):
    first = sit(front_end, BOB, mood="refuses")
    await say(front_end, ALICE, BOB, "hello")
    assert first.texts == ["hello"]
    front_end.registrar.unbind(at(BOB), reason="connection lost")
    second = sit(front_end, BOB)
    await front_end.fan_out.catch_up(at(BOB))
    assert second.texts == ["hello"]


async def test_a_broken_channel_costs_the_others_nothing(front_end):
    sit(front_end, BOB, "broken", mood="breaks")
    desk = sit(front_end, BOB, "desk")
    await say(front_end, ALICE, BOB, "hello")
    assert desk.texts == ["hello"]


async def test_policy_may_keep_nothing_for_the_absent(tmp_path):
    async with front_end_in(tmp_path, offline="refuse") as front_end:
        with pytest.raises(Absent):
            await say(front_end, ALICE, BOB, "hello")
        bob = sit(front_end, BOB)
        await say(front_end, ALICE, BOB, "hello again")
        assert bob.texts == ["hello again"]


async def test_a_note_to_oneself_reaches_the_other_endpoint(front_end):
    sit(front_end, ALICE, "desk")
    phone = sit(front_end, ALICE, "phone")
    await say(front_end, ALICE, ALICE, "buy milk")
    assert phone.texts == ["buy milk"]


async def test_typing_goes_to_the_others_alone(front_end):
    alice, bob = sit(front_end, ALICE), sit(front_end, BOB)
    message = await say(front_end, ALICE, BOB, "hello")
    conversation = front_end.immcu.conversations[message.conversation]
    front_end.immcu.tell(conversation, Typing(conversation, at(ALICE), True), at(ALICE))
    assert [type(n) for n in bob.news] == [Typing] and alice.news == []
    assert await front_end.immcu.between(BOB, ALICE) is conversation
    assert await front_end.immcu.between(BOB, CAROL) is None


async def test_a_removed_account_leaves_everything_and_is_signed_out(front_end):
    alice, bob = sit(front_end, ALICE), sit(front_end, BOB)
    message = await say(front_end, ALICE, BOB, "hello")
    await front_end.accounts.remove(BOB)
    assert any(isinstance(n, SignedOut) for n in bob.news)
    assert front_end.registrar.of(BOB) == [] and front_end.immcu.conversations == {}
    record = await front_end.store.record(message.conversation)
    assert record is not None and record.reason == f"{BOB} account removed"
    with pytest.raises(NotFound):
        await say(front_end, ALICE, BOB, "are you there?")
    assert any(isinstance(n, Happened) for n in alice.news)


# ---- records


async def test_each_conversation_leaves_one_record_without_the_text(tmp_path):
    clock, records = Clock(), []

    class Book:
        @hookimpl
        def record_closed(self, record):
            records.append(record)

    async with front_end_in(tmp_path, Book(), clock=clock) as front_end:
        sit(front_end, BOB)
        await say(front_end, ALICE, BOB, "the text", client="Softphone 1")
        message = await say(front_end, BOB, ALICE, "the answer")
        conversation = front_end.immcu.conversations[message.conversation]
        interim = await front_end.store.record(conversation.id)
        assert interim is not None and interim.ended_at is None
        clock.turn(minutes=1)
        await front_end.immcu.add(conversation, CAROL, by=BOB)
        for person in (CAROL, BOB, ALICE):
            await front_end.immcu.leave(conversation, person)
        await front_end.hooks.heard()
        [record] = records
        assert record == await front_end.store.record(conversation.id)
    assert (record.shape, record.participants) == ("conference", [str(ALICE), str(BOB), str(CAROL)])
    assert record.messages == {str(ALICE): 1, str(BOB): 1}
    assert record.endpoints[str(ALICE)][0].client == "Softphone 1"
    assert record.endpoints[str(BOB)][0].client == "a test's desk"
    assert (record.reason, record.number) == (f"{ALICE} left", 1)
    assert "the text" not in repr(record)


async def test_nobody_says_anything_for_long_and_it_is_over(tmp_path):
    clock = Clock()
    async with front_end_in(tmp_path, clock=clock) as front_end:
        first = await say(front_end, ALICE, BOB, "hello")
        clock.turn(minutes=9)
        await end_idle(front_end.immcu, front_end.settings, clock())
        assert first.conversation in front_end.immcu.conversations
        clock.turn(minutes=2)
        await end_idle(front_end.immcu, front_end.settings, clock())
        assert front_end.immcu.conversations == {}
        record = await front_end.store.record(first.conversation)
        assert record is not None and record.reason == "idle"
        second = await say(front_end, ALICE, BOB, "hello again")
        assert second.conversation != first.conversation


async def test_a_conference_address_outlives_idleness(tmp_path):
    clock = Clock()
    async with front_end_in(tmp_path, clock=clock) as front_end:
        carol = sit(front_end, CAROL)
        first = await say(front_end, ALICE, BOB, "hello")
        conversation = front_end.immcu.conversations[first.conversation]
        await front_end.immcu.add(conversation, CAROL, by=BOB, history=History.ALL)
        clock.turn(hours=9)
        await end_idle(front_end.immcu, front_end.settings, clock())
        assert any(isinstance(n.event, ConversationEnded) for n in carol.news if isinstance(n, Happened))
        later = await say(front_end, BOB, conversation.address, "still here?")
        assert later.conversation != first.conversation
        assert carol.texts == ["hello", "still here?"]
        resumed = front_end.immcu.conversations[later.conversation]
        assert resumed.continues == first.conversation
        assert [m.text for m in await front_end.immcu.history(resumed, ALICE)] == ["hello", "still here?"]


async def test_stopping_refuses_new_messages_and_closes_the_records(tmp_path):
    async with front_end_in(tmp_path) as front_end:
        first = await say(front_end, ALICE, BOB, "hello")
        front_end.immcu.stopping = True
        with pytest.raises(Busy):
            await say(front_end, ALICE, BOB, "one more")
    async with front_end_in(tmp_path) as front_end:
        record = await front_end.store.record(first.conversation)
        assert record is not None and record.reason == "server stopped"


async def test_a_message_from_no_endpoint_at_all_is_fine(front_end):
    bob = sit(front_end, BOB)
    await front_end.immcu.send(Utterance(Endpoint(ALICE, ""), "from a script"), BOB)
    assert bob.texts == ["from a script"]
