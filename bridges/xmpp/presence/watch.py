"""What one resource sees of other people: views of their presence as stanzas, made once for all who see the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.identity import Endpoint, Identity
from ....core.presence import PresenceDocument
from ....core.presence_registry import View
from .. import translate
from ..resource import LISTS, Resource, Start
from ..syntax import jid
from . import photo

if TYPE_CHECKING:
    from ....core.presence_registry import PresenceRegistry
    from ..personal import Personal

ALONE = "hereabouts"
"""The resource that stands for somebody who is here without any device of theirs: on the phone, for example."""

Goodbyes = dict[Endpoint, bytes]
"""What resources said when they took their presence back, while their watchers are being told."""
Halves = tuple[bytes, bytes]
"""A stanza open at the one place where copies differ: what comes before the receiver's address and what comes after."""


class Watch:
    """A watcher of many people, for one resource.  It remembers what it was shown last, to take it back in the end."""

    __slots__ = ("_goodbyes", "_held", "_people", "_personal", "_presence", "_resource", "_start", "identity")

    def __init__(
        self,
        resource: Resource,
        presence: PresenceRegistry,
        goodbyes: Goodbyes,
        start: Start,
        personal: Personal | None = None,
    ) -> None:
        self.identity: Identity | None = resource.identity
        self._resource = resource
        self._presence = presence
        self._goodbyes = goodbyes
        self._start = start
        self._personal = personal
        self._people: dict[Identity, View] = {}
        self._held: dict[Identity, tuple[View, View | None]] = {}
        """What changed while nobody looks at the client (XEP-0352): the newest view, and the last that was shown."""

    async def follow(self, who: Identity) -> None:
        """Show somebody's presence from now on.  Those whom the person blocks are not heard from (XEP-0191)."""
        if who not in self._people and who not in self._resource.blocked:
            await self._presence.watch(who, self)

    def leave(self, who: Identity) -> None:
        """Show it no more: the devices that were there go."""
        last = self._people.pop(who, None)
        if who in self._held:
            last = self._held.pop(who)[1]
        self._presence.unwatch(who, self)
        if last is not None:
            self._show(View(PresenceDocument(who), last.level, -1), last)

    def close(self) -> None:
        """Watch nobody any more, and say nothing."""
        for who in self._people:
            self._presence.unwatch(who, self)
        self._people.clear()
        self._held.clear()

    def looked_at(self) -> None:
        """Somebody looks at the client again: what changed meanwhile is shown, each person once."""
        held, self._held = self._held, {}
        for view, before in held.values():
            self._show(view, before)

    def notify(self, view: View, before: View | None) -> None:
        """One person's presence as it is now; only the resources that differ are sent."""
        self._people[view.document.identity] = view
        lanes = self._resource.lanes
        gained = view.level.sees and (before is None or not before.level.sees)
        if gained and self._personal is not None and self._resource.interests:
            self._start(self._personal.curiosity.met(self._resource, view.document.identity))
        if lanes.busy(LISTS):
            # A change of the contact list is told before the presence that it brings (RFC 6121 section 3.1.6).
            self._start(lanes.take(LISTS, self._show_later, view, before))
        else:
            self._show(view, before)

    async def _show_later(self, view: View, before: View | None) -> None:
        if self._resource.watch is self:
            self._show(view, before)

    def _show(self, view: View, before: View | None) -> None:
        if self._resource.unwatched and before is not None and view.version >= 0:
            who = view.document.identity
            self._held[who] = view, self._held[who][1] if who in self._held else before
            return
        language = self._resource.language
        since = f"{before.level} {before.version}" if before is not None else "first"
        kind = f"xmpp {language} {since}"
        hash = self._personal.photos.of(view.document.identity) if self._personal is not None else ""
        changes: list[Halves] = view.body(kind, lambda: differences(view, before, language, self._goodbyes, hash))
        if changes:
            to = self._resource.session.jid_bytes
            self._resource.session.send_all([head + to + tail for head, tail in changes])


def differences(view: View, before: View | None, language: str, goodbyes: Goodbyes, hash: str = "") -> list[Halves]:
    """The stanzas that lead from one view of a person to the next; ``hash`` is that of the person's picture."""
    now = _resources(view, language, hash)
    then = _resources(before, language, hash) if before is not None else {}
    who = view.document.identity
    changes = [halves(who, instance, inner) for instance, inner in now.items() if then.get(instance) != inner]
    for instance in then:
        if instance not in now:
            changes.append(halves(who, instance, goodbyes.get(Endpoint(who, instance), b""), gone=True))
    return changes


def halves(who: Identity, instance: str, inner: bytes, *, gone: bool = False, kept: bytes = b"") -> Halves:
    """One resource's presence stanza; ``kept`` is what is left of its start tag."""
    head = b"<presence from='" + jid.quoted(f"{who}/{instance}") + b"' to='"
    type = (b"' type='unavailable'" if gone else b"'") + kept
    return head, b"".join((type, b">", inner, b"</presence>")) if inner else type + b"/>"


def _resources(view: View, language: str, hash: str) -> dict[str, bytes]:
    made: dict[str, bytes] = view.body(
        f"xmpp {language}", lambda: photo.everywhere(translate.inners(view.document, language, alone=ALONE), hash)
    )
    return made
