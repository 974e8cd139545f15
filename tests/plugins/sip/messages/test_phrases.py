"""What a conference says to clients that know only text."""

from __future__ import annotations

import pytest

from .....core.conversation import Conversation, DoorChanged, Event, RoleChanged
from .....plugins.sip.messages.phrases import PHRASES, people_in, phrase_of
from ....people import ALICE, BOB, NOON


def said(event: Event, language: str = "en") -> str:
    """To Alice."""
    talk = Conversation("c1", NOON, participants=[ALICE, BOB])
    return phrase_of(event, talk, ALICE, lambda who: who.user.capitalize(), language)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (RoleChanged("c1", BOB, True, NOON, ALICE), "Bob moderates this conversation now."),
        (RoleChanged("c1", BOB, False, NOON, ALICE), "Bob does not moderate this conversation any more."),
        (RoleChanged("c1", ALICE, True, NOON), "You moderate this conversation now."),
        (RoleChanged("c1", ALICE, False, NOON, BOB), "You do not moderate this conversation any more."),
        (DoorChanged("c1", BOB, False, True, NOON), "Bob locked this conversation: only a moderator brings people in."),
        (DoorChanged("c1", BOB, True, False, NOON), "Bob opened the door: anybody may come in."),
        (DoorChanged("c1", BOB, False, False, NOON), "Bob closed the door: people come in when they are invited."),
        (DoorChanged("c1", ALICE, False, True, NOON), ""),
    ],
)
def test_roles_and_doors(event: Event, words: str) -> None:
    assert said(event) == words
    german = said(event, "de-AT")
    assert bool(german) == bool(words) and (not words or german != words)


def test_whose_name_is_needed() -> None:
    talk = Conversation("c1", NOON, participants=[ALICE, BOB])
    assert people_in(RoleChanged("c1", BOB, True, NOON), talk) == [BOB]
    assert people_in(DoorChanged("c1", BOB, True, False, NOON), talk) == [BOB]


def test_every_language_has_every_phrase() -> None:
    keys = {frozenset(words) for words in PHRASES.values()}
    assert len(keys) == 1
