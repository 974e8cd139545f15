"""Desk phones on a PBX: for each of their lines a subscription at the PBX, which tells who is on the phone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from ....core.errors import Undeliverable
from ....core.identity import Identity
from ..events import dialog_info
from ..events.lamps import NAME
from ..events.link import Link, Wish
from ..events.subscriber import Subscriber
from ..events.subscribers import Subscribers
from ..syntax.message import Request, Response
from ..syntax.uri import SipUri
from ..transaction.reply import Reply
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow
from .desk_phone import DeskPhone
from .trunks import Trunk, Trunks
from .wires import Below

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

LASTS = 600
"""Seconds for which a line is subscribed to."""
MAX_LINES = 2000
"""Lines that are watched at one trunk."""
LOOK_AGAIN_AFTER = 300.0
"""Seconds after which the directory is asked again who has a line there."""
PACE = 0.02
"""Seconds between two subscriptions that are begun, or looked after, at one trunk."""
GOODBYE_WITHIN = 2.0
"""Seconds that a PBX has to hear that nobody watches any more."""
NAMELESS = "hereabouts"
"""The user part of who subscribes, at a trunk where we have no account."""

Extensions = Callable[[str], Awaitable[Mapping[str, Identity]]]
"""Who has which line at a trunk."""


class Health(NamedTuple):
    """How the lines of a trunk are: how many are watched, how many of them are not to be had, and why."""

    lines: int = 0
    failing: int = 0
    why: str = ""


class DeskPhones:
    """A DialogOwner: takes the NOTIFYs of the PBXs."""

    def __init__(
        self,
        front_end: FrontEnd,
        trunks: Trunks,
        extensions: Extensions,
        server: Below,
        addresses: OwnAddresses,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._front_end = front_end
        self._trunks = trunks
        self._extensions = extensions
        self._server = server
        self._addresses = addresses
        self._start = start
        self._subscribers = Subscribers(self._believed)
        self._trunk_of: dict[Subscriber, Trunk] = {}
        self._phones: dict[str, dict[Identity, DeskPhone]] = {}
        self._stopping = False
        self._remarked: set[str] = set()
        self.owns = self._subscribers.owns
        self.take: Callable[[Request, Reply, Flow], None] = self._subscribers.take

    def begin(self) -> None:
        """Watch the lines of the trunks that are to be watched."""
        self._trunks.troubled = self._look
        for trunk in self._trunks.all.values():
            if trunk.options.watches_lines:
                self._phones[trunk.name] = {}
                self._start(self._keep(trunk))

    def flow_closed(self, flow: Flow) -> None:
        """The subscriptions over it are looked after, one after the other."""
        self._look_after([s for s in self._trunk_of if s.flow is flow])

    def health(self, trunk: str) -> Health:
        """How the lines of a trunk are."""
        watched = [w for phone in self._phones.get(trunk, {}).values() for w in phone.lines.values()]
        failing = [w for w in watched if w.subscriber.failing or not w.subscriber.active]
        why = next((f"line {w.line.extension}: {w.subscriber.failing}" for w in failing if w.subscriber.failing), "")
        return Health(len(watched), len(failing), why)

    async def end(self) -> None:
        """Nobody watches any more."""
        self._stopping = True
        for phones in self._phones.values():
            for phone in phones.values():
                phone.close()
        goodbyes = [said for subscriber in self._trunk_of if (said := subscriber.close()) is not None]
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_WITHIN):
                await asyncio.gather(*goodbyes, return_exceptions=True)

    # ---- which lines

    async def _keep(self, trunk: Trunk) -> None:
        while not self._stopping:
            await self._reconcile(trunk)
            await asyncio.sleep(LOOK_AGAIN_AFTER)

    async def _reconcile(self, trunk: Trunk) -> None:
        """Watch whoever has a line there now, and nobody else."""
        phones = self._phones[trunk.name]
        wanted = await self._wanted(trunk)
        for who, phone in list(phones.items()):
            for extension in [e for e in phone.lines if wanted.get(e) != who]:
                self._end(await phone.drop(extension))
            if not phone.lines:
                phone.close()
                del phones[who]
        for extension, who in wanted.items():
            if self._stopping:
                return
            if who in phones and extension in phones[who].lines:
                continue
            if who not in phones:
                phones[who] = DeskPhone(self._front_end, who, trunk.name, self._start)
            self._subscribe(trunk, phones[who], extension)
            await asyncio.sleep(PACE)

    async def _wanted(self, trunk: Trunk) -> Mapping[str, Identity]:
        found: dict[str, Identity] = {}
        for extension, who in sorted((await self._extensions(trunk.name)).items()):
            if not self._front_end.ours(who.domain) or not await self._front_end.accounts.exists(who):
                self._remark(f"trunk {trunk.name}: the line {extension} is that of {who}, who is nobody here")
            elif len(found) < MAX_LINES:
                found[extension] = who
            else:
                self._remark(f"trunk {trunk.name} has more than {MAX_LINES} lines; the others are not watched")
        return found

    def _remark(self, text: str) -> None:
        if text not in self._remarked and len(self._remarked) < MAX_LINES:
            self._remarked.add(text)
            log.warning("%s", text)

    def _subscribe(self, trunk: Trunk, phone: DeskPhone, extension: str) -> None:
        by = SipUri("sip", trunk.options.username or NAMELESS, trunk.domain)
        wish = Wish(SipUri("sip", extension, trunk.domain), by, NAME, dialog_info.CONTENT_TYPE, LASTS)
        link = Link(lambda: self._flow(trunk), partial(self._request, trunk), self._addresses, trunk.account)
        subscriber = phone.add(extension, wish, link)
        self._subscribers.add(subscriber)
        self._trunk_of[subscriber] = trunk

    def _end(self, subscriber: Subscriber) -> None:
        self._subscribers.discard(subscriber)
        self._trunk_of.pop(subscriber, None)
        said = subscriber.close()
        if said is not None:
            said.add_done_callback(lambda done: done.cancelled() or done.exception())

    # ---- the way there

    async def _flow(self, trunk: Trunk) -> Flow:
        """To the first hop that can be reached; those that seem to work come first.  Raises Undeliverable."""
        failed = Undeliverable(f"the trunk {trunk.name} leads nowhere")
        places = range(len(trunk.options.hops))
        for place in sorted(places, key=lambda place: bool(trunk.trouble.get(place))):
            try:
                return await self._trunks.flow(trunk, place)
            except Undeliverable as why:
                failed = why
        raise failed

    def _request(self, trunk: Trunk, request: Request, flow: Flow) -> asyncio.Future[Response]:
        """Send it; whether it is answered says of the hop whether it is there."""

        def answered(done: asyncio.Future[Response]) -> None:
            if done.cancelled() or self._stopping:
                return
            trouble = "does not answer" if done.exception() is not None else ""
            trouble = "answers 503" if not trouble and done.result().status == 503 else trouble
            for place, known in trunk.flows.items():
                if known is flow:
                    self._trunks.noted(trunk, place, trouble)

        future = self._server.request(request, flow)
        future.add_done_callback(answered)
        return future

    def _believed(self, subscriber: Subscriber, flow: Flow) -> bool:
        """A PBX may notify by a connection of its own; then it comes from the same machine, or is known as the trunk.

        The Call-ID and the tag of the subscription are secrets besides, which only the PBX was told.
        """
        trunk, asked = self._trunk_of.get(subscriber), subscriber.flow
        known = trunk is not None and flow.peer is trunk.peer
        return known or (asked is not None and flow.remote.host == asked.remote.host)

    def _look(self, trunk: Trunk) -> None:
        """A hop does not answer: subscriptions there may be lost."""
        self._look_after([s for s, of in self._trunk_of.items() if of is trunk])

    def _look_after(self, subscribers: list[Subscriber]) -> None:
        if not self._stopping:
            for turn, subscriber in enumerate(subscribers):
                subscriber.look(turn * PACE)
