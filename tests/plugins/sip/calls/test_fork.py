"""The response context: whatever order branches answer in, the caller gets one answer and nobody is left half-open."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from .....plugins.sip.calls.fork import (
    TABLE,
    Answer,
    BranchState,
    Cancel,
    Effect,
    Event,
    Fork,
    Forward,
    HangUp,
    Open,
    Try,
)
from .....plugins.sip.calls.stages import ANY, Outcome
from .....plugins.sip.syntax.message import Response


def said(status: int, tag: str = "t", **headers: str) -> Response:
    """A response of a branch."""
    more = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Response(status, None, [("To", f"<sip:bob@example.test>;tag={tag}"), *more])


def ringing(*stages: int) -> Fork:
    """A fork whose first stage is open, with so many branches; and as many more stages as are named."""
    fork = Fork([ANY] * len(stages))
    assert fork.start() == [Open(0)]
    assert fork.opened(range(stages[0])) == [Try(branch) for branch in range(stages[0])]
    return fork


def test_the_table_knows_every_state_and_only_failures_and_2xx_end_a_branch() -> None:
    assert set(TABLE) == set(BranchState)
    for state, arrows in TABLE.items():
        assert all(to is BranchState.ANSWERED for event, (to, _) in arrows.items() if event is Event.SUCCESS)
        assert Event.SUCCESS in arrows, f"a 2xx in {state} would be lost"


class TestAnswering:
    def test_the_first_2xx_wins_and_the_rest_is_cancelled_because_of_it(self) -> None:
        fork = ringing(3)
        early = said(180, "a")
        assert fork.heard(0, early) == [Forward(0, early)]
        fork.heard(1, said(180, "b"))
        won = said(200, "b")
        assert fork.heard(1, won) == [Forward(1, won), Cancel(0, True)]
        assert fork.state(2) is BranchState.UNWANTED and fork.final and not fork.over
        assert fork.heard(2, said(100, "")) == [Cancel(2, True)]
        assert fork.heard(0, said(487)) == fork.heard(2, said(487)) == []
        assert fork.over

    def test_the_same_2xx_again_goes_the_same_way(self) -> None:
        fork = ringing(1)
        first, again = said(200, "a"), said(200, "a")
        assert fork.heard(0, first) == [Forward(0, first)]
        assert fork.heard(0, again) == [Forward(0, again)]

    def test_the_second_2xx_is_hung_up_on_each_time_it_comes(self) -> None:
        fork = ringing(2)
        fork.heard(0, said(200, "a"))
        late = said(200, "b")
        assert fork.heard(1, late) == [HangUp(1, late)] == fork.heard(1, late)

    def test_a_proxy_beyond_that_forked_too_wins_with_one_dialog_only(self) -> None:
        fork = ringing(1)
        fork.heard(0, said(200, "a"))
        other = said(200, "b")
        assert fork.heard(0, other) == [HangUp(0, other)]

    def test_several_early_dialogs_are_forwarded_and_100_is_not(self) -> None:
        fork = ringing(2)
        assert fork.heard(0, said(100, "")) == []
        for branch, tag in ((0, "a"), (1, "b"), (0, "c")):
            early = said(183, tag)
            assert fork.heard(branch, early) == [Forward(branch, early)]


class TestRefusing:
    def test_the_best_is_chosen_when_the_last_has_answered(self) -> None:
        fork = ringing(3)
        assert fork.heard(0, said(500)) == fork.heard(1, busy := said(486)) == []
        assert fork.heard(2, said(503)) == [Answer(busy, 486)]
        assert fork.over

    def test_a_6xx_stops_everybody_but_a_2xx_on_its_way_still_counts(self) -> None:
        fork = ringing(2)
        fork.heard(1, said(180))
        assert fork.heard(0, said(603)) == [Cancel(1, False)]
        crossing = said(200, "b")
        assert fork.heard(1, crossing) == [Forward(1, crossing)]

    def test_a_6xx_is_what_the_caller_is_told(self) -> None:
        fork = ringing(2)
        fork.heard(1, said(180))
        fork.heard(0, declined := said(603))
        assert fork.heard(1, said(487)) == [Answer(declined, 603)]

    def test_nobody_to_ring(self) -> None:
        fork = Fork([ANY])
        assert fork.start() == [Open(0)]
        assert fork.opened([]) == [Answer(None, 480)] and fork.over


class TestStages:
    def test_who_is_busy_makes_room_for_the_next(self) -> None:
        fork = ringing(1, 1)
        assert fork.heard(0, said(486)) == [Open(1)]
        assert fork.opened([1]) == [Try(1)]
        won = said(200)
        assert fork.heard(1, won) == [Forward(1, won)]

    def test_who_does_not_answer_is_cancelled_and_may_still_just_make_it(self) -> None:
        fork = ringing(1, 1)
        fork.heard(0, said(180, "a"))
        assert fork.rang_out() == [Cancel(0, False), Open(1)]
        fork.opened([1])
        fork.heard(1, said(180, "b"))
        just = said(200, "a")
        assert fork.heard(0, just) == [Forward(0, just), Cancel(1, True)]

    def test_a_stage_waits_for_its_own_outcome(self) -> None:
        fork = Fork([ANY, frozenset({Outcome.UNANSWERED}), frozenset({Outcome.BUSY})])
        fork.start()
        fork.opened([0])
        assert fork.heard(0, said(486)) == [Open(2)]

    def test_who_declines_is_not_sought_elsewhere(self) -> None:
        fork = ringing(1, 1)
        assert fork.heard(0, declined := said(603)) == [Answer(declined, 603)]

    def test_busy_everywhere_is_busy_here(self) -> None:
        fork = Fork([ANY, frozenset({Outcome.BUSY})])
        fork.start()
        fork.opened([0])
        assert fork.heard(0, said(600)) == [Open(1)]

    def test_a_stage_that_has_some_for_later_is_opened_again(self) -> None:
        fork = Fork([ANY])
        fork.start()
        assert fork.opened([0], further=1) == [Try(0)]
        assert fork.heard(0, said(480)) == [Open(0)]
        assert fork.opened([1]) == [Try(1)]

    def test_nobody_answered_and_everybody_was_told(self) -> None:
        fork = ringing(1)
        fork.heard(0, said(180))
        assert fork.rang_out() == [Cancel(0, False)]
        assert fork.heard(0, said(487)) == [Answer(None, 480)]


class TestGivingUp:
    def test_before_anything_was_heard_the_cancel_waits(self) -> None:
        fork = ringing(1)
        assert fork.give_up(487) == [Answer(None, 487)]
        assert fork.heard(0, said(180)) == [Cancel(0, False)]
        assert fork.heard(0, said(487)) == [] and fork.over

    def test_a_200_that_crosses_the_cancel_is_hung_up_on(self) -> None:
        fork = ringing(1)
        fork.heard(0, said(180))
        assert fork.give_up(487) == [Answer(None, 487), Cancel(0, False)]
        crossing = said(200)
        assert fork.heard(0, crossing) == [HangUp(0, crossing)] and fork.over

    def test_after_the_answer_it_is_too_late(self) -> None:
        fork = ringing(1)
        fork.heard(0, said(200))
        assert fork.give_up(487) == []

    def test_while_a_stage_is_being_opened(self) -> None:
        fork = Fork([ANY, ANY])
        fork.start()
        fork.give_up(487)
        assert fork.opened([0]) == [] and fork.over


Course = tuple[list[int], list[tuple[str, int, int]]]


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Stages with their branches, and what happens, in any order."""
    stages = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    branch = st.integers(0, max(1, sum(stages)) - 1)
    status = st.sampled_from([100, 180, 183, 200, 200, 302, 401, 408, 480, 486, 487, 500, 503, 600, 603])
    heard = st.tuples(st.just("heard"), branch, status)
    other = st.tuples(st.sampled_from(["rang out", "cancel"]), st.just(0), st.just(0))
    return stages, draw(st.lists(st.one_of(heard, heard, heard, heard, other), max_size=25))


