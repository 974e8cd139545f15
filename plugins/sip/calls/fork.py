"""The response context of a forking proxy (RFC 3261 sections 16.6 to 16.10) as a table.  Pure: events in, deeds out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from ..syntax.message import Response
from .best import best, foremost
from .stages import ANY, Outcome, outcome_of


class BranchState(StrEnum):
    """Where one branch stands."""

    CALLING = "calling"
    """Sent, nothing heard."""
    RINGING = "ringing"
    """Something provisional was heard."""
    UNWANTED = "unwanted"
    """To be cancelled, but a CANCEL must wait for a provisional response (RFC 3261 section 9.1)."""
    CANCELLED = "cancelled"
    ANSWERED = "answered"
    OVER = "over"


class Event(StrEnum):
    """What happens to a branch."""

    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    UNWANTED = "unwanted"


class Deed(StrEnum):
    """What follows."""

    FORWARD = "forward it upstream"
    DECIDE = "it wins, or is hung up on"
    COLLECT = "keep it for the choice of the best"
    CANCEL = "send CANCEL"


_S, _E, _D = BranchState, Event, Deed
TABLE: Mapping[BranchState, Mapping[Event, tuple[BranchState, Deed | None]]] = {
    _S.CALLING: {
        _E.PROVISIONAL: (_S.RINGING, _D.FORWARD),
        _E.SUCCESS: (_S.ANSWERED, _D.DECIDE),
        _E.FAILURE: (_S.OVER, _D.COLLECT),
        _E.UNWANTED: (_S.UNWANTED, None),
    },
    _S.RINGING: {
        _E.PROVISIONAL: (_S.RINGING, _D.FORWARD),
        _E.SUCCESS: (_S.ANSWERED, _D.DECIDE),
        _E.FAILURE: (_S.OVER, _D.COLLECT),
        _E.UNWANTED: (_S.CANCELLED, _D.CANCEL),
    },
    _S.UNWANTED: {
        _E.PROVISIONAL: (_S.CANCELLED, _D.CANCEL),
        _E.SUCCESS: (_S.ANSWERED, _D.DECIDE),
        _E.FAILURE: (_S.OVER, _D.COLLECT),
    },
    _S.CANCELLED: {
        _E.SUCCESS: (_S.ANSWERED, _D.DECIDE),
        _E.FAILURE: (_S.OVER, _D.COLLECT),
    },
    # A branch may be answered more than once: the same 2xx again, or those of a proxy that forked further on.
    _S.ANSWERED: {_E.SUCCESS: (_S.ANSWERED, _D.DECIDE)},
    _S.OVER: {_E.SUCCESS: (_S.ANSWERED, _D.DECIDE)},
}
HOPEFUL = (_S.CALLING, _S.RINGING)
OPEN = (*HOPEFUL, _S.UNWANTED, _S.CANCELLED)


class Open(NamedTuple):
    """Find out whom this stage rings, and say so with ``opened``; those between it and the one before were skipped."""

    stage: int


class Try(NamedTuple):
    """Send the INVITE on this branch."""

    branch: int


class Cancel(NamedTuple):
    """Send CANCEL on this branch; ``elsewhere`` when somebody else has answered."""

    branch: int
    elsewhere: bool


class Forward(NamedTuple):
    """Send this upstream: something provisional, or the 2xx that won (again, when it comes again)."""

    branch: int
    response: Response


class HangUp(NamedTuple):
    """A 2xx that nobody wants any more: acknowledge it and say BYE."""

    branch: int
    response: Response


class Answer(NamedTuple):
    """The final response upstream when nobody answered; None where only a status is known."""

    response: Response | None
    status: int


Effect: TypeAlias = Open | Try | Cancel | Forward | HangUp | Answer


class Fork:
    """One INVITE and its branches, in stages: all of a stage ring at once, the next when nobody has answered.

    ``stages`` says for each after which outcome of the one before it has its turn; the first has it in any case.

    Exactly one final response goes upstream, and one dialog at most is confirmed.  RFC 3261 has a proxy forward every
    2xx and leaves the second to the caller; phones that do not expect it leave the callee waiting, so a 2xx that came
    too late, or after the caller cancelled, is acknowledged and hung up on by us.
    """

    def __init__(self, stages: Sequence[frozenset[Outcome]]) -> None:
        self._stages = deque(enumerate([frozenset(Outcome), *stages[1:]]))
        self._branches: dict[int, BranchState] = {}
        self._finals: list[Response] = []
        self._stage: set[int] = set()
        self._stage_finals: list[Response] = []
        self._opening = self._rang_out = self._rang = False
        self._at = 0
        self.winner: tuple[int, str] | None = None
        """The branch and the To tag of the 2xx that was forwarded."""
        self.final = False
        """Whether a final response went upstream."""

    @property
    def over(self) -> bool:
        """Whether nothing can come any more that is not a repetition."""
        return self.final and not any(state in OPEN for state in self._branches.values())

    def state(self, branch: int) -> BranchState:
        """Where a branch stands."""
        return self._branches[branch]

    def start(self) -> list[Effect]:
        """The first stage."""
        return self._settle()

    def opened(self, branches: Sequence[int], further: int = 0) -> list[Effect]:
        """Whom the stage rings; ``further`` times it is opened again, for those who come later in it."""
        self._opening = False
        if self.final:
            return []
        self._stages.extendleft((self._at, ANY) for _ in range(further))
        self._stage, self._stage_finals = set(branches), []
        self._rang_out = self._rang = False
        self._branches |= dict.fromkeys(branches, BranchState.CALLING)
        return [*(Try(branch) for branch in branches), *self._settle()]

    def heard(self, branch: int, response: Response) -> list[Effect]:
        """A response, or what stands for one where a branch timed out or lost its flow."""
        status = response.status
        event = Event.PROVISIONAL if status < 200 else Event.SUCCESS if status < 300 else Event.FAILURE
        deed = self._step(branch, event)
        match deed:
            case Deed.FORWARD if status > 100 and not self.final:
                self._rang = self._rang or branch in self._stage
                return [Forward(branch, response)]
            case Deed.CANCEL:
                return [Cancel(branch, self.winner is not None)]
            case Deed.DECIDE:
                return self._decide(branch, response)
            case Deed.COLLECT:
                return self._collect(branch, response)
        return []

    def rang_out(self) -> list[Effect]:
        """The time of this stage is over."""
        self._rang_out = True
        return [*self._unwant(), *self._settle()]

    def give_up(self, status: int) -> list[Effect]:
        """The caller cancelled (487) or is gone, or the INVITE has waited as long as one may (408).

        It is answered at once: what a branch still says can only be a failure, or a 2xx that is hung up on.
        """
        if self.final:
            return []
        self.final = True
        return [Answer(None, status), *self._unwant()]

    # ---- inside

    def _step(self, branch: int, event: Event) -> Deed | None:
        state, deed = TABLE[self._branches[branch]].get(event, (self._branches[branch], None))
        self._branches[branch] = state
        return deed

    def _decide(self, branch: int, response: Response) -> list[Effect]:
        who = branch, response.to.tag
        if self.winner is None and not self.final:
            self.winner, self.final = who, True
            return [Forward(branch, response), *self._unwant()]
        return [Forward(branch, response) if self.winner == who else HangUp(branch, response)]

    def _collect(self, branch: int, response: Response) -> list[Effect]:
        self._finals.append(response)
        if branch in self._stage:
            self._stage_finals.append(response)
        if response.status >= 600 and not self.final:
            return [*self._unwant(), *self._settle()]  # section 16.7 step 5: everybody else stops ringing
        return self._settle()

    def _unwant(self) -> list[Effect]:
        elsewhere = self.winner is not None
        wanted = [branch for branch, state in self._branches.items() if state in HOPEFUL]
        return [Cancel(b, elsewhere) for b in wanted if self._step(b, Event.UNWANTED) is Deed.CANCEL]

    def _settle(self) -> list[Effect]:
        """The next stage when nobody can answer this one, the best response when there is none."""
        if self.final or self._opening or any(state in HOPEFUL for state in self._branches.values()):
            return []
        outcome = self._outcome()
        while self._stages:
            self._at, after = self._stages.popleft()
            if outcome in after:
                self._opening = True
                return [Open(self._at)]
        if any(state in OPEN for state in self._branches.values()):
            return []
        self.final = True
        chosen = best(self._finals)
        return [Answer(chosen, chosen.status if chosen is not None else 480)]

    def _outcome(self) -> Outcome:
        """What the stage came to that has its turn now."""
        if self._rang_out:
            return Outcome.UNANSWERED
        if not self._stage_finals:
            return Outcome.UNREACHABLE
        return outcome_of(foremost(self._stage_finals).status, rang=self._rang)
