"""People of other domains as guests: resources whose stanzas leave by a carrier instead of a stream of ours."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Sequence

from ....core.errors import BadAddress
from ....core.identity import Endpoint, Identity
from ..presence.words import DEFAULT_LANGUAGE
from ..resource import KEY, Resource
from ..stream.session import Session
from ..syntax import jid
from ..syntax.jid import Jid
from ..syntax.stanza import START_TAG
from .carrier import Undelivered

log = logging.getLogger(__name__)

MAX_GUESTS = 20_000
"""Addresses of other domains that are remembered; those that sit in no room and heard nothing for longest are forgotten
first."""
MAX_GUESTS_PER_PERSON = 50
"""Resources of one person of another domain that are remembered; one more can speak, but enters no room."""

Send = Callable[[str, str, bytes, Undelivered | None], None]
"""A sender's domain, a receiver's, a stanza, and who is told that it will not arrive."""
Bounced = Callable[[str, bytes, str, str], None]
"""A domain, a stanza that will not arrive, the condition and a sentence."""

_FROM = re.compile(rb" from='([^']*)'")


class GuestSession(Session):
    """What stands for the stream of somebody whose stream is elsewhere.  Without a resource it is the person, without
    a user part the domain itself."""

    __slots__ = ()

    def __init__(self, address: Jid, wire: GuestWire) -> None:
        super().__init__(Endpoint(Identity(address.user, address.domain), address.resource), wire)
        self.bare, self.jid = address.bare, address.full
        self.bare_bytes, self.jid_bytes = jid.quoted(address.bare), jid.quoted(address.full)

    def send_all(self, stanzas: Sequence[bytes]) -> None:
        """Carriers take one stanza at a time."""
        for stanza in stanzas:
            self.send(stanza)


class GuestWire:
    """Hands a guest's stanzas to the carriers."""

    __slots__ = ("_bounced", "_domain", "_send")

    def __init__(self, domain: str, send: Send, bounced: Bounced) -> None:
        self._domain = domain
        self._send = send
        self._bounced = bounced

    def write(self, data: bytes) -> None:
        """One stanza from an address of ours."""
        tag = START_TAG.match(data)
        sender = _FROM.search(tag[0]) if tag is not None else None
        try:
            domain = jid.parse(sender[1].decode()).domain if sender is not None else ""
        except BadAddress:
            domain = ""
        if domain:
            self._send(
                domain, self._domain, data, lambda condition, text: self._bounced(self._domain, data, condition, text)
            )

    def close(self, condition: str | None, text: str) -> None:
        """There is no stream of ours to end."""

    def give_up(self) -> None:
        """Nor one to give up."""


class Guests:
    """Every guest by person, the one heard of longest ago first."""

    def __init__(self, send: Send, serves: Callable[[str], bool], bounced: Bounced) -> None:
        self._send = send
        self._bounced = bounced
        self.serves = serves
        self._people: dict[Identity, dict[str, Resource]] = {}
        self._count = 0

    def at(self, address: Jid) -> Resource:
        """The guest at this address; one heard of for the first time is remembered from now on."""
        who = Identity(address.user, address.domain)
        theirs = self._people.pop(who, None)
        if theirs is None:
            theirs = {}
        self._people[who] = theirs
        guest = theirs.get(address.resource)
        if guest is None:
            guest = self._made(address)
            if address.resource and len(theirs) >= MAX_GUESTS_PER_PERSON:
                self._drop_idle(theirs)
            if not address.resource or len(theirs) < MAX_GUESTS_PER_PERSON:
                theirs[address.resource] = guest
                self._count += 1
                if self._count > MAX_GUESTS:
                    self._make_room()
        return guest

    def of(self, who: Identity) -> Resource:
        """The guest that stands for a person as a whole, whatever program they use."""
        return self.at(Jid(who.user, who.domain))

    def remembered(self, guest: Resource) -> bool:
        """Whether what happens to this guest is kept."""
        return self._people.get(guest.identity, {}).get(guest.endpoint.instance) is guest

    def that_said(self, who: Identity, message: str) -> Resource:
        """The guest of a person that sent a message of this id; the person where none is known to have."""
        theirs = self._people.get(who, {}).values()
        return next((guest for guest in theirs if message in guest.stanza_ids), None) or self.of(who)

    def sitting(self, who: Identity, room: Identity) -> list[Resource]:
        """A person's guests with a seat in a room of ours, under full addresses."""
        theirs = self._people.get(who, {})
        return [guest for guest in theirs.values() if guest.endpoint.instance and room in guest.seats]

    def known(self, address: Jid) -> Resource | None:
        """The guest at this address, if it is remembered."""
        return self._people.get(Identity(address.user, address.domain), {}).get(address.resource)

    def forget(self, guest: Resource) -> None:
        """This address is not there any more."""
        theirs = self._people.get(guest.identity, {})
        if theirs.get(guest.endpoint.instance) is guest:
            del theirs[guest.endpoint.instance]
            self._count -= 1
            if not theirs:
                del self._people[guest.identity]

    def at_domain(self, domain: str) -> Iterable[Resource]:
        """Every guest of a domain."""
        for who, theirs in list(self._people.items()):
            if who.domain == domain:
                yield from list(theirs.values())

    # ---- inside

    def _made(self, address: Jid) -> Resource:
        session = GuestSession(address, GuestWire(address.domain, self._send, self._bounced))
        guest = session.extra[KEY] = Resource(session, DEFAULT_LANGUAGE, guest=True)
        if not address.resource:
            # Whether any program of theirs is there is for their server to know: it is always worth a try.
            session.presence = b""
        return guest

    def _make_room(self) -> None:
        """Forget a tenth of all at once, so that it need not be done for every newcomer."""
        for who, theirs in list(self._people.items()):
            self._drop_idle(theirs)
            if not theirs:
                del self._people[who]
            if self._count <= MAX_GUESTS * 9 // 10:
                return
        log.warning("more than %d addresses of other domains sit in rooms", MAX_GUESTS)

    def _drop_idle(self, theirs: dict[str, Resource]) -> None:
        for instance in [i for i, guest in theirs.items() if not guest.seats and not guest.lanes.at_work]:
            del theirs[instance]
            self._count -= 1
