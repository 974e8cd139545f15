"""Asking for voice, and giving it by the form that moderators get (XEP-0045 sections 7.13 and 8.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from ....core.errors import BadAddress
from ....core.standing import Role
from ..errors import bad_request, item_not_found
from ..forms import FORM, Field, form
from ..messages import payload
from ..resource import Resource
from ..syntax import jid, xml
from ..syntax.stanza import Stanza
from .answers import YES, filled_in, one
from .room import Occupant, Room
from .stanzas import Halves
from .words import ROLES

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

REQUEST = f"{xml.MUC}#request"
ROLE, JID, NICK, ALLOW = "muc#role", "muc#jid", "muc#roomnick", "muc#request_allow"
FORM_TYPE = f"{{{xml.DATA_FORM}}}field[@var='FORM_TYPE']/{{{xml.DATA_FORM}}}value"


class VoiceRequests:
    """Forms in messages to the room: a visitor's wish, and a moderator's answer."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end

    async def take(self, resource: Resource, stanza: Stanza, room: Room) -> bool:
        """True where the message was one of these forms.  Raises StanzaError and what the core raises."""
        filled = stanza.child(FORM)
        if filled is None or filled.findtext(FORM_TYPE) != REQUEST:
            return False
        if ALLOW in {each.get("var") for each in filled}:
            await self._answer(resource, room, filled)
        else:
            self._ask(room, room.occupants[resource.identity], filled)
        return True

    def _ask(self, room: Room, occupant: Occupant, filled: Element) -> None:
        """Every moderator gets to know who wants to speak."""
        if one(filled_in(filled, REQUEST).get(ROLE, ())) != ROLES[Role.SPEAKER]:
            raise bad_request("only the role of a participant is asked for")
        speaker = ROLES[Role.SPEAKER]
        asked = form(
            [
                Field(ROLE, "list-single", "Role", (speaker,), options=((speaker, "Participant"),)),
                Field(JID, "jid-single", "Address", (occupant.jid,)),
                Field(NICK, label="Nickname", values=(occupant.nick,)),
                Field(ALLOW, "boolean", "Give them voice?", ("0",)),
            ],
            form_type=REQUEST,
            title="Somebody wants to speak",
        )
        halves = Halves(*payload.halves(room.jid_bytes, b"n>" + asked))
        for other in room.resources():
            if other.identity in room.conversation.moderators:
                other.send(halves.to(other.session.jid_bytes))

    async def _answer(self, resource: Resource, room: Room, filled: Element) -> None:
        given = filled_in(filled, REQUEST)
        occupant = room.called(one(given.get(NICK, ())))
        try:
            who = occupant.who if occupant is not None else jid.parse(one(given.get(JID, ()))).identity
        except BadAddress as why:
            raise item_not_found() from why
        if one(given[ALLOW]) in YES:
            wished = {who: Role.SPEAKER}
            await self._front_end.immcu.chair.set_roles(room.conversation, wished, resource.identity)
