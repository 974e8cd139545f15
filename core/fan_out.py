"""Accepted messages reach people: every endpoint, in order, once; whoever is away finds them in the journal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from .conversation import Conversation, Shape
from .domains import Domains
from .errors import HereaboutsError
from .identity import Endpoint, Identity
from .message import Copy, Delivery, Message
from .registrar import Binding, Registrar
from .roll import Roll
from .store import Shown, Store

log = logging.getLogger(__name__)

MAX_BACKLOG = 1000
"""Messages read from the journal at a time when somebody signs in."""


class FanOut:
    """Hands accepted messages to channels, and remembers how far each endpoint and each person has come.

    Nothing waits in memory for an absent person: what they have not been shown is "the journal after their position".
    """

    def __init__(
        self, domains: Domains, store: Store, registrar: Registrar, roll: Roll, clock: Callable[[], datetime]
    ) -> None:
        self._domains = domains
        self._store = store
        self._registrar = registrar
        self._roll = roll
        self._clock = clock
        self._handed: dict[Endpoint, dict[str, int]] = {}
        self._shown: dict[str, dict[Identity, int]] = {}
        self._catching_up: dict[Endpoint, list[Delivery]] = {}
        self._abroad: set[asyncio.Task[None]] = set()
        self.waiting: list[Callable[[Identity], None]] = []
        """Told for whom something may wait now, or no longer."""
        registrar.departed.append(lambda binding, _: self._forget(binding.endpoint))
        roll.changed.append(self._changed)

    def show(
        self, message: Message, conversation: Conversation, hearers: Sequence[Identity], *, echo: bool = False
    ) -> None:
        """Show a message to everybody who hears it, and to the speaker's other endpoints.  Never waits.

        ``echo`` shows it to the endpoint that said it as well.
        """
        for who in hearers:
            here = self._registrar.ready(who)
            named = self._registrar.at(Endpoint(who, message.target)) if message.target else None
            if named is not None and not named.ready:
                here.append(named)
            if here:
                target = message.target if named is not None else ""
                for binding in here:
                    copy = Copy.RECEIVED if target and binding.endpoint.instance != target else Copy.ADDRESSED
                    self._hand(binding, Delivery(message, conversation, binding.endpoint, copy))
            elif not self._domains.ours(who.domain):
                self._send_abroad(message, conversation, who)
            self._tell(who)
        if conversation.shape is Shape.CONFERENCE and not self._domains.ours(message.sender.domain):
            self._send_abroad(message, conversation, message.sender, Copy.SENT)
        for binding in self._registrar.of(message.sender):
            own = binding.endpoint.instance == message.endpoint
            if echo if own else binding.ready:
                self._hand(binding, Delivery(message, conversation, binding.endpoint, Copy.SENT))

    async def catch_up(self, endpoint: Endpoint, *, late: bool = True) -> None:
        """Show an endpoint what its person missed, in order and with the original times, before anything new.

        ``late`` is false where the messages did not wait for the person to sign in: they came by another front end.
        """
        binding = self._registrar.at(endpoint)
        if binding is None or not binding.ready or endpoint in self._catching_up:
            return
        waiting = self._catching_up[endpoint] = []
        reached: dict[str, int] = dict(self._handed.get(endpoint, {}))
        try:
            while missed := await self._missed(endpoint, reached):
                for message, conversation in missed:
                    reached[message.conversation] = message.seq
                    self._deliver(binding, Delivery(message, conversation, endpoint, Copy.ADDRESSED, delayed=late))
        finally:
            del self._catching_up[endpoint]
            for delivery in waiting:
                if delivery.copy is Copy.SENT or delivery.message.seq > reached.get(delivery.conversation.id, 0):
                    self._deliver(binding, delivery)

    async def unseen(self, who: Identity, limit: int = MAX_BACKLOG) -> int:
        """How many messages wait for somebody: shown at none of their endpoints; no more than ``limit`` are counted."""
        return len(await self.missed(who, limit))

    async def missed(self, who: Identity, limit: int = MAX_BACKLOG) -> list[Message]:
        """The messages that wait for somebody; no more than ``limit`` are looked at."""
        messages = await self._store.unseen(who, limit)
        shown = self._shown
        return [m for m in messages if not m.wordless and m.seq > shown.get(m.conversation, {}).get(who, 0)]

    async def close(self) -> None:
        """Wait for what is under way to other domains."""
        if self._abroad:
            await asyncio.wait(self._abroad, timeout=5)

    # ---- inside

    async def _missed(self, endpoint: Endpoint, reached: dict[str, int]) -> list[tuple[Message, Conversation]]:
        found = []
        conversations: dict[str, Conversation | None] = {}
        for message in await self._store.unseen(endpoint.identity, MAX_BACKLOG):
            id = message.conversation
            if message.seq <= reached.get(id, self._shown.get(id, {}).get(endpoint.identity, 0)):
                continue
            if id not in conversations:
                conversations[id] = await self._roll.find(id)
            conversation = conversations[id]
            if conversation is not None:
                found.append((message, conversation))
        return found

    def _hand(self, binding: Binding, delivery: Delivery) -> None:
        waiting = self._catching_up.get(binding.endpoint)
        if waiting is None:
            self._deliver(binding, delivery)
        else:
            waiting.append(delivery)

    def _deliver(self, binding: Binding, delivery: Delivery) -> None:
        message = delivery.message
        if self._in_order(binding, message):
            self._handed.setdefault(binding.endpoint, {})[message.conversation] = message.seq
        try:
            outcome = binding.channel.deliver(delivery)
        except Exception:
            log.exception("the channel of %s failed; message %s stays in the journal", binding.endpoint, message.id)
            return
        if outcome is None:
            self._mark(binding, delivery)
        else:
            outcome.add_done_callback(lambda done: self._settled(binding, delivery, done))

    def _settled(self, binding: Binding, delivery: Delivery, done: asyncio.Future[None]) -> None:
        if done.cancelled():
            return
        if (why := done.exception()) is None:
            self._mark(binding, delivery)
        else:
            log.info("%s did not take message %s: %s", binding.endpoint, delivery.message.id, why)

    def _mark(self, binding: Binding, delivery: Delivery) -> None:
        if delivery.copy is Copy.SENT or not self._in_order(binding, delivery.message):
            return
        message, endpoint = delivery.message, binding.endpoint
        shown = self._shown.setdefault(message.conversation, {})
        if message.seq > shown.get(endpoint.identity, 0):
            shown[endpoint.identity] = message.seq
            self._store.shown(Shown(endpoint, message.conversation, message.seq, binding.client, self._clock()))
            self._tell(endpoint.identity)

    def _in_order(self, binding: Binding, message: Message) -> bool:
        """Whether nothing waits before the message: an endpoint that takes no messages may be addressed by itself, and
        what waits for its person still does.  What it was shown then is shown again, with what waits.
        """
        shown = self._shown.get(message.conversation, {}).get(binding.endpoint.identity, 0)
        return binding.ready or shown >= message.seq - 1

    def _tell(self, who: Identity) -> None:
        for told in self.waiting:
            told(who)

    def _send_abroad(
        self, message: Message, conversation: Conversation, who: Identity, copy: Copy = Copy.ADDRESSED
    ) -> None:
        delivery = Delivery(message, conversation, Endpoint(who, ""), copy)
        task = asyncio.ensure_future(self._abroad_delivery(delivery))
        self._abroad.add(task)
        task.add_done_callback(self._abroad.discard)

    async def _abroad_delivery(self, delivery: Delivery) -> None:
        """In a conference speakers hear themselves too: what they said has its place among what others say."""
        message, who = delivery.message, delivery.to.identity
        try:
            channel = await self._registrar.foreign(who)
            outcome = channel.deliver(delivery)
            if outcome is not None:
                await outcome
        except HereaboutsError as why:
            log.warning("message %s did not leave for %s: %s", message.id, who, why)
            return
        if delivery.copy is not Copy.SENT:
            self._store.shown(Shown(delivery.to, message.conversation, message.seq, "", self._clock()))

    def _changed(self, conversation: Conversation) -> None:
        """Forget how far people had come in a conversation that ended; the store knows."""
        if conversation.shape is Shape.ENDED:
            self._shown.pop(conversation.id, None)

    def _forget(self, endpoint: Endpoint) -> None:
        self._handed.pop(endpoint, None)
