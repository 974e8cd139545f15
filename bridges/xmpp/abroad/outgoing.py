"""What our clients send to addresses of other domains: talk through the IMMCU, all else straight to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.errors import NotFound
from ..errors import StanzaError
from ..messages import payload
from ..messages.messages import cleaned
from ..messages.wordless import worth_keeping
from ..presence.blocking import BLOCKED
from ..presence.watch import halves
from ..resource import MAX_DIRECTED, Resource, Rest
from ..rooms.entry import WISH
from ..rooms.invitations import DIRECT, MEDIATED
from ..server_owned import DELAY, MESSAGE_TAGS, PRESENCE_TAGS, honest_delay, without
from ..syntax import jid, xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..parts import Parts
    from .guests import Guests

PASSED = frozenset({"error", "headline", "groupchat"})
"""Types of messages that are no talk between two people: what is said in rooms elsewhere is those rooms' to keep."""
WISHES = frozenset({WISH})
JOINED = "rooms elsewhere"
"""Where a session keeps the rooms of other domains it has entered: bare address -> nickname."""


class Outgoing:
    """RFC 6120 section 10.4: the next stop is another domain.

    Rooms of other domains are theirs: what our clients say and hear there passes by the IMMCU, private messages between
    occupants too, for there is no telling who they are.
    """

    def __init__(self, front_end: FrontEnd, parts: Parts, guests: Guests) -> None:
        self._front_end = front_end
        self._parts = parts
        self._guests = guests

    async def message(self, resource: Resource, stanza: Stanza, to: Jid) -> Rest:
        """A message to another domain.  Raises StanzaError and what the IMMCU raises."""
        if not self._guests.serves(to.domain):
            return await self._by_another_way(resource, stanza, to)
        if to.user and to.identity in resource.blocked:
            raise StanzaError("cancel", "not-acceptable", "you have blocked this person", inner=BLOCKED)
        talk = bool(to.user) and stanza.type not in PASSED and not in_room_elsewhere(resource, to)
        if talk and (DIRECT in stanza.kids or payload.text_of(stanza) or worth_keeping(stanza)):
            return await self._parts.messages.take(resource, stanza, to)
        sent = payload.packed(stanza, self._said(resource, stanza))
        kind = b"error" if stanza.type == "error" else b""
        self._guests.at(to).send(payload.stanza(resource.session.jid_bytes, jid.quoted(to.full), sent, type=kind))
        return None

    def presence(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        """Presence for one address alone (RFC 6121 section 4.6), such as the wish to enter a room there.

        Raises StanzaError.  It is noted at once, so that it is taken back whenever the client goes.
        """
        if not self._guests.serves(to.domain):
            if WISH in stanza.kids:
                raise remote_server_not_found()
            return
        if to.user and to.identity in resource.blocked:
            return
        gone, directed = stanza.type == "unavailable", resource.session.directed
        if gone:
            directed.discard(to.full)
            joined_by(resource).pop(to.bare, None)
        elif len(directed) >= MAX_DIRECTED and to.full not in directed:
            raise StanzaError(
                "wait", "resource-constraint", f"presence goes to at most {MAX_DIRECTED} single addresses"
            )
        else:
            self._note(resource, stanza, to)
        inner = without(stanza, PRESENCE_TAGS, keep=WISHES)
        head, tail = halves(resource.identity, resource.endpoint.instance, inner, gone=gone)
        self._guests.at(to).send(head + jid.quoted(to.full) + tail)

    def iq(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        """A question, or the answer to one of theirs.  Raises StanzaError for a question that cannot leave."""
        if not self._guests.serves(to.domain):
            if stanza.type in ("get", "set"):
                raise remote_server_not_found()
            return
        attrs = {"from": resource.session.jid, "to": to.full, "type": stanza.type, "id": stanza.id}
        self._guests.at(to).send(xml.element("iq", attrs, stanza.inner))

    # ---- inside

    def _said(self, resource: Resource, stanza: Stanza) -> bytes:
        """The children of a message; what is for a room of another domain to understand goes there as it is."""
        if MEDIATED not in stanza.kids:
            return cleaned(stanza, resource)
        honest = frozenset({DELAY}) if honest_delay(stanza, resource.session.bare) else frozenset()
        return without(stanza, MESSAGE_TAGS, keep=honest | {MEDIATED})

    def _note(self, resource: Resource, stanza: Stanza, to: Jid) -> None:
        """Where the client is seen now; a room is left under the nickname that it has there last."""
        directed, joined = resource.session.directed, joined_by(resource)
        if WISH in stanza.kids or to.bare in joined:
            directed.discard(f"{to.bare}/{joined.get(to.bare, '')}")
            joined[to.bare] = to.resource
        directed.add(to.full)

    async def _by_another_way(self, resource: Resource, stanza: Stanza, to: Jid) -> Rest:
        """Domains that no carrier serves may be reached by another protocol."""
        try:
            if not to.user:
                raise NotFound(to.domain)
            await self._front_end.registrar.foreign(to.identity)
        except NotFound as why:
            if stanza.type == "error":
                return None
            raise remote_server_not_found() from why
        return await self._parts.messages.take(resource, stanza, to)


def joined_by(resource: Resource) -> dict[str, str]:
    """The rooms of other domains that a client is in, as far as we saw it enter them."""
    joined: dict[str, str] = resource.session.extra.setdefault(JOINED, {})
    return joined


def in_room_elsewhere(resource: Resource, there: Jid) -> bool:
    """Whether an address is a room of another domain that this client is in, or somebody in it."""
    return JOINED in resource.session.extra and there.bare in joined_by(resource)


def remote_server_not_found() -> StanzaError:
    """No way leads to that domain."""
    return StanzaError("cancel", "remote-server-not-found")
