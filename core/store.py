"""The one seam for more machines: Store (the truth), Directory (who is where) and Bus (events between front ends).

Standard Edition answers them with SQLite and the process itself (sqlite/store.py, standalone.py); a pool answers them
with PostgreSQL and Redis.  Every implementation passes tests/core/contract.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from .archive import Page, Question
from .cdr import CallDetailRecord
from .contacts import Contact
from .conversation import Conversation, Event
from .identity import Endpoint, Identity
from .message import Message
from .people import Person


class Accepted(NamedTuple):
    """The store has it, for good.  ``duplicate``: it had it already; ``message`` is then the one accepted first."""

    message: Message
    duplicate: bool = False


class Mode(enum.StrEnum):
    """What the store can do now."""

    WRITE = "write"
    READ = "read"
    """Reading works, writing does not: the disk is full."""
    DOWN = "down"


class Shown(NamedTuple):
    """An endpoint has been shown a conversation's messages up to ``seq``: the person's position moves there."""

    endpoint: Endpoint
    conversation: str
    seq: int
    client: str
    at: datetime


class Retraction(NamedTuple):
    """A moderator has taken a message back: participants do not get it any more."""

    by: Identity
    at: datetime
    reason: str


class Journal(Protocol):
    """Conversations, their messages and their records.  Returning means: it is on the disk.

    Every method may raise Busy (the queue or the disk is full, or the store is closing).
    """

    def append(self, message: Message) -> Awaitable[Accepted]:
        """Number the message and keep it.  The call puts it in line; what it returns is waited for.

        The number is the conversation's next.  A message whose non-empty (sender, origin) is known already is not
        stored again.  ``sent_at`` never goes backwards inside a conversation (the later of it and the previous is
        kept).  Notes the sender's endpoint and client as attending.  Calls from one event loop turn keep their order.
        Raises Gone when the conversation has ended or never was.
        """

    async def begin(self, conversation: Conversation, events: Sequence[Event]) -> None:
        """A new conversation and its first events.  Raises Conflict when an open one has the same address."""

    async def change(self, conversation: Conversation, events: Sequence[Event]) -> CallDetailRecord | None:
        """What happened in a conversation, in the order of the messages.

        ``conversation`` is its state afterwards.  If it ended, its record is made in the same transaction, numbered,
        and returned; asking again returns the same one.
        A participant who joins has the position: 0 for History.ALL, last number - 1 for History.NOW, last number for
        NONE.

        Raises Gone when it had ended before, unless somebody only leaves or ends it again; Conflict as begin does.
        """

    async def conversation(self, id: str) -> Conversation | None:
        """With its participants in order of joining; an ended one has the shape ENDED and those who stayed to the
        end."""

    async def open_conversations(self) -> Sequence[Conversation]:
        """All that are open: at boot, the ones a crash has cut off."""

    async def last_at(self, address: Identity) -> Conversation | None:
        """The newest conversation that had this address, open or ended, with its last participants."""

    async def asleep(self, limit: int = 1000) -> Sequence[Conversation]:
        """Conferences that have ended and go on as soon as somebody comes back: those whose charter is persistent.

        By address."""

    async def retractions(self, ids: Sequence[str]) -> Mapping[str, Retraction]:
        """Which of these messages were taken back."""

    async def read(
        self, conversation: str, after: int = 0, limit: int = 100, *, last: bool = False
    ) -> Sequence[Message]:
        """Messages numbered above ``after``, oldest first; ``last`` gives the newest ``limit`` of them instead."""

    async def archived(self, question: Question) -> Page:
        """A page of what was said, as one person may read it again.

        Raises NotFound for an id that is not in their archive, TooLarge for too many ids.
        """

    async def first_visible(self, conversation: str, who: Identity) -> int:
        """The number of the first message this participant may see (what their adder chose).

        For somebody who came back, what the last adder chose; beyond the newest message for those who never took part.
        """

    async def unseen(self, who: Identity, limit: int = 1000) -> Sequence[Message]:
        """What others said in conversations of this person after the person's position there: the inbox.

        Oldest conversation first, in order inside each; only what was said while the person had a seat, and before it
        what their adder let them see; nothing that was taken back.
        """

    def shown(self, what: Shown) -> None:
        """The person's position moves (never back), and the endpoint attends.  Written with the next commit."""

    async def record(self, conversation: str) -> CallDetailRecord | None:
        """The closed record, or an interim one of a running conversation."""

    async def records(self, after: int = 0, limit: int = 100, *, last: bool = False) -> Sequence[CallDetailRecord]:
        """Closed records numbered above ``after``, in order; ``last`` gives the newest ``limit`` of them instead."""

    async def exported(self, exporter: str) -> int:
        """The number of the last record this exporter has acknowledged."""

    async def acknowledge(self, exporter: str, number: int) -> None:
        """The exporter has everything up to this number."""


