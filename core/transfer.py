"""Everything a store has, out as lines and in again: for backups one can read, and for moving to another store."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from .cdr import CallDetailRecord
from .contacts import Contact
from .errors import BadRequest, Conflict
from .identity import Identity
from .replay import Replay
from .store import Store
from .transfer_lines import (
    FORMAT,
    AnyLine,
    ContactLine,
    ConversationLine,
    DocumentLine,
    HeaderLine,
    MessageLine,
    PersonLine,
    contact_line,
    contact_of,
    message_line,
    message_of,
    parsed,
    written,
)

log = logging.getLogger(__name__)

EVERYBODY = 2**31
"""More people, or messages that wait for one of them, than there are."""
PAGE = 500
"""Messages or records read at once."""

Lines = Callable[[], Iterable[bytes]]
"""Gives the lines of a file, from the beginning each time."""


class Taken(NamedTuple):
    """How much was taken in."""

    people: int = 0
    contacts: int = 0
    documents: int = 0
    conversations: int = 0
    messages: int = 0


# ---- out


async def export(store: Store, at: datetime) -> AsyncIterator[bytes]:
    """The lines: people, their contact lists, documents, conversations with their messages, in the records' order.

    What changes meanwhile may be in it or not; for one moment's picture, export while the server is stopped.
    """
    yield written(HeaderLine(FORMAT, at))
    waiting: dict[str, dict[str, int]] = {}
    for person in await store.people(limit=EVERYBODY):
        who = Identity.parse(person.address)
        keys, blocked = await store.credentials(who), await store.blocked(who)
        yield written(PersonLine(person, dict(sorted(keys.items())), sorted(map(str, blocked))))
        for contact in await store.contacts(who):
            yield written(contact_line(contact))
        for message in await store.unseen(who, EVERYBODY):
            waiting.setdefault(message.conversation, {}).setdefault(person.address, message.seq - 1)
    for kind in await store.document_kinds():
        for key, body in sorted((await store.documents(kind)).items()):
            yield written(DocumentLine(kind, key, body))
    async for record in _records(store):
        yield written(await _conversation_line(store, record, waiting.get(record.conversation, {})))
        seq = 0
        while messages := await store.read(record.conversation, seq, PAGE):
            gone = await store.retractions([message.id for message in messages])
            for message in messages:
                yield written(message_line(message, gone.get(message.id)))
            seq = messages[-1].seq


async def _records(store: Store) -> AsyncIterator[CallDetailRecord]:
    """Of all conversations: those that are over in the order of their numbers, then those that are not."""
    number = 0
    while closed := await store.records(number, PAGE):
        for record in closed:
            yield record
        number = closed[-1].number
    for conversation in await store.open_conversations():
        record_so_far = await store.record(conversation.id)
        if record_so_far is not None and record_so_far.ended_at is None:
            yield record_so_far


async def _conversation_line(store: Store, record: CallDetailRecord, positions: dict[str, int]) -> ConversationLine:
    first = {who: await store.first_visible(record.conversation, Identity.parse(who)) for who in record.participants}
    conversation = await store.conversation(record.conversation)
    if conversation is None and record.address:
        conversation = await store.last_at(Identity.parse(record.address))
    if conversation is None or conversation.id != record.conversation:
        return ConversationLine(record, first, positions)
    moderators = sorted(map(str, conversation.moderators))
    door = conversation.open_door, conversation.keeps_seats, conversation.locked
    standings = {str(who): standing for who, standing in conversation.standings.items()}
    names = {str(who): name for who, name in conversation.names.items()}
    return ConversationLine(record, first, positions, moderators, *door, conversation.charter, standings, names)


# ---- in


async def take_in(lines: Lines, store: Store) -> Taken:
    """Take an export into an empty store.  The lines are read twice: nothing is taken in when one is bad.

    Raises BadRequest that names the bad line, Conflict when the store is not empty.
    """
    if await store.people(limit=1) or await store.records(limit=1) or await store.open_conversations():
        raise Conflict("an export is taken into an empty store only, and there are people or conversations in this one")
    checked = _checked(lines())
    replay: Replay | None = None
    contacts: list[Contact] = []
    for number, raw in enumerate(lines(), 1):
        line = parsed(raw, number)
        if isinstance(line, MessageLine) and replay is not None:
            await replay.say(message_of(line, replay.conversation.id), line.retracted)
            continue
        if replay is not None:
            await replay.finish()
            replay = None
        if isinstance(line, ContactLine):
            contacts.append(contact_of(line))
            if len(contacts) < PAGE:
                continue
        if contacts:
            await store.put_contacts(contacts)
            contacts = []
        if isinstance(line, ConversationLine):
            replay = Replay(line, store)
            await replay.begin()
        else:
            await _keep(line, store)
    if contacts:
        await store.put_contacts(contacts)
    if replay is not None:
        await replay.finish()
    log.info("taken in: %s", ", ".join(f"{count} {what}" for what, count in checked._asdict().items()))
    return checked


def _checked(lines: Iterable[bytes]) -> Taken:
    """How much there is, if every line is good: the header first, and messages in order after their conversation."""
    counts = dict.fromkeys(Taken._fields, 0)
    named: set[str] = set()
    conversation, seq, number = "", 0, 0
    for number, raw in enumerate(lines, 1):
        line = parsed(raw, number)
        if (number == 1) != isinstance(line, HeaderLine):
            raise BadRequest(f"line {number}: the first line, and no other, says that this is an export")
        match line:
            case HeaderLine(format=format) if format != FORMAT:
                raise BadRequest(f"line 1: this is format {format}, and format {FORMAT} is understood here")
            case ConversationLine():
                conversation, seq = line.record.conversation, 0
                if conversation in named:
                    raise BadRequest(f"line {number}: conversation {conversation} is there twice")
                named.add(conversation)
            case MessageLine():
                if not conversation or line.seq != seq + 1:
                    raise BadRequest(f"line {number}: message {line.seq} does not follow message {seq}")
                seq = line.seq
            case _:
                conversation = ""
        if what := COUNTED.get(type(line)):
            counts[what] += 1
    if number == 0:
        raise BadRequest("line 1: there is nothing")
    return Taken(**counts)


COUNTED: dict[type[AnyLine], str] = {
    PersonLine: "people",
    ContactLine: "contacts",
    DocumentLine: "documents",
    ConversationLine: "conversations",
    MessageLine: "messages",
}


async def _keep(line: AnyLine, store: Store) -> None:
    match line:
        case PersonLine():
            who = Identity.parse(line.person.address)
            await store.put_person(who, line.person)
            await store.put_credentials(who, line.credentials)
            if line.blocked:
                await store.put_blocked(who, frozenset(map(Identity.parse, line.blocked)))
        case DocumentLine():
            await store.put_document(line.kind, line.key, line.body)
