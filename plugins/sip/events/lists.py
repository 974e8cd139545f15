"""Watching many people at once: lists in a request (RFC 5367) and the contact list (RFC 4662)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....core.errors import BadAddress, HereaboutsError
from ....core.identity import Identity
from ..errors import Refusal
from ..messages.bodies import inflated
from ..resource_lists import CONTENT_TYPE, DISPOSITION, read
from ..sign_in.registration import Start
from ..syntax.message import Request
from ..translate import identity_of, sip_uri
from .list_feed import AT_ONCE, MAX_DATAGRAM_BODY, Entry, ListFeed, Manners
from .rlmi import Dialect

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from .watching import PresencePackage

EVENT_LIST = "eventlist"
"""The option tag of RFC 4662; whoever subscribes to a list must support it."""
IN_THE_REQUEST = "recipient-list-subscribe"
"""The option tag of RFC 5367."""
SERVER_NAME = "rls"
"""The user part of the address that takes every list subscription; without a body it means the sender's contacts."""
OWN_LIST = "-contacts"
"""What follows the owner's user part in the address of their contact list."""
LIBLINPHONE = ("linphone", "belle-sip")
"""COMPAT: parts of the User-Agent of programs built on liblinphone."""
SETTLED = 0.1
"""Seconds in which changes of a contact list are gathered, so that a hundred of them are one."""
MAX_LISTS = 20
"""Subscriptions to lists of one person, over all their endpoints."""


