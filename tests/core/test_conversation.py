"""Conversations: two become many, and end; membership and order are all they know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.conversation import (
    MAX_PARTICIPANTS,
    BecameConference,
    Conversation,
    ConversationEnded,
    ParticipantJoined,
    ParticipantLeft,
    Shape,
    SubjectChanged,
)
from ...core.errors import Gone, NotAllowed, TooLarge
from ...core.identity import Identity
from ..people import ALICE, BOB, CAROL, DAVE, NOON, who

ROOM = Identity("r", "conference.example.test")


def talk(*people: Identity) -> Conversation:
    conversation = Conversation("c1", NOON)
    for person in people:
        conversation.join(person, NOON, address=ROOM)
    return conversation


def test_two_people_are_a_talk():
    assert talk(ALICE, BOB).shape is Shape.TWO_PARTY


def test_the_third_makes_it_a_conference_with_the_same_id():
    conversation = talk(ALICE, BOB)
    events = conversation.join(CAROL, NOON, by=BOB, address=ROOM)
    assert [type(e) for e in events] == [BecameConference, ParticipantJoined]
    assert (conversation.id, conversation.shape, conversation.address) == ("c1", Shape.CONFERENCE, ROOM)


def test_the_fourth_is_just_one_more():
    assert [type(e) for e in talk(ALICE, BOB, CAROL).join(DAVE, NOON)] == [ParticipantJoined]


def test_joining_twice_changes_nothing():
    assert talk(ALICE, BOB).join(BOB, NOON) == []


def test_only_a_participant_brings_somebody_in():
    with pytest.raises(NotAllowed):
        talk(ALICE, BOB).join(CAROL, NOON, by=DAVE, address=ROOM)


def test_a_conference_is_full_at_its_limit():
    conversation = talk(*(who(f"p{i}") for i in range(MAX_PARTICIPANTS)))
    with pytest.raises(TooLarge):
        conversation.join(ALICE, NOON)


def test_everybody_but_the_speaker_hears():
    assert talk(ALICE, BOB, CAROL).hearers(BOB) == [ALICE, CAROL]


def test_a_stranger_may_not_speak():
    with pytest.raises(NotAllowed):
        talk(ALICE, BOB).hearers(CAROL)


def test_a_talk_ends_with_the_first_to_leave():
    events = talk(ALICE, BOB).leave(BOB, NOON)
    assert [type(e) for e in events] == [ParticipantLeft, ConversationEnded]
    assert events[-1].reason == "bob@example.test left"


def test_a_conference_lasts_until_the_last_one_leaves():
    conversation = talk(ALICE, BOB, CAROL)
    assert [type(e) for e in conversation.leave(ALICE, NOON)] == [ParticipantLeft]
    assert [type(e) for e in conversation.leave(BOB, NOON)] == [ParticipantLeft]
    assert conversation.shape is Shape.CONFERENCE
    assert [type(e) for e in conversation.leave(CAROL, NOON)] == [ParticipantLeft, ConversationEnded]


def test_what_has_ended_is_gone():
    conversation = talk(ALICE, BOB)
    conversation.end(NOON, "idle")
    for deed in (lambda: conversation.hearers(ALICE), lambda: conversation.join(CAROL, NOON)):
        with pytest.raises(Gone):
            deed()
    assert conversation.end(NOON, "again") == conversation.leave(ALICE, NOON) == []


def test_the_subject_changes_once():
    conversation = talk(ALICE, BOB)
    assert [type(e) for e in conversation.name("lunch", ALICE, NOON)] == [SubjectChanged]
    assert conversation.name("lunch", BOB, NOON) == []


@given(st.lists(st.tuples(st.sampled_from(["join", "leave"]), st.integers(0, 5)), max_size=30))
def test_shape_and_people_always_agree(steps):
    conversation = talk(ALICE, BOB)
    joined = left = 0
    for deed, n in steps:
        if conversation.shape is Shape.ENDED:
            break
        person = who(f"p{n}")
        events = conversation.join(person, NOON, address=ROOM) if deed == "join" else conversation.leave(person, NOON)
        joined += sum(isinstance(e, ParticipantJoined) for e in events)
        left += sum(isinstance(e, ParticipantLeft) for e in events)
        assert len(conversation.participants) == len(set(conversation.participants)) == 2 + joined - left
        assert (conversation.shape is Shape.CONFERENCE) == (conversation.address is not None)
