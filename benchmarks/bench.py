"""One run: which servers, how long, where; and how a crew is measured against a server."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from .crew import Crew
from .marks import quantile
from .people import Pair
from .report import Report
from .results import Result
from .server import Server


class Measured(NamedTuple):
    """A step of a crew: what everybody told, and what the server spent on it."""

    facts: list[dict[str, Any]]
    cpu: float
    seconds: float

    def total(self, name: str) -> float:
        """Everybody's together."""
        return float(sum(fact[name] for fact in self.facts))

    def all(self, name: str) -> list[float]:
        """Everybody's in one list."""
        return [value for fact in self.facts for value in fact[name]]


@dataclass
class Bench:
    """What the scenarios share."""

    report: Report
    folder: Path
    seconds: float
    processes: int
    quick: bool
    verbose: bool = True
    _number: int = 0

    def server(self, kind: type[Server], people: int = 0, pairs: Iterable[Pair] = ()) -> Server:
        """A new one in a folder of its own; ``with`` starts it."""
        self._number += 1
        return kind(self.folder / f"{self._number}-{kind.name}", people, pairs)

    def add(self, result: Result) -> None:
        """A result; it is shown at once."""
        self.report.results.append(result)
        if self.verbose:
            figures = [
                (result.rate, f"{result.unit}/s"),
                (result.per_cpu, "per CPU-s"),
                (result.p50, "ms p50"),
                (result.p99, "ms p99"),
                (result.memory, result.memory_unit),
            ]
            shown = "  ".join(f"{value:,.1f} {name}" for value, name in figures if value is not None)
            print(f"  {result.scenario:<34} {result.server:<22} {shown}", file=sys.stderr, flush=True)


def measured(crew: Crew, server: Server) -> Measured:
    """Let the crew go on to its next step, and see what that costs the server."""
    before, began = server.processes.cpu(), time.monotonic()
    crew.go()
    facts = crew.facts()
    return Measured(facts, server.processes.cpu() - before, time.monotonic() - began)


def throughput(scenario: str, server: str, unit: str, step: Measured) -> Result:
    """The usual result: how many a second, how late, at what cost.  Facts have got, seconds and late."""
    got, late = step.total("got"), step.all("late")
    seconds = max(fact["seconds"] for fact in step.facts)
    return Result(
        scenario,
        server,
        rate=got / seconds,
        unit=unit,
        p50=quantile(late, 0.5),
        p99=quantile(late, 0.99),
        cores=step.cpu / step.seconds,
        per_cpu=got / max(step.cpu, 0.01),
    )
