"""What became of the cases: read from the report, compared with the failures that are explained, shown as a table."""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

EXPLAINED = Path(__file__).parent / "explained.toml"
UNNAMED = "Smack"
"""Where a case names no specification."""


class Result(NamedTuple):
    """One case."""

    outcome: str
    where: str
    name: str
    specification: str
    section: str
    milliseconds: int
    why: str

    @property
    def case(self) -> str:
        return f"{self.where}.{self.name}"

    @property
    def name_alone(self) -> str:
        """The case without the kinds of connection it was tried with."""
        return self.case.partition("(")[0]


def read(report: Path) -> list[Result]:
    """The report, as Report.java writes it."""
    results = []
    for line in report.read_text().splitlines():
        outcome, where, name, specification, section, milliseconds, why = line.split("\t")
        results.append(Result(outcome, where, name, specification, section, int(milliseconds), why))
    return results


def explained(path: Path = EXPLAINED) -> dict[str, str]:
    """The failures that are explained: case, or a whole class, and the reason."""
    return {str(case): str(why) for case, why in tomllib.loads(path.read_text())["failures"].items()}


def unexplained(results: Iterable[Result], reasons: dict[str, str]) -> list[Result]:
    """What failed without a reason."""
    failed = (r for r in results if r.outcome == "failed")
    return [r for r in failed if r.name_alone not in reasons and r.where not in reasons]


def outdated(results: Sequence[Result], reasons: dict[str, str]) -> list[str]:
    """What passed although there is a reason why it fails."""
    failed = {name for r in results if r.outcome == "failed" for name in (r.name_alone, r.where)}
    passed = {name for r in results if r.outcome == "passed" for name in (r.name_alone, r.where)}
    return sorted(case for case in reasons if case in passed - failed)


def table(results: Iterable[Result]) -> str:
    """Passed, failed and impossible by specification."""
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        rows[result.specification or UNNAMED][result.outcome] += 1
    total: Counter[str] = sum(rows.values(), Counter())
    lines = [f"{'specification':<16}{'passed':>8}{'failed':>8}{'impossible':>12}"]
    for name, row in [*sorted(rows.items()), ("all", total)]:
        lines.append(f"{name:<16}{row['passed']:>8}{row['failed']:>8}{row['impossible']:>12}")
    return "\n".join(lines)


def failures(results: Iterable[Result]) -> str:
    """What failed, by specification and section, with the reason the suite gives."""
    failed = sorted((r for r in results if r.outcome == "failed"), key=lambda r: (r.specification, r.section, r.case))
    return "\n".join(f"{r.specification or UNNAMED} {r.section}\t{r.case}\t{r.why[:600]}" for r in failed)


def impossible(results: Iterable[Result]) -> str:
    """What could not be tried, and why."""
    return "\n".join(
        f"{r.specification or UNNAMED}\t{r.case}\t{r.why[:200]}" for r in sorted(results) if r.outcome == "impossible"
    )
