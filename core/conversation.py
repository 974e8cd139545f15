"""A conversation between two people, or many, in text or by voice.  Pure state: it does no I/O and asks no clock."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from datetime import datetime

from .charter import MAX_PARTICIPANTS as MAX_PARTICIPANTS
from .charter import PLAIN, Charter
from .errors import Banned, Gone, NotAllowed, NotFound, Protected, TooLarge
from .happenings import BecameConference as BecameConference
from .happenings import CallChanged as CallChanged
from .happenings import CharterChanged as CharterChanged
from .happenings import ConversationEnded as ConversationEnded
from .happenings import DoorChanged as DoorChanged
from .happenings import Event as Event
from .happenings import History as History
from .happenings import MessageRetracted as MessageRetracted
from .happenings import ParticipantJoined as ParticipantJoined
from .happenings import ParticipantLeft as ParticipantLeft
from .happenings import Removal as Removal
from .happenings import RoleChanged as RoleChanged
from .happenings import StandingChanged as StandingChanged
from .happenings import SubjectChanged as SubjectChanged
from .identity import Identity
from .standing import Standing


class Shape(enum.StrEnum):
    TWO_PARTY = "two-party"
    CONFERENCE = "conference"
    CALL = "call"
    """By voice or video; nothing is said in it that passes the IMMCU, see calls.py."""
    ENDED = "ended"


@dataclass(slots=True)
class Conversation:
    """Who takes part, in which shape, under which address.  Every method takes a fact and returns what follows, in
    order.

    ``address`` is where a conference is reached (a SIP conference URI, a room JID); a two-party talk has None.
    ``open_door`` lets anybody of the domain join uninvited; ``locked`` lets nobody in whom no moderator brings;
    ``keeps_seats`` keeps an absent participant's seat and saves messages for them: true for what grew out of a
    two-party talk, false for rooms that people enter and leave.
    ``moderators`` are those who moderate now, ``silent`` those who only listen now; ``standings`` tells how people
    belong to the conference for good, ``names`` which nickname is kept for somebody.
    ``last_seq`` is the newest message's number that this front end knows; ``continues`` is the id of the
    conversation this one resumes under the same address.
    """

    id: str
    started_at: datetime
    shape: Shape = Shape.TWO_PARTY
    address: Identity | None = None
    subject: str = ""
    participants: list[Identity] = field(default_factory=list)
    moderators: set[Identity] = field(default_factory=set)
    open_door: bool = False
    locked: bool = False
    keeps_seats: bool = True
    last_seq: int = 0
    continues: str = ""
    last_said: datetime | None = None
    charter: Charter = PLAIN
    silent: set[Identity] = field(default_factory=set)
    standings: dict[Identity, Standing] = field(default_factory=dict)
    names: dict[Identity, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Who moderates from the start owns the conference."""
        if self.moderators and not self.standings:
            self.standings = dict.fromkeys(self.moderators, Standing.OWNER)

    def standing(self, who: Identity) -> Standing:
        """How somebody belongs to it.  Who keeps a seat behind a closed door is a member."""
        found = self.standings.get(who)
        if found is None and self.keeps_seats and not self.open_door and who in self.participants:
            return Standing.MEMBER
        return found or Standing.NONE

    def join(
        self,
        who: Identity,
        at: datetime,
        *,
        by: Identity | None = None,
        history: History = History.NONE,
        address: Identity | None = None,
    ) -> list[Event]:
        """A person comes in.  The third makes a two-party talk a conference, reached at ``address``; the two who had
        the talk are its moderators.

        Raises Gone when it has ended, NotAllowed when ``by`` is not in it, Banned, TooLarge when it is full.
        """
        self._must_be_open()
        if by is not None and by not in self.participants:
            raise NotAllowed(f"{by} is not in this conversation")
        if who in self.participants:
            return []
        if self.standings.get(who) is Standing.OUTCAST:
            raise Banned(f"{who} is banned from this conference")
        if len(self.participants) >= MAX_PARTICIPANTS:
            raise TooLarge(f"a conference has at most {MAX_PARTICIPANTS} participants")
        self.participants.append(who)
        events: list[Event] = [ParticipantJoined(self.id, who, at, by, history)]
        if len(self.participants) > 2 and self.shape is Shape.TWO_PARTY:
            assert address is not None, "a conference needs an address"
            self.shape, self.address = Shape.CONFERENCE, address
            self.moderators = self.moderators or set(self.participants[:-1])
            self.standings = self.standings or dict.fromkeys(self.moderators, Standing.OWNER)
            events.insert(0, BecameConference(self.id, address, at))
        if self.shape is Shape.CONFERENCE:
            self.take_role(who)
        return events

    def hearers(self, speaker: Identity) -> list[Identity]:
        """Who hears what ``speaker`` says.  Raises Gone, NotAllowed."""
        self._must_be_open()
        if speaker not in self.participants:
            raise NotAllowed(f"{speaker} is not in this conversation")
        if speaker in self.silent:
            raise NotAllowed("only who has been given leave speaks here")
        return [p for p in self.participants if p != speaker]

    def name(self, subject: str, who: Identity, at: datetime) -> list[Event]:
        """Set the subject.  Raises Gone, NotAllowed."""
        self.hearers(who)
        if not self.charter.anybody_names and who not in self.moderators:
            raise NotAllowed("only a moderator changes the subject")
        if subject == self.subject:
            return []
        self.subject = subject
        return [SubjectChanged(self.id, who, subject, at)]

    def leave(
        self,
        who: Identity,
        at: datetime,
        *,
        reason: str = "left",
        by: Identity | None = None,
        removal: Removal | None = None,
    ) -> list[Event]:
        """A person goes.  A talk of two ends with the first to leave, a conference with the last.

        Who leaves a seat that would have been kept belongs to the conference no more; where people come and go, they
        do.  A conference is not left without a moderator as long as it keeps its seats: who has been there longest
        becomes one.
        """
        if self.shape is Shape.ENDED or who not in self.participants:
            return []
        if removal is None and by not in (None, who):
            removal = Removal.EJECTED
        self.participants.remove(who)
        events: list[Event] = [ParticipantLeft(self.id, who, at, reason, by, removal)]
        self.moderators.discard(who)
        self.silent.discard(who)
        if self.keeps_seats and self.standings.get(who) is not Standing.OUTCAST:
            self.standings.pop(who, None)
        if self.shape is Shape.CONFERENCE and self.keeps_seats and self.participants:
            events += self._succession(at)
        if len(self.participants) < (2 if self.shape is Shape.TWO_PARTY else 1):
            events += self.end(at, f"{who} {reason}", for_good=False)
        return events

    def eject(self, who: Identity, by: Identity, at: datetime, *, reason: str = "left") -> list[Event]:
        """A moderator puts somebody out.  Raises Gone, NotAllowed, Protected."""
        self._must_moderate(by)
        if not self.standing(by).reaches(self.standing(who)):
            raise Protected("only who is above them puts them out")
        return self.leave(who, at, reason=reason, by=by)

    def appoint(self, who: Identity, by: Identity, at: datetime, *, moderator: bool) -> list[Event]:
        """Make somebody a moderator for good, or no moderator.  Raises Gone, NotAllowed, Protected, NotFound."""
        self._must_moderate(by)
        highest = Standing.OWNER if self.keeps_seats else Standing.ADMIN
        if not self.standing(by).reaches(Standing.ADMIN):
            raise NotAllowed("only an admin or an owner appoints moderators")
        if who not in self.participants:
            raise NotFound(f"{who} is not in this conversation")
        if moderator == (who in self.moderators):
            return []
        if not self.standing(by).reaches(self.standing(who)):
            raise Protected("only who is above them dismisses them")
        if not moderator:
            self.moderators.discard(who)
            self.standings.pop(who, None)
        else:
            self.standings[who] = max(self.standing(who), highest, key=lambda standing: standing.rank)
            self.take_role(who)
        return [RoleChanged(self.id, who, moderator, at, by), *self._succession(at)]

    def set_door(
        self, by: Identity, at: datetime, *, open_door: bool | None = None, locked: bool | None = None
    ) -> list[Event]:
        """Open, close or lock the door.  Raises Gone, NotAllowed."""
        self._must_moderate(by)
        before = self.open_door, self.locked
        self.open_door = before[0] if open_door is None else open_door
        self.locked = before[1] if locked is None else locked
        now = self.open_door, self.locked
        return [DoorChanged(self.id, by, self.open_door, self.locked, at)] if now != before else []

    def admit(self, by: Identity | None) -> None:
        """Whether somebody may come in whom ``by`` brings, or who comes by themselves.  Raises NotAllowed."""
        if self.locked and by not in self.moderators:
            raise NotAllowed("this conference is locked")

    def end(self, at: datetime, reason: str, *, for_good: bool = True) -> list[Event]:
        """It is over; ``reason`` goes into the record.  What is persistent goes on later unless it ends for good."""
        if self.shape is Shape.ENDED:
            return []
        if for_good and self.charter.persistent:
            self.charter = replace(self.charter, persistent=False)
        self.shape = Shape.ENDED
        return [ConversationEnded(self.id, at, reason)]

    def _must_moderate(self, who: Identity) -> None:
        self._must_be_open()
        if who not in self.participants or who not in self.moderators:
            raise NotAllowed("only a moderator does this")

    def _succession(self, at: datetime) -> list[Event]:
        if not self.keeps_seats or any(who in self.moderators for who in self.participants):
            return []
        self.standings[self.participants[0]] = Standing.OWNER
        self.take_role(self.participants[0])
        return [RoleChanged(self.id, self.participants[0], True, at)]

    def take_role(self, who: Identity) -> None:
        """What somebody may do as they come in, or get another standing (XEP-0045 section 5.1.2)."""
        standing = self.standing(who)
        if standing.reaches(Standing.ADMIN):
            self.moderators.add(who)
        if standing.reaches(Standing.MEMBER):
            self.silent.discard(who)
        elif self.charter.moderated and who not in self.moderators:
            self.silent.add(who)

    def _must_be_open(self) -> None:
        if self.shape is Shape.ENDED:
            raise Gone("this conversation has ended")
