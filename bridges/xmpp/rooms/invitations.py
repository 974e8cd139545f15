"""Invitations to rooms (XEP-0045 section 7.8, XEP-0249): from the core to clients, and from clients to anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ....core.access import AccessLevel
from ....core.conversation import Conversation
from ....core.errors import BadAddress, NotFound
from ....core.identity import Identity
from ..bookmarks import Bookmarks
from ..errors import StanzaError, bad_request, item_not_found
from ..messages.threads import Threads
from ..resource import Resource, Resources
from ..syntax import jid, xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from . import stanzas as room_stanzas
from .names import Names
from .room import Room

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

MEDIATED = f"{{{xml.MUC_USER}}}x"
INVITE = f"{{{xml.MUC_USER}}}invite"
DECLINE = f"{{{xml.MUC_USER}}}decline"
CONTINUE = f"{{{xml.MUC_USER}}}continue"
REASON = f"{{{xml.MUC_USER}}}reason"
DIRECT = f"{{{xml.INVITE}}}x"

MAX_INVITED = 50
"""People invited by one message."""
MAX_REASON = 1024
"""Characters of what is said along with an invitation."""


class Invitations:
    """Where a conference has seats, an invitation adds the person: they hear what is said even if their client cannot
    enter rooms.  To a room that people enter and leave, it only shows the way, unless the person has no client that
    could follow it."""

    def __init__(
        self, front_end: FrontEnd, resources: Resources, threads: Threads, bookmarks: Bookmarks, names: Names
    ) -> None:
        self._front_end = front_end
        self._resources = resources
        self._threads = threads
        self._bookmarks = bookmarks
        self._names = names

    # ---- from the core

    def invitation(self, resource: Resource, room: Room, by: Identity | None) -> bytes:
        """What a client is sent whose conversation has become a conference, or whose person was added to one."""
        thread = self._threads.of(room.conversation.id) if room.conversation.keeps_seats else ""
        return room_stanzas.invitation(room.jid, resource.session.jid, by, thread, room.conversation.subject)

    async def remember(self, who: Identity, room: Room) -> None:
        """Clients of a person who are not here now find the way too; of other domains their own server knows them."""
        if not room.conversation.keeps_seats or not self._front_end.ours(who.domain):
            return
        await self._names.learn([*room.conversation.participants])
        others = [self._names.of(p) for p in room.conversation.participants if p != who]
        name = room.conversation.subject or ", ".join(others[:4])
        await self._bookmarks.add(who, room.address, name, self._names.nick_of(who))

    async def forget(self, who: Identity, room: Room) -> None:
        """The person is not in the conference any more."""
        if room.conversation.keeps_seats and self._front_end.ours(who.domain):
            await self._bookmarks.remove(who, room.address)

    # ---- from clients

    async def take_mediated(self, resource: Resource, stanza: Stanza, to: Jid) -> bool:
        """Invitations and refusals sent to a room, several in one message if need be (section 7.9).

        False when there are none in it.  Raises StanzaError and what the IMMCU raises.
        """
        wrapper = stanza.child(MEDIATED)
        invites = wrapper.findall(INVITE) if wrapper is not None else []
        declines = wrapper.findall(DECLINE) if wrapper is not None else []
        if not invites and not declines:
            return False
        if len(invites) > MAX_INVITED:
            raise StanzaError("modify", "policy-violation", f"at most {MAX_INVITED} people are invited at once")
        conversation = await self._front_end.immcu.at(to.identity)
        if conversation is None:
            raise item_not_found()
        for decline in declines:
            await self._decline(resource, conversation, decline)
        if invites and resource.identity in conversation.participants:
            await self._front_end.immcu.chair.settle(conversation, resource.identity)
        for invite in invites:
            thread = _thread(invite)
            if thread:
                self._threads.note(conversation.id, thread)
            await self._invite(resource, conversation, _named(invite), _reason(invite), thread)
        return True

    async def take_direct(self, resource: Resource, stanza: Stanza, to: Jid) -> bool:
        """A client's own invitation to a person (XEP-0249).

        True when the core has taken it over; False leaves it to the two clients, which is enough for rooms with an open
        door.
        """
        named = stanza.child(DIRECT)
        if named is None:
            return False
        try:
            address = jid.parse(named.get("jid", ""))
        except BadAddress:
            return False
        if not address.user or not self._front_end.is_conference(address.domain):
            return False
        conversation = await self._front_end.immcu.at(address.identity)
        if conversation is None or resource.identity not in conversation.participants:
            return False
        if not conversation.keeps_seats and self._resources.reachable(to.identity):
            if not conversation.open_door:
                await self._admit(resource, conversation, to.identity)
            return False
        await self._add(resource, conversation, to.identity)
        return True

    async def _invite(self, resource: Resource, conversation: Conversation, to: Jid, reason: str, thread: str) -> None:
        if resource.identity not in conversation.participants:
            raise StanzaError("auth", "forbidden", "only who is in a room invites others")
        reachable = self._resources.reachable(to.identity)
        if conversation.keeps_seats or (conversation.open_door and not reachable):
            await self._add(resource, conversation, to.identity)
            return
        if not conversation.open_door:
            await self._admit(resource, conversation, to.identity)
        at = self._resources.at(to.endpoint) if to.resource else None
        room, by, password = str(conversation.address), resource.identity, conversation.charter.password
        for invited in [at] if at is not None else reachable:
            if resource.identity not in invited.blocked:
                to_jid = invited.session.jid
                invited.send(room_stanzas.invitation(room, to_jid, by, thread, reason, password))

    async def _admit(self, resource: Resource, conversation: Conversation, who: Identity) -> None:
        """Whoever is invited to a room for members becomes one (sections 7.8.2 and 9.5).  Raises NotAllowed."""
        if not await self._exists(resource.identity, who):
            raise item_not_found()
        await self._front_end.immcu.chair.admit(conversation, who, resource.identity)

    async def _exists(self, inviter: Identity, who: Identity) -> bool:
        """Whether there is such a person for the inviter; of other domains nobody knows."""
        if not self._front_end.ours(who.domain):
            return True
        known = await self._front_end.accounts.exists(who)
        return known and await self._front_end.contacts.level(inviter, who) is not AccessLevel.BLOCKED

    async def _add(self, resource: Resource, conversation: Conversation, who: Identity) -> None:
        try:
            await self._front_end.immcu.add(conversation, who, by=resource.identity)
        except NotFound as why:
            raise item_not_found() from why

    async def _decline(self, resource: Resource, conversation: Conversation, decline: Element) -> None:
        """The inviter hears of it (section 7.8.2); somebody who was added leaves again."""
        inviter = _named(decline)
        assert conversation.address is not None
        if inviter.identity in conversation.participants:
            inside = xml.element("reason", None, xml.text(_reason(decline)))
            told = xml.element("decline", {"from": resource.session.bare}, inside)
            for other in self._resources.reachable(inviter.identity):
                attrs = {"from": str(conversation.address), "to": other.session.jid}
                other.send(xml.element("message", attrs, xml.element("x", {"xmlns": xml.MUC_USER}, told)))
        if resource.identity in conversation.participants and conversation.keeps_seats:
            await self._front_end.immcu.leave(conversation, resource.identity, reason="declined")


def _named(invite: Element) -> Jid:
    try:
        named = jid.parse(invite.get("to", ""))
    except BadAddress as why:
        raise StanzaError("modify", "jid-malformed", str(why)) from why
    if not named.user:
        raise bad_request("an invitation names a person")
    return named


def _reason(invite: Element) -> str:
    return (invite.findtext(REASON) or "").strip()[:MAX_REASON]


def _thread(invite: Element) -> str:
    found = invite.find(CONTINUE)
    return found.get("thread", "")[:256] if found is not None else ""
