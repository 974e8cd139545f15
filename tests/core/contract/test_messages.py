"""Contract of Store: messages are numbered, kept once, and read back as they were."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from ....core.errors import Gone, HereaboutsError
from ....core.message import Native
from ...people import ALICE, BOB, CAROL, NOON
from .acts import appended, begun, inbox, later, say, talk, texts, words


async def test_numbers_count_from_one_in_every_conversation(store):
    await talk(store), await talk(store, "c2")
    first = await say(store, "c1", ALICE, "a", "b")
    second = await say(store, "c2", BOB, "a")
    assert [a.message.seq for a in first + second] == [1, 2, 1]
    assert not any(a.duplicate for a in first + second)


async def test_a_message_comes_back_as_it_was_given(store):
    await talk(store)
    given = words(
        "c1",
        ALICE,
        "naïve ☕ \x00 text",
        content_type="text/html",
        origin="o1",
        target="phone",
        client="Psi 1.5",
        native=Native("xmpp", b"<body>\x00\xff</body>"),
        sent_at=NOON + timedelta(microseconds=7),
    )
    accepted = (await store.append(given)).message
    assert accepted == replace(given, seq=1)
    assert await store.read("c1") == [accepted]


async def test_a_time_in_another_zone_is_the_same_time(store):
    await talk(store)
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    await say(store, "c1", ALICE, "a", sent_at=there)
    (message,) = await store.read("c1")
    assert message.sent_at == NOON and message.sent_at.utcoffset() == timedelta(0)


async def test_calls_of_one_turn_keep_their_order(store):
    await talk(store)
    accepted = await asyncio.gather(*(store.append(words("c1", ALICE, str(n))) for n in range(200)))
    assert [a.message.seq for a in accepted] == list(range(1, 201))
    assert texts(await store.read("c1", limit=500)) == [str(n) for n in range(200)]


async def test_what_is_in_flight_before_an_end_is_kept_and_what_comes_after_is_not(store):
    conversation = await talk(store)
    outcomes = await asyncio.gather(
        appended(store, words("c1", ALICE, "before")),
        store.change(conversation, conversation.end(later(1), "idle")),
        appended(store, words("c1", ALICE, "after")),
        return_exceptions=True,
    )
    assert outcomes[0].message.seq == 1
    assert outcomes[1].said == 1
    assert isinstance(outcomes[2], Gone)


@pytest.mark.parametrize("conversation", ["never", ""])
async def test_nothing_is_said_in_what_never_was(store, conversation):
    with pytest.raises(Gone):
        await store.append(words(conversation, ALICE, "hello"))


async def test_nothing_is_said_after_the_end(store):
    conversation = await talk(store)
    await store.change(conversation, conversation.end(NOON, "idle"))
    with pytest.raises(Gone):
        await store.append(words("c1", ALICE, "hello"))


# ---- once


async def test_the_same_origin_of_the_same_sender_is_kept_once(store):
    await talk(store)
    first = await store.append(words("c1", ALICE, "hello", origin="o1"))
    again = await store.append(words("c1", ALICE, "hello?", origin="o1", id="another", sent_at=later(5)))
    assert again.duplicate and again.message == first.message
    assert texts(await store.read("c1")) == ["hello"]


async def test_a_repetition_leaves_no_gap(store):
    await talk(store)
    await say(store, "c1", ALICE, "one", origin="o1")
    await say(store, "c1", ALICE, "one", origin="o1")
    (two,) = await say(store, "c1", ALICE, "two", origin="o2")
    assert two.message.seq == 2


async def test_repetitions_in_one_turn_are_found(store):
    await talk(store)
    given = [words("c1", ALICE, str(n), origin=f"o{n % 3}") for n in range(9)]
    accepted = await asyncio.gather(*map(store.append, given))
    assert [a.duplicate for a in accepted] == [False] * 3 + [True] * 6
    assert [a.message.text for a in accepted] == ["0", "1", "2"] * 3
    assert [m.seq for m in await store.read("c1")] == [1, 2, 3]


async def test_the_same_origin_of_another_sender_is_another_message(store):
    await talk(store)
    await say(store, "c1", ALICE, "hello", origin="o1")
    (other,) = await say(store, "c1", BOB, "hi", origin="o1")
    assert not other.duplicate and other.message.seq == 2


async def test_without_an_origin_everything_is_new(store):
    await talk(store)
    accepted = await say(store, "c1", ALICE, "hm", "hm", "hm")
    assert [a.message.seq for a in accepted] == [1, 2, 3]


async def test_a_repetition_is_answered_with_the_first_even_when_the_conversation_has_ended(store):
    """Whoever got no answer sends again, perhaps late: they must learn that it was accepted."""
    conversation = await talk(store)
    (first,) = await say(store, "c1", ALICE, "hello", origin="o1")
    await store.change(conversation, conversation.end(NOON, "idle"))
    (again,) = await say(store, "c1", ALICE, "hello", origin="o1")
    assert again == first._replace(duplicate=True)


async def test_a_repetition_in_another_conversation_is_answered_with_the_first(store):
    await talk(store), await talk(store, "c2")
    (first,) = await say(store, "c1", ALICE, "hello", origin="o1")
    (again,) = await say(store, "c2", ALICE, "hello", origin="o1")
    assert again == first._replace(duplicate=True)
    assert await store.read("c2") == []


async def test_a_repetition_of_the_same_turn_for_nowhere_is_answered_with_the_first(store):
    await talk(store)
    first, again = await asyncio.gather(
        store.append(words("c1", ALICE, "hello", origin="o1")),
        store.append(words("never", ALICE, "hello", origin="o1")),
    )
    assert again == first._replace(duplicate=True)


# ---- time


async def test_time_never_goes_back_inside_a_conversation(store):
    await talk(store)
    times = [later(minutes) for minutes in (0, 5, 3, 5, 9, 1)]
    given = [words("c1", ALICE, str(n), sent_at=time) for n, time in enumerate(times)]
    accepted = [await store.append(message) for message in given[:3]]
    accepted += await asyncio.gather(*map(store.append, given[3:]))
    kept = [later(minutes) for minutes in (0, 5, 5, 5, 9, 9)]
    assert [a.message.sent_at for a in accepted] == kept
    assert [m.sent_at for m in await store.read("c1")] == kept


async def test_another_conversation_has_its_own_time(store):
    await talk(store), await talk(store, "c2")
    await say(store, "c1", ALICE, "a", sent_at=later(60))
    (other,) = await say(store, "c2", ALICE, "a", sent_at=NOON)
    assert other.message.sent_at == NOON


# ---- a bad one harms itself only


async def test_a_text_that_is_no_text_harms_no_other_message(store):
    await talk(store)
    given = [words("c1", ALICE, text) for text in ("one", "half \ud83d of a smile", "two")]
    outcomes = await asyncio.gather(*map(store.append, given), return_exceptions=True)
    assert isinstance(outcomes[1], HereaboutsError)
    assert [outcomes[0].message.seq, outcomes[2].message.seq] == [1, 2]
    assert texts(await store.read("c1")) == ["one", "two"]


async def test_a_time_without_a_zone_harms_no_other_message(store):
    await talk(store)
    given = [words("c1", ALICE, "one"), words("c1", ALICE, "two", sent_at=NOON.replace(tzinfo=None))]
    outcomes = await asyncio.gather(*map(store.append, given), return_exceptions=True)
    assert outcomes[0].message.seq == 1 and isinstance(outcomes[1], TypeError)
    (three,) = await say(store, "c1", ALICE, "three")
    assert three.message.seq == 2


async def test_a_message_for_nowhere_harms_no_other_message(store):
    await talk(store)
    given = [words("c1", ALICE, "one"), words("never", ALICE, "two"), words("c1", ALICE, "three")]
    outcomes = await asyncio.gather(*map(store.append, given), return_exceptions=True)
    assert isinstance(outcomes[1], Gone)
    assert outcomes[2].message.seq == 2


# ---- reading


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "1234567"),
        ({"after": 0, "limit": 3}, "123"),
        ({"after": 3, "limit": 3}, "456"),
        ({"after": 6}, "7"),
        ({"after": 7}, ""),
        ({"limit": 0}, ""),
        ({"limit": -1}, ""),
        ({"after": -5, "limit": 2}, "12"),
        ({"limit": 3, "last": True}, "567"),
        ({"after": 5, "limit": 3, "last": True}, "67"),
        ({"after": 2**80}, ""),
        ({"limit": 2**80}, "1234567"),
    ],
)
async def test_a_part_of_a_conversation(store, given, found):
    await talk(store)
    await say(store, "c1", ALICE, *"1234567")
    assert "".join(texts(await store.read("c1", **given))) == found


async def test_a_conversation_that_never_was_has_no_messages(store):
    assert await store.read("never") == []


async def test_others_conversations_are_not_read(store):
    await talk(store), await begun(store, ALICE, CAROL, id="c2")
    await say(store, "c1", ALICE, "for Bob")
    assert await store.read("c2") == [] and await inbox(store, CAROL) == []


async def test_everything_is_there_when_the_store_is_opened_again(make_store):
    async with make_store() as store:
        await talk(store)
        await say(store, "c1", ALICE, "one", "two", origin="")
        before, incarnation = await store.read("c1"), store.incarnation
    async with make_store() as store:
        assert await store.read("c1") == before
        assert store.incarnation == incarnation != ""
        (three,) = await say(store, "c1", BOB, "three")
        assert three.message.seq == 3


async def test_time_does_not_go_back_over_a_restart(make_store):
    async with make_store() as store:
        await talk(store)
        await say(store, "c1", ALICE, "one", sent_at=later(10))
    async with make_store() as store:
        (two,) = await say(store, "c1", ALICE, "two", sent_at=later(2))
        assert two.message.sent_at == later(10)
