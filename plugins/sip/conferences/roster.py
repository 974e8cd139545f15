"""The event package ``conference``: participants watch who is in their conference, in which role (RFC 4575)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ....core.conversation import Conversation, Shape
from ....core.errors import HereaboutsError
from ....core.identity import Identity
from ..errors import Refusal
from ..events.package import TERMINATED
from ..sign_in.registration import Start
from ..syntax.message import Request
from ..translate import identity_of, sip_uri
from . import conference_info
from .conference_info import MAX_VERSION, Member, Roster
from .invitations import Places

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..messages.exchange import Exchange

log = logging.getLogger(__name__)

NAME = "conference"
HAS_VERSION = "Last-Notify-Version"
"""COMPAT: the version of the last document that liblinphone has; it passes over documents that are not newer."""
MAX_DIGITS = 9
"""Digits of that version that are believed."""


class ConferencePackage:
    """Who is in a conference may see who else is."""

    content_types: Sequence[str] = (conference_info.CONTENT_TYPE,)

    def __init__(self, front_end: FrontEnd, exchange: Exchange, places: Places, start: Start) -> None:
        self._front_end = front_end
        self._exchange = exchange
        self._places = places
        self._start = start
        self._feeds: dict[Identity, set[RosterFeed]] = {}

    async def subscribe(self, request: Request, who: Identity, instance: str) -> RosterFeed:
        """Raises Refusal 404 for what is no conference, 403 for others' conferences, BadAddress."""
        address = identity_of(request.target if not request.to.tag else request.to)
        conversation = await self.known(address) if self._front_end.is_conference(address.domain) else None
        if conversation is None:
            raise Refusal(404)
        if who not in conversation.participants:
            raise Refusal(403, "only participants see who is in a conference")
        return RosterFeed(self, address, who, conversation, _first_version(request))

    async def known(self, address: Identity) -> Conversation | None:
        """The conference at an address, which need not be awake."""
        awake = self._front_end.immcu.roll.by_address.get(address)
        if awake is not None:
            return awake
        return await self._front_end.immcu.past.at(address)

    def watch(self, feed: RosterFeed) -> None:
        """Tell it of changes."""
        self._feeds.setdefault(feed.conference, set()).add(feed)

    def unwatch(self, feed: RosterFeed) -> None:
        """Tell it no more."""
        feeds = self._feeds.get(feed.conference, set())
        feeds.discard(feed)
        if not feeds:
            self._feeds.pop(feed.conference, None)

    def watches(self, conference: Identity, who: Identity) -> bool:
        """Whether somebody sees the roster."""
        return any(feed.subscriber == who for feed in self._feeds.get(conference, ()))

    def changed(self, conversation: Conversation) -> None:
        """A conference is not what it was."""
        feeds = self._feeds.get(conversation.address, ()) if conversation.address is not None else ()
        for feed in list(feeds):
            self._start(feed.look(conversation))

    def at_home(self, who: Identity) -> None:
        """Somebody's endpoints came or went."""
        if self._feeds:
            for conversation in self._front_end.immcu.of(who):
                self.changed(conversation)

    async def roster(self, address: Identity, conversation: Conversation) -> Roster:
        """What there is to see now."""
        members = [await self._member(who, conversation) for who in conversation.participants]
        maximum = conversation.charter.maximum
        return Roster(str(sip_uri(address)), conversation.subject, conversation.locked, tuple(members), maximum)

    async def _member(self, who: Identity, conversation: Conversation) -> Member:
        name = await self._exchange.name_of(who)
        endpoints = [binding.endpoint for binding in self._front_end.registrar.of(who)]
        uris = tuple(sorted({str(self._places.device(endpoint)) for endpoint in endpoints}))
        return Member(str(sip_uri(who)), name, who in conversation.moderators, uris)


class RosterFeed:
    """One subscriber's view.  Versions count within a subscription (RFC 4575 section 4.4)."""

    event = ""
    headers: Sequence[tuple[str, object]] = ()

    def __init__(
        self, package: ConferencePackage, conference: Identity, subscriber: Identity, now: Conversation, version: int
    ) -> None:
        self.conference = conference
        self.subscriber = subscriber
        self._ended = False
        self._package = package
        self._now = now
        self._next = version
        self._looks = 0
        self._roster: Roster | None = None
        self._shown: Roster | None = None
        self._due: Callable[[], None] = lambda: None

    async def start(self, due: Callable[[], None]) -> None:
        """Watch; the first view is there when this returns."""
        self._due = due
        self._package.watch(self)
        await self.look(self._now)

    async def refreshed(self, request: Request) -> None:
        """A body has no meaning here."""

    def stop(self) -> None:
        """Watch no more."""
        self._due = lambda: None
        self._package.unwatch(self)

    def state(self) -> str:
        """Participants see everything, others nothing more."""
        return TERMINATED if self._ended else "active"

    async def look(self, conversation: Conversation) -> None:
        """See what a conference is now; of two looks at once the later one counts."""
        self._looks += 1
        look = self._looks
        try:
            roster = await self._package.roster(self.conference, conversation)
        except HereaboutsError as why:
            return log.info("who is in %s is not known: %s", self.conference, why)
        if look != self._looks or self._ended:
            return
        self._roster = roster
        over = conversation.shape is Shape.ENDED and not conversation.participants
        if over or self.subscriber not in conversation.participants:
            self._ended = True
        self._due()

    def body(self, full: bool, plain: bool) -> tuple[str, bytes] | None:
        """Whole where the subscriber has nothing, else what has changed.  Who is out sees nothing more."""
        if self._roster is None:
            return None
        version, self._next = self._next, (self._next + 1) % MAX_VERSION
        document = None
        if self._ended:
            document = conference_info.over(self._roster, version)
        elif not full and self._shown is not None:
            document = conference_info.partial(self._shown, self._roster, version)
        self._shown = self._roster
        return conference_info.CONTENT_TYPE, document or conference_info.full(self._roster, version)


def _first_version(request: Request) -> int:
    """The number of the first document: 0, or what is newer than what the subscriber says it has."""
    value = (request.first(HAS_VERSION) or "").strip()
    return int(value) + 1 if value.isascii() and value.isdecimal() and len(value) <= MAX_DIGITS else 0
