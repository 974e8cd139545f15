"""A call, by voice or video, as it is now: who calls whom, who is rung, who talks."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .cdr import CallFacts
from .conversation import Conversation, Event
from .errors import BadAddress
from .identity import Identity

HUNG_UP = "hung up"
NOT_ANSWERED = "not answered"
OCCUPIED = "busy"
DECLINED = "declined"
CANCELLED = "cancelled by the caller"
CONNECTION_LOST = "connection lost"
SILENT = "no answer from the other side"

OUTCOMES = {NOT_ANSWERED: "missed", OCCUPIED: "busy", DECLINED: "declined", CANCELLED: "cancelled"}
"""What became of a call that nobody answered, by the reason of its end; "failed" for any other reason."""


class CallState(enum.StrEnum):
    """The states of RFC 4235 that a call as a whole has; it begins once it is accepted for routing."""

    TRYING = "trying"
    EARLY = "early"
    """It rings somewhere."""
    CONFIRMED = "confirmed"
    """Somebody answered."""
    TERMINATED = "terminated"


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a call: a person, or a number outside as it is dialled ("+4930123456")."""

    address: Identity | str
    name: str = ""
    instance: str = ""

    @property
    def person(self) -> Identity | None:
        """Who it is; None for a number."""
        return self.address if isinstance(self.address, Identity) else None

    def seat(self, domain: str) -> Identity:
        """The address under which records have it: a number is one at the domain that it called or was called from."""
        if isinstance(self.address, Identity):
            return self.address
        try:
            return Identity.parse(f"{self.address}@{domain}")
        except BadAddress:
            return Identity("unknown", domain)


@dataclass(slots=True, eq=False)
class Call:
    """One call.  ``conversation`` is what the journal has of it; ``native`` is what its protocol wants to remember.

    ``held``: one side keeps the other waiting.  ``route``: the trunk it came or goes by.
    """

    id: str
    caller: Party
    callee: Party
    """Who was called."""
    conversation: Conversation
    facts: CallFacts
    media: frozenset[str]
    started_at: datetime
    state: CallState = CallState.TRYING
    answered_at: datetime | None = None
    answered_by: Party | None = None
    ringing: dict[tuple[Identity | str, str], Party] = field(default_factory=dict)
    """Where it rings, by address and instance."""
    held: bool = False
    emergency: bool = False
    route: str = ""
    native: dict[str, Any] = field(default_factory=dict)
    unwritten: list[Event] = field(default_factory=list)
    """What the journal does not have yet."""
    recorded: bool = False
    """Whether the journal knows of it at all."""
    on_the_phone: set[Identity] = field(default_factory=set)
    """Whose presence says so now."""
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    presenting: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def people(self) -> set[Identity]:
        """Who is in it now: the caller, and who is called until somebody answers, then who answered."""
        if self.state is CallState.TERMINATED:
            return set()
        if self.answered_by is not None:
            sides = [self.caller, self.answered_by]
        else:
            sides = [self.caller, self.callee, *self.ringing.values()]
        return {side.address for side in sides if isinstance(side.address, Identity)}

    @property
    def talking(self) -> set[Identity]:
        """Who is on the phone: the caller from the first ringing on, who answered from then on."""
        sides: list[Party] = []
        if self.state in (CallState.EARLY, CallState.CONFIRMED):
            sides.append(self.caller)
        if self.state is CallState.CONFIRMED and self.answered_by is not None:
            sides.append(self.answered_by)
        return {side.address for side in sides if isinstance(side.address, Identity)}

    def other(self, who: Identity) -> Party:
        """The other side, as this person sees it."""
        if self.caller.address == who:
            return self.answered_by or self.callee
        return self.caller
