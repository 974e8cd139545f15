"""Options: one table of the configuration becomes the struct a plugin declares, and every mistake in it is found.

A field that is a struct is a table in the table; ``dict[str, Struct]`` are tables whose names the administrator
chooses, ``list[Struct]`` tables in an order.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import textwrap
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from .toml_tables import Mistake, Table

ReadableFile = Annotated[str, msgspec.Meta(extra={"is": "file"})]
"""An option that names a file which must be there; relative to the folder of plugins.toml, empty for none."""

Secret = Annotated[str, msgspec.Meta(extra={"is": "secret"})]
"""An option nobody prints.  ``file:NAME`` reads it from a file that only its owner may read."""

MAX_SECRET = 4096
"""Bytes of a secret's file."""

WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    list: "a list",
    dict: "a table",
}


class Option(NamedTuple):
    """One option as its plugin declares it."""

    name: str
    expected: str
    default: Any
    required: bool
    doc: str
    secret: bool
    inside: Tables | None = None
    """That it is a table, or several."""


class Tables(NamedTuple):
    """Tables in the table: a dictionary of them, a list of them, or (None) just one."""

    struct: type[msgspec.Struct]
    many: type | None = None


class Section(NamedTuple):
    """A table that a plugin takes, as its header is written: ``[irc]``, ``[irc.colours]``, ``[[irc.channels]]``."""

    header: str
    doc: str
    options: list[Option]


def sections(struct: type[msgspec.Struct], name: str, header: str = "", doc: str = "") -> Iterator[Section]:
    """The plugin's own table, then every table that may stand in it; NAME is whatever the administrator chooses."""
    options = options_of(struct)
    yield Section(header or f"[{name}]", doc, [option for option in options if option.inside is None])
    for option in options:
        if option.inside is not None:
            within = f"{name}.{option.name}" + (".NAME" if option.inside.many is dict else "")
            head = f"[[{within}]]" if option.inside.many is list else f"[{within}]"
            yield from sections(option.inside.struct, within, head, option.doc)


def plain(options: Any, hidden: str) -> Any:
    """What holds, as numbers, texts, lists and dictionaries, with ``hidden`` in place of every secret."""
    if isinstance(options, msgspec.Struct):
        kept = [(option, getattr(options, option.name)) for option in options_of(type(options))]
        return {o.name: hidden if o.secret and value else plain(value, hidden) for o, value in kept}
    if isinstance(options, dict):
        return {name: plain(value, hidden) for name, value in options.items()}
    return [plain(value, hidden) for value in options] if isinstance(options, list | tuple) else options


def options_of(struct: type[msgspec.Struct]) -> list[Option]:
    """Every option a struct declares, in its order, with the text under it."""
    docs = _docs(struct)
    options = []
    for field in msgspec.structs.fields(struct):
        default = field.default if field.default is not msgspec.NODEFAULT else None
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        kind, doc = field.type, docs.get(field.name, "")
        secret, inside = _marked(kind) == "secret", _tables(kind)
        options.append(Option(field.name, expected(kind), default, field.required, doc, secret, inside))
    return options


def checked(
    struct: type[msgspec.Struct] | None, table: Table, folder: Path
) -> tuple[msgspec.Struct | None, list[Mistake]]:
    """The struct made of a table, or None and everything that is wrong with it; names of files begin in ``folder``."""
    fields = {field.name: field for field in msgspec.structs.fields(struct)} if struct else {}
    values: dict[str, Any] = {}
    mistakes: list[Mistake] = []

    def note(key: str, text: str) -> None:
        mistakes.append(Mistake(table.line_of(key), f"[{table.name}] {text}"))

    for key, value in table.values.items():
        if key not in fields:
            note(key, f'there is no option "{key}"{nearest(key, fields)}')
            continue
        try:
            if inner := _tables(fields[key].type):
                values[key], more = _inner(inner, table, key, value, folder)
                mistakes += more
            else:
                values[key] = _value(fields[key].type, value, folder)
        except ValueError as wrong:
            note(key, f"{key} {wrong}")
    for name, field in fields.items():
        if field.required and name not in table.values:
            note(name, f"{name} is missing: {expected(field.type)}")
    if struct is None or mistakes:
        return None, mistakes
    try:
        return struct(**values), []
    except ValueError as wrong:
        key = str(wrong).split(maxsplit=1)[0].rstrip(":") if str(wrong) else ""
        note(key, str(wrong))
        return None, mistakes


def _tables(kind: Any) -> Tables | None:
    """What an option's type says of tables in the table; None for a plain value."""
    inside = typing.get_args(kind)
    origin = typing.get_origin(kind)
    if origin is Annotated:
        return _tables(inside[0])
    if origin in (dict, list) and isinstance(inside[-1], type) and issubclass(inside[-1], msgspec.Struct):
        return Tables(inside[-1], origin)
    if origin in (typing.Union, types.UnionType):
        return next((found for choice in inside if (found := _tables(choice))), None)
    return Tables(kind) if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else None


