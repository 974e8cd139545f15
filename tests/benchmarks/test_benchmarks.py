"""The measuring itself: marks that are cut in two, shares of a crowd, goals, tables; and one scenario for real."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...benchmarks import server as server_module
from ...benchmarks.bench import Bench, Measured, throughput
from ...benchmarks.costs import Processes
from ...benchmarks.crew import BenchmarkFailed, Crew, Stage, shares
from ...benchmarks.goals import GOALS, Limit, Ratio, judged
from ...benchmarks.hereabouts import Hereabouts
from ...benchmarks.marks import Reader, mark, quantile
from ...benchmarks.own import start
from ...benchmarks.people import contacts, rings, star, who
from ...benchmarks.report import Report
from ...benchmarks.results import Result
from ...benchmarks.server import Server, free_port
from ...core.contacts import Subscription


@given(st.lists(st.integers(0, 999_999), max_size=20), st.lists(st.integers(1, 80), min_size=1, max_size=30))
def test_every_mark_is_seen_once_however_the_bytes_are_cut(numbers: list[int], cuts: list[int]) -> None:
    text = "".join(f"<body>{mark(number)} and so on</body>" for number in numbers).encode()
    reader, seen, place = Reader(), [], 0
    while place < len(text):
        size = cuts[place % len(cuts)]
        seen += reader.read(text[place : place + size])
        place += size
    assert [one.number for one in seen] == numbers


def test_a_mark_is_late_by_the_time_since_it_was_due() -> None:
    due = time.monotonic_ns() - 2_000_000_000
    (seen,) = Reader().read(mark(7, due).encode())
    assert 2000 <= seen.late < 60_000


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_is_one_of_the_values(values: list[float], part: float) -> None:
    assert quantile(values, part) in values
    assert quantile(values, 0) == min(values)
    assert quantile(values, 1) == max(values)


def test_a_quantile_of_nothing_is_nothing() -> None:
    assert quantile([], 0.5) == 0


@given(st.integers(1, 500), st.integers(1, 8))
def test_everybody_is_dealt_out_once_and_pairs_stay_together(people: int, processes: int) -> None:
    dealt = [number for share in shares(people, processes) for number in share["users"]]
    assert dealt == list(range(people))
    for share in shares(2 * people, processes, together=2):
        assert share["users"].start % 2 == share["users"].stop % 2 == 0


def test_the_lists_of_a_ring_agree_on_both_sides() -> None:
    entries = {(contact.owner, contact.address): contact for contact in contacts(rings([range(30)]))}
    assert len(entries) == 30 * 20
    for (owner, other), contact in entries.items():
        assert entries[other, owner].sees == contact.seen


def test_everybody_sees_the_middle_of_a_star() -> None:
    entries = {(c.owner, c.address): c.subscription for c in contacts(star(3))}
    assert entries[who(0), who(2)] is Subscription.FROM
    assert entries[who(2), who(0)] is Subscription.TO


async def _steps(stage: Stage, *, users: range, wrong: bool) -> Any:
    await stage.step({"first": users.start})
    if wrong:
        raise ValueError("no such thing")
    return os.getpid()


def test_a_crew_goes_step_by_step_in_processes_of_its_own() -> None:
    with Crew(_steps, shares(10, 2), wrong=False) as crew:
        assert crew.facts() == [{"first": 0}, {"first": 5}]
        crew.go()
        pids = crew.facts()
    assert len({*pids, os.getpid()}) == 3


def test_what_goes_wrong_in_a_crew_is_told() -> None:
    with Crew(_steps, shares(2, 1), wrong=True) as crew:
        crew.facts()
        crew.go()
        with pytest.raises(BenchmarkFailed, match="ValueError no such thing"):
            crew.facts()


def test_a_crew_that_says_nothing_is_given_up() -> None:
    with Crew(_steps, shares(2, 1), wrong=False) as crew:
        crew.facts()
        with pytest.raises(BenchmarkFailed, match="nothing came"):
            crew.facts(within=0.05)


def test_processor_time_and_memory_of_a_session() -> None:
    ours = Processes(os.getsid(0))
    assert os.getpid() in ours.pids()
    assert ours.memory() > 1000
    assert Processes(2**30).pids() == []


class Sleeper(Server):
    """A server that never serves."""

    name = "sleeper"
    program = sys.executable
    script = "import time; time.sleep(60)"

    def prepare(self, people: int, pairs: object) -> None: ...

    def command(self) -> list[str]:
        return [sys.executable, "-c", self.script]

    def ready(self) -> bool:
        return (self.folder / "served").exists()


class Fork(Sleeper):
    """One that serves, and has a child."""

    script = "import os, time; os.fork(); open('served', 'w'); time.sleep(60)"


class Corpse(Sleeper):
    """One that ends at once."""

    script = "raise SystemExit('I do not want to')"


def test_a_server_is_ended_with_its_children(tmp_path: Path) -> None:
    with Fork(tmp_path / "fork") as server:
        assert server.took > 0
        assert server.alive
        assert server.processes.pids()
    assert server.processes.pids() == []


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkFailed, match="I do not want to"):
        Corpse(tmp_path / "corpse").__enter__()


def test_a_server_that_does_not_serve_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "READY_WITHIN", 0.2)
    server = Sleeper(tmp_path / "sleeper")
    with pytest.raises(BenchmarkFailed, match="did not serve"):
        server.__enter__()
    assert server.processes.pids() == []


def test_ports_are_given_once() -> None:
    assert len({free_port() for _ in range(20)}) == 20


RESULTS = [
    Result("chat", "hereabouts", rate=300, unit="messages", per_cpu=100, p50=4.0),
    Result("chat", "ejabberd", rate=100, unit="messages", per_cpu=50),
]


@pytest.mark.parametrize(
    ("goal", "measured", "reached"),
    [
        (Ratio("chat", "ejabberd", 2), "2.00 × (3.00 ×)", "yes"),
        (Ratio("chat", "ejabberd", 3), "2.00 × (3.00 ×)", "only by the clock"),
        (Ratio("chat", "ejabberd", 4), "2.00 × (3.00 ×)", "no"),
        (Ratio("chat", "Prosody", 1), "", "not measured"),
        (Limit("chat", "p50", "ms", at_most=5), "4.0", "yes"),
        (Limit("chat", "p50", "ms", at_most=3), "4.0", "no"),
        (Limit("chat", "per_cpu", "a second", at_least=100), "100.0", "yes"),
        (Limit("chat", "per_cpu", "a second", at_least=101), "100.0", "no"),
        (Limit("chat", "memory", "KiB", at_most=3), "", "not measured"),
    ],
)
def test_goals(goal: Ratio | Limit, measured: str, reached: str) -> None:
    ((_, *found),) = judged([goal], RESULTS)
    assert found == [measured, reached]


def test_throughput_is_counted_by_what_arrived_and_what_it_cost() -> None:
    facts = [{"got": 30, "seconds": 2.0, "late": [1.0, 2.0]}, {"got": 10, "seconds": 1.9, "late": [3.0]}]
    result = throughput("chat", "hereabouts", "messages", Measured(facts, cpu=0.5, seconds=2.0))
    assert (result.rate, result.per_cpu, result.cores, result.p50, result.p99) == (20, 80, 0.25, 2.0, 3.0)


def test_the_report_has_every_goal_and_every_failure(tmp_path: Path) -> None:
    report = Report({"quick": True}, results=list(RESULTS), failures=["room of Prosody: it burnt down"])
    text = report.write(tmp_path).read_text()
    for goal in GOALS:
        assert goal.scenario in text
    assert "it burnt down" in text
    assert "| chat     | hereabouts | 300 messages |" in text
    (kept,) = tmp_path.glob("*.json")
    assert json.loads(kept.read_text())["results"][1]["server"] == "ejabberd"


@pytest.mark.timeout(120)
def test_a_scenario_for_real(tmp_path: Path) -> None:
    report = Report({})
    with Bench(report, tmp_path, seconds=0.5, processes=1, quick=True) as bench:
        start(bench, Hereabouts)
    serving, idle = report.results
    assert serving.p50 is not None and serving.p50 > 0
    assert idle.memory is not None and idle.memory > 1
