"""A conversation between two people, or many, in text or by voice.  Pure state: it does no I/O and asks no clock."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime

from .cdr import CallFacts
from .errors import Gone, NotAllowed, NotFound, TooLarge
from .identity import Identity

MAX_PARTICIPANTS = 250
"""People in one conference."""


class Shape(enum.StrEnum):
    TWO_PARTY = "two-party"
    CONFERENCE = "conference"
    CALL = "call"
    """By voice or video; nothing is said in it that passes the IMMCU, see calls.py."""
    ENDED = "ended"


class History(enum.StrEnum):
    """What a newcomer sees of what was said before; whoever adds them chooses."""

    NONE = "none"
    """Nothing from before, and nothing from before in any archive either."""
    NOW = "now"
    """From the message before this moment on: the last thing said."""
    ALL = "all"
    """Everything since the conversation began."""


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    conversation: str
    who: Identity
    at: datetime
    by: Identity | None = None
    history: History = History.NONE


@dataclass(frozen=True, slots=True)
class BecameConference:
    conversation: str
    address: Identity
    at: datetime


@dataclass(frozen=True, slots=True)
class SubjectChanged:
    conversation: str
    who: Identity
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    conversation: str
    who: Identity
    at: datetime
    reason: str = "left"
    by: Identity | None = None


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """Somebody became a moderator, or is none any more.  Without ``by`` the last moderator's going made them one."""

    conversation: str
    who: Identity
    moderator: bool
    at: datetime
    by: Identity | None = None


@dataclass(frozen=True, slots=True)
class DoorChanged:
    """Who may come in is decided anew."""

    conversation: str
    who: Identity
    open_door: bool
    locked: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class ConversationEnded:
    conversation: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class CallChanged:
    """What is known of a call is not what it was: it was answered, transferred, has other media."""

    conversation: str
    facts: CallFacts
    at: datetime


Event = (
    ParticipantJoined
    | BecameConference
    | SubjectChanged
    | ParticipantLeft
    | RoleChanged
    | DoorChanged
    | ConversationEnded
    | CallChanged
)


@dataclass(slots=True)
class Conversation:
    """Who takes part, in which shape, under which address.  Every method takes a fact and returns what follows, in
    order.

    ``address`` is where a conference is reached (a SIP conference URI, a room JID); a two-party talk has None.
    ``open_door`` lets anybody of the domain join uninvited; ``locked`` lets nobody in whom no moderator brings;
    ``keeps_seats`` keeps an absent participant's seat and
    saves messages for them: true for what grew out of a two-party talk, false for rooms that people enter and leave.
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

        Raises Gone when it has ended, NotAllowed when ``by`` is not in it, TooLarge when it is full.
        """
        self._must_be_open()
        if by is not None and by not in self.participants:
            raise NotAllowed(f"{by} is not in this conversation")
        if who in self.participants:
            return []
        if len(self.participants) >= MAX_PARTICIPANTS:
            raise TooLarge(f"a conference has at most {MAX_PARTICIPANTS} participants")
        self.participants.append(who)
        events: list[Event] = [ParticipantJoined(self.id, who, at, by, history)]
        if len(self.participants) > 2 and self.shape is Shape.TWO_PARTY:
            assert address is not None, "a conference needs an address"
            self.shape, self.address = Shape.CONFERENCE, address
            self.moderators = self.moderators or set(self.participants[:-1])
            events.insert(0, BecameConference(self.id, address, at))
        return events

    def hearers(self, speaker: Identity) -> list[Identity]:
        """Who hears what ``speaker`` says.  Raises Gone, NotAllowed."""
        self._must_be_open()
        if speaker not in self.participants:
            raise NotAllowed(f"{speaker} is not in this conversation")
        return [p for p in self.participants if p != speaker]

    def name(self, subject: str, who: Identity, at: datetime) -> list[Event]:
        """Set the subject.  Raises Gone, NotAllowed."""
        self.hearers(who)
        if subject == self.subject:
            return []
        self.subject = subject
        return [SubjectChanged(self.id, who, subject, at)]

    def leave(self, who: Identity, at: datetime, *, reason: str = "left", by: Identity | None = None) -> list[Event]:
        """A person goes.  A talk of two ends with the first to leave, a conference with the last.

        Who is removed is no moderator any more, nor who leaves a seat that would have been kept.  A conference is not
        left without a moderator as long as it keeps its seats: who has been there longest becomes one.
        """
        if self.shape is Shape.ENDED or who not in self.participants:
            return []
        self.participants.remove(who)
        events: list[Event] = [ParticipantLeft(self.id, who, at, reason, by)]
        if self.keeps_seats or (by is not None and by != who):
            self.moderators.discard(who)
        if self.shape is Shape.CONFERENCE and self.keeps_seats and self.participants:
            events += self._succession(at)
        if len(self.participants) < (2 if self.shape is Shape.TWO_PARTY else 1):
            events += self.end(at, f"{who} {reason}")
        return events

    def eject(self, who: Identity, by: Identity, at: datetime, *, reason: str = "left") -> list[Event]:
        """A moderator puts somebody out.  Raises Gone, NotAllowed."""
        self._must_moderate(by)
        return self.leave(who, at, reason=reason, by=by)

    def appoint(self, who: Identity, by: Identity, at: datetime, *, moderator: bool) -> list[Event]:
        """Make somebody a moderator, or no moderator.  Raises Gone, NotAllowed, NotFound."""
        self._must_moderate(by)
        if who not in self.participants:
            raise NotFound(f"{who} is not in this conversation")
        if moderator == (who in self.moderators):
            return []
        (self.moderators.add if moderator else self.moderators.discard)(who)
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

    def end(self, at: datetime, reason: str) -> list[Event]:
        """It is over; ``reason`` goes into the record."""
        if self.shape is Shape.ENDED:
            return []
        self.shape = Shape.ENDED
        return [ConversationEnded(self.id, at, reason)]

    def _must_moderate(self, who: Identity) -> None:
        self._must_be_open()
        if who not in self.participants or who not in self.moderators:
            raise NotAllowed("only a moderator does this")

    def _succession(self, at: datetime) -> list[Event]:
        if any(who in self.moderators for who in self.participants):
            return []
        self.moderators.add(self.participants[0])
        return [RoleChanged(self.id, self.participants[0], True, at)]

    def _must_be_open(self) -> None:
        if self.shape is Shape.ENDED:
            raise Gone("this conversation has ended")