def _inner(kind: Tables, table: Table, key: str, value: Any, folder: Path) -> tuple[Any, list[Mistake]]:
    """The structs made of the tables in a table, and what is wrong with them.  Raises ValueError for no tables."""
    name = f"{table.name}.{key}"
    if kind.many is None:
        if not isinstance(value, dict):
            raise ValueError(f"must be a table of its own, [{name}], not {_shown(value)}")
        return checked(kind.struct, table.inside(key, value), folder)
    if kind.many is list:
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            raise ValueError(f"must be tables of their own, each [[{name}]], not {_shown(value)}")
        found = [checked(kind.struct, table.inside(key, one, number), folder) for number, one in enumerate(value)]
        return [one for one, _ in found], [mistake for _, wrong in found for mistake in wrong]
    if not isinstance(value, dict) or not all(isinstance(one, dict) for one in value.values()):
        raise ValueError(f"must be tables with names, as in [{name}.one], not {_shown(value)}")
    tables = table.inside(key, value)
    named = {one: checked(kind.struct, tables.inside(one, inner), folder) for one, inner in value.items()}
    return {one: made for one, (made, _) in named.items()}, [m for _, wrong in named.values() for m in wrong]


def nearest(name: str, names: Iterable[str]) -> str:
    """The advice that follows a wrong name: the one that was meant, or all there are."""
    names = list(names)
    close = difflib.get_close_matches(name, names, 1, 0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    return f"; it has {', '.join(names)}" if names else "; it has none"


def expected(kind: Any) -> str:
    """A type in the words of somebody who edits the file: ``a whole number from 0 to 65535``."""
    meta = [m for m in getattr(kind, "__metadata__", ()) if isinstance(m, msgspec.Meta)]
    if meta:
        words = expected(typing.get_args(kind)[0])
        if _marked(kind) == "file":
            return "the name of a file, in quotes"
        low, high = meta[0].ge, meta[0].le
        if low is not None and high is not None:
            return f"{words} from {low} to {high}"
        return f"{words} of at least {low}" if low is not None else words
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if inner := _tables(kind):
        return "tables with names" if inner.many is dict else "tables in an order" if inner.many else "a table"
    if origin is Literal:
        return "one of " + ", ".join(f'"{choice}"' for choice in inside)
    if origin is list:
        return f"a list of {_plural(expected(inside[0]))}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(expected(choice) for choice in inside if choice is not type(None))
    return WORDS.get(origin or kind, "a table")


def _plural(words: str) -> str:
    return {"text in quotes": "texts in quotes", "a whole number": "whole numbers"}.get(words, words)


def _value(kind: Any, value: Any, folder: Path) -> Any:
    """One option's value.  Raises ValueError with what is wrong, to be read after the option's name."""
    secret = _marked(kind) == "secret"
    try:
        taken = msgspec.convert(value, kind)
    except msgspec.ValidationError:
        shown = "what is there" if secret else _shown(value)
        close = difflib.get_close_matches(str(value), [str(c) for c in _choices(kind)], 1, 0.6)
        advice = f'; did you mean "{close[0]}"?' if close else ""
        raise ValueError(f"must be {expected(kind)}, not {shown}{advice}") from None
    if _marked(kind) == "file" and taken:
        return _file(folder / taken)
    if secret and taken.startswith("file:"):
        return _secret(Path(_file(folder / taken.removeprefix("file:"))))
    return taken


def _file(path: Path) -> str:
    try:
        with path.open("rb"):
            return str(path)
    except FileNotFoundError:
        names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, names, 1, 0.6)
        advice = f'; did you mean "{close[0]}"?' if close else ""
        raise ValueError(f"names {path}, which is not there{advice}") from None
    except OSError as wrong:
        raise ValueError(f"names {path}, which cannot be read: {(wrong.strerror or '').lower()}") from None


def _secret(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        raise ValueError(f"is in {path}, which others may read: chmod 600 {path}")
    text = path.read_text(encoding="utf-8", errors="replace")
    if len(text) > MAX_SECRET:
        raise ValueError(f"is in {path}, which is longer than {MAX_SECRET} bytes")
    return text.strip()


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _choices(kind: Any) -> tuple[Any, ...]:
    return typing.get_args(kind) if typing.get_origin(kind) is Literal else ()


def _marked(kind: Any) -> str:
    for meta in getattr(kind, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.extra:
            return str(meta.extra.get("is", ""))
    return ""


def _docs(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The text under each field, read from the source."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(struct)))
    except (OSError, TypeError, SyntaxError):
        return {}
    docs, last = {}, ""
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            last = node.target.id
        elif last and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docs[last] = " ".join(str(node.value.value).split())
            last = ""
        else:
            last = ""
    return docs
