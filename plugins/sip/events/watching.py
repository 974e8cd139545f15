"""The package ``presence``: who watches whom, and the contact lists behind it (RFC 3856)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from ....core.contacts import MAX_NAME
from ....core.errors import HereaboutsError
from ....core.identity import Identity
from ....core.presence_registry import View
from ....core.subscription import Deed
from ..presence import pidf
from ..sign_in.registration import Start
from ..syntax.message import Request
from ..translate import identity_of
from .package import Feed

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

Variant = Callable[[Request, Identity, str], Awaitable[Feed | None]]


class PresencePackage:
    """Whom somebody watches is on their list everywhere."""

    content_types: Sequence[str] = (pidf.CONTENT_TYPE,)

    def __init__(self, front_end: FrontEnd, start: Start) -> None:
        self._front_end = front_end
        self._start = start
        self.variants: list[Variant] = []
        """Asked first: subscriptions to presence that are to more than one person."""

    async def subscribe(self, request: Request, who: Identity, instance: str) -> Feed:
        """Raises NotFound for what is no person here, nor of a domain to which something leads; BadAddress."""
        for variant in self.variants:
            feed = await variant(request, who, instance)
            if feed is not None:
                return feed
        presentity = identity_of(request.target)
        if not self._front_end.ours(presentity.domain) and not self._front_end.is_conference(presentity.domain):
            await self._front_end.registrar.foreign(presentity)
        if request.expires != 0:
            self._start(self.listed(who, presentity, request.to.display))
        return PresenceFeed(self._front_end, who, presentity)

    async def listed(self, who: Identity, presentity: Identity, name: str = "") -> None:
        """Whom somebody watches is on their list; if they may not see them yet, this asks.

        SIP has no words for "may I see you" and "yes": whoever puts a person on their list says yes to them, too.
        People of other domains keep their lists there; here they ask.
        """
        if who == presentity or self._front_end.is_conference(presentity.domain):
            return
        contacts = self._front_end.contacts
        if not self._front_end.ours(who.domain):
            return await contacts.heard(who, Deed.ASK, presentity)
        try:
            contact = await contacts.get(who, presentity)
            if contact is None or not contact.listed:
                groups = contact.groups if contact else ()
                contact = await contacts.put(who, presentity, name=name[: MAX_NAME // 4], groups=groups)
                await contacts.grant(who, presentity)
            if not contact.sees and not contact.asked:
                await contacts.ask(who, presentity)
        except HereaboutsError as why:
            log.info("%s watches %s, who did not get on the list: %s", who, presentity, why)


class PresenceFeed:
    """One person's presence, and a Watcher of the core.

    Whoever may not see the person, or watches nobody, is told "pending" and sees somebody who is offline.  Once shown,
    a person who hides again is offline, not withdrawn: the watcher cannot tell the difference.
    """

    __slots__ = ("_active", "_due", "_front_end", "_presentity", "_view", "event", "headers", "identity")

    def __init__(self, front_end: FrontEnd, watcher: Identity, presentity: Identity) -> None:
        self.identity: Identity | None = watcher
        self.event = ""
        self.headers: Sequence[tuple[str, object]] = ()
        self._front_end = front_end
        self._presentity = presentity
        self._due: Callable[[], None] | None = None
        self._view: View | None = None
        self._active = False

    async def start(self, due: Callable[[], None]) -> None:
        """Watch; the first view comes before this returns."""
        self._due = due
        await self._front_end.presence.watch(self._presentity, self)

    async def refreshed(self, request: Request) -> None:
        """A body has no meaning here."""

    def stop(self) -> None:
        """Watch no more."""
        self._due = None
        self._front_end.presence.unwatch(self._presentity, self)

    def notify(self, view: View, before: View | None) -> None:
        """What the core shows."""
        self._view = view
        self._active = self._active or view.level.sees
        if self._due is not None:
            self._due()

    def state(self) -> str:
        """Whether they were ever seen."""
        return "active" if self._active else "pending"

    def body(self, full: bool, plain: bool) -> tuple[str, bytes] | None:
        """The document, which is always whole; one rendering for all watchers of a level."""
        view = self._view
        if view is None:
            return None
        made: bytes = view.body("pidf plain" if plain else "pidf", lambda: pidf.write(view.document, plain=plain))
        return pidf.CONTENT_TYPE, made
