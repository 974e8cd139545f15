"""What a call's way is made of: targets that ring at once, in stages that follow one another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ....core.identity import Identity
from ..syntax.uri import SipUri


class Outcome(StrEnum):
    """What a stage came to in which nobody answered."""

    BUSY = "busy"
    UNANSWERED = "not answered"
    UNREACHABLE = "not reached"
    DECLINED = "declined"


ANY = frozenset((Outcome.BUSY, Outcome.UNANSWERED, Outcome.UNREACHABLE))
"""After which a further stage is tried as a rule; who declines does not want to be found elsewhere."""

OUTCOMES = {
    404: Outcome.UNREACHABLE,
    408: Outcome.UNREACHABLE,
    410: Outcome.UNREACHABLE,
    430: Outcome.UNREACHABLE,
    480: Outcome.UNREACHABLE,
    486: Outcome.BUSY,
    487: Outcome.UNANSWERED,
    600: Outcome.BUSY,
    604: Outcome.UNREACHABLE,
}
"""RFC 3261 sections 21.4 to 21.6.  Every 5xx means: not reached; what is not here: declined."""


def outcome_of(status: int, *, rang: bool = False) -> Outcome:
    """What a final response means for where the call goes next; ``rang``: it had been ringing by then."""
    if status == 408 and rang:
        return Outcome.UNANSWERED
    return OUTCOMES.get(status, Outcome.UNREACHABLE if 500 <= status < 600 else Outcome.DECLINED)


@dataclass(frozen=True, slots=True)
class Target:
    """Who or what rings: a person's endpoints, one endpoint of theirs, or a number behind a trunk."""

    uri: SipUri
    who: Identity | None = None
    number: str = ""
    """The number in E.164, or a short one that only the trunk understands."""
    trunk: str = ""
    place: int = 0
    """Which of the trunk's hops."""
    instance: str = ""
    """The only endpoint that may ring, where a GRUU was called."""
    headers: tuple[tuple[str, str], ...] = ()
    """What the request to it says besides: History-Info."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Targets that ring together."""

    targets: tuple[Target, ...]
    ring_for: float
    """Seconds until the next stage has its turn."""
    after: frozenset[Outcome] = ANY
    """It is tried only if the stage before came to one of these; the first stage is tried in any case."""
    emergency: bool = False
    why: str = ""
    """The rule that led here, for people."""
