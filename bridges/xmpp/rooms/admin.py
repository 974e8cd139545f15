"""What moderators and owners of rooms may do (XEP-0045 sections 8 to 10), as far as a conference has words for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ....core.conversation import Conversation
from ....core.errors import NotAllowed
from ..errors import StanzaError, bad_request, item_not_found
from ..queries import Place, Query
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza
from .room import Room
from .rooms import Rooms

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

ADMIN = f"{{{xml.MUC_ADMIN}}}query"
ADMIN_ITEM = f"{{{xml.MUC_ADMIN}}}item"
ADMIN_REASON = f"{{{xml.MUC_ADMIN}}}reason"
OWNER = f"{{{xml.MUC_OWNER}}}query"
DESTROY = f"{{{xml.MUC_OWNER}}}destroy"
FORM = f"{{{xml.DATA_FORM}}}x"
FIELD = f"{{{xml.DATA_FORM}}}field"
VALUE = f"{{{xml.DATA_FORM}}}value"
CONFIG = f"{xml.MUC}#roomconfig"

AFFILIATIONS = frozenset({"owner", "admin", "member", "outcast", "none"})
ROLES = frozenset({"moderator", "participant", "visitor", "none"})
CLOSED = frozenset({"muc#roomconfig_membersonly", "muc#roomconfig_passwordprotectedroom"})
"""Settings that would keep people out.  A room of ours cannot have them, so a client that asks for one must hear so."""

MAX_REASON = 256
"""Characters of why somebody was removed."""


class RoomAdministration:
    """Removing somebody, reading lists, making an instant room, ending it.  All else is refused."""

    def __init__(self, front_end: FrontEnd, rooms: Rooms) -> None:
        self._front_end = front_end
        self._rooms = rooms

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", ADMIN, Place.ROOM, self.lists)
        yield Query("set", ADMIN, Place.ROOM, self.change)
        yield Query("get", OWNER, Place.ROOM, self.form)
        yield Query("set", OWNER, Place.ROOM, self.configure)

    async def lists(self, resource: Resource, iq: Stanza) -> bytes:
        """Who has an affiliation or a role (sections 8.5, 9.5, 10.5); for the room's owners."""
        room = await self._owned(resource, iq)
        items = iq.tree[0].findall(ADMIN_ITEM)
        if len(items) != 1:
            raise bad_request("one list is asked for at a time")
        affiliation, role = items[0].get("affiliation"), items[0].get("role")
        found = []
        for who in room.conversation.participants:
            if affiliation == room.affiliation(who) or (role and role == room.role(who)):
                occupant = room.occupants.get(who)
                attrs = {
                    "affiliation": room.affiliation(who),
                    "role": room.role(who),
                    "jid": str(who),
                    "nick": occupant.nick if occupant is not None else None,
                }
                found.append(xml.element("item", attrs))
        return xml.element("query", {"xmlns": xml.MUC_ADMIN}, b"".join(found))

    async def change(self, resource: Resource, iq: Stanza) -> bytes:
        """Remove an occupant (section 8.2); a conference knows no other changes of roles and affiliations."""
        room = await self._owned(resource, iq)
        items = iq.tree[0].findall(ADMIN_ITEM)
        if not items:
            raise bad_request("nobody was named")
        for item in items:
            await self._kick(resource, room, item)
        return b""

    async def _kick(self, resource: Resource, room: Room, item: Element) -> None:
        if item.get("role") not in ROLES | {None} or item.get("affiliation") not in AFFILIATIONS | {None}:
            raise bad_request("no such role or affiliation")
        if item.get("role") != "none":
            raise StanzaError("cancel", "feature-not-implemented", "a conference has no other roles to give")
        occupant = room.called(item.get("nick", ""))
        if occupant is None:
            raise item_not_found()
        if occupant.who in room.conversation.moderators:
            raise StanzaError("cancel", "not-allowed", "a moderator cannot be removed")
        reason = (item.findtext(ADMIN_REASON) or "removed").strip()[:MAX_REASON]
        try:
            await self._front_end.immcu.leave(room.conversation, occupant.who, reason=reason, by=resource.identity)
        except NotAllowed as why:
            raise StanzaError("cancel", "not-allowed", str(why)) from why

    async def form(self, resource: Resource, iq: Stanza) -> bytes:
        """The room as it is; its settings are fixed (section 10.2)."""
        room = await self._owned(resource, iq)
        conversation = room.conversation
        fields = [
            _field("FORM_TYPE", CONFIG, "hidden"),
            _field("muc#roomconfig_roomname", conversation.subject, "text-single", "Name"),
            _field("muc#roomconfig_membersonly", str(int(not conversation.open_door)), "boolean", "Only for members"),
            _field("muc#roomconfig_persistentroom", "0", "boolean", "Stays when everybody has left"),
            _field("muc#roomconfig_whois", "anyone", "hidden"),
        ]
        title = xml.element("title", None, xml.text(f"The room {room.address.user}"))
        inner = xml.element("x", {"xmlns": xml.DATA_FORM, "type": "form"}, title + b"".join(fields))
        return xml.element("query", {"xmlns": xml.MUC_OWNER}, inner)

    async def configure(self, resource: Resource, iq: Stanza) -> bytes:
        """Take the room as it is, call it off while one is alone in it, or end it (sections 10.1 and 10.9)."""
        room = await self._owned(resource, iq)
        query = iq.tree[0]
        if query.find(DESTROY) is not None:
            await self._front_end.immcu.end(room.conversation, "destroyed")
            return b""
        form = query.find(FORM)
        if form is None or form.get("type") not in ("submit", "cancel"):
            raise bad_request("a form is submitted or cancelled")
        if form.get("type") == "cancel":
            if room.conversation.participants == [resource.identity] and not room.conversation.last_seq:
                await self._front_end.immcu.end(room.conversation, "called off")
            return b""
        await self._submit(resource, room.conversation, form)
        return b""

    async def _submit(self, resource: Resource, conversation: Conversation, form: Element) -> None:
        given = {field.get("var", ""): (field.findtext(VALUE) or "").strip() for field in form.findall(FIELD)}
        if conversation.open_door and any(given.get(setting) in ("1", "true") for setting in CLOSED):
            raise StanzaError("modify", "not-acceptable", "a room that people enter by themselves is open to everybody")
        name = given.get("muc#roomconfig_roomname", "")
        if name and name != conversation.subject:
            await self._front_end.immcu.name(conversation, name, resource.identity)

    async def _owned(self, resource: Resource, iq: Stanza) -> Room:
        """The room, for its owners.  Raises StanzaError."""
        assert iq.to is not None
        conversation = await self._front_end.immcu.at(iq.to.identity)
        if conversation is None:
            raise item_not_found()
        if resource.identity not in conversation.moderators:
            raise StanzaError("auth", "forbidden", "only the room's owner may do this")
        return self._rooms.of(conversation)


def _field(var: str, value: str, type: str, label: str | None = None) -> bytes:
    attrs = {"var": var, "type": type, "label": label}
    return xml.element("field", attrs, xml.element("value", None, xml.text(value)))
