"""Presence of connected resources (RFC 6121 section 4): shown, changed, taken back, and shown to single addresses."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from ....core.access import AccessLevel
from ....core.errors import HereaboutsError
from ....core.front_end import SIGNED_OUT
from ....core.message import Native
from ....core.presence import Availability, Publication, Source
from .. import translate
from ..errors import StanzaError
from ..messages.payload import PROTOCOL
from ..resource import MAX_DIRECTED, Resource, Resources, Start
from ..server_owned import PRESENCE_TAGS, without
from ..syntax import jid, xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from . import photo
from .subscriptions import Subscriptions
from .watch import Goodbyes, Watch, halves

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ....core.identity import Identity
    from ..personal import Personal
    from ..rooms.events import RoomEvents

log = logging.getLogger(__name__)

CAPS = f"{{{xml.CAPS}}}c"
MAX_CLIENT = 64
"""Characters of a program's name."""


class Availabilities:
    """Makes a resource's presence a claim about its person, and shows the resource what others claim."""

    def __init__(
        self,
        front_end: FrontEnd,
        resources: Resources,
        subscriptions: Subscriptions,
        rooms: RoomEvents,
        start: Start,
        *,
        dnd: Availability = Availability.BUSY,
    ) -> None:
        self._front_end = front_end
        self._resources = resources
        self._subscriptions = subscriptions
        self._rooms = rooms
        self._start = start
        self._dnd = dnd
        self._goodbyes: Goodbyes = {}
        self._personal: Personal | None = None

    @property
    def goodbyes(self) -> Goodbyes:
        """What resources said when they took their presence back, while their watchers are being told."""
        return self._goodbyes

    def shows(self, personal: Personal) -> None:
        """With their presence people's pictures are shown, and clients hear of nodes by it."""
        self._personal = personal
        personal.avatars.refresh.append(self.refresh)

    async def show(self, resource: Resource, stanza: Stanza) -> None:
        """Initial presence, or a change of it (sections 4.2 and 4.4).  Raises StanzaError, TooLarge, Refused."""
        shown = translate.read(stanza, self._dnd)
        inner = photo.shown(resource, stanza)
        first, again = not resource.available, inner == resource.session.presence
        await self._front_end.presence.publish(
            resource.identity,
            Publication(
                owner=owner_of(resource),
                source=Source.MACHINE,
                availability=shown.availability,
                since=self._front_end.clock(),
                activity=shown.activity,
                note=shown.note,
                idle_since=shown.idle_since,
                instance=resource.endpoint.instance,
                priority=shown.priority,
                native=Native(PROTOCOL, inner),
            ),
        )
        if resource.session.closed:
            await self._front_end.presence.withdraw(resource.identity, owner_of(resource))
            return
        resource.session.presence, resource.session.priority = inner, shown.priority
        if first:
            self._note_client(resource, stanza)
            await self._look_around(resource)
        elif again:
            # Nobody need hear the same again, but for the client itself, which may wait for it (section 4.4.2).
            head, tail = halves(resource.identity, resource.endpoint.instance, inner, kept=_kept(stanza))
            resource.send(head + resource.session.jid_bytes + tail)
        await self._take_messages(resource, shown.priority >= 0)
        if self._personal is not None:
            self._personal.curiosity.shown(resource, stanza)

    async def refresh(self, who: Identity) -> None:
        """Somebody has another picture: their clients' presence says so (XEP-0153 section 4.1)."""
        claims = {claim.owner: claim for claim in self._front_end.presence.publications(who)}
        for resource in self._resources.of(who):
            claim, inner = claims.get(owner_of(resource)), resource.session.presence
            if claim is not None and inner is not None:
                inner = resource.session.presence = photo.replaced(inner, resource.photo)
                await self._front_end.presence.publish(who, replace(claim, native=Native(PROTOCOL, inner)))

    async def hide(self, resource: Resource, stanza: Stanza) -> None:
        """The resource is there but unavailable (section 4.5): its words go to whoever was shown its presence."""
        if not resource.available:
            return
        inner = without(stanza, PRESENCE_TAGS)
        await self._take_messages(resource, False)
        resource.session.presence = None
        self._goodbyes[resource.endpoint] = inner
        try:
            await self._front_end.presence.withdraw(resource.identity, owner_of(resource))
        finally:
            del self._goodbyes[resource.endpoint]
        self.gone(resource, SIGNED_OUT, inner)

    def gone(self, resource: Resource, reason: str, inner: bytes = b"") -> None:
        """Whatever else a resource was shown, and was shown to, ends: it is unavailable, or its stream is gone."""
        if self._personal is not None:
            self._personal.curiosity.gone(resource)
        if resource.watch is not None:
            resource.watch.close()
            resource.watch = None
        directed, resource.session.directed = resource.session.directed, set()
        for text in directed:
            self._send(resource, jid.parse(text), inner, gone=True)
        self._rooms.absent(resource, reason)

    async def forget(self, resource: Resource) -> None:
        """What an older stream said under this resource's name holds no more, unless it says something itself."""
        if not resource.available:
            await self._front_end.presence.withdraw(resource.identity, owner_of(resource))

    async def direct(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        """Presence for one address alone (section 4.6); it is taken back when the resource becomes unavailable.

        Raises StanzaError when it has been shown to too many addresses already.
        """
        if await self._front_end.contacts.level(resource.identity, to.identity) is AccessLevel.BLOCKED:
            return
        gone = stanza.type == "unavailable"
        directed = resource.session.directed
        if gone:
            directed.discard(to.full)
        elif len(directed) >= MAX_DIRECTED and to.full not in directed:
            raise StanzaError(
                "wait", "resource-constraint", f"presence goes to at most {MAX_DIRECTED} single addresses"
            )
        elif resource.available:
            directed.add(to.full)
        inner = without(stanza, PRESENCE_TAGS) if gone else photo.shown(resource, stanza)
        self._send(resource, to, inner, gone=gone, kept=_kept(stanza))

    async def probe(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        """Where is somebody now (section 4.3)?  Silence for who may not see them."""
        view = await self._front_end.presence.view(resource.identity, to.identity)
        hash = self._personal.photos.of(to.identity) if self._personal is not None else ""
        shown = photo.everywhere(translate.inners(view.document, resource.language, ""), hash)
        for instance, inner in shown.items():
            if instance and to.resource in ("", instance):
                head, tail = halves(to.identity, instance, inner)
                resource.send(head + resource.session.jid_bytes + tail)

    # ---- inside

    def _note_client(self, resource: Resource, stanza: Stanza) -> None:
        """For the records: which program this is, as far as its capabilities tell (XEP-0115)."""
        resource.session.client = client_of(stanza) or resource.session.client
        binding = self._front_end.registrar.at(resource.endpoint)
        if binding is not None and self._resources.at(resource.endpoint) is resource:
            binding.client = resource.session.client

    async def _look_around(self, resource: Resource) -> None:
        """A resource has just become available: show it itself, the person's others, the contacts, and what waits."""
        watch = resource.watch = Watch(resource, self._front_end.presence, self._goodbyes, self._start, self._personal)
        await watch.follow(resource.identity)
        for contact in await self._front_end.contacts.of(resource.identity):
            await watch.follow(contact.address)
        await self._subscriptions.ask_again(resource)
        if resource.session.closed:
            watch.close()

    async def _take_messages(self, resource: Resource, ready: bool) -> None:
        """A resource takes messages as long as its priority is not negative; first it gets what its person missed."""
        binding = self._front_end.registrar.at(resource.endpoint)
        if binding is None or resource.session.closed:
            return
        if not ready or binding.ready:
            binding.ready = ready
            return
        try:
            await self._rooms.present(resource)
            binding.ready = not resource.session.closed
            await self._front_end.fan_out.catch_up(resource.endpoint)
            await self._rooms.returned(resource.identity)
        except HereaboutsError as why:
            log.warning("%s could not be shown what it missed: %s", resource.endpoint, why)

    def _send(self, resource: Resource, to: Jid, inner: bytes, *, gone: bool, kept: bytes = b"") -> None:
        """Directed presence, to those resources that are there."""
        if to.resource:
            at = self._resources.at(to.endpoint)
            there = [at] if at is not None else []
        else:
            there = [r for r in self._resources.of(to.identity) if r.available]
        head, tail = halves(resource.identity, resource.endpoint.instance, inner, gone=gone, kept=kept)
        for other in there:
            if resource.identity not in other.blocked:
                other.send(head + xml.attr(to.full).encode() + tail)


def _kept(stanza: Stanza) -> bytes:
    """What stays of a stanza's start tag when it goes to one address (RFC 6120 sections 8.1.3 and 8.1.5)."""
    kept = ((key, stanza.attrs.get(key)) for key in ("id", "xml:lang"))
    return "".join(f" {key}='{xml.attr(value)}'" for key, value in kept if value is not None).encode()


def client_of(presence: Stanza) -> str:
    """The program that sent this presence, by the address its makers gave it: ``gajim.org``, ``pidgin.im``."""
    caps = presence.child(CAPS)
    node = caps.get("node", "") if caps is not None else ""
    name = node.partition("://")[2] or node
    return name.removeprefix("www.").rstrip("/")[:MAX_CLIENT]


def owner_of(resource: Resource) -> str:
    """What a resource's claim is called among its person's."""
    return f"xmpp/{resource.endpoint.instance}"
