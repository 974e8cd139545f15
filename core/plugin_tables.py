"""Tables of plugins.toml switched on and off in its text: every comment and every other line stays as it is."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from itertools import groupby

from .errors import Conflict, HereaboutsError, NotFound
from .options import Option, nearest
from .settings import FRONT_END
from .toml_tables import pieces_of

OFF = "#- "
"""What stands before the lines of a table that was switched off; switched on again, it is as it was."""


def switched_off(text: str, name: str) -> str:
    """The text without the table: its lines stay, as comments.  Raises NotFound."""
    lines = text.split("\n")
    found = [piece for piece in pieces_of(text) if piece.path and piece.path[0] == name]
    if not found or name == FRONT_END:
        names = [p.path[0] for p in pieces_of(text) if p.path and p.path[0] != FRONT_END]
        raise NotFound(f"no plugin {name} is switched on{nearest(name, dict.fromkeys(names))}")
    for piece in found:
        end = piece.line + _length(piece.text)
        for number in range(piece.line - 1, end):
            lines[number] = OFF + lines[number]
    return _sound(text, "\n".join(lines), without=name)


def switched_on(text: str, name: str, summary: str, required: list[Option]) -> str:
    """The text with the table: where it was switched off, where a comment has it, or at the end.  Raises Conflict."""
    if any(piece.path and piece.path[0] == name for piece in pieces_of(text)):
        raise Conflict(f"[{name}] is switched on already")
    lines = text.split("\n")
    off = [
        number
        for first, run in _runs(lines)
        for piece in pieces_of(run)
        if piece.path[:1] == (name,)
        for number in range(first + piece.line - 1, first + piece.line + len(piece.text))
    ]
    if off:
        for number in off:
            lines[number] = lines[number].removeprefix(OFF)
        return _sound(text, "\n".join(lines), plus=name)
    header = re.compile(rf"\[\s*{re.escape(name)}\s*\]")
    for at, line in enumerate(lines):
        if line.startswith("#") and header.match(line[1:].lstrip()):
            lines[at] = line[1:].lstrip()
            return _sound(text, "\n".join(lines), plus=name)
    wanted = "".join(f"# {option.name} =    # {option.expected}: {option.doc}\n" for option in required)
    gap = "" if not text.strip() else "\n" if text.endswith("\n") else "\n\n"
    return _sound(text, f"{text}{gap}[{name}]  # {summary}\n{wanted}", plus=name)


def _runs(lines: list[str]) -> Iterator[tuple[int, str]]:
    """What was switched off: the number of each first line, and the text without the marks."""
    for is_off, run in groupby(range(len(lines)), lambda number: lines[number].startswith(OFF)):
        numbers = list(run)
        if is_off:
            yield numbers[0], "\n".join(lines[number].removeprefix(OFF) for number in numbers)


def _length(text: list[str]) -> int:
    """The lines of a table up to its last statement; comments after it belong to what follows."""
    said = [number for number, line in enumerate(text, 1) if line.strip() and not line.lstrip().startswith("#")]
    return max(said, default=0)


def _sound(before: str, after: str, *, without: str = "", plus: str = "") -> str:
    """The new text, if every other table in it is what it was."""
    old, new = tomllib.loads(before), tomllib.loads(after)
    old.pop(without, None)
    if plus not in new and plus:
        raise HereaboutsError(f"[{plus}] could not be switched on; add the table by hand")
    new.pop(plus, None)
    if old != new or list(old) != list(new):
        raise HereaboutsError("the file would mean something else in other places too; edit it by hand")
    return after
