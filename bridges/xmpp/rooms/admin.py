"""What moderators and admins of rooms do: roles, affiliations, and the lists of them (XEP-0045 sections 8 to 10)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element

from ....core.conversation import Conversation
from ....core.errors import BadAddress
from ....core.identity import Identity
from ....core.standing import Role, Standing
from ..errors import StanzaError, bad_request, item_not_found
from ..queries import Place, Query
from ..resource import Resource
from ..syntax import jid, xml
from ..syntax.stanza import Stanza
from .room import Room
from .rooms import Rooms
from .words import AFFILIATIONS, ROLE_OF, ROLES, STANDING_OF

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

QUERY = f"{{{xml.MUC_ADMIN}}}query"
ITEM = f"{{{xml.MUC_ADMIN}}}item"
REASON = f"{{{xml.MUC_ADMIN}}}reason"

MAX_REASON = 256
"""Characters of why something was done to somebody."""
MAX_ITEMS = 500
"""People that one request is about."""


class Item(NamedTuple):
    """Somebody, and what they are to be: a role, or a standing."""

    who: Identity
    wish: Role | Standing
    reason: str


class RoomAdministration:
    """Who may do what is for the core to say: its refusals are the errors that the sections name."""

    def __init__(self, front_end: FrontEnd, rooms: Rooms) -> None:
        self._front_end = front_end
        self._rooms = rooms

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        yield Query("get", QUERY, Place.ROOM, self.lists)
        yield Query("set", QUERY, Place.ROOM, self.change)

    async def lists(self, resource: Resource, iq: Stanza) -> bytes:
        """Who has an affiliation or a role (sections 8.5, 9.2, 9.5, 9.8, 10.5, 10.8)."""
        conversation = await self._rooms.conference(resource, iq, asleep=True)
        items = iq.tree[0].findall(ITEM)
        if len(items) != 1:
            raise bad_request("one list is asked for at a time")
        standing = STANDING_OF.get(items[0].get("affiliation", ""))
        role = ROLE_OF.get(items[0].get("role", ""))
        room = self._rooms.shown(conversation)
        if standing is not None and standing is not Standing.NONE:
            _may_read(conversation, resource.identity, standing)
            found = [_belongs(room, who, standing) for who in _of_standing(conversation, standing)]
        elif role is not None and role is not Role.OUT:
            moderates = room.role(resource.identity) == ROLES[Role.MODERATOR]
            if not moderates and not conversation.standing(resource.identity).reaches(Standing.ADMIN):
                raise StanzaError("auth", "forbidden", "roles are listed for moderators")
            found = [_acts(room, who) for who in room.occupants if room.role(who) == ROLES[role]]
        else:
            raise bad_request("there is no such list")
        return xml.element("query", {"xmlns": xml.MUC_ADMIN}, b"".join(found))

    async def change(self, resource: Resource, iq: Stanza) -> bytes:
        """All that one request asks for, or nothing of it (section 9.2: if one of them is refused, all are)."""
        conversation = await self._rooms.conference(resource, iq)
        items = iq.tree[0].findall(ITEM)
        if not items or len(items) > MAX_ITEMS:
            raise bad_request(f"a request is about 1 to {MAX_ITEMS} people")
        room = self._rooms.shown(conversation)
        wanted = [_item(room, item) for item in items]
        standings = {item.who: item.wish for item in wanted if isinstance(item.wish, Standing)}
        roles = {item.who: item.wish for item in wanted if isinstance(item.wish, Role)}
        if standings and roles:
            raise bad_request("roles and affiliations are changed apart")
        reasons = {item.who: item.reason for item in wanted}
        chair = self._front_end.immcu.chair
        if standings:
            await chair.set_standings(conversation, standings, resource.identity, reasons)
        else:
            await chair.set_roles(conversation, roles, resource.identity, reasons)
        return b""


def _may_read(conversation: Conversation, who: Identity, standing: Standing) -> None:
    """Sections 9.5, 10.5 and 10.8: where everybody sees who everybody is, members may read who belongs to the room."""
    theirs = conversation.standing(who)
    needed = Standing.OWNER if standing.reaches(Standing.ADMIN) else Standing.ADMIN
    if theirs.reaches(needed):
        return
    inside = theirs.reaches(Standing.MEMBER) or who in conversation.participants
    if standing is Standing.OUTCAST or not conversation.charter.addresses_shown or not inside:
        raise StanzaError("auth", "forbidden", f"this list is for {needed}s")


def _of_standing(conversation: Conversation, standing: Standing) -> Iterator[Identity]:
    yield from (who for who, theirs in conversation.standings.items() if theirs is standing)
    if standing is Standing.MEMBER:
        known = conversation.standings
        yield from (p for p in conversation.participants if p not in known and conversation.standing(p) is standing)


def _belongs(room: Room, who: Identity, standing: Standing) -> bytes:
    occupant = room.occupants.get(who)
    nick = room.conversation.names.get(who) or (occupant.nick if occupant is not None else None)
    # Their role may be said here as well; Converse 14 would take the nickname for it.
    return xml.element("item", {"affiliation": AFFILIATIONS[standing], "jid": str(who), "nick": nick})


def _acts(room: Room, who: Identity) -> bytes:
    attrs = {"affiliation": room.affiliation(who), "jid": str(who)}
    return xml.element("item", {**attrs, "nick": room.occupants[who].nick, "role": room.role(who)})


def _item(room: Room, item: Element) -> Item:
    """What one item asks for.  Raises StanzaError."""
    affiliation, role = item.get("affiliation"), item.get("role")
    if (affiliation is None) == (role is None):
        raise bad_request("either a role or an affiliation is changed")
    wish = STANDING_OF.get(affiliation) if affiliation is not None else ROLE_OF.get(role or "")
    if wish is None:
        raise bad_request("no such role or affiliation")
    who = _person(item.get("jid", "")) if affiliation is not None and item.get("jid") else None
    if who is None:
        occupant = room.called(item.get("nick", ""))
        if occupant is None:
            raise item_not_found() if item.get("nick") else bad_request("nobody was named")
        who = occupant.who
    return Item(who, wish, (item.findtext(REASON) or "").strip()[:MAX_REASON])


def _person(address: str) -> Identity:
    try:
        found = jid.parse(address)
    except BadAddress as why:
        raise StanzaError("modify", "jid-malformed", str(why)) from why
    if not found.user:
        raise StanzaError("modify", "jid-malformed", "only people belong to a room")
    return found.identity
