"""How one person is rung: access, presence, what the person wants done with calls, and so on from there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from ....core.access import AccessLevel
from ....core.errors import HereaboutsError
from ....core.forwarding import NO_FORWARDING, Forwarding, forwarding_of, target_of
from ....core.identity import Identity
from ....core.presence import Availability
from ..errors import Refusal
from ..syntax.message import Request
from ..translate import sip_uri
from .dial_plan import DialPlan, written
from .diversion import MAX_FORWARDS_OF_A_CALL, Cause, Forwarded, times_forwarded, told
from .numbers import Numbers
from .outside import Asker, Outside
from .stages import Outcome, Stage, Target

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

ABSENT = "not to be reached now"
"""What everybody is told of somebody who is not there, and of somebody who blocks them."""


@dataclass(slots=True)
class Search:
    """One call, while its way is looked for."""

    request: Request
    caller: Identity | None
    trunk: str = ""
    notes: list[str] = field(default_factory=list)
    """What was found on the way, for whoever asks why."""


class Later(NamedTuple):
    """Where a call goes when its first stage has come to nothing, and after what."""

    text: str
    causes: dict[Outcome, Cause]


class Ringing:
    """Finds the stages of a call to a person.  ``rings`` says whether somebody has an endpoint that can ring."""

    def __init__(
        self,
        front_end: FrontEnd,
        plan: DialPlan,
        numbers: Numbers,
        outside: Outside,
        rings: Callable[[Identity], bool],
        ring_for: float,
    ) -> None:
        self._front_end = front_end
        self._plan = plan
        self._numbers = numbers
        self._outside = outside
        self._rings = rings
        self._ring_for = ring_for

    async def person(self, search: Search, who: Identity, way: tuple[Forwarded, ...] = ()) -> list[Stage]:
        """The stages of a call to somebody, to whom it came this way.  Raises Refusal."""
        level = await self._front_end.contacts.level(search.caller, who)
        search.notes.append(f"{search.caller or 'the caller'} has the access level {level.name.lower()} with {who}")
        if level is AccessLevel.BLOCKED:
            search.notes.append(f"{who} blocks the caller, and looks absent")
            raise Refusal(480, ABSENT)
        wants = await forwarding_of(self._front_end.store, who)
        if times_forwarded(search.request) + len(way) >= MAX_FORWARDS_OF_A_CALL:
            search.notes.append(f"the call was forwarded {MAX_FORWARDS_OF_A_CALL} times already, and goes no further")
            wants = NO_FORWARDING
        if wants.always:
            return await self._onwards(search, wants.always, (*way, Forwarded(who, Cause.ALWAYS)))
        if await self._undisturbed(search, who, level):
            if wants.offline:
                return await self._onwards(search, wants.offline, (*way, Forwarded(who, Cause.DISTURBED)))
            raise Refusal(480, "Do not disturb" if level.sees else ABSENT)
        return await self._ring(search, who, wants, way)

    # ---- inside

    async def _undisturbed(self, search: Search, who: Identity, level: AccessLevel) -> bool:
        """Whether somebody does not want to be disturbed by this caller: the nearest may always."""
        document = self._front_end.presence.of(who)
        search.notes.append(f"{who} is {' '.join(filter(None, (document.availability.word, document.activity.value)))}")
        return document.availability is Availability.DO_NOT_DISTURB and level < AccessLevel.WORKGROUP

    async def _ring(self, search: Search, who: Identity, wants: Forwarding, way: tuple[Forwarded, ...]) -> list[Stage]:
        here, along = self._rings(who), []
        for text in wants.also:
            along += await self._along(search, text, (*way, Forwarded(who, Cause.ALWAYS)))
        if not here:
            search.notes.append(f"{who} has no phone signed in")
            if wants.offline and not along:
                return await self._onwards(search, wants.offline, (*way, Forwarded(who, Cause.OFFLINE)))
        # with nothing to ring the call is refused all the same, and was missed: there is a record of it
        targets = [Target(sip_uri(who), who, headers=told(search.request, way, sip_uri(who))), *along]
        # what somebody wants done who only stands in for somebody else would lead the call away from the first one's
        # own wishes; only those that hold at once are followed
        later = [] if way else _later(wants)
        patience = wants.ring_for if later and wants.unanswered else self._ring_for
        why = f"forwarded to {who}: {way[-1].cause}" if way else f"{who} is called"
        stages = [Stage(tuple(targets), patience, why=why + (", and what rings along" if wants.also else ""))]
        for one in later:
            stages += await self._afterwards(search, who, one, way)
        return stages

    async def _afterwards(self, search: Search, who: Identity, later: Later, way: tuple[Forwarded, ...]) -> list[Stage]:
        cause = next(iter(later.causes.values()))
        try:
            first, *more = await self._onwards(search, later.text, (*way, Forwarded(who, cause)))
        except HereaboutsError as why:
            search.notes.append(f"{who} forwards to {later.text}, which cannot be: {why}")
            return []
        return [replace(first, after=frozenset(later.causes)), *more]

    async def _onwards(self, search: Search, text: str, way: tuple[Forwarded, ...]) -> list[Stage]:
        """The stages at the end of one more step.  Raises Refusal."""
        who, cause = way[-1]
        search.notes.append(f"{who} forwards to {text}: {cause}")
        target = target_of(text)
        number = written(target.number) if target.who is None else None
        meant = self._plan.normalised(number) if number is not None else ""
        callee = target.who or await self._numbers.person(meant)
        if callee is None:
            return self._out(search, meant, way)
        if any(step.who == callee for step in way):
            search.notes.append(f"{callee} was there already: the forwarding goes in a circle")
            raise Refusal(480, ABSENT)
        if not await self._front_end.accounts.exists(callee):
            search.notes.append(f"{callee} is nobody here")
            raise Refusal(480, ABSENT)
        return await self.person(search, callee, way)

    def _out(self, search: Search, number: str, way: tuple[Forwarded, ...]) -> list[Stage]:
        """To a number outside, on the account of whoever forwards there: what they may not call they cannot forward
        to.  The best trunk has to do: what comes after a stage is the forwarding person's choice, not the route's."""
        who, cause = way[-1]
        targets, rule = self._outside.targets(number, Asker(who))
        target = replace(targets[0], headers=told(search.request, way, targets[0].uri))
        return [Stage((target,), self._ring_for, why=f"forwarded by {who} to {number}: {cause}; {rule}")]

    async def _along(self, search: Search, text: str, way: tuple[Forwarded, ...]) -> list[Target]:
        """What rings at the same time; what cannot is left out."""
        who = way[-1].who
        target = target_of(text)
        try:
            number = written(target.number) if target.who is None else None
            meant = self._plan.normalised(number) if number is not None else ""
            callee = target.who or await self._numbers.person(meant)
            if callee is None:
                return [
                    replace(found, headers=told(search.request, way, found.uri))
                    for found in self._outside.targets(meant, Asker(who))[0][:1]
                ]
            if callee == who or not self._rings(callee):
                raise Refusal(480, "no phone is signed in")
            if await self._front_end.contacts.level(search.caller, callee) is AccessLevel.BLOCKED:
                raise Refusal(480, ABSENT)
        except HereaboutsError as why:
            search.notes.append(f"{text} does not ring along: {why}")
            return []
        return [Target(sip_uri(callee), callee, headers=told(search.request, way, sip_uri(callee)))]


def _later(wants: Forwarding) -> list[Later]:
    """Where a call goes that was not taken, each place once."""
    found: dict[str, dict[Outcome, Cause]] = {}
    for text, outcome, cause in (
        (wants.busy, Outcome.BUSY, Cause.BUSY),
        (wants.unanswered, Outcome.UNANSWERED, Cause.UNANSWERED),
        (wants.offline, Outcome.UNREACHABLE, Cause.OFFLINE),
    ):
        if text:
            found.setdefault(text, {})[outcome] = cause
    return [Later(text, causes) for text, causes in found.items()]
