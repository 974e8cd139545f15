"""Rows and values: what goes in comes out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....core.contacts import Contact, Subscription
from ....core.identity import Identity
from ....core.message import Message, Native
from ....core.people import Person
from ....core.sqlite.rows import (
    MAX_INTEGER,
    bounded,
    contact_of,
    contact_row,
    identity_of,
    message_of,
    message_row,
    micros,
    moment,
    numbered,
    person_of,
    person_row,
)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
users = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="@"), min_size=1, max_size=10)
identities = st.builds(Identity, users, users)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
messages = st.builds(
    Message,
    id=text,
    conversation=text,
    sender=identities,
    text=text,
    sent_at=times,
    seq=st.just(0),
    endpoint=text,
    content_type=text,
    origin=text,
    target=text,
    client=text,
    native=st.none() | st.builds(Native, text, st.binary(max_size=20)),
)


@given(times)
def test_times_keep_every_microsecond(at):
    assert moment(micros(at)) == at


def test_a_time_in_another_zone_is_kept_in_utc():
    there = datetime(2026, 11, 24, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert moment(micros(there)) == there and moment(micros(there)).tzinfo is UTC
    assert micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0


def test_a_time_without_a_zone_is_none():
    with pytest.raises(TypeError):
        micros(datetime(2026, 11, 24))


@given(identities)
def test_identities(identity):
    assert identity_of(str(identity)) == identity


@given(messages, st.integers(1, MAX_INTEGER), times)
def test_messages(message, seq, at):
    accepted = numbered(message, seq, at)
    assert message_of(message_row(message, seq, str(message.sender), micros(at))) == accepted
    changed = {name for name in Message.__slots__ if getattr(message, name) != getattr(accepted, name)}
    assert changed <= {"seq", "sent_at"} and (accepted.seq, accepted.sent_at) == (seq, at)


@given(
    st.builds(
        Contact,
        owner=identities,
        address=identities,
        name=text,
        groups=st.lists(text, max_size=3).map(tuple),
        subscription=st.sampled_from(Subscription),
        asked=st.booleans(),
        asking=st.booleans(),
        approved=st.booleans(),
        listed=st.booleans(),
    )
)
def test_contacts(contact):
    assert contact_of(contact_row(contact)) == contact


@given(st.builds(Person, *[text] * 3, st.lists(text, max_size=3), *[text] * 3))
def test_people(person):
    assert person_of(person_row(person.address, person)) == person


@pytest.mark.parametrize(
    ("number", "kept"), [(0, 0), (7, 7), (-1, 0), (-(2**80), 0), (2**80, MAX_INTEGER), (MAX_INTEGER, MAX_INTEGER)]
)
def test_numbers_from_outside(number, kept):
    assert bounded(number) == kept
