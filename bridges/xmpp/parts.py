"""Everything a client can turn to, joined once: the table of questions, and who takes which stanza."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from ...core.presence import Availability
from .archive import Archives
from .channel import ClientChannel
from .choices import RouterOptions
from .commands.administration import administration, administrators
from .commands.command import Commands
from .commands.service import CommandService
from .disco import Discovery
from .errors import service_unavailable
from .messages.carbons import Carbons
from .messages.messages import Messages
from .messages.signals import Signals
from .messages.threads import Threads
from .personal import Personal
from .presence.blocking import BlockLists
from .presence.presence import Availabilities
from .presence.roster import Roster
from .presence.subscriptions import Subscriptions
from .queries import Queries, Query
from .registration import Registration
from .resource import Resource, Resources, Start
from .rooms.admin import RoomAdministration
from .rooms.disco import RoomDiscovery
from .rooms.events import RoomEvents
from .rooms.invitations import Invitations
from .rooms.moderation import Moderation
from .rooms.names import Names
from .rooms.owner import RoomOwnership
from .rooms.pictures import RoomPictures
from .rooms.reception import Reception
from .rooms.registration import RoomRegistration
from .rooms.rooms import Rooms
from .rooms.talk import RoomTalk
from .service import Service
from .syntax import xml
from .syntax.jid import Jid
from .syntax.stanza import Stanza

if TYPE_CHECKING:
    from ...core.front_end import FrontEnd


class Part(Protocol):
    """Answers questions."""

    def queries(self) -> Iterable[Query]: ...


class Parts:
    """A new feature is a part more here, and a line more in the table for each question it answers."""

    def __init__(self, front_end: FrontEnd, start: Start, commands: Commands, options: RouterOptions) -> None:
        self.dnd = Availability.DO_NOT_DISTURB if options.dnd_means == "dnd" else Availability.BUSY
        """What a client's do-not-disturb means to others."""
        self.resources = Resources()
        self.queries = Queries()
        self.subscriptions = Subscriptions(front_end.contacts, front_end.accounts)
        self.blocking = BlockLists(front_end, self.resources, start)
        self._roster, self.threads = Roster(front_end.contacts), Threads()
        names, signals = Names(front_end.accounts), Signals(front_end, self.resources)
        self.personal = Personal(front_end, self.resources, self.queries, start)
        invitations = Invitations(front_end, self.resources, self.threads, self.personal.bookmarks, names)
        talk = RoomTalk(front_end, names, signals, self.threads, relays=options.relay_until_joined)
        reception = Reception(invitations, talk, start)
        self.rooms = Rooms(front_end, names, talk, reception, invitations)
        self.events = RoomEvents(front_end, self.rooms, reception, names, invitations, start)
        self.messages = Messages(front_end, self.resources, signals, self.threads, invitations)
        self.availabilities = Availabilities(
            front_end, self.resources, self.subscriptions, self.events, start, dnd=self.dnd
        )
        self.availabilities.shows(self.personal)
        self.archives = Archives(front_end, self.rooms, names)
        for command in administration(front_end, administrators(front_end, options.admins)):
            commands.add(command)
        self.discovery = discovery = Discovery(front_end, self.queries, self.personal.nodes)
        self.command_service = CommandService(commands, time.monotonic)
        discovery.nodes.append(self.command_service)
        answering: tuple[Part, ...] = (
            Service(front_end),
            self._roster,
            self.blocking,
            self.personal,
            Carbons(),
            discovery,
            self.command_service,
            Registration(front_end, start, removal=options.registration),
            *self._about_rooms(front_end),
            self.archives,
        )
        for part in answering:
            self.queries.add(part.queries())

    def _about_rooms(self, front_end: FrontEnd) -> Sequence[Part]:
        """What can be asked of a room, besides its archive."""
        pictures = RoomPictures(front_end, self.rooms)
        return (
            pictures,
            RoomDiscovery(front_end, self.rooms, self.personal.cards, pictures, self.queries),
            RoomAdministration(front_end, self.rooms),
            RoomOwnership(front_end, self.rooms),
            RoomRegistration(front_end, self.rooms),
            Moderation(front_end, self.rooms),
        )

    def channel(self, resource: Resource, start: Start) -> ClientChannel:
        """The core's way to one resource."""
        resource.photo = self.personal.photos.of(resource.identity)
        return ClientChannel(resource, self._roster, self.subscriptions, self.rooms, self.events, self.threads, start)

    def forward(self, resource: Resource, iq: Stanza, to: Jid) -> None:
        """An IQ from client to client (RFC 6121 section 8.5.3).  Raises StanzaError where nobody is to answer."""
        other = self.resources.at(to.endpoint)
        if other is None or resource.identity in other.blocked:
            if iq.type in ("get", "set"):
                raise service_unavailable()
            return
        attrs = {"from": resource.session.jid, "to": to.full, "type": iq.type, "id": iq.id}
        other.send(xml.element("iq", attrs, iq.inner))
