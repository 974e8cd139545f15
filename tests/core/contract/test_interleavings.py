"""Contract of Store: whatever happens in whatever order, it does what the model does."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ....core.conversation import Conversation, ConversationEnded, History, ParticipantJoined, ParticipantLeft
from ....core.errors import Conflict, Gone
from ....core.store import Store
from ...people import ALICE, BOB, CAROL, NOON
from .acts import appended, later, show, words
from .conftest import STORES
from .model import JournalModel

PEOPLE = (ALICE, BOB, CAROL)
IDS = ("c1", "c2", "c3")

ids, people = st.sampled_from(IDS), st.sampled_from(PEOPLE)
origins = st.sampled_from(["", "o1", "o2", "o3"])
acts = st.one_of(
    st.tuples(st.just("say"), ids, people, st.integers(0, 9), st.just("text"), origins),
    st.tuples(st.just("say"), ids, people, st.integers(0, 9), st.just("text"), st.just("")),
    st.tuples(st.just("join"), ids, people, st.sampled_from(History)),
    st.tuples(st.just("leave"), ids, people),
    st.tuples(st.just("end"), ids),
    st.tuples(st.just("begin"), ids, st.lists(people, unique=True, max_size=3)),
)
turns = st.one_of(
    st.lists(acts, min_size=1, max_size=8),
    st.tuples(st.just("show"), ids, people, st.integers(0, 12)),
    st.just("reopen"),
)
BEGINNING = [("begin", "c1", [ALICE, BOB]), ("begin", "c2", [BOB, CAROL])]


def deed(store: Store, act: tuple[Any, ...]) -> Coroutine[Any, Any, Any]:
    """What an act asks of the store."""
    verb, id, *given = act
    conversation = Conversation(id, later(IDS.index(id)))
    match verb:
        case "begin":
            return store.begin(conversation, [ParticipantJoined(id, who, NOON) for who in given[0]])
        case "say":
            who, minute, text, origin = given
            return appended(store, words(id, who, text, sent_at=later(minute), origin=origin))
        case "join":
            return store.change(conversation, [ParticipantJoined(id, given[0], NOON, None, given[1])])
        case "leave":
            return store.change(conversation, [ParticipantLeft(id, given[0], NOON)])
    return store.change(conversation, [ConversationEnded(id, NOON, "idle")])


def gist(outcome: Any) -> object:
    """An answer of the store in the model's words."""
    match outcome:
        case Gone():
            return "gone"
        case Conflict():
            return "conflict"
        case BaseException():
            raise outcome
        case (message, duplicate):
            return (message.conversation, message.seq, duplicate)
        case None:
            return None
    return (outcome.conversation, outcome.number, outcome.said)


async def compare(store: Store, model: JournalModel) -> None:
    for who in PEOPLE:
        waiting = [(message.conversation, message.seq) for message in await store.unseen(who)]
        assert waiting == sorted(model.unseen(who))
    for id, told in model.told.items():
        kept = [(m.sender, m.sent_at, m.text) for m in await store.read(id)]
        assert kept == [(who, later(minute), text) for who, minute, text in told.said]
        assert [m.seq for m in await store.read(id)] == list(range(1, len(told.said) + 1))
        for who in PEOPLE:
            assert await store.first_visible(id, who) == model.first_visible(id, who)
        found = await store.conversation(id)
        assert found.last_seq == len(told.said)
        seats = (await store.record(id)).seats
        assert [seat.who for seat in seats] == [str(stay.who) for stay in told.stays]
    assert [record.conversation for record in await store.records()] == model.records
    assert [record.number for record in await store.records()] == list(range(1, len(model.records) + 1))
    still_open = {id for id, told in model.told.items() if not told.ended}
    assert {conversation.id for conversation in await store.open_conversations()} == still_open


async def play(name: str, folder: Path, script: list[Any]) -> None:
    model, store = JournalModel(), STORES[name](folder)
    await store.__aenter__()
    try:
        for turn in script:
            if turn == "reopen":
                await store.__aexit__(None, None, None)
                store = STORES[name](folder)
                await store.__aenter__()
            elif turn[0] == "show":
                await show(store, *turn[1:])
                model.show(*turn[1:])
            else:
                outcomes = await asyncio.gather(*(deed(store, act) for act in turn), return_exceptions=True)
                expected = [getattr(model, verb)(*given) for verb, *given in turn]
                assert [gist(outcome) for outcome in outcomes] == expected
            await compare(store, model)
    finally:
        await store.__aexit__(None, None, None)


@pytest.mark.parametrize("name", STORES)
@settings(max_examples=60, deadline=None)
@given(script=st.lists(turns, max_size=14))
def test_every_interleaving_is_as_in_the_model(name, script):
    with TemporaryDirectory() as folder:
        asyncio.run(play(name, Path(folder), [BEGINNING, *script]))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda model: model.say("c1", ALICE, 1, "text", ""),
        lambda model: model.join("c1", CAROL, History.ALL),
        lambda model: model.end("c2"),
        lambda model: model.show("c1", BOB, 1),
        lambda model: model.told["c1"].stays.pop(0),
        lambda model: model.told["c1"].said.__setitem__(0, (ALICE, 5, "text")),
    ],
)
async def test_the_comparison_finds_a_store_that_is_wrong(tmp_path, wrong):
    """Without this, a comparison that compares nothing would pass."""
    model = JournalModel()
    async with STORES["sqlite"](tmp_path) as store:
        for act in [*BEGINNING, ("say", "c1", ALICE, 0, "text", "")]:
            await deed(store, act)
            getattr(model, act[0])(*act[1:])
        await compare(store, model)
        wrong(model)
        with pytest.raises(AssertionError):
            await compare(store, model)
