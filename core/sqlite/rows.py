"""Rows of the SQLite store and the values they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from ..contacts import Contact, Subscription
from ..conversation import Conversation, Shape
from ..identity import Identity
from ..message import Message, Native
from ..people import Person

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MAX_INTEGER = 2**63 - 1
"""The largest number SQLite keeps."""

MESSAGE = (
    "id, conversation, seq, sender, text, sent_at, endpoint, content_type, origin, target, client, protocol, payload"
)
"""The columns of a message, in the order of ``message_of`` and ``message_row``."""
CONVERSATION = (
    "id, shape, address, subject, moderators, open_door, locked, keeps_seats, continues, started_at, ended_at, rules"
)
"""The columns of a conversation, in the order of ``conversation_of``."""
CONTACT = "owner, address, name, groups, subscription, asked, asking, approved, listed"
PERSON = "address, name, mail, phones, title, time_zone, language"

texts = msgspec.json.Decoder(list[str])
json = msgspec.json.Encoder()

Row = Sequence[Any]


def micros(at: datetime) -> int:
    """A time as it is kept.  Raises TypeError when it has no time zone."""
    return (at - EPOCH) // MICROSECOND


def moment(kept: int) -> datetime:
    return EPOCH + timedelta(microseconds=kept)


def bounded(number: int) -> int:
    """A number from outside as one that SQLite takes; a negative LIMIT would mean none."""
    return max(0, min(number, MAX_INTEGER))


@lru_cache(maxsize=16384)
def identity_of(kept: str) -> Identity:
    """What ``str(identity)`` was; a user part has no @."""
    user, _, domain = kept.partition("@")
    return Identity(user, domain)


def message_of(row: Row) -> Message:
    id, conversation, seq, sender, text, sent_at, *optional, protocol, payload = row
    endpoint, content_type, origin, target, client = optional
    return Message(
        id,
        conversation,
        identity_of(sender),
        text,
        moment(sent_at),
        seq,
        endpoint,
        content_type,
        origin,
        target,
        client,
        None if protocol is None else Native(protocol, payload),
    )


def message_row(m: Message, seq: int, sender: str, sent_at: int) -> tuple[Any, ...]:
    protocol, payload = m.native or (None, None)
    return (
        m.id,
        m.conversation,
        seq,
        sender,
        m.text,
        sent_at,
        m.endpoint,
        m.content_type,
        m.origin,
        m.target,
        m.client,
        protocol,
        payload,
    )


def numbered(m: Message, seq: int, sent_at: datetime) -> Message:
    """The message as accepted.  Spelt out, for each is: ``dataclasses.replace`` takes three times as long."""
    return Message(
        m.id,
        m.conversation,
        m.sender,
        m.text,
        sent_at,
        seq,
        m.endpoint,
        m.content_type,
        m.origin,
        m.target,
        m.client,
        m.native,
    )


def conversation_of(row: Row, participants: list[Identity], newest: Row | None) -> Conversation:
    """``newest``: number and time of its newest message."""
    id, shape, address, subject, moderators, open_door, locked, keeps_seats, continues, started_at, ended_at, _ = row
    return Conversation(
        id=id,
        started_at=moment(started_at),
        shape=Shape.ENDED if ended_at is not None else Shape(shape),
        address=None if address is None else identity_of(address),
        subject=subject,
        participants=participants,
        moderators={identity_of(who) for who in texts.decode(moderators)},
        open_door=bool(open_door),
        locked=bool(locked),
        keeps_seats=bool(keeps_seats),
        last_seq=newest[0] if newest else 0,
        continues=continues,
        last_said=moment(newest[1]) if newest else None,
    )


def contact_of(row: Row) -> Contact:
    owner, address, name, groups, subscription, *flags = row
    return Contact(
        identity_of(owner),
        identity_of(address),
        name,
        tuple(texts.decode(groups)),
        Subscription(subscription),
        *map(bool, flags),
    )


def contact_row(contact: Contact) -> tuple[Any, ...]:
    return (
        str(contact.owner),
        str(contact.address),
        contact.name,
        json.encode(contact.groups).decode(),
        contact.subscription.value,
        contact.asked,
        contact.asking,
        contact.approved,
        contact.listed,
    )


def person_of(row: Row) -> Person:
    address, name, mail, phones, title, time_zone, language = row
    return Person(address, name, mail, texts.decode(phones), title, time_zone, language)


def person_row(address: str, person: Person) -> tuple[Any, ...]:
    phones = json.encode(person.phones).decode()
    return (address, person.name, person.mail, phones, person.title, person.time_zone, person.language)
