"""Who of other domains sees our people: contacts that were told yes are shown every change, as colleagues here are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ....core.access import AccessLevel
from ....core.identity import Identity
from ....core.locks import Locks
from ....core.presence_registry import View
from ..presence.subscriptions import stanza as subscription_stanza
from ..presence.watch import Goodbyes, Halves, differences
from ..presence.words import DEFAULT_LANGUAGE
from ..resource import Resource, Start
from ..syntax import xml

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ....core.presence_registry import Watcher
    from .guests import Guests

MAX_ONLOOKERS = 100_000
"""Pairs of a person here who is signed in and somebody elsewhere who sees them; further ones see them offline."""


class Onlooker:
    """One contact of another domain, looking at one person of ours."""

    __slots__ = ("_audience", "_guest", "identity", "last", "who")

    def __init__(self, audience: Audience, who: Identity, guest: Resource) -> None:
        self.identity: Identity | None = guest.identity
        self.who = who
        self.last: View | None = None
        self._audience = audience
        self._guest = guest

    def raised(self, level: AccessLevel) -> AccessLevel:
        """See PresenceRegistry.watch."""
        return self._audience.raised(level)

    def notify(self, view: View, before: View | None) -> None:
        """Only the resources that differ are told of (RFC 6121 sections 4.2.2, 4.4.2, 4.5.2), to the bare JID."""
        self.last = view
        since = f"{before.level} {before.version}" if before is not None else "first"
        kind, goodbyes = f"xmpp {DEFAULT_LANGUAGE} {since}", self._audience.goodbyes
        hash = self._audience.photo_of(self.who)
        changes: list[Halves] = view.body(kind, lambda: differences(view, before, DEFAULT_LANGUAGE, goodbyes, hash))
        to = self._guest.session.jid_bytes
        self._guest.session.send_all([head + to + tail for head, tail in changes])
        if before is not None and not view.document.availability.here:
            self._audience.gone(self.who)

    def again(self) -> None:
        """Say once more what there is to see."""
        if self.last is not None:
            self.notify(self.last, None)


class Audience:
    """Built anew whenever somebody signs in, from the contact list in the store; it ends when they are gone."""

    def __init__(
        self,
        front_end: FrontEnd,
        guests: Guests,
        goodbyes: Goodbyes,
        photo_of: Callable[[Identity], str],
        start: Start,
        *,
        everything: bool,
    ) -> None:
        self._front_end = front_end
        self._guests = guests
        self._start = start
        self.goodbyes = goodbyes
        self.photo_of = photo_of
        # Where a plugin decides how much is shown, its word stands.
        self._everything = everything and not front_end.hooks.implemented_by("access")
        self._of: dict[Identity, dict[Identity, Onlooker]] = {}
        self._count = 0
        self._locked = Locks().held
        front_end.contacts.told.append(self._list_changed)

    def raised(self, level: AccessLevel) -> AccessLevel:
        """What a contact of another domain is shown who was told yes: what RFC 6121 section 4.4.2 wants every
        subscriber to get, unless the settings keep it to availability."""
        return AccessLevel.COLLEAGUES if level is AccessLevel.EXTERNAL and self._everything else level

    def signed_in(self, who: Identity) -> None:
        """Somebody may be seen from now on."""
        self._start(self._reconcile(who))

    def gone(self, who: Identity) -> None:
        """Somebody was seen to go."""
        if not self._front_end.registrar.of(who):
            self._start(self._reconcile(who))

    async def probed(self, by: Identity, who: Identity) -> None:
        """Their server asks where somebody is (RFC 6121 section 4.3.2).

        Whoever may not see them, and does not wait for an answer either, is told so; it is the same for people who do
        not exist.
        """
        guest = self._guests.of(by)
        level = await self._front_end.contacts.level(by, who)
        entry = await self._front_end.contacts.get(who, by)
        if level.sees:
            await self._reconcile(who)
            onlooker = self._of.get(who, {}).get(by)
            if onlooker is not None and onlooker.last is not None and onlooker.last.document.availability.here:
                onlooker.again()
                return
        if level.sees or level is AccessLevel.BLOCKED:
            attrs = {"from": str(who), "to": guest.session.jid, "type": "unavailable"}
            guest.send(xml.element("presence", attrs))
        elif entry is None or not entry.asking:
            guest.send(subscription_stanza(who, by, "unsubscribed"))

    def found(self, domain: str) -> None:
        """Show everybody there what they may have missed."""
        for onlookers in self._of.values():
            for by, onlooker in onlookers.items():
                if by.domain == domain:
                    onlooker.again()

    # ---- inside

    def _list_changed(self, owner: Identity) -> None:
        if owner in self._of or self._front_end.registrar.of(owner):
            self._start(self._reconcile(owner))

    async def _reconcile(self, who: Identity) -> None:
        async with self._locked(who):
            await self._look(who)

    async def _look(self, who: Identity) -> None:
        """Whoever may see somebody who is here looks on; nobody else does."""
        entries = await self._front_end.contacts.of(who)
        here = bool(self._front_end.registrar.of(who)) or self._front_end.presence.of(who).availability.here
        ours = self._front_end.ours
        wanted = {
            entry.address
            for entry in entries
            if here and entry.seen and not ours(entry.address.domain) and self._guests.serves(entry.address.domain)
        }
        there = self._of.setdefault(who, {})
        for by in there.keys() - wanted:
            self._count -= 1
            self._front_end.presence.unwatch(who, there.pop(by))
        for by in wanted - there.keys():
            if self._count < MAX_ONLOOKERS:
                self._count += 1
                there[by] = Onlooker(self, who, self._guests.of(by))
                await self._front_end.presence.watch(who, there[by])
        if not there:
            self._of.pop(who, None)


if TYPE_CHECKING:

    def _is_a_watcher(onlooker: Onlooker) -> Watcher:
        return onlooker
