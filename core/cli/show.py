"""What commands print: tables and sentences for people, JSON for programs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click
import msgspec

from ..logs import escaped

COLOURS = {
    "available": "green",
    "busy": "red",
    "do-not-disturb": "red",
    "be-right-back": "yellow",
    "away": "yellow",
    "offline": "bright_black",
    "unknown": "bright_black",
}
"""Availability in the colours of its icons."""

GAP = "  "


def print_json(result: Any) -> None:
    """The whole result, two spaces a level, for programs and for curious people."""
    click.echo(msgspec.json.format(msgspec.json.encode(result), indent=2))


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Columns as wide as they need to be; the sentence ``empty`` when there is no row."""
    rows = [[escaped(cell) for cell in row] for row in rows]
    if not rows:
        click.echo(empty)
        return
    widths = [max(_width(row[at]) for row in [heads, *rows]) for at in range(len(heads))]
    click.echo(click.style(_line(heads, widths), bold=True))
    for row in rows:
        click.echo(_line(row, widths, coloured=True))


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """One fact a line, the names in one column; a fact without a value is left out."""
    told = [(name, value) for name, value in facts if value]
    width = max((_width(name) for name, _ in told), default=0)
    for name, value in told:
        click.echo(f"{click.style(_padded(name, width), bold=True)}{GAP}{_coloured(escaped(value))}")


def when(at: datetime | str | None) -> str:
    """A moment in the terminal's own time zone, to the second."""
    if not at:
        return ""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def _line(cells: Sequence[str], widths: Sequence[int], *, coloured: bool = False) -> str:
    line = []
    for cell, width in zip(cells, widths, strict=True):
        padded = _padded(cell, width)
        line.append(padded.replace(cell, _coloured(cell), 1) if coloured and cell else padded)
    return GAP.join(line).rstrip()


def _coloured(text: str) -> str:
    colour = COLOURS.get(text.partition(" ")[0])
    return click.style(text, fg=colour) if colour else text


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
