"""The plan of a call: whom it is for, and in which stages who rings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ....core.access import AccessLevel
from ....core.errors import BadAddress, HereaboutsError, NotFound
from ....core.forwarding import CallStep
from ....core.identity import Endpoint, Identity
from ..errors import Refusal
from ..syntax.grammar import MalformedSip
from ..syntax.message import Request
from ..syntax.uri import SipUri
from ..translate import identity_of, sip_uri
from .dial_plan import Dialled, dialled, plan_of, written
from .emergency import emergency_number
from .forwarding import ABSENT, Ringing, Search
from .numbers import Numbers
from .outside import Asker, Outside
from .settings import CallOptions, TrunkOptions
from .stages import ANY, Outcome, Stage, Target, outcome_of

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..transport.flow import Peer

__all__ = ["ANY", "CallPlan", "Outcome", "Stage", "Target", "outcome_of"]

UNREACHED = frozenset((Outcome.UNREACHABLE,))


class CallPlan:
    """Decides for each call; every decision can be explained.

    ``rings`` says whether somebody has an endpoint that can ring, ``resolve`` which endpoint a GRUU means, ``foreign``
    whether calls go to a domain that is not ours, ``up`` whether a hop of a trunk seems to work, ``room`` whether a
    trunk may carry one more call.
    """

    def __init__(
        self,
        front_end: FrontEnd,
        options: CallOptions,
        trunks: Mapping[str, TrunkOptions],
        *,
        rings: Callable[[Identity], bool],
        resolve: Callable[[SipUri], Endpoint | None] = lambda uri: None,
        foreign: Callable[[str], bool] = lambda domain: False,
        up: Callable[[str, int], bool] = lambda trunk, place: True,
        room: Callable[[str], bool] = lambda trunk: True,
    ) -> None:
        self._front_end = front_end
        self._options = options
        self._rings = rings
        self._resolve = resolve
        self._foreign = foreign
        self._room = room
        self._trunks = trunks
        self.dial_plan = plan_of(
            [(rule.dialled, rule.remove, rule.add) for rule in options.rules],
            [*front_end.domains, *options.contexts],
        )
        self.numbers = Numbers(front_end, self.dial_plan)
        self._outside = Outside(options, trunks, lambda who: front_end.ours(who.domain), up)
        self._ringing = Ringing(front_end, self.dial_plan, self.numbers, self._outside, rings, options.ring_for)

    async def stages(self, request: Request, caller: Identity | None, peer: Peer | None) -> Sequence[Stage]:
        """The stages of a call, one at least.  Raises Refusal."""
        trunk = peer.name if peer is not None and peer.kind == "trunk" else ""
        return await self._found(Search(request, caller, trunk))

    async def explain(self, caller: Identity, callee: str) -> list[CallStep]:
        """What a call would come to, and everything that was looked at on the way.  Raises NotFound."""
        search = Search(Request("INVITE", self._called(callee)), caller)
        try:
            stages = await self._found(search)
        except HereaboutsError as why:
            return [*_notes(search), CallStep(0, "", 0.0, [], f"the call is refused: {why}")]
        steps = [
            CallStep(at, ", ".join(map(_shown, stage.targets)), stage.ring_for, sorted(stage.after), stage.why)
            for at, stage in enumerate(stages, 1)
        ]
        return [*_notes(search), *steps]

    async def lines(self, trunk: str) -> dict[str, Identity]:
        """Who has which line at a trunk: as its options say, else as the directory and the routes do."""
        given = self._trunks[trunk].extensions
        if given:
            return {extension: Identity.parse(address) for extension, address in given.items()}
        numbers = await self.numbers.everybody()
        told = {self._outside.line(number, trunk): who for number, who in numbers.items()}
        return {line: who for line, who in told.items() if line}

    # ---- inside

    async def _found(self, search: Search) -> list[Stage]:
        uri = self._target(search)
        if self._here(uri, search) and (number := emergency_number(uri, self._options.emergency)):
            return self._emergency(number)
        if search.trunk and not self._room(search.trunk):
            raise Refusal(486, f"the trunk {search.trunk} has all the calls it may have")
        if search.trunk and search.caller is not None and await self._front_end.accounts.exists(search.caller):
            raise Refusal(403, f"{search.trunk} does not speak for {search.caller}")
        who, instance, number_called = await self._callee(uri, search)
        if who is not None and instance:
            return await self._instance(search, uri, who, instance)
        if who is not None:
            return await self._ringing.person(search, who)
        if number_called is None:
            search.notes.append(f"{uri.host} is not served here, and may be called")
            return [Stage((Target(uri),), self._options.ring_for, why=f"calls go to {uri.host}")]
        return self._out(search, number_called)

    def _target(self, search: Search) -> SipUri:
        request = search.request
        try:
            uri = request.target
        except MalformedSip:
            raise Refusal(400, "a Request-URI that is none") from None
        if not uri.is_sip and uri.scheme not in ("tel", "urn"):
            raise Refusal(416)
        name = self._trunks[search.trunk].username if search.trunk else ""
        # a provider calls the Contact we registered; whom the call is for then stands in To alone
        return request.to.uri if name and uri.user == name and request.to.uri.user != name else uri

    def _here(self, uri: SipUri, search: Search) -> bool:
        """Whether it is for us to say what the address means; a trunk calls us as it likes."""
        if search.trunk or not uri.is_sip:
            return True
        return self._front_end.ours(uri.host.lower())

    async def _callee(self, uri: SipUri, search: Search) -> tuple[Identity | None, str, Dialled | None]:
        """A person and perhaps their only instance; or a number; or neither, which is somebody elsewhere."""
        if not self._here(uri, search):
            if self._foreign(uri.host.lower()):
                return None, "", None
            raise Refusal(404, f"{uri.host} is not served here")
        if uri.is_sip and (endpoint := self._resolve(uri)) is not None:
            if not await self._front_end.accounts.exists(endpoint.identity):
                raise Refusal(404)
            return endpoint.identity, endpoint.instance, None
        if (person := await self._account(uri)) is not None:
            return person, "", None
        number = dialled(uri)
        if number is None:
            raise Refusal(404)
        meant = self.dial_plan.normalised(number)
        if not meant:
            raise Refusal(404, f"numbers of {number.context} are not known here")
        if meant != number.number:
            search.notes.append(f"{number.number} means {meant}")
        # the number as it was dialled counts too: a short one may be somebody's though a rule makes a long one of it
        person = await self.numbers.person(meant) or await self.numbers.person(number.number)
        if person is not None:
            search.notes.append(f"{meant} is a number of {person}")
        return person, "", number._replace(number=meant)

    async def _account(self, uri: SipUri) -> Identity | None:
        try:
            who = identity_of(uri) if uri.is_sip and self._front_end.ours(uri.host.lower()) else None
        except BadAddress:
            return None
        return who if who is not None and await self._front_end.accounts.exists(who) else None

    async def _instance(self, search: Search, uri: SipUri, who: Identity, instance: str) -> list[Stage]:
        """One endpoint, and no other: nothing is forwarded (RFC 5627 section 5.3)."""
        if await self._front_end.contacts.level(search.caller, who) is AccessLevel.BLOCKED:
            raise Refusal(480, ABSENT)
        target = Target(uri, who, instance=instance)
        return [Stage((target,), self._options.ring_for, why=f"this one endpoint of {who} is called")]

    def _emergency(self, number: str) -> list[Stage]:
        """Who answers here first, then every trunk; each is tried whatever became of the one before."""
        stages, every, seconds = [], frozenset(Outcome), self._options.ring_for
        if self._options.emergency_answering:
            who = Identity.parse(self._options.emergency_answering)
            if self._rings(who) or not self._options.emergency_trunks:
                why = f"{number} is an emergency number, which {who} answers"
                stages.append(Stage((Target(sip_uri(who), who),), seconds, every, True, why))
        for target in self._outside.emergency(number):
            why = f"{number} is an emergency number"
            stages.append(Stage((target,), seconds, every, True, why))
        return stages

    def _out(self, search: Search, number: Dialled) -> list[Stage]:
        """A number outside; the next trunk is for when one cannot be reached, not for when nobody answers."""
        asker = Asker(None, search.trunk) if search.trunk else Asker(search.caller)
        targets, rule = self._outside.targets(number.number, asker, number.extension)
        stages = [Stage((target,), self._options.ring_for, UNREACHED, why=rule) for target in targets]
        return [replace(stages[0], after=ANY), *stages[1:]]

    def _called(self, callee: str) -> SipUri:
        """What somebody would call who types this."""
        main = self._front_end.domain_names.main
        if ":" in callee:
            try:
                return SipUri.parse(callee)
            except MalformedSip:
                raise NotFound(f"{callee[:80]!r} is no address and no number") from None
        if (number := written(callee)) is not None:
            return SipUri("sip", number.number, main)
        try:
            return sip_uri(Identity.parse(callee if "@" in callee else f"{callee}@{main}"))
        except BadAddress as wrong:
            raise NotFound(str(wrong)) from None


def _notes(search: Search) -> list[CallStep]:
    return [CallStep(0, "", 0.0, [], note) for note in search.notes]


def _shown(target: Target) -> str:
    if target.who is not None:
        return f"{target.who}, at {target.instance}" if target.instance else str(target.who)
    return f"{target.number} by {target.trunk}" if target.trunk else str(target.uri)
