"""The lines of an export: JSON objects, one on each line, told apart by their first field.

A conversation's line is followed by its messages.  People, addresses and times are written as text, for other programs.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from .cdr import CallDetailRecord
from .charter import PLAIN, Charter
from .contacts import Contact, Subscription
from .errors import BadAddress, BadRequest
from .identity import Identity
from .message import Message, Native
from .people import Person
from .standing import Standing
from .store import Retraction

FORMAT = 1
"""The version of this format; a later one is refused."""
MAX_LINE = 16 * 1024 * 1024
"""Bytes of a line."""


class Line(msgspec.Struct, frozen=True, tag_field="line", forbid_unknown_fields=True):
    """What all lines have: the field ``line``, which says what it is about."""


class HeaderLine(Line, frozen=True, tag="hereabouts"):
    """The first line."""

    format: int
    exported_at: datetime


class PersonLine(Line, frozen=True, tag="person"):
    """One entry of the directory, with the keys of the password and whom the person blocks."""

    person: Person
    credentials: dict[str, str] = {}
    blocked: list[str] = []


class ContactLine(Line, frozen=True, tag="contact", omit_defaults=True):
    """One entry of a contact list."""

    owner: str
    address: str
    name: str = ""
    groups: list[str] = []
    subscription: Subscription = Subscription.NONE
    asked: bool = False
    asking: bool = False
    approved: bool = False
    listed: bool = True


class DocumentLine(Line, frozen=True, tag="document"):
    """A small thing that a plugin keeps; the body in base64."""

    kind: str
    key: str
    body: bytes


class ConversationLine(Line, frozen=True, tag="conversation"):
    """A conversation's record, and what the record does not say.  ``ended_at`` is null in one that is not over."""

    record: CallDetailRecord
    first_visible: dict[str, int]
    """By participant: the number of the first message they may see."""
    positions: dict[str, int]
    """By participant: the number of the last message they were shown, for those who have not seen everything."""
    moderators: list[str] = []
    open_door: bool = False
    keeps_seats: bool = True
    locked: bool = False
    charter: Charter = PLAIN
    standings: dict[str, Standing] = {}
    """By address: how people belong to the conference; empty in older exports, where moderators own it."""
    names: dict[str, str] = {}


class Retracted(msgspec.Struct, frozen=True):
    """By whom a message was taken back, when and why."""

    by: str
    at: datetime
    reason: str


class MessageLine(Line, frozen=True, tag="message", omit_defaults=True):
    """One message of the conversation whose line came last."""

    seq: int
    id: str
    sender: str
    sent_at: datetime
    text: str
    endpoint: str = ""
    content_type: str = "text/plain"
    origin: str = ""
    target: str = ""
    client: str = ""
    protocol: str = ""
    payload: bytes = b""
    retracted: Retracted | None = None
    """Where a moderator took it back."""


AnyLine = HeaderLine | PersonLine | ContactLine | DocumentLine | ConversationLine | MessageLine

encoder = msgspec.json.Encoder()
decoder: msgspec.json.Decoder[AnyLine] = msgspec.json.Decoder(AnyLine)


def written(line: AnyLine) -> bytes:
    """A line as it stands in the file, with its end."""
    return encoder.encode(line) + b"\n"


def parsed(raw: bytes, number: int) -> AnyLine:
    """A line of a file.  Raises BadRequest that names the line."""
    if len(raw) > MAX_LINE:
        raise BadRequest(f"line {number}: longer than {MAX_LINE} bytes")
    try:
        line: AnyLine = decoder.decode(raw)
        for address in _addresses(line):
            Identity.parse(address)
    except (msgspec.MsgspecError, UnicodeDecodeError, BadAddress) as wrong:
        raise BadRequest(f"line {number}: {wrong}") from wrong
    return line


def contact_line(contact: Contact) -> ContactLine:
    """An entry as a line."""
    return ContactLine(
        str(contact.owner),
        str(contact.address),
        contact.name,
        list(contact.groups),
        contact.subscription,
        contact.asked,
        contact.asking,
        contact.approved,
        contact.listed,
    )


def contact_of(line: ContactLine) -> Contact:
    """A line as an entry."""
    return Contact(
        Identity.parse(line.owner),
        Identity.parse(line.address),
        line.name,
        tuple(line.groups),
        line.subscription,
        line.asked,
        line.asking,
        line.approved,
        line.listed,
    )


def message_line(message: Message, gone: Retraction | None = None) -> MessageLine:
    """A message as a line."""
    m = message
    protocol, payload = m.native or ("", b"")
    optional = (m.endpoint, m.content_type, m.origin, m.target, m.client)
    retracted = Retracted(str(gone.by), gone.at, gone.reason) if gone is not None else None
    return MessageLine(m.seq, m.id, str(m.sender), m.sent_at, m.text, *optional, protocol, payload, retracted)


def message_of(line: MessageLine, conversation: str) -> Message:
    """A line as a message."""
    native = Native(line.protocol, line.payload) if line.protocol else None
    optional = (line.endpoint, line.content_type, line.origin, line.target, line.client)
    sender = Identity.parse(line.sender)
    return Message(line.id, conversation, sender, line.text, line.sent_at, line.seq, *optional, native)


def _addresses(line: AnyLine) -> list[str]:
    match line:
        case PersonLine():
            return [line.person.address, *line.blocked]
        case ContactLine():
            return [line.owner, line.address]
        case ConversationLine():
            conference = [line.record.address] if line.record.address else []
            return [*line.record.participants, *line.record.endpoints, *line.moderators, *line.standings, *conference]
        case MessageLine():
            return [line.sender, *([line.retracted.by] if line.retracted is not None else [])]
        case _:
            return []
