"""What happens with the stanzas of clients: each goes to the part that knows its kind; each question is answered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ...core.errors import BadAddress, HereaboutsError
from ...core.identity import Identity
from .abroad.abroad import Abroad
from .asking import answered
from .channel import ClientChannel
from .choices import RouterOptions
from .commands.command import Commands
from .errors import StanzaError, bad_request, error_answer, service_unavailable
from .parts import Parts
from .presence.blocking import blocked_by_sender
from .presence.subscriptions import NAMES as SUBSCRIPTIONS
from .presence.words import language_of
from .queries import Place, open_to_guests
from .resource import KEY, Resource, Rest
from .rooms.disco import Elsewhere
from .stream.session import Session
from .syntax import xml
from .syntax.jid import Jid
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd
    from .stream.session import Router

log = logging.getLogger(__name__)

GOODBYES = frozenset({"unavailable", "unsubscribe", "unsubscribed"})
"""Presence that one may send even to whom one blocks: it ends something."""
OWN = ""
"""The lane of what a client does to its own account and asks of the server."""

Work = Callable[[Resource, Stanza, Jid], Awaitable[Rest]]


class ClientRouter:
    """The rules of RFC 6120 section 10 and RFC 6121 section 8 for bound streams."""

    def __init__(self, front_end: FrontEnd, options: RouterOptions, commands: Commands | None = None) -> None:
        self._front_end = front_end
        self._background: set[asyncio.Task[None]] = set()
        self.commands = commands if commands is not None else Commands()
        self._parts = Parts(front_end, self._start, self.commands, options)
        self.resources = self._parts.resources
        """Every connected resource."""
        self.queries = self._parts.queries
        """The table of what can be asked; a feature that runs adds its lines."""
        self.listed = self._parts.discovery.listed
        """Services that are there besides our own; see Discovery."""
        self.archive = self._parts.archives.extent
        """What there is to tell of somebody's archive when they sign in."""
        self.abroad = Abroad(
            front_end,
            self._parts,
            self.receive,
            self._start,
            dnd=self._parts.dnd,
            everything=options.presence_abroad == "everything",
        )
        """Where people of other domains are, and by what their stanzas come and go."""
        self._kinds: dict[str, Callable[[Resource, Stanza], Coroutine[Any, Any, None] | None]] = {
            "message": self._message,
            "presence": self._presence,
            "iq": self._iq,
        }
        front_end.registrar.departed.append(lambda binding, _: self._parts.events.departed(binding.endpoint.identity))

    async def prepare(self) -> None:
        """Read what is kept in memory about everybody."""
        await self._parts.personal.photos.load()

    def capabilities(self) -> bytes:
        """What the server can do, as it says it to those who have signed in (XEP-0115 section 6.3)."""
        return self._parts.discovery.capabilities()

    def signed_in(self, who: Identity) -> None:
        """Somebody has signed in, with whatever it was: rooms and contacts elsewhere see them again."""
        self.abroad.audience.signed_in(who)
        self._start(self._parts.events.returned(who))

    # ---- sessions

    def channel(self, session: Session) -> ClientChannel:
        """The core's way to a session that is about to be bound."""
        resource = session.extra[KEY] = Resource(session, language_of(session.lang))
        return self._parts.channel(resource, self._start)

    def opened(self, session: Session) -> None:
        """A resource was bound."""
        resource: Resource = session.extra[KEY]
        self._parts.resources.add(resource)
        self._start(resource.lanes.take(OWN, self._welcome, resource))

    def closed(self, session: Session, reason: str) -> None:
        """Its stream is gone."""
        resource: Resource = session.extra[KEY]
        self._parts.resources.remove(resource)
        self._parts.availabilities.gone(resource, reason)
        newer = self._parts.resources.at(session.endpoint)
        if newer is not None and resource.available:
            self._start(newer.lanes.take(OWN, self._parts.availabilities.forget, newer))
        session.presence = None

    async def _welcome(self, resource: Resource) -> None:
        await self._parts.blocking.load(resource)
        person = await self._front_end.accounts.person(resource.identity)
        if person is not None:
            resource.language = language_of(resource.session.lang, person.language)

    # ---- stanzas

    def receive(self, session: Session, stanza: Stanza) -> Awaitable[None] | None:
        """Work for one stanza, in the order of the stanzas to the same address; nothing where it is done at once."""
        resource: Resource = session.extra[KEY]
        kind = self._kinds.get(stanza.name) if stanza.ns == xml.CLIENT else None
        if kind is None:
            self._other(resource, stanza)
            return None
        try:
            return kind(resource, stanza)
        except BadAddress as why:
            self._refuse(resource, stanza, why, sender=resource.session.bare)
        except StanzaError as why:
            self._refuse(resource, stanza, why)
        return None

    def _message(self, resource: Resource, stanza: Stanza) -> Coroutine[Any, Any, None] | None:
        to = stanza.to
        if to is None:
            to = Jid(resource.identity.user, resource.identity.domain)
        if self._front_end.ours(to.domain):
            take: Work = self._parts.messages.take
        elif self._front_end.is_conference(to.domain):
            take = self._parts.rooms.message
        else:
            return resource.lanes.take(
                to.bare, self._do, resource, self.abroad.outgoing.message, stanza, to, message=True
            )
        if not to.user:
            if stanza.type != "error" and stanza.type != "headline":
                raise service_unavailable()
            return None
        return resource.lanes.take(to.bare, self._do, resource, take, stanza, to, message=True)

    def _presence(self, resource: Resource, stanza: Stanza) -> Coroutine[Any, Any, None] | None:
        to, type, parts = stanza.to, stanza.type, self._parts
        own = Jid(resource.identity.user, resource.identity.domain)
        if type == "error":
            if to is not None and to.user and self._front_end.is_conference(to.domain):
                return self._in_turn(resource, to, parts.rooms.bounced, stanza)
            return None
        if to is None:
            if type not in ("", "unavailable"):
                raise bad_request("that kind of presence is for somebody")
            return self._in_turn(resource, own, self._own_presence, stanza, lane=OWN)
        if to.identity in resource.blocked and type not in GOODBYES:
            raise blocked_by_sender()
        rooms = self._front_end.is_conference(to.domain)
        if not rooms and type in ("", "unavailable") and not self._front_end.ours(to.domain):
            self.abroad.outgoing.presence(resource, stanza, to)
            return None
        if not to.user:
            return None
        if rooms:
            return self._in_turn(resource, to, parts.rooms.presence, stanza)
        if type in SUBSCRIPTIONS:
            return self._in_turn(resource, to, parts.subscriptions.take, stanza, lane=OWN)
        if type == "probe":
            return self._in_turn(resource, to, parts.availabilities.probe, stanza, lane=OWN)
        if type not in ("", "unavailable"):
            raise bad_request("no such type of presence")
        return self._in_turn(resource, to, parts.availabilities.direct, stanza, lane=OWN)

    async def _own_presence(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        if stanza.type:
            await self._parts.availabilities.hide(resource, stanza)
        else:
            await self._parts.availabilities.show(resource, stanza)

    def _iq(self, resource: Resource, stanza: Stanza) -> Coroutine[Any, Any, None] | None:
        to, type = stanza.to, stanza.type
        place = self.queries.place(to, resource.identity, self._front_end.domain_names)
        asks = type in ("get", "set")
        if not asks and answered(resource, stanza):
            return None
        if not asks and type not in ("result", "error"):
            raise bad_request("an iq is of type get, set, result or error")
        if asks and (len(stanza.kids) != 1 or not stanza.id):
            raise bad_request("a question has one child element and an id")
        if to is not None and to.identity in resource.blocked:
            if asks:
                raise blocked_by_sender()
            return None
        allowed = asks and (not resource.guest or open_to_guests(stanza.kids[0], place))
        answer = self._parts.queries.answer(type, stanza.kids[0], place) if allowed else None
        if answer is not None:
            lane = None if place in (Place.ROOM, Place.OCCUPANT) else OWN
            return self._in_turn(resource, to or Jid("", ""), self._answer, stanza, lane=lane)
        if to is not None:
            if place is Place.ABROAD:
                self.abroad.outgoing.iq(resource, stanza, to)
                return None
            if place is Place.ENDPOINT:
                self._parts.forward(resource, stanza, to)
                return None
            if place is Place.OCCUPANT:
                return self._in_turn(resource, to, self._forward, stanza)
        if asks:
            raise service_unavailable()
        return None

    async def _forward(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        self._parts.rooms.forward(resource, stanza, to)

    async def _answer(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        place = self.queries.place(stanza.to, resource.identity, self._front_end.domain_names)
        answer = self._parts.queries.answer(stanza.type, stanza.kids[0], place)
        assert answer is not None
        try:
            inner = await answer(resource, stanza)
        except Elsewhere:
            self._parts.rooms.forward(resource, stanza, to)
            return
        attrs = {"type": "result", "id": stanza.id, "from": stanza.attrs.get("to"), "to": resource.session.jid}
        resource.send(xml.element("iq", attrs, inner))

    def _other(self, resource: Resource, element: Stanza) -> None:
        """An element that is no stanza: whether somebody looks at the client (XEP-0352); others may be ignored."""
        if element.ns == xml.CLIENT_STATE and element.name in ("active", "inactive"):
            resource.unwatched = element.name == "inactive"
            if not resource.unwatched and resource.watch is not None:
                resource.watch.looked_at()

    # ---- inside

    def _in_turn(
        self, resource: Resource, to: Jid, work: Work, stanza: Stanza, *, lane: str | None = None
    ) -> Coroutine[Any, Any, None]:
        lane = to.bare if lane is None else lane
        return resource.lanes.take(lane, self._do, resource, work, stanza, to)

    async def _do(self, resource: Resource, work: Work, stanza: Stanza, to: Jid) -> Rest:
        """The work, and the error it ends with if it does; nothing that goes wrong here harms anybody else."""
        rest: list[Rest] = [None]

        async def first() -> None:
            rest[0] = await work(resource, stanza, to)

        await self._guarded(resource, stanza, first())
        return self._guarded(resource, stanza, rest[0]) if rest[0] is not None else None

    async def _guarded(self, resource: Resource, stanza: Stanza, work: Awaitable[None]) -> None:
        try:
            await work
        except (HereaboutsError, StanzaError) as why:
            self._refuse(resource, stanza, why)
        except Exception:
            log.exception("a stanza of %s could not be handled: %r", resource.session.jid, stanza.kids)
            self._refuse(resource, stanza, StanzaError("wait", "internal-server-error"))

    def _refuse(
        self, resource: Resource, stanza: Stanza, why: HereaboutsError | StanzaError, *, sender: str | None = None
    ) -> None:
        """An error for an error would go round in circles (RFC 6120 section 8.3.1)."""
        if stanza.type not in ("error", "result"):
            resource.send(error_answer(resource.session, stanza, why, sender=sender))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (why := task.exception()) is not None:
            if isinstance(why, HereaboutsError):
                log.warning("work in the background was not done: %s", why)
            else:
                log.error("work in the background failed", exc_info=why)


if TYPE_CHECKING:

    def _is_a_router(router: ClientRouter) -> Router:
        return router
