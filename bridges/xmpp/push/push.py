"""When to wake a phone: a message waits, and no client of the person looks (XEP-0357)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from ....core.identity import Identity
from ....core.message import Message
from ..asking import ask
from ..errors import StanzaError, bad_request
from ..queries import Place, Query
from ..resource import Resource, Resources
from ..syntax import jid, xml
from ..syntax.stanza import Stanza
from .notification import Summary, enabled, node_of, published, service_of
from .options import PushOptions
from .registrations import Registrations, Service

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

ENABLE, DISABLE = f"{{{xml.PUSH}}}enable", f"{{{xml.PUSH}}}disable"
ERROR = f"{{{xml.CLIENT}}}error"

SETTLING = 1.0
"""Seconds in which messages that come together are told together."""
PATIENCE = 10.0
"""Seconds a client that is looked at may take to say that it has a message; then the phone is woken all the same."""
PAUSE = 10.0
"""Seconds between two notifications about one person to one service."""


class Push:
    """What waits is what no endpoint of the person was shown: a client that acknowledges (XEP-0198) has the message."""

    def __init__(self, front_end: FrontEnd, resources: Resources, options: PushOptions) -> None:
        self._front_end = front_end
        self._resources = resources
        self._options = options
        self._registrations = Registrations(front_end.store, front_end.clock)
        self._timers: dict[Identity, asyncio.TimerHandle] = {}
        self._told: dict[Identity, str] = {}
        """The last message each was woken for."""
        self._rest: dict[Identity, float] = {}
        """When each may be woken again."""
        self._work: set[asyncio.Task[None]] = set()

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("set", ENABLE, Place.ACCOUNT, self.enable, xml.PUSH)
        yield Query("set", DISABLE, Place.ACCOUNT, self.disable)

    async def open(self) -> None:
        """From now on messages are watched."""
        await self._registrations.load()
        self._front_end.fan_out.waiting.append(self._changed)
        self._front_end.accounts.leaving.append(self._registrations.left)

    async def close(self) -> None:
        """No more."""
        self._front_end.fan_out.waiting.remove(self._changed)
        self._front_end.accounts.leaving.remove(self._registrations.left)
        for timer in self._timers.values():
            timer.cancel()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    # ---- what clients ask (sections 5 and 6)

    async def enable(self, resource: Resource, iq: Stanza) -> bytes:
        """Tell this service from now on."""
        service = enabled(iq.tree[0])
        domain = jid.parse(service.jid).domain
        if self._front_end.ours(domain) or self._front_end.is_conference(domain):
            raise bad_request("there is no push service here")
        if self._resources.abroad is None or not self._resources.abroad.serves(domain):
            raise StanzaError("cancel", "remote-server-not-found", "no way leads to that service")
        await self._registrations.enable(resource.identity, service)
        return b""

    async def disable(self, resource: Resource, iq: Stanza) -> bytes:
        """Tell it no more."""
        element = iq.tree[0]
        await self._registrations.disable(resource.identity, service_of(element), node_of(element))
        return b""

    # ---- what happens

    def _changed(self, who: Identity) -> None:
        """Something may wait for somebody now; for nearly everybody this is all there is to do."""
        if who in self._registrations and who not in self._timers:
            loop = asyncio.get_running_loop()
            self._set(who, max(SETTLING, self._rest.get(who, 0.0) - loop.time()), patient=False)

    def _set(self, who: Identity, seconds: float, *, patient: bool) -> None:
        self._timers[who] = asyncio.get_running_loop().call_later(seconds, self._look_soon, who, patient)

    def _look_soon(self, who: Identity, patient: bool) -> None:
        del self._timers[who]
        self._start(self._look(who, patient))

    async def _look(self, who: Identity, patient: bool) -> None:
        waiting = await self._front_end.fan_out.missed(who)
        watched = any(looks(resource) for resource in self._resources.of(who))
        if waiting and watched and not patient:
            if who not in self._timers:
                self._set(who, PATIENCE, patient=True)
            return
        held = 0 if watched else max((held_for(resource) for resource in self._resources.of(who)), default=0)
        if not waiting and not held:
            return
        newest = max(waiting, key=lambda message: (message.sent_at, message.seq)) if waiting else None
        mark = f"{newest.id}" if newest is not None else f"{held} held"
        if self._told.get(who) != mark:
            self._told[who] = mark
            self._tell(who, max(len(waiting), held), newest)

    def _tell(self, who: Identity, count: int, newest: Message | None) -> None:
        self._rest[who] = asyncio.get_running_loop().time() + PAUSE
        options = self._options
        sender = str(newest.sender) if newest is not None and options.sender else ""
        body = newest.text if newest is not None and options.body else ""
        for service in self._registrations.of(who):
            self._publish(who, service, Summary(count, sender, body))

    def _publish(self, who: Identity, service: Service, summary: Summary) -> None:
        abroad, address = self._resources.abroad, jid.parse(service.jid)
        if abroad is not None and abroad.serves(address.domain):
            ask(
                abroad.at(address),
                who.domain,
                published(service, summary),
                lambda answer: self._start(self._answered(who, service, answer)),
                type="set",
            )

    async def _answered(self, who: Identity, service: Service, answer: Stanza) -> None:
        if answer.type == "result":
            self._registrations.succeeded(who, service)
            return
        error = answer.child(ERROR)
        may_pass = error is not None and error.get("type") == "wait"
        await self._registrations.failed(who, service, may_pass=may_pass)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        if not task.cancelled() and (why := task.exception()) is not None:
            log.error("a push notification failed", exc_info=why)


def looks(resource: Resource) -> bool:
    """Whether somebody can see what comes to this client: it is there, and has not said that nobody looks."""
    return resource.available and not resource.unwatched and not resource.session.away


def held_for(resource: Resource) -> int:
    """How many messages wait for a client that is away and may come back (XEP-0198 section 5)."""
    ledger = resource.session.ledger
    if ledger is None or not resource.session.away:
        return 0
    return sum(stanza.startswith(b"<message") and b"<body" in stanza for stanza in ledger.again())
