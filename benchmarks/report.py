"""What was measured, beside the goals: a table for people (Markdown) and the same for programs (JSON)."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .goals import GOALS, judged
from .results import Result

RESULTS = Path(__file__).parent / "results"


@dataclass(slots=True)
class Report:
    """A whole run."""

    options: dict[str, Any]
    versions: dict[str, str] = field(default_factory=dict)
    keeps: dict[str, str] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    at: str = field(default_factory=lambda: f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    machine: str = field(default_factory=lambda: machine())

    def markdown(self) -> str:
        """The tables, with what one must know to read them."""
        told = ", ".join(f"{name} {value}" for name, value in self.options.items())
        servers = [[name, version, self.keeps.get(name, "")] for name, version in self.versions.items()]
        parts = [
            f"# Benchmarks, {self.at}",
            f"{self.machine}. Options: {told}.",
            _table(["server", "version", "keeps, while measured"], servers),
            _table(
                ["scenario", "server", "a second", "p50 ms", "p99 ms", "cores", "per CPU-second", "memory", "remarks"],
                [_row(result) for result in self.results],
            ),
            "Goals, by CPU-second of the server where two servers are compared (in brackets: by the clock):",
            _table(["goal", "measured", "reached"], [list(line) for line in judged(GOALS, self.results)]),
        ]
        if self.failures:
            parts.append("Not measured:\n" + "\n".join(f"* {failure}" for failure in self.failures))
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path = RESULTS) -> Path:
        """Both forms; returns the Markdown's file."""
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}"
        (folder / f"{name}.json").write_text(json.dumps(asdict(self), indent=1) + "\n")
        path = folder / f"{name}.md"
        path.write_text(self.markdown())
        return path


def machine() -> str:
    """On what, and how busy it is before we begin."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = next((int(line.split()[1]) // 1024**2 for line in _lines("/proc/meminfo")), 0)
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return (
        f"{model}, {cores} cores, {memory} GiB, Linux {platform.release()}, Python {platform.python_version()};"
        f" load average before the run {load:.1f}"
    )


def _lines(path: str) -> Sequence[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return ()


def _row(result: Result) -> list[str]:
    memory = f"{_number(result.memory)} {result.memory_unit}" if result.memory is not None else ""
    return [
        result.scenario,
        result.server,
        f"{_number(result.rate)} {result.unit}" if result.rate is not None else "",
        _number(result.p50),
        _number(result.p99),
        _number(result.cores),
        _number(result.per_cpu),
        memory,
        "; ".join(result.remarks),
    ]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[n]) for row in [columns, *rows]) for n in range(len(columns))]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)
