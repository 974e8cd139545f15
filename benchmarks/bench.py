"""One run: which servers, how long, where; and how a crew is measured against a server."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from .crew import Crew
from .marks import quantile
from .people import Pair, star
from .report import Report
from .results import Result
from .server import Server

PEOPLE = 301
"""In the servers that stay: person 0, and those who see them."""


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
    """What the scenarios share.  ``with Bench(…) as bench``: at the end nothing runs any more."""

    report: Report
    folder: Path
    seconds: float
    processes: int
    quick: bool
    _number: int = 0
    _standing: dict[type[Server], Server] = field(default_factory=dict)

    def server(self, kind: type[Server], people: int = 0, pairs: Iterable[Pair] = ()) -> Server:
        """A new one in a folder of its own; ``with`` starts it."""
        self._number += 1
        return kind(self.folder / f"{self._number}-{kind.name}", people, pairs)

    def standing(self, kind: type[Server]) -> Server:
        """One that serves all scenarios for which it need not be new; idle servers cost the others nothing."""
        server = self._standing.get(kind)
        if server is None or not server.alive:
            server = self._standing[kind] = self.server(kind, PEOPLE, star(PEOPLE - 1))
            server.__enter__()
        return server

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for server in self._standing.values():
            server.stop()

    def add(self, result: Result) -> None:
        """A result; it is shown at once."""
        self.report.results.append(result)
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
