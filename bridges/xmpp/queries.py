"""What can be asked of us by IQ: the lines of the table, where each applies, and the features they announce."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, Protocol

from ...core.domains import Domains
from ...core.identity import Identity
from .resource import Resource
from .syntax import xml
from .syntax.jid import Jid
from .syntax.stanza import Stanza


class Place(enum.Enum):
    """Whom an IQ is for, as far as that decides who answers."""

    ACCOUNT = "account"
    """The sender's own account: no address, or their bare JID."""
    SERVER = "server"
    PERSON = "person"
    """Somebody else's bare JID."""
    ENDPOINT = "endpoint"
    """A full JID: the client there answers."""
    SERVICE = "service"
    """The conference service."""
    ROOM = "room"
    OCCUPANT = "occupant"
    UPLOAD = "upload"
    """The service of shared files."""
    ABROAD = "abroad"


class Service(NamedTuple):
    """What has a domain of its own: its place, and whether it is there now."""

    place: Place
    offered: Callable[[], bool]


def place_of(to: Jid | None, asker: Identity, domains: Domains) -> Place:
    """Where an address leads, as far as domains tell."""
    if to is None:
        return Place.ACCOUNT
    if domains.is_conference(to.domain):
        if not to.user:
            return Place.SERVICE
        return Place.OCCUPANT if to.resource else Place.ROOM
    if not domains.ours(to.domain):
        return Place.ABROAD
    if not to.user:
        return Place.SERVER
    if to.resource:
        return Place.ENDPOINT
    return Place.ACCOUNT if to.identity == asker else Place.PERSON


OPEN_PLACES = frozenset({Place.PERSON, Place.SERVICE, Place.ROOM, Place.OCCUPANT})
"""Where people of other domains may ask everything: each answer there depends on who asks."""
OPEN_QUESTIONS = frozenset(
    {
        f"{{{xml.DISCO_INFO}}}query",
        f"{{{xml.DISCO_ITEMS}}}query",
        f"{{{xml.PING}}}ping",
        f"{{{xml.VERSION}}}query",
        f"{{{xml.TIME}}}time",
        f"{{{xml.LAST}}}query",
        f"{{{xml.VCARD}}}vCard",
    }
)
"""What they may ask the server; all else, such as room for files, is for people of our own."""


def open_to_guests(payload: str, place: Place) -> bool:
    """Whether somebody of another domain may ask this."""
    return place in OPEN_PLACES or (place is Place.SERVER and payload in OPEN_QUESTIONS)


class Answer(Protocol):
    """Answers one kind of IQ."""

    def __call__(self, resource: Resource, iq: Stanza) -> Awaitable[bytes]:
        """The children of the result.  Raises StanzaError or a HereaboutsError."""


class Query(NamedTuple):
    """One line of the table.  ``feature`` is what service discovery says of the place because of it."""

    type: str
    payload: str
    place: Place
    answer: Answer
    feature: str = ""


class Queries:
    """The table.  A later feature adds its lines, and is announced by them."""

    def __init__(self, lines: Iterable[Query] = ()) -> None:
        self._answers: dict[tuple[str, str, Place], Answer] = {}
        self._features: dict[Place, set[str]] = {place: set() for place in Place}
        self.services: dict[str, Service] = {}
        """Places that have a domain of their own, by that."""
        self.add(lines)

    def add(self, lines: Iterable[Query]) -> None:
        """More lines; each question has one answer."""
        for line in lines:
            key = (line.type, line.payload, line.place)
            assert key not in self._answers, f"two answers to {key}"
            self._answers[key] = line.answer
            if line.feature:
                self._features[line.place].add(line.feature)

    def announce(self, place: Place, *features: str) -> None:
        """Features that are not asked for by IQ."""
        self._features[place].update(features)

    def place(self, to: Jid | None, asker: Identity, domains: Domains) -> Place:
        """Where an address leads."""
        place = place_of(to, asker, domains)
        if place is Place.ABROAD and to is not None and not to.user:
            service = self.services.get(to.domain)
            if service is not None and service.offered():
                return service.place
        return place

    def answer(self, type: str, payload: str, place: Place) -> Answer | None:
        """Who answers; None where nobody does."""
        return self._answers.get((type, payload, place))

    def features(self, place: Place) -> list[str]:
        """What service discovery says there is, sorted."""
        return sorted(self._features[place])