class Lists:
    """A variant of the presence package: it answers SUBSCRIBEs to lists, and leaves the others alone."""

    def __init__(self, front_end: FrontEnd, package: PresencePackage, start: Start) -> None:
        self.front_end = front_end
        self._package = package
        self._start = start
        self._feeds: dict[Identity, dict[ListFeed, bool]] = {}
        """Who watches lists; and whether it is the contact list."""
        self._stale: set[Identity] = set()
        front_end.contacts.changed.append(self._changed)

    async def __call__(self, request: Request, who: Identity, instance: str) -> ListFeed | None:
        """The feed of a list, None for what is no list.  Raises Refusal, MalformedXml, UnknownBody."""
        if contained(request):
            entries, own = await self._entries(request), False
        elif await self._is_own_list(request, who):
            entries, own = await self._contacts_of(who), True
        else:
            return None
        if EVENT_LIST not in (tag.lower() for tag in request.all("Supported") + request.all("Require")):
            raise Refusal(421, "", ("Require", EVENT_LIST))  # RFC 4662 section 4.1
        if not self.front_end.ours(who.domain):
            raise Refusal(403, "lists are for people who sign in here")
        if len(self._feeds.get(who, ())) >= MAX_LISTS:
            raise Refusal(403, f"at most {MAX_LISTS} subscriptions to lists")
        feed = ListFeed(self.front_end, who, entries, self._manners(request), _Origin(self, own))
        if feed.too_long_for_datagrams:
            raise Refusal(403, f"over UDP a list has at most {MAX_DATAGRAM_BODY} bytes; use TLS or TCP")
        if not own and request.expires != 0:
            self._start(self._ask(who, entries))
        return feed

    def close(self) -> None:
        """Hear of no more changes."""
        self.front_end.contacts.changed.remove(self._changed)

    # ---- what feeds ask

    def begun(self, feed: ListFeed, own: bool) -> None:
        """Somebody watches a list; ``own`` is the contact list, whose changes they see."""
        self._feeds.setdefault(feed.who, {})[feed] = own

    def ended(self, feed: ListFeed) -> None:
        """They do not any more."""
        feeds = self._feeds.get(feed.who, {})
        feeds.pop(feed, None)
        if not feeds:
            self._feeds.pop(feed.who, None)

    async def again(self, request: Request, who: Identity) -> Sequence[Entry] | None:
        """The list in a refresh, if one is."""
        if not contained(request):
            return None
        entries = await self._entries(request)
        self._start(self._ask(who, entries))
        return entries

    # ---- inside

    def _changed(self, who: Identity) -> None:
        if who not in self._stale and any(self._feeds.get(who, {}).values()):
            self._stale.add(who)
            self._start(self._follow(who))

    async def _follow(self, who: Identity) -> None:
        await asyncio.sleep(SETTLED)
        self._stale.discard(who)
        entries = await self._contacts_of(who)
        for feed in [feed for feed, own in self._feeds.get(who, {}).items() if own]:
            await feed.become(entries)

    async def _contacts_of(self, who: Identity) -> list[Entry]:
        """Somebody's contact list.  Nobody is asked anything: they were when they were put on it."""
        contacts = await self.front_end.contacts.of(who)
        return await self._shown([(str(sip_uri(contact.address)), contact.name) for contact in contacts])

    async def _entries(self, request: Request) -> list[Entry]:
        """The people in a body.  Raises Refusal, MalformedXml, MalformedSip, UnknownBody."""
        if request.content_type is None or request.content_type.value != CONTENT_TYPE:
            raise Refusal(415, "", ("Accept", CONTENT_TYPE))
        listed = read(inflated(request.first("Content-Encoding") or "", request.body))
        return await self._shown([(entry.uri, entry.display) for entry in listed])

    async def _ask(self, who: Identity, entries: Sequence[Entry]) -> None:
        """Ask everybody for permission, in the one way there is."""
        for number, entry in enumerate(entries, 1):
            if entry.person is not None:
                await self._package.listed(who, entry.person, entry.name)
            if not number % AT_ONCE:
                await asyncio.sleep(0)

    async def _shown(self, listed: Sequence[tuple[str, str]]) -> list[Entry]:
        """Who is behind each address; nobody where there is none, or nothing leads to its domain."""
        reached: dict[str, bool] = {}
        entries = []
        for uri, name in listed:
            try:
                person = identity_of(uri)
            except BadAddress:
                entries.append(Entry(uri, name, None))
                continue
            if person.domain not in reached:
                reached[person.domain] = await self._reaches(person)
            entries.append(Entry(uri, name, person if reached[person.domain] else None))
        return entries

    async def _reaches(self, who: Identity) -> bool:
        if self.front_end.ours(who.domain) or self.front_end.is_conference(who.domain):
            return True
        try:
            await self.front_end.registrar.foreign(who)
        except HereaboutsError:
            return False
        return True

    async def _is_own_list(self, request: Request, who: Identity) -> bool:
        """Somebody else's list looks like somebody who does not exist, which is what the presence package shows."""
        target = request.target
        if not target.is_sip or target.user not in (SERVER_NAME, who.user + OWN_LIST):
            return False
        addressed = identity_of(target)
        return addressed.domain == who.domain and not await self.front_end.accounts.exists(addressed)

    def _manners(self, request: Request) -> Manners:
        """How this subscriber is to be spoken to."""
        client = (request.first("User-Agent") or "").lower()
        encodings = [encoding.partition(";")[0].strip().lower() for encoding in request.all("Accept-Encoding")]
        return Manners(
            request.uri,
            self.front_end.domains[0],
            Dialect.LIBLINPHONE if any(name in client for name in LIBLINPHONE) else Dialect.STANDARD,
            deflated="deflate" in encodings,
            datagrams=request.via[0].transport.upper() == "UDP",
        )


class _Origin:
    """Where one feed's list comes from."""

    def __init__(self, lists: Lists, own: bool) -> None:
        self._lists = lists
        self._own = own

    def begun(self, feed: ListFeed) -> None:
        self._lists.begun(feed, self._own)

    def ended(self, feed: ListFeed) -> None:
        self._lists.ended(feed)

    async def again(self, feed: ListFeed, request: Request) -> Sequence[Entry] | None:
        return None if self._own else await self._lists.again(request, feed.who)


def contained(request: Request) -> bool:
    """Whether a SUBSCRIBE brings its list along."""
    disposition = (request.first("Content-Disposition") or "").partition(";")[0].strip().lower()
    required = IN_THE_REQUEST in (tag.lower() for tag in request.all("Require"))
    return bool(request.body) and (required or disposition == DISPOSITION)
