"""Options: one table of the configuration becomes the struct a plugin declares, and every mistake in it is found."""

from __future__ import annotations

import ast
import difflib
import inspect
import textwrap
import types
import typing
from collections.abc import Iterable
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


def options_of(struct: type[msgspec.Struct]) -> list[Option]:
    """Every option a struct declares, in its order, with the text under it."""
    docs = _docs(struct)
    options = []
    for field in msgspec.structs.fields(struct):
        default = field.default if field.default is not msgspec.NODEFAULT else None
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        secret = _marked(field.type) == "secret"
        options.append(
            Option(field.name, expected(field.type), default, field.required, docs.get(field.name, ""), secret)
        )
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
