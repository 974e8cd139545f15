"""What does not arrive in other domains, or is refused there: whoever said it hears of it, and ghosts leave rooms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ....core.message import Notice
from ..resource import Resource, Start
from ..syntax import jid, xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..parts import Parts
    from .guests import Guests

ERROR = f"{{{xml.CLIENT}}}error"

TYPES: Mapping[str, str] = {
    "forbidden": "auth",
    "not-authorized": "auth",
    "registration-required": "auth",
    "subscription-required": "auth",
    "bad-request": "modify",
    "jid-malformed": "modify",
    "not-acceptable": "modify",
    "policy-violation": "modify",
    "redirect": "modify",
    "internal-server-error": "wait",
    "recipient-unavailable": "wait",
    "remote-server-timeout": "wait",
    "resource-constraint": "wait",
    "unexpected-request": "wait",
}
"""What its sender can do about an error (RFC 6120 section 8.3.3); any other condition is final: cancel."""

REASONS: Mapping[str, str] = {
    "service-unavailable": "nobody there can take it",
    "item-not-found": "nobody there has this address",
    "gone": "nobody there has this address any more",
    "recipient-unavailable": "they are not there now",
    "remote-server-not-found": "their domain cannot be found",
    "remote-server-timeout": "their domain does not answer",
    "forbidden": "their domain does not allow it",
    "not-allowed": "their domain does not allow it",
    "policy-violation": "their domain does not allow it",
    "not-acceptable": "they do not take it",
    "resource-constraint": "their domain is too busy",
}
"""Why a message did not arrive, for people whose programs know no such conditions."""


class Bounces:
    """An error that we find ourselves and one that another domain sends are the same thing."""

    def __init__(self, front_end: FrontEnd, parts: Parts, guests: Guests, start: Start) -> None:
        self._front_end = front_end
        self._parts = parts
        self._guests = guests
        self._start = start

    def undelivered(self, raw: bytes, condition: str, text: str) -> None:
        """A stanza of ours will not arrive.  There is no error for an error, and none for what nobody asked for."""
        stanza = Stanza.read(raw)
        if stanza.type in ("error", "result", "probe", "unavailable"):
            return
        attrs = {"id": stanza.attrs.get("id"), "from": stanza.attrs["to"], "to": stanza.attrs["from"]}
        error = Stanza.read(xml.error_to(stanza.name, attrs, TYPES.get(condition, "cancel"), condition, text))
        sender, to = jid.parse(error.attrs["from"]), jid.parse(error.attrs["to"])
        if stanza.type == "subscribe":
            self._question_lost(error, to)
        else:
            self.take(error, sender, to)

    def take(self, error: Stanza, sender: Jid, to: Jid) -> None:
        """An error for something that somebody here has sent."""
        if self._front_end.is_conference(to.domain):
            guest = self._guests.known(sender)
            if guest is not None and to.identity in guest.seats and error.name != "iq":
                self._start(self._parts.rooms.bounced(guest, error, to))
            return
        if not to.user:
            return
        at = self._parts.resources.at(to.endpoint) if to.resource else None
        if at is not None:
            if error.name != "presence" or sender.full in at.session.directed:
                at.send(error.raw)
        elif error.name == "message" and sender.user:
            self._start(self._notice(error, sender, to))

    def lost(self, guest: Resource) -> None:
        """Nobody is at a guest's address any more: the rooms it sat in see it go."""
        guest.session.presence = None
        self._parts.events.absent(guest, "connection lost")
        self._guests.forget(guest)

    def _question_lost(self, error: Stanza, to: Jid) -> None:
        """Whether somebody may be seen was asked in the person's name, not in a program's."""
        for resource in self._parts.resources.of(to.identity):
            if resource.available:
                resource.send(error.raw)

    async def _notice(self, error: Stanza, sender: Jid, to: Jid) -> None:
        """The sender's program knows no stanzas, or is gone: the server says it in words."""
        conversation = await self._front_end.immcu.between(to.identity, sender.identity)
        if conversation is None:
            return
        why = REASONS.get(condition_in(error), "their domain refused it")
        notice = Notice(f"{sender.bare} did not get your message: {why}.", conversation)
        binding = self._front_end.registrar.at(to.endpoint) if to.resource else None
        if binding is not None:
            binding.channel.tell(notice)
        else:
            self._front_end.registrar.tell(to.identity, notice)


def condition_in(error: Stanza) -> str:
    """The defined condition of an error stanza; nothing where there is none."""
    found = error.child(ERROR)
    for kid in found if found is not None else ():
        namespace, name = xml.split(kid.tag)
        if namespace == xml.STANZA_ERRORS and name != "text":
            return name
    return ""