class Profiles(Protocol):
    """People, credentials, contact lists, and small documents."""

    async def person(self, who: Identity) -> Person | None: ...

    async def people(self, query: str = "", limit: int = 1000) -> Sequence[Person]:
        """Everybody, or those whose name, address, mail or phone contains ``query`` in any letter case; by address."""

    async def put_person(self, who: Identity, person: Person) -> None: ...

    async def remove_person(self, who: Identity) -> None:
        """The person, their credentials, documents and contact list, and their entries on others' lists.

        Their documents are those whose key is the address, or begins with it and a slash.
        """

    async def credentials(self, who: Identity) -> Mapping[str, str]:
        """Kind ("scram-sha-256", "digest-md5", …) -> stored key, encoded by core/credentials.py; empty for nobody."""

    async def put_credentials(self, who: Identity, keys: Mapping[str, str]) -> None:
        """Replace all keys of a person at once."""

    async def contacts(self, owner: Identity) -> Sequence[Contact]: ...

    async def contact(self, owner: Identity, address: Identity) -> Contact | None: ...

    async def watchers(self, who: Identity) -> Sequence[Contact]:
        """Entries about ``who`` on other people's lists."""

    async def put_contacts(self, changed: Iterable[Contact], removed: Iterable[tuple[Identity, Identity]] = ()) -> None:
        """Several entries, possibly of several owners, in one commit."""

    async def blocked(self, owner: Identity) -> frozenset[Identity]: ...

    async def put_blocked(self, owner: Identity, blocked: frozenset[Identity]) -> None: ...

    async def document(self, kind: str, key: str) -> bytes | None:
        """A small thing a plugin keeps: a vCard, bookmarks, a subject's state."""

    async def put_document(self, kind: str, key: str, body: bytes | None) -> None:
        """Keep it; None forgets it."""

    async def documents(self, kind: str, prefix: str = "") -> Mapping[str, bytes]:
        """All of a kind whose key begins with ``prefix``."""

    async def document_kinds(self) -> Sequence[str]:
        """The kinds there are any of, in order."""


class Store(Journal, Profiles, Protocol):
    """The truth: the only one of the three that must be right."""

    @property
    def mode(self) -> Mode: ...

    @property
    def incarnation(self) -> str:
        """Random, made with the store, kept in it: positions of another incarnation mean nothing here."""

    async def __aenter__(self) -> Store: ...

    async def __aexit__(self, *exc: object) -> None:
        """Write what was promised, then close."""


class Whereabouts(NamedTuple):
    """One endpoint in the directory: on which front end it is signed in."""

    endpoint: Endpoint
    node: str


class Directory(Protocol):
    """Who is connected where, and counters: may be stale or empty."""

    async def bind(self, endpoint: Endpoint, node: str) -> None: ...

    async def unbind(self, endpoint: Endpoint, node: str) -> None: ...

    async def where(self, people: Iterable[Identity]) -> Mapping[Identity, Sequence[Whereabouts]]: ...

    async def count(self, key: str, window: float) -> int:
        """Count one more under ``key``; how many there were in the last ``window`` seconds, this one included."""


class Frame(NamedTuple):
    """What one front end tells the others: ``kind`` names who reads it, ``body`` is plain JSON-able data."""

    kind: str
    body: dict[str, Any]


class Bus(Protocol):
    """Events between front ends: may lose, repeat and reorder.  Nobody waits for it."""

    def send(self, frame: Frame) -> None:
        """To every other front end."""

    def frames(self) -> AsyncIterator[Frame]:
        """What the others send, until the bus is closed."""

    def close(self) -> None:
        """``frames`` ends."""
