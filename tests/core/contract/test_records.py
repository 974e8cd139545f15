"""Contract of Store: every conversation leaves one record, made with its end, numbered without gaps."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from ....core.cdr import Attendance, CallDetailRecord, CallFacts, Seat
from ....core.conversation import CallChanged, Conversation, ConversationEnded, ParticipantLeft, Shape
from ....core.errors import Gone
from ...people import ALICE, BOB, CAROL, NOON
from .acts import ROOM, begun, join, later, leave, say, show, talk


async def ended(store, conversation, minutes: float = 9, reason: str = "idle") -> CallDetailRecord:
    return await store.change(conversation, conversation.end(later(minutes), reason))


async def test_the_record_of_a_talk(store):
    conversation = await talk(store)
    await say(store, "c1", ALICE, "a", "b", client="Psi 1.5", sent_at=later(1))
    await say(store, "c1", BOB, "c", endpoint="phone", sent_at=later(2))
    assert await ended(store, conversation) == CallDetailRecord(
        conversation="c1",
        shape="two-party",
        started_at=NOON,
        ended_at=later(9),
        reason="idle",
        address="",
        subject="",
        continues="",
        seats=[Seat(str(ALICE), NOON, later(9), "idle"), Seat(str(BOB), NOON, later(9), "idle")],
        endpoints={
            str(ALICE): [Attendance("desk", "Psi 1.5", later(1))],
            str(BOB): [Attendance("phone", "", later(2))],
        },
        messages={str(ALICE): 2, str(BOB): 1},
        number=1,
    )


async def test_the_record_of_a_conference(store):
    conversation = await talk(store, subject="Lunch?", continues="c0")
    await join(store, conversation, CAROL, minutes=1)
    await leave(store, conversation, BOB, minutes=2)
    await leave(store, conversation, ALICE, minutes=3, reason="removed by carol@example.test")
    record = await store.change(conversation, conversation.leave(CAROL, later(4)))
    assert (record.shape, record.address, record.subject, record.continues) == ("conference", str(ROOM), "Lunch?", "c0")
    assert record.seats == [
        Seat(str(ALICE), NOON, later(3), "removed by carol@example.test"),
        Seat(str(BOB), NOON, later(2), "left"),
        Seat(str(CAROL), later(1), later(4), "left"),
    ]
    assert record.reason == "carol@example.test left"


async def test_whoever_was_removed_by_somebody_did_not_leave(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await leave(store, conversation, CAROL, by=ALICE)
    await leave(store, conversation, BOB, by=BOB)
    seats = {seat.who: seat.reason for seat in (await store.record("c1")).seats}
    assert seats == {str(ALICE): "", str(BOB): "left", str(CAROL): f"removed by {ALICE}"}


async def test_whoever_comes_back_has_two_seats(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await leave(store, conversation, CAROL, minutes=1)
    await join(store, conversation, CAROL, minutes=2)
    record = await ended(store, conversation)
    assert [(s.joined_at, s.left_at) for s in record.seats if s.who == str(CAROL)] == [
        (NOON, later(1)),
        (later(2), later(9)),
    ]
    assert record.participants == [str(ALICE), str(BOB), str(CAROL)]


async def test_a_running_one_has_an_interim_record(store):
    conversation = await begun(store, ALICE, BOB, CAROL)
    await say(store, "c1", ALICE, "a")
    await leave(store, conversation, CAROL, minutes=1)
    record = await store.record("c1")
    assert (record.number, record.ended_at, record.reason) == (0, None, "")
    assert [seat.left_at for seat in record.seats] == [None, None, later(1)]
    assert record.messages == {str(ALICE): 1}
    assert await store.records() == []


async def test_what_never_was_has_no_record(store):
    assert await store.record("never") is None


async def test_a_change_that_does_not_end_it_returns_no_record(store):
    conversation = await talk(store)
    assert await store.change(conversation, conversation.name("Lunch?", ALICE, NOON)) is None
    assert await store.change(conversation, []) is None


async def test_asking_again_returns_the_same_record(store):
    conversation = await talk(store)
    first = await ended(store, conversation)
    assert await store.change(conversation, [ConversationEnded("c1", later(99), "another reason")]) == first
    assert await store.change(conversation, [ParticipantLeft("c1", BOB, later(99))]) == first
    assert await store.change(conversation, []) == first
    assert await store.record("c1") == first
    assert await store.records() == [first]


async def test_two_who_end_it_at_once_get_the_same_record(store):
    conversation = await talk(store)
    end = [ConversationEnded("c1", later(1), "idle")]
    one, other = await asyncio.gather(store.change(conversation, end), store.change(conversation, end))
    assert one == other and len(await store.records()) == 1


async def test_a_closed_record_does_not_change(store):
    conversation = await talk(store)
    await say(store, "c1", ALICE, "a")
    record = await ended(store, conversation)
    await show(store, "c1", BOB, 1, instance="phone")
    with pytest.raises(Gone):
        await say(store, "c1", BOB, "too late")
    assert await store.record("c1") == record


async def test_records_are_numbered_in_the_order_of_their_ends(store):
    conversations = [await talk(store, f"c{n}") for n in range(6)]
    order = [3, 0, 5, 1, 4, 2]
    await asyncio.gather(*(ended(store, conversations[n]) for n in order))
    records = await store.records()
    assert [record.number for record in records] == [1, 2, 3, 4, 5, 6]
    assert [record.conversation for record in records] == [f"c{n}" for n in order]


async def test_numbers_go_on_after_a_restart(make_store):
    async with make_store() as store:
        record = await ended(store, await talk(store))
    async with make_store() as store:
        assert await store.records() == [record]
        assert (await ended(store, await talk(store, "c2"))).number == 2


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"after": 2}, [3, 4, 5]),
        ({"after": 1, "limit": 2}, [2, 3]),
        ({"limit": 2, "last": True}, [4, 5]),
        ({"after": 4, "limit": 2, "last": True}, [5]),
        ({"after": 5}, []),
        ({"limit": 0}, []),
        ({"after": -1, "limit": -1}, []),
        ({"after": 2**80}, []),
    ],
)
async def test_a_part_of_the_records(store, given, found):
    for n in range(5):
        await ended(store, await talk(store, f"c{n}"))
    assert [record.number for record in await store.records(**given)] == found


# ---- who attended


async def test_endpoints_attend_by_speaking_and_by_being_shown(store):
    conversation = await talk(store)
    await say(store, "c1", ALICE, "a", endpoint="desk", client="Psi")
    await say(store, "c1", ALICE, "b", endpoint="phone", client="Linphone", sent_at=later(1))
    await show(store, "c1", BOB, 1, instance="tablet", client="Dino", at=later(2))
    record = await ended(store, conversation)
    assert record.endpoints == {
        str(ALICE): [Attendance("desk", "Psi", NOON), Attendance("phone", "Linphone", later(1))],
        str(BOB): [Attendance("tablet", "Dino", later(2))],
    }


async def test_an_endpoint_is_noted_once_and_its_client_when_it_is_known(store):
    conversation = await talk(store)
    await say(store, "c1", ALICE, "a", client="")
    await say(store, "c1", ALICE, "b", client="Psi", sent_at=later(1))
    await say(store, "c1", ALICE, "c", client="", sent_at=later(2))
    await show(store, "c1", ALICE, 3, client="something else", at=later(3))
    record = await ended(store, conversation)
    assert record.endpoints == {str(ALICE): [Attendance("desk", "Psi", NOON)]}


async def test_what_has_no_endpoint_does_not_attend(store):
    """Somebody of another domain, or the server itself."""
    conversation = await talk(store)
    await say(store, "c1", ALICE, "a", endpoint="")
    assert (await ended(store, conversation)).endpoints == {}


async def test_attending_is_remembered_over_a_restart(make_store):
    async with make_store() as store:
        await talk(store)
        await say(store, "c1", ALICE, "a", client="Psi")
    async with make_store() as store:
        await say(store, "c1", ALICE, "b", client="another", sent_at=later(5))
        assert (await store.record("c1")).endpoints == {str(ALICE): [Attendance("desk", "Psi", NOON)]}


# ---- never what was said


async def test_a_record_has_no_word_of_what_was_said(store):
    conversation = await talk(store)
    await say(store, "c1", ALICE, "a secret between us", origin="o-secret")
    assert b"secret" not in msgspec.json.encode(await ended(store, conversation))


# ---- calls


async def test_the_record_of_a_call(store):
    call = Conversation("c1", NOON, shape=Shape.CALL)
    asked = CallFacts(str(ALICE), str(BOB), media=["audio"])
    await store.begin(call, [CallChanged("c1", asked, NOON), *call.join(ALICE, NOON)])
    assert (await store.conversation("c1")).shape is Shape.CALL
    assert [c.id for c in await store.open_conversations()] == ["c1"]
    assert (await store.record("c1")).call == asked
    answered = msgspec.structs.replace(asked, answered_by=str(BOB), answered_at=later(1), outcome="answered")
    await store.change(call, [CallChanged("c1", answered, later(1)), *call.join(BOB, later(1))])
    record = await ended(store, call)
    assert (record.shape, record.call, record.talked) == ("call", answered, 8 * 60)
    assert record == (await store.records())[0] == await store.record("c1")
    assert await store.unseen(BOB) == []


async def test_what_is_known_of_a_call_does_not_change_after_its_end(store):
    call = Conversation("c1", NOON, shape=Shape.CALL)
    facts = CallFacts(str(ALICE), str(BOB))
    await store.begin(call, [CallChanged("c1", facts, NOON), *call.join(ALICE, NOON)])
    await ended(store, call)
    with pytest.raises(Gone):
        await store.change(call, [CallChanged("c1", msgspec.structs.replace(facts, route="x"), later(10))])
    assert (await store.record("c1")).call == facts


async def test_a_talk_has_nothing_of_a_call(store):
    record = await ended(store, await talk(store))
    assert (record.call, record.talked) == (None, 0.0)


# ---- exporters


async def test_an_exporter_begins_at_the_beginning(store):
    assert await store.exported("csv") == 0


async def test_each_exporter_has_its_place(store):
    await store.acknowledge("csv", 3)
    await store.acknowledge("jsonl", 5)
    assert (await store.exported("csv"), await store.exported("jsonl")) == (3, 5)


async def test_a_late_repetition_does_not_take_an_exporter_back(store):
    await store.acknowledge("csv", 3)
    await store.acknowledge("csv", 2)
    assert await store.exported("csv") == 3


async def test_an_exporters_place_outlives_a_restart(make_store):
    async with make_store() as store:
        await store.acknowledge("csv", 3)
    async with make_store() as store:
        assert await store.exported("csv") == 3