class Network:
    """Carries out what the fork says, as phones would: what a branch has said last, it does not take back."""

    def __init__(self, stages: Sequence[int]) -> None:
        self.stages = list(stages)
        self.fork = Fork([ANY] * len(stages))
        self.ended: dict[int, int] = {}
        self.heard_something: set[int] = set()
        self.tried: list[int] = []
        self.cancelled: list[int] = []
        self.upstream: list[tuple[int, str]] = []
        self.confirmed: set[tuple[int, str]] = set()
        self.hung_up: set[tuple[int, str]] = set()
        self.carry_out(self.fork.start())

    def carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Open(stage):
                    first = sum(self.stages[:stage])
                    self.carry_out(self.fork.opened(range(first, first + self.stages[stage])))
                case Try(branch):
                    self.tried.append(branch)
                case Cancel(branch):
                    assert branch in self.heard_something and branch not in self.ended
                    self.cancelled.append(branch)
                case Forward(branch, response) if response.status >= 200:
                    self.confirmed.add((branch, response.to.tag))
                    self.upstream.append((response.status, "forwarded"))
                case Forward(_, response):
                    assert not self.upstream, "something provisional behind the final response"
                case HangUp(branch, response):
                    self.hung_up.add((branch, response.to.tag))
                case Answer(_, status):
                    assert status >= 300
                    self.upstream.append((status, "answered"))

    def happens(self, what: str, branch: int, status: int) -> None:
        if what == "rang out":
            self.carry_out(self.fork.rang_out())
        elif what == "cancel":
            self.carry_out(self.fork.give_up(487))
        elif branch in self.tried and (branch not in self.ended or (status == self.ended[branch] == 200)):
            self.heard_something.add(branch)
            if status >= 200:
                self.ended[branch] = status
            self.carry_out(self.fork.heard(branch, said(status, f"of-{branch}")))


@settings(max_examples=400)
@given(courses())
def test_any_course_ends_with_one_answer_and_one_call_at_most(
    course: tuple[list[int], list[tuple[str, int, int]]],
) -> None:
    stages, events = course
    network = Network(stages)
    for event in events:
        network.happens(*event)
    # Whoever has not spoken yet does in the end: a cancelled phone says 487, a dead one is timed out.
    for _ in range(20):
        for branch in [branch for branch in network.tried if branch not in network.ended]:
            network.happens("heard", branch, 487 if branch in network.cancelled else 408)
    assert network.fork.over
    assert sorted(network.tried) == list(dict.fromkeys(network.tried)), "nobody is tried twice"
    assert set(network.ended) == set(network.tried)
    assert len(set(network.upstream)) == 1, "one final response, however often it comes"
    assert len(network.cancelled) == len(set(network.cancelled))
    assert len(network.confirmed) <= 1
    answered = {(branch, f"of-{branch}") for branch, status in network.ended.items() if status == 200}
    assert answered == network.confirmed | network.hung_up and not network.confirmed & network.hung_up
