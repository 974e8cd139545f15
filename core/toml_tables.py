"""A TOML text cut into its tables, each key with its line, and every syntax error in it rather than the first."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

MAX_RETRIES = 50
"""Syntax errors listed for one table; what follows the last is not read."""

HEADER = re.compile(r"^\[{1,2}[A-Za-z_][\w.-]*\]{1,2}[ \t]*(#.*)?$")
"""A line that can only begin a table, even where a bracket before it was never closed."""

WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

Path: TypeAlias = tuple[str | int, ...]
"""The way into a table: names, and numbers in lists of tables."""


class Mistake(NamedTuple):
    """One thing wrong with the configuration, and the line that shows it."""

    line: int
    text: str


@dataclass(slots=True)
class Table:
    """One table of the file: its values, the line of each key, and those of what lies deeper."""

    name: str
    line: int
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    deeper: dict[Path, int] = field(default_factory=dict)

    def line_of(self, key: str) -> int:
        """Where a key stands; the table's own line when it stands nowhere."""
        return self.lines.get(key, self.line)

    def inside(self, name: str, values: dict[str, Any], number: int | None = None) -> Table:
        """A table in this one, or one of a list of them; written between braces, all of it is in one line."""
        way: Path = (name,) if number is None else (name, number)
        found = {path[len(way) :]: line for path, line in self.deeper.items() if path[: len(way)] == way}
        lines = {str(path[0]): line for path, line in found.items() if len(path) == 1}
        line = found.get((), self.line_of(name))
        deeper = {path: line for path, line in found.items() if len(path) > 1}
        return Table(f"{self.name}.{name}", line, values, lines or dict.fromkeys(values, line), deeper)


@dataclass(slots=True)
class Piece:
    """The lines from one header to the next, before anybody has tried to read them."""

    line: int
    header: str
    text: list[str] = field(default_factory=list)
    keys: list[tuple[str, int]] = field(default_factory=list)

    @property
    def path(self) -> tuple[str, ...]:
        """What the header names; nothing before any table, and where the header is no TOML."""
        return _path(self, [])[0] if self.header else ()


def tables_of(text: str) -> tuple[list[Table], list[Mistake]]:
    """The tables in the file's order, as far as they can be read, and everything that cannot."""
    tables: dict[str, Table] = {}
    seen: dict[tuple[str, ...], int] = {}
    mistakes: list[Mistake] = []
    for piece in pieces_of(text):
        if not piece.header:
            advice = "stands before any table; put it under [front_end]"
            mistakes += [Mistake(line, f'"{key}" {advice}') for key, line in piece.keys]
            continue
        path, repeated = _path(piece, mistakes)
        if not path:
            continue
        if repeated and len(path) == 1:
            advice = f'write [{path[0]}]; a second one gets a name of its own and use = "{path[0]}"'
            mistakes.append(Mistake(piece.line, f"[[{path[0]}]]: {advice}"))
            continue
        if path in seen and not repeated:
            name = ".".join(path)
            mistakes.append(
                Mistake(piece.line, f"[{name}] is here twice, first in line {seen[path]}; keep one of them")
            )
            continue
        seen.setdefault(path, piece.line)
        table = tables.setdefault(path[0], Table(path[0], piece.line))
        if in_the_way := _place(table, path, repeated, _values(piece, mistakes), piece):
            mistakes.append(Mistake(piece.line, f'[{".".join(path)}]: "{in_the_way}" is a value already, not a table'))
    if not mistakes:
        mistakes += _overlooked(text)
    return list(tables.values()), mistakes


def _overlooked(text: str) -> list[Mistake]:
    """What only shows when the pieces are read together; the reader of the whole has the last word."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        place = WHERE.search(str(wrong))
        line = int(place[1]) if place is not None and place[1] else text.count("\n") + 1
        return [Mistake(line, _sentence(wrong))]
    return []


def _place(table: Table, path: tuple[str, ...], repeated: bool, values: dict[str, Any], piece: Piece) -> str:
    """Put a piece's values where its header says.  Returns the name of a plain value that is in the way, if one is."""
    if len(path) == 1:
        table.values.update(values)
        for key, line in piece.keys:
            table.lines.setdefault(key, line)
        return ""
    table.lines.setdefault(path[1], piece.line)
    place: Any = table.values
    way: Path = ()
    for name in path[1:-1]:
        place, way = place.setdefault(name, {}), (*way, name)
        if isinstance(place, list) and place:
            place, way = place[-1], (*way, len(place) - 1)
        if not isinstance(place, dict):
            return name
        table.deeper.setdefault(way, piece.line)
    here, way = place.setdefault(path[-1], [] if repeated else {}), (*way, path[-1])
    if repeated and isinstance(here, list):
        here.append(values)
        way = (*way, len(here) - 1)
    elif not repeated and isinstance(here, dict):
        here.update(values)
    else:
        return path[-1]
    table.deeper.setdefault(way, piece.line)
    for key, line in piece.keys:
        table.deeper.setdefault((*way, key), line)
    return ""


