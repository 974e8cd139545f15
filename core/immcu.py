"""The IM multipoint control unit: every message of every conversation passes here, even between two."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from . import bylaws
from .acceptance import Acceptance
from .access import AccessLevel
from .chair import Chair
from .charter import PLAIN, Charter
from .conversation import Conversation, Event, History, Shape
from .errors import Absent, Answered, Busy, Gone, NotAllowed, NotFound, TooLarge
from .housekeeping import RESUMABLE
from .identity import Endpoint, Identity
from .message import MAX_TEXT, Message, News, Notice, Utterance
from .past import Past

if TYPE_CHECKING:
    from .accounts import Accounts
    from .contact_lists import ContactLists
    from .domains import Domains
    from .fan_out import FanOut
    from .hookspecs import Hooks
    from .neighbours import Neighbours
    from .registrar import Registrar
    from .roll import Roll
    from .settings import FrontEndSettings
    from .store import Store

T = TypeVar("T")


class Immcu:
    """Hosts conversations, passes every message, and leaves one call detail record of each.

    More than twelve public methods, because it is the one door for everything that can be done to a conversation.
    """

    def __init__(
        self,
        settings: FrontEndSettings,
        domains: Domains,
        store: Store,
        registrar: Registrar,
        accounts: Accounts,
        contacts: ContactLists,
        fan_out: FanOut,
        roll: Roll,
        neighbours: Neighbours,
        hooks: Hooks,
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._domains = domains
        self._store = store
        self._registrar = registrar
        self._accounts = accounts
        self._contacts = contacts
        self._fan_out = fan_out
        self._hooks = hooks
        self._clock = clock
        self.roll = roll
        self.chair = Chair(roll, clock)
        self.past = Past(store)
        self._acceptance = Acceptance(store, fan_out, neighbours, hooks)
        self._beginning: dict[frozenset[Identity], asyncio.Future[Any]] = {}
        self._filtered = bool(hooks.implemented_by("filter_message"))
        self.stopping = False

    # ---- finding conversations

    @property
    def conversations(self) -> dict[str, Conversation]:
        """Those that are open, by id."""
        return self.roll.by_id

    def of(self, who: Identity) -> list[Conversation]:
        """The open conversations somebody is in."""
        return self.roll.of(who)

    async def between(self, one: Identity, other: Identity) -> Conversation | None:
        """The open talk of two people, if they have one."""
        return self.roll.by_pair.get(frozenset((one, other)))

    async def talk(self, one: Identity, other: Identity) -> Conversation:
        """The open talk of two people, or a new one.  Raises NotFound, Busy."""
        pair = frozenset((one, other))
        found = self.roll.by_pair.get(pair)
        if found is not None:
            return found

        async def begun() -> Conversation:
            await self._must_be_reachable(one, other)
            return await self._begin(Conversation(_random_id(), self._clock()), [one, other])

        return await self._once(pair, begun)

    async def at(self, address: Identity) -> Conversation | None:
        """The conference at this address; one that a restart or idleness ended is opened again with its people."""
        found = self.roll.by_address.get(address)
        if found is not None:
            return found
        return await self._once(frozenset((address,)), lambda: self._resumed(address))

    # ---- what people do

    async def send(self, utterance: Utterance, to: Identity) -> Message:
        """Say something to a person, or to a conference's address.  Returns when it is on the disk.

        Raises NotFound (nobody there, hiding, blocking, or ended), Absent, Refused, NotAllowed, TooLarge, Busy,
        Answered.
        """
        return await (await self.offer(utterance, to))

    async def offer(self, utterance: Utterance, to: Identity) -> asyncio.Future[Message]:
        """The first half of send: returns when the message has its place in the order, before it is on the disk.

        Whoever says several things one after the other need not wait for the disk between them.  Raises as send does;
        the future may still fail with Gone or Busy.
        """
        sender = utterance.sender.identity
        if self._domains.is_conference(to.domain):
            conversation = await self.at(to)
            if conversation is None or sender not in conversation.participants:
                raise NotFound(f"no conference {to}")
        else:
            conversation = await self.talk(sender, to)
            if await self._contacts.level(sender, to) is AccessLevel.BLOCKED:
                raise NotFound(f"nobody is {to}")
            if self._settings.offline == "refuse" and not await self._registrar.anywhere(to):
                raise Absent(f"{to} is not signed in")
        return await self.put(conversation, utterance)

    async def say(self, conversation: Conversation, utterance: Utterance) -> Message:
        """The same in a conversation at hand.  Raises as send does."""
        return await (await self.put(conversation, utterance))

    async def put(self, conversation: Conversation, utterance: Utterance) -> asyncio.Future[Message]:
        """The first half of say; see offer.  Every message comes through here."""
        if self.stopping:
            raise Busy("the server is stopping", retry_after=30)
        if len(utterance.text) > MAX_TEXT // 4 and len(utterance.text.encode("utf-8", "replace")) > MAX_TEXT:
            raise TooLarge(f"a message has at most {MAX_TEXT} bytes of text")
        conversation.hearers(utterance.sender.identity)
        message = Message(
            id=_random_id(),
            conversation=conversation.id,
            sender=utterance.sender.identity,
            text=utterance.text,
            sent_at=self._clock(),
            endpoint=utterance.sender.instance,
            content_type=utterance.content_type,
            origin=utterance.origin,
            target=utterance.target,
            client=utterance.client,
            native=utterance.native,
        )
        if self._filtered:
            message = await self._filter(message, conversation)
        hearers = conversation.hearers(message.sender)
        return self._acceptance.begin(message, conversation, hearers, echo=utterance.echo)

    async def open_room(
        self,
        address: Identity,
        creator: Identity,
        *,
        subject: str = "",
        open_door: bool = True,
        keeps_seats: bool = False,
        charter: Charter = PLAIN,
    ) -> Conversation:
        """A conference from the start; unless it keeps seats they last as long as people stay.  Raises Conflict,
        Busy."""
        room = Conversation(
            _random_id(),
            self._clock(),
            shape=Shape.CONFERENCE,
            address=address,
            subject=subject,
            moderators={creator},
            open_door=open_door,
            keeps_seats=keeps_seats,
            charter=charter,
        )
        return await self._begin(room, [creator])

    async def add(
        self, conversation: Conversation, who: Identity, *, by: Identity | None, history: History = History.NONE
    ) -> None:
        """Bring somebody in; the third makes a talk of two a conference.  They see the history that the adder chose.

        Raises NotFound, NotAllowed, Gone, TooLarge, Busy.
        """
        await self._must_be_reachable(by or who, who)
        at, address = self._clock(), conversation.address or self._new_address(conversation)

        await self.roll.change(conversation, lambda draft: bylaws.bring(draft, who, by, at, history, address))
        for binding in self._registrar.ready(who):
            await self._fan_out.catch_up(binding.endpoint)

    async def enter(self, conversation: Conversation, who: Identity, *, password: str = "") -> None:
        """Somebody comes in by themselves.  Raises NotAllowed, Banned, WrongPassword, NotFound where the conference is
        still being set up, Gone, TooLarge, Busy."""
        await self.roll.change(conversation, lambda draft: bylaws.enter(draft, who, self._clock(), password))

    async def leave(
        self, conversation: Conversation, who: Identity, *, reason: str = "left", by: Identity | None = None
    ) -> None:
        """Somebody goes, or ``by`` removes them.  Raises NotAllowed where ``by`` is no moderator, Busy."""
        if by is not None and by != who and by not in conversation.moderators:
            raise NotAllowed("only a moderator removes people")
        await self.roll.change(conversation, lambda draft: draft.leave(who, self._clock(), reason=reason, by=by))

    async def name(self, conversation: Conversation, subject: str, who: Identity) -> None:
        """Set the subject.  Raises NotAllowed, Gone, Busy."""
        await self.roll.change(conversation, lambda draft: draft.name(subject, who, self._clock()))

    async def end(self, conversation: Conversation, reason: str) -> None:
        """It is over; ``reason`` goes into the record.  Whoever ends it for a reason of their own ends it for good."""
        for_good = reason not in RESUMABLE
        await self.roll.change(conversation, lambda draft: draft.end(self._clock(), reason, for_good=for_good))

    async def known(self, address: Identity) -> Conversation | None:
        """The conference at this address, without opening it again where it sleeps."""
        return self.roll.by_address.get(address) or await self.past.at(address)

    def tell(self, conversation: Conversation, news: News, but: Endpoint) -> None:
        """Typing and receipts, to everybody else in the conversation: now or never."""
        for who in conversation.participants:
            if who != but.identity:
                self._registrar.tell(who, news)

    async def history(self, conversation: Conversation, who: Identity, limit: int = 50) -> Sequence[Message]:
        """The newest messages this participant may see, oldest first; see past.py."""
        return await self.past.read(conversation, who, limit)

    # ---- inside

    async def _once(self, key: frozenset[Identity], begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Whoever asks for the same conversation while it is being begun waits for that one."""
        beginning = self._beginning.get(key)
        if beginning is None:
            beginning = self._beginning[key] = asyncio.ensure_future(begin())
            beginning.add_done_callback(lambda _: self._beginning.pop(key, None))
        begun: T = await asyncio.shield(beginning)
        return begun

    async def _resumed(self, address: Identity) -> Conversation | None:
        resumed = await self.past.resumed(address, _random_id(), self._clock())
        return await self._begin(*resumed) if resumed is not None else None

    async def _begin(self, conversation: Conversation, people: Sequence[Identity]) -> Conversation:
        if self.stopping:
            raise Busy("the server is stopping", retry_after=30)
        events: list[Event] = []
        for who in dict.fromkeys(people):
            events += conversation.join(who, self._clock())
        await self._store.begin(conversation, events)
        self.roll.enter(conversation)
        self.roll.announce_beginning(conversation, events)
        return conversation

    async def _must_be_reachable(self, one: Identity, other: Identity) -> None:
        """Whether ``one`` may have ``other`` in a conversation; somebody who blocks does not exist for the blocked."""
        if not self._domains.ours(other.domain):
            await self._registrar.foreign(other)
        elif not await self._accounts.exists(other) or await self._contacts.level(one, other) is AccessLevel.BLOCKED:
            raise NotFound(f"nobody is {other}")

    def _new_address(self, conversation: Conversation) -> Identity:
        home = next((p.domain for p in conversation.participants if self._domains.ours(p.domain)), "")
        return Identity(secrets.token_hex(16), self._domains.conference(home))

    async def _filter(self, message: Message, conversation: Conversation) -> Message:
        try:
            changed = await self._hooks.filter_message(message=message, conversation=conversation)
        except Answered as answer:
            binding = self._registrar.at(Endpoint(message.sender, message.endpoint))
            if binding is not None:
                binding.channel.tell(Notice(str(answer), conversation))
            raise
        if conversation.shape is Shape.ENDED:
            raise Gone("this conversation has ended")
        return changed


def _random_id() -> str:
    return secrets.token_hex(16)
