"""What happens in conversations, as the IMMCU has it happen: facts, events, and the store told of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ....core.conversation import Conversation, Event, History, Shape
from ....core.identity import Identity
from ....core.message import Message
from ....core.store import Accepted, Shown, Store
from ...people import ALICE, BOB, NOON, at, who

ROOM = who("kitchen@conference.example.test")


def later(minutes: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


async def begun(store: Store, *people: Identity, id: str = "c1", **more: object) -> Conversation:
    """A conversation of these people; with an address, a conference from the start."""
    if more.get("address"):
        more.setdefault("shape", Shape.CONFERENCE)
    conversation = Conversation(id, **{"started_at": NOON, **more})  # type: ignore[arg-type]
    events: list[Event] = []
    for person in people:
        events += conversation.join(person, conversation.started_at, address=ROOM)
    await store.begin(conversation, events)
    return conversation


async def talk(store: Store, id: str = "c1", **more: object) -> Conversation:
    """Alice and Bob."""
    return await begun(store, ALICE, BOB, id=id, **more)


async def appended(store: Store, message: Message) -> Accepted:
    """Append as a deed among others: the call itself puts a message in line, this does so when its turn comes."""
    return await store.append(message)


def words(conversation: Conversation | str, sender: Identity, text: str, **more: object) -> Message:
    """A message that no store has seen yet."""
    id = conversation if isinstance(conversation, str) else conversation.id
    given = {"id": f"{id}-{sender.user}-{text}", "sent_at": NOON, "endpoint": "desk", **more}
    return Message(conversation=id, sender=sender, text=text, **given)  # type: ignore[arg-type]


async def say(
    store: Store, conversation: Conversation | str, sender: Identity, *texts: str, **more: object
) -> list[Accepted]:
    """One after another."""
    return [await store.append(words(conversation, sender, text, **more)) for text in texts]


async def join(
    store: Store, conversation: Conversation, person: Identity, history: History = History.NONE, minutes: float = 0
) -> None:
    await store.change(conversation, conversation.join(person, later(minutes), history=history, address=ROOM))


async def leave(store: Store, conversation: Conversation, person: Identity, minutes: float = 0, **more: object) -> None:
    await store.change(conversation, conversation.leave(person, later(minutes), **more))  # type: ignore[arg-type]


async def show(store: Store, conversation: Conversation | str, person: Identity, seq: int, **more: object) -> None:
    """Note a position, and see it written with another commit."""
    id = conversation if isinstance(conversation, str) else conversation.id
    given = {"client": "", "at": NOON, "instance": "desk", **more}
    store.shown(Shown(at(person, given["instance"]), id, seq, given["client"], given["at"]))  # type: ignore[arg-type]
    await store.put_document("test", "commit", b"")


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.text for message in messages]


async def inbox(store: Store, person: Identity, limit: int = 1000) -> list[str]:
    return texts(await store.unseen(person, limit))
