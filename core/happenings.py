"""What happens in conversations, as facts: who came and went, what somebody may do now, what is over."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from .cdr import CallFacts
from .charter import Charter
from .identity import Identity
from .standing import Standing


class History(enum.StrEnum):
    """What a newcomer sees of what was said before; whoever adds them chooses."""

    NONE = "none"
    """Nothing from before, and nothing from before in any archive either."""
    NOW = "now"
    """From the message before this moment on: the last thing said."""
    ALL = "all"
    """Everything since the conversation began."""


class Removal(enum.StrEnum):
    """Why somebody goes who did not want to."""

    EJECTED = "ejected"
    BANNED = "banned"
    NO_MEMBER = "no member any more"
    """Their membership ended, and the door is closed."""
    DOOR_CLOSED = "the door was closed"
    """They are no members, and the conference is only for members now."""


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
    removal: Removal | None = None


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """Somebody became a moderator, or is none any more, or may speak or only listen.

    Without ``by`` the last moderator's going made them one, or the charter gave them their voice.
    """

    conversation: str
    who: Identity
    moderator: bool
    at: datetime
    by: Identity | None = None
    speaks: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StandingChanged:
    """Somebody belongs to the conference in another way, whether they take part now or not."""

    conversation: str
    who: Identity
    before: Standing
    standing: Standing
    at: datetime
    by: Identity | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CharterChanged:
    conversation: str
    who: Identity
    before: Charter
    charter: Charter
    at: datetime


@dataclass(frozen=True, slots=True)
class MessageRetracted:
    """A moderator took back what somebody said.  The journal keeps it; participants do not get it any more."""

    conversation: str
    message: str
    author: Identity
    at: datetime
    by: Identity
    reason: str = ""


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
    | StandingChanged
    | CharterChanged
    | MessageRetracted
    | DoorChanged
    | ConversationEnded
    | CallChanged
)
