"""Presence from other domains (RFC 6121 sections 3 and 4): where people are, and who wants to see whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ....core.identity import Identity
from ....core.message import Native, SubscriptionNews
from ....core.subscription import Deed
from ..messages.payload import PROTOCOL
from ..presence.subscriptions import NAMES, TYPES
from ..presence.subscriptions import stanza as subscription_stanza
from ..resource import Resource, Rest, Start
from ..server_owned import PRESENCE_TAGS, from_abroad, without
from ..syntax import xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from .audience import Audience
from .outgoing import joined_by
from .sights import Sights

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..parts import Parts
    from .guests import Guests

Work = Callable[[Stanza, Jid, Jid], Awaitable[Rest]]

MAX_MET = 1000
"""Addresses of other domains that showed themselves to one of our clients without being contacts, and may take it
back."""
MET = "met"
"""Where a session keeps them."""
LANE = "presence"
"""What one person of another domain says about presence is done in its order."""
MUC_USER = f"{{{xml.MUC_USER}}}x"
STATUS = f"{{{xml.MUC_USER}}}status"


class Presences:
    """What is known of a contact goes into the core; all else goes straight to whom it is for."""

    def __init__(
        self, front_end: FrontEnd, parts: Parts, guests: Guests, sights: Sights, audience: Audience, start: Start
    ) -> None:
        self._front_end = front_end
        self._parts = parts
        self._guests = guests
        self._sights = sights
        self._audience = audience
        self._start = start

    def take(self, stanza: Stanza, sender: Jid, to: Jid) -> None:
        """One presence stanza for somebody here."""
        if not to.user:
            return
        if stanza.type in NAMES:
            if sender.user:
                self._in_turn(sender, self._subscription, stanza, sender, to)
            else:
                self._straight(stanza, sender, to)
        elif stanza.type == "probe":
            if sender.user:
                self._in_turn(sender, self._probe, stanza, sender, to)
        elif stanza.type in ("", "unavailable"):
            self._shown(stanza, sender, to)

    def tell(self, who: Identity, news: SubscriptionNews) -> None:
        """A deed of one of our people about somebody of another domain (sections 3.1.2, 3.2.2 and 3.3.2)."""
        words = news.native
        inner = words.payload if words is not None and words.protocol == PROTOCOL else b""
        self._guests.of(who).send(subscription_stanza(news.who, who, TYPES[news.what], inner))

    # ---- inside

    def _in_turn(self, sender: Jid, work: Work, *args: object) -> None:
        self._start(self._guests.of(sender.identity).lanes.take(LANE, work, *args))

    def _shown(self, stanza: Stanza, sender: Jid, to: Jid) -> None:
        if sender.user and sender.resource and not to.resource:
            self._parts.personal.curiosity.elsewhere(self._guests.at(sender), stanza, to.identity)
        if to.resource or not sender.user:
            if not sender.user or not self._sights.take(sender, stanza, to):
                self._straight(stanza, sender, to)
        elif self._guests.of(sender.identity).lanes.busy(LANE) or not self._sights.take(sender, stanza, to):
            self._in_turn(sender, self._to_person, stanza, sender, to)

    async def _to_person(self, stanza: Stanza, sender: Jid, to: Jid) -> Rest:
        """Of a contact it is what we ask for ourselves, as soon as a client of the person's looks."""
        if not self._sights.take(sender, stanza, to):
            entry = await self._front_end.contacts.get(to.identity, sender.identity)
            if entry is None or not entry.sees:
                self._straight(stanza, sender, to)
        return None

    async def _subscription(self, stanza: Stanza, sender: Jid, to: Jid) -> Rest:
        """A question goes on to the person and is kept until it is answered; the contact lists own the states."""
        inner = without(stanza, PRESENCE_TAGS)
        words = Native(PROTOCOL, inner) if inner else None
        await self._front_end.contacts.heard(sender.identity, Deed(NAMES[stanza.type]), to.identity, words)
        return None

    async def _probe(self, stanza: Stanza, sender: Jid, to: Jid) -> Rest:
        await self._audience.probed(sender.identity, to.identity)
        return None

    def _straight(self, stanza: Stanza, sender: Jid, to: Jid) -> None:
        """Directed presence (section 4.6), such as that of people in a room of theirs."""
        for resource in self._addressed(to):
            if (not sender.user or sender.identity not in resource.blocked) and _is_news(resource, stanza, sender, to):
                if stanza.type == "unavailable":
                    _note_leaving(resource, stanza, sender)
                attrs = {**stanza.attrs, "from": sender.full, "to": to.full}
                resource.send(xml.element("presence", attrs, from_abroad(stanza, sender.domain)))

    def _addressed(self, to: Jid) -> list[Resource]:
        if to.resource:
            at = self._parts.resources.at(to.endpoint)
            return [at] if at is not None else []
        return [resource for resource in self._parts.resources.of(to.identity) if resource.available]


def _is_news(resource: Resource, stanza: Stanza, sender: Jid, to: Jid) -> bool:
    """Nobody goes who was not there: what a person as a whole is sent is noted, to be taken back once."""
    if to.resource:
        return True
    met: set[str] = resource.session.extra.setdefault(MET, set())
    if stanza.type == "unavailable":
        there = sender.full in met
        met.discard(sender.full)
        return there
    if not stanza.type and len(met) < MAX_MET:
        met.add(sender.full)
    return True


def _note_leaving(resource: Resource, stanza: Stanza, sender: Jid) -> None:
    """The client is put out of a room of another domain, or has left it, unless it only changes its nickname there
    (XEP-0045 sections 7.6 and 8.2)."""
    joined = joined_by(resource)
    if joined.get(sender.bare) != sender.resource:
        return
    mark = stanza.child(MUC_USER)
    codes = {status.get("code") for status in mark.findall(STATUS)} if mark is not None else set()
    if "303" not in codes:
        joined.pop(sender.bare, None)
        resource.session.directed.discard(sender.full)