def pieces_of(text: str) -> Iterator[Piece]:
    """The text cut at its headers; the first piece is what stands before any table."""
    piece, state = Piece(1, ""), Nesting()
    for number, line in enumerate(text.split("\n"), 1):
        if (state.level and line.lstrip().startswith("[")) or (not state.quote and HEADER.match(line)):
            yield piece
            piece, state = Piece(number, line), Nesting()
            continue
        if state.level and (key := _key(line)):
            piece.keys.append((key, number))
        piece.text.append(line)
        state.read(line)
    yield piece


class Nesting:
    """Whether the next line begins a statement, or goes on inside an array, an inline table or a long text."""

    def __init__(self) -> None:
        self.quote = ""
        self.depth = 0

    @property
    def level(self) -> bool:
        return not self.quote and not self.depth

    def read(self, line: str) -> None:
        """Follow one line, character by character."""
        at, quote = 0, self.quote
        while at < len(line):
            if quote:
                if quote[0] == '"' and line[at] == "\\":
                    at += 2
                elif line.startswith(quote, at):
                    at, quote = at + len(quote), ""
                else:
                    at += 1
                continue
            if line[at] == "#":
                break
            if line[at] in "\"'":
                quote = line[at] * 3 if line.startswith(line[at] * 3, at) else line[at]
                at += len(quote)
                continue
            self.depth = max(0, self.depth + (line[at] in "[{") - (line[at] in "]}"))
            at += 1
        self.quote = quote if len(quote) == 3 else ""


def _key(line: str) -> str:
    """The first name of ``name = value`` or ``name.more = value``; nothing for a comment or an empty line."""
    line = line.strip()
    if not line or line[0] == "#":
        return ""
    if line[0] in "\"'":
        return line[1:].partition(line[0])[0]
    return line.partition("=")[0].partition(".")[0].strip() or line[:40]


def _path(piece: Piece, mistakes: list[Mistake]) -> tuple[tuple[str, ...], bool]:
    """What a header names, and whether it is one of many (``[[name]]``)."""
    try:
        place: Any = tomllib.loads(piece.header)
    except tomllib.TOMLDecodeError as wrong:
        mistakes.append(Mistake(piece.line, f"{_sentence(wrong)}: {piece.header.strip()}"))
        return (), False
    path: list[str] = []
    while isinstance(place, dict) and place:
        name, place = next(iter(place.items()))
        path.append(name)
    return tuple(path), isinstance(place, list)


def _values(piece: Piece, mistakes: list[Mistake]) -> dict[str, Any]:
    """A piece's keys, leaving out each line that is no TOML once it has been noted."""
    lines = list(piece.text)
    first: dict[str, int] = {}
    for key, number in piece.keys:
        if first.setdefault(key, number) != number and "." not in lines[number - piece.line - 1].partition("=")[0]:
            mistakes.append(Mistake(number, f'"{key}" is set twice, first in line {first[key]}; keep one of them'))
            lines[number - piece.line - 1] = ""
    for _ in range(MAX_RETRIES):
        try:
            return tomllib.loads("\n" * piece.line + "\n".join(lines))
        except tomllib.TOMLDecodeError as wrong:
            statement = _statement(piece, lines, wrong)
            if not statement:
                mistakes.append(Mistake(piece.line, f"{_sentence(wrong)} under {piece.header.strip()}"))
                break
            at = statement[0] - piece.line - 1
            mistakes.append(Mistake(statement[0], f"{_sentence(wrong)}: {lines[at].strip()[:80]}"))
            lines[at : at + len(statement)] = [""] * len(statement)
    return {}


def _statement(piece: Piece, lines: list[str], wrong: tomllib.TOMLDecodeError) -> range:
    """The lines of the statement that an error lies in; one that shows only at the end lies in the last."""
    place = WHERE.search(str(wrong))
    end = piece.line + len(lines) + 1
    shown = int(place[1]) if place is not None and place[1] else end
    starts = [number for _, number in piece.keys if lines[number - piece.line - 1].strip()]
    first = max((number for number in starts if number <= shown), default=0)
    return range(first, min((number for number in starts if number > first), default=end)) if first else range(0)


def _sentence(wrong: tomllib.TOMLDecodeError) -> str:
    text = WHERE.sub("", str(wrong))
    return f"not TOML ({text[:1].lower()}{text[1:]})"
