"""A conference as a room (XEP-0045): who is seen in it, under which nickname, with which clients."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field

from ....core.bylaws import role_of
from ....core.conversation import Conversation
from ....core.identity import Identity
from ..resource import Resource
from ..syntax import jid
from .words import AFFILIATIONS, ROLES

MAX_FORWARDED = 200
"""IQs passed on between occupants of one room whose answers are still awaited."""


@dataclass(slots=True)
class Occupant:
    """A participant as the room shows them.

    ``resources`` are their XMPP clients that sit in the room; people of other worlds are occupants without any.
    ``inner`` is what their client said of their presence here.
    """

    who: Identity
    nick: str
    occupant_id: str
    resources: list[Resource] = field(default_factory=list)
    inner: bytes = b""

    @property
    def jid(self) -> str:
        """Their real address: the client they came with first, if it is known."""
        return self.resources[0].session.jid if self.resources else str(self.who)


class Room:
    """State alone: it sends nothing."""

    def __init__(self, conversation: Conversation, key: bytes) -> None:
        assert conversation.address is not None
        self.conversation = conversation
        self.address: Identity = conversation.address
        self.jid = str(conversation.address)
        self.jid_bytes = self.jid.encode()
        self.occupants: dict[Identity, Occupant] = {}
        self.subject_shown = conversation.subject
        self.subject_by = ""
        """The nickname of who set it, where the room was there."""
        self.expected: set[Identity] = set()
        """Who is on the way in, under a nickname of their own choice."""
        self.forwarded: dict[tuple[str, str], Resource] = {}
        self.picture: str | None = None
        """The SHA-1 of the room's avatar, empty where it has none; None before anybody looked."""
        self.farewell = b""
        """What its owner said as they ended it, as the room passes it on."""
        self._key = hmac.digest(key, self.jid_bytes, "sha256")
        self._nicks: dict[str, Identity] = {}
        self._past: dict[Identity, str] = {}

    # ---- who is there

    def resources(self) -> Iterator[Resource]:
        """Every client that sits in the room."""
        for occupant in self.occupants.values():
            yield from occupant.resources

    def called(self, nick: str) -> Occupant | None:
        """The occupant with this nickname."""
        who = self._nicks.get(nick)
        return self.occupants[who] if who is not None else None

    def show(self, who: Identity, nick: str) -> Occupant:
        """A new occupant, with this nickname or, where somebody else has it, with one made from it."""
        occupant = Occupant(who, self._free(nick, who), self.occupant_id(who))
        self.occupants[who] = occupant
        self._nicks[occupant.nick] = who
        self._past.pop(who, None)
        return occupant

    def hide(self, who: Identity) -> Occupant | None:
        """An occupant is not there any more; what they said keeps their nickname."""
        occupant = self.occupants.pop(who, None)
        if occupant is not None:
            self._nicks.pop(occupant.nick, None)
            self._past[who] = occupant.nick
        return occupant

    def rename(self, occupant: Occupant, nick: str) -> None:
        """A nickname that nobody else has."""
        self._nicks.pop(occupant.nick, None)
        occupant.nick = nick
        self._nicks[nick] = occupant.who

    def nick_of(self, who: Identity, name: str) -> str:
        """Under which nickname to show what somebody said; ``name`` is for people who were never here."""
        occupant = self.occupants.get(who)
        return occupant.nick if occupant is not None else self._past.get(who, name)

    # ---- how they appear

    def occupant_jid(self, nick: str) -> bytes:
        """An occupant's address in the room, as it goes into an attribute."""
        return jid.quoted(f"{self.jid}/{nick}")

    def occupant_id(self, who: Identity) -> str:
        """The same for the same person as long as the room lasts, whatever their nickname (XEP-0421)."""
        return hmac.new(self._key, str(who).encode(), hashlib.sha256).hexdigest()[:32]

    def affiliation(self, who: Identity) -> str:
        """How somebody belongs to the room (section 5.2)."""
        return AFFILIATIONS[self.conversation.standing(who)]

    def role(self, who: Identity) -> str:
        """What somebody may do in it (section 5.1)."""
        return ROLES[role_of(self.conversation, who)]

    def knows(self, watcher: Identity) -> bool:
        """Whether somebody in the room sees who everybody really is."""
        conversation = self.conversation
        return conversation.charter.addresses_shown or watcher in conversation.moderators

    def expect_answer(self, nick: str, id: str, asker: Resource) -> None:
        """An IQ was passed on for an occupant; its answer goes to the client that asked."""
        self.forwarded[nick, id] = asker
        if len(self.forwarded) > MAX_FORWARDED:
            del self.forwarded[next(iter(self.forwarded))]

    def _free(self, nick: str, who: Identity) -> str:
        if self._nicks.get(nick, who) == who:
            return nick
        for candidate in (f"{nick} ({who.user})", f"{nick} ({who})"):
            if candidate not in self._nicks:
                return candidate
        return str(who)
