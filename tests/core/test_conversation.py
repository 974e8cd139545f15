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
    DoorChanged,
    ParticipantJoined,
    ParticipantLeft,
    RoleChanged,
    Shape,
    SubjectChanged,
)
from ...core.errors import Gone, NotAllowed, NotFound, TooLarge
from ...core.identity import Identity
from ...core.standing import Standing
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
    assert [type(e) for e in conversation.leave(BOB, NOON)] == [ParticipantLeft, RoleChanged]
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


# ---- moderators


def test_the_two_who_had_the_talk_moderate_what_it_becomes():
    assert talk(ALICE, BOB, CAROL).moderators == {ALICE, BOB}


def test_a_conference_that_has_moderators_keeps_them_when_it_grows():
    conversation = talk(ALICE, BOB, CAROL)
    conversation.join(DAVE, NOON, by=CAROL)
    assert conversation.moderators == {ALICE, BOB}


def test_a_moderator_appoints_and_dismisses():
    conversation = talk(ALICE, BOB, CAROL)
    assert conversation.appoint(CAROL, ALICE, NOON, moderator=True) == [RoleChanged("c1", CAROL, True, NOON, ALICE)]
    assert conversation.appoint(CAROL, ALICE, NOON, moderator=True) == []
    assert conversation.appoint(ALICE, CAROL, NOON, moderator=False) == [RoleChanged("c1", ALICE, False, NOON, CAROL)]
    assert conversation.moderators == {BOB, CAROL}


def test_nobody_else_appoints_ejects_or_minds_the_door():
    conversation = talk(ALICE, BOB, CAROL)
    for deed in (
        lambda: conversation.appoint(CAROL, CAROL, NOON, moderator=True),
        lambda: conversation.eject(ALICE, CAROL, NOON),
        lambda: conversation.set_door(CAROL, NOON, locked=True),
        lambda: conversation.set_door(DAVE, NOON, open_door=True),
    ):
        with pytest.raises(NotAllowed):
            deed()
    assert (conversation.moderators, conversation.locked, conversation.open_door) == ({ALICE, BOB}, False, False)


def test_who_is_not_there_is_not_appointed():
    with pytest.raises(NotFound):
        talk(ALICE, BOB, CAROL).appoint(DAVE, ALICE, NOON, moderator=True)


def test_the_last_moderator_does_not_resign_without_a_successor():
    conversation = talk(ALICE, BOB, CAROL)
    conversation.appoint(ALICE, BOB, NOON, moderator=False)
    events = conversation.appoint(BOB, BOB, NOON, moderator=False)
    assert [(e.who, e.moderator, e.by) for e in events] == [(BOB, False, BOB), (ALICE, True, None)]


def test_who_has_been_there_longest_succeeds_the_last_moderator():
    conversation = talk(ALICE, BOB, CAROL)
    conversation.leave(BOB, NOON)
    events = conversation.leave(ALICE, NOON)
    assert events[1:] == [RoleChanged("c1", CAROL, True, NOON)] and conversation.moderators == {CAROL}


def test_the_owner_of_a_room_that_people_come_and_go_in_stays_its_owner():
    room = Conversation("c1", NOON, shape=Shape.CONFERENCE, address=ROOM, moderators={ALICE}, keeps_seats=False)
    room.join(ALICE, NOON), room.join(BOB, NOON)
    assert [type(e) for e in room.leave(ALICE, NOON)] == [ParticipantLeft]
    assert (room.moderators, room.standing(ALICE)) == (set(), Standing.OWNER)
    room.join(ALICE, NOON)
    assert room.moderators == {ALICE}


def test_who_is_put_out_is_a_moderator_no_more():
    conversation = talk(ALICE, BOB, CAROL)
    (left,) = conversation.eject(BOB, ALICE, NOON)
    assert (left.who, left.by, conversation.moderators) == (BOB, ALICE, {ALICE})


def test_a_locked_conference_lets_in_whom_a_moderator_brings():
    conversation = talk(ALICE, BOB, CAROL)
    assert conversation.set_door(ALICE, NOON, locked=True) == [DoorChanged("c1", ALICE, False, True, NOON)]
    assert conversation.set_door(ALICE, NOON, locked=True) == []
    conversation.admit(BOB)
    for by in (CAROL, None):
        with pytest.raises(NotAllowed):
            conversation.admit(by)


def test_nothing_is_done_to_what_has_ended():
    conversation = talk(ALICE, BOB, CAROL)
    conversation.end(NOON, "idle")
    with pytest.raises(Gone):
        conversation.set_door(ALICE, NOON, locked=True)
