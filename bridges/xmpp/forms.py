"""Data forms (XEP-0004): what we ask, what is answered, what we report.  A codec: no stream, no store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ...core.errors import BadAddress
from .syntax import jid, xml

FORM = f"{{{xml.DATA_FORM}}}x"
FIELD = f"{{{xml.DATA_FORM}}}field"
VALUE = f"{{{xml.DATA_FORM}}}value"
FORM_TYPE = "FORM_TYPE"
"""The field that names what the others mean (XEP-0068)."""

MULTIPLE = frozenset({"jid-multi", "list-multi", "text-multi"})
"""Types of fields that hold several values (section 3.3); the others hold one."""
LISTS = frozenset({"list-single", "list-multi"})
JIDS = frozenset({"jid-single", "jid-multi"})
BOOLEANS = frozenset({"0", "1", "false", "true"})

MAX_FIELDS = 100
"""Fields of a form that somebody fills in."""
MAX_VALUES = 1000
"""Values, or lines, of one field."""


class BadForm(ValueError):
    """A form that was filled in wrongly, said to who did it."""


class Field(NamedTuple):
    """One field.  ``options`` are a list's (value, label)."""

    var: str
    type: str = "text-single"
    label: str = ""
    values: tuple[str, ...] = ()
    required: bool = False
    options: tuple[tuple[str, str], ...] = ()


class Answers(Mapping[str, tuple[str, ...]]):
    """What was filled in: the values of each field, in order."""

    def __init__(self, values: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, var: str) -> tuple[str, ...]:
        return self._values.get(var, ())

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def one(self, var: str) -> str:
        """The value, or nothing."""
        values = self[var]
        return values[0] if values else ""

    def text(self, var: str) -> str:
        """Several lines as one text (section 3.3)."""
        return "\n".join(self[var])

    def truth(self, var: str) -> bool:
        """A boolean."""
        return self.one(var) in ("1", "true")


def form(
    fields: Iterable[Field], *, type: str = "form", form_type: str = "", title: str = "", instructions: str = ""
) -> bytes:
    """A form to be filled in, or with type "result" what came of one."""
    parts = [xml.element("title", None, xml.text(title))] if title else []
    if instructions:
        parts.append(xml.element("instructions", None, xml.text(instructions)))
    if form_type:
        parts.append(_written(Field(FORM_TYPE, "hidden", values=(form_type,)), typed=True))
    parts += [_written(field, typed=True) for field in fields]
    return xml.element("x", {"xmlns": xml.DATA_FORM, "type": type}, b"".join(parts))


def table(columns: Sequence[Field], rows: Iterable[Sequence[str]], *, form_type: str = "") -> bytes:
    """Several results of one kind (section 3.4)."""
    parts = [_written(Field(FORM_TYPE, "hidden", values=(form_type,)), typed=True)] if form_type else []
    parts.append(xml.element("reported", None, b"".join(_written(column, typed=True) for column in columns)))
    for row in rows:
        cells = (_written(Field(column.var, values=(cell,)), typed=False) for column, cell in zip(columns, row))
        parts.append(xml.element("item", None, b"".join(cells)))
    return xml.element("x", {"xmlns": xml.DATA_FORM, "type": "result"}, b"".join(parts))


def filled(given: Element | None, fields: Iterable[Field], *, form_type: str = "") -> Answers:
    """What somebody filled in, checked against what was asked; fields that were not asked are ignored.

    No form at all is one in which nothing was filled in.  Raises BadForm.
    """
    values = _read(given) if given is not None else {}
    named = values.get(FORM_TYPE, (form_type,))
    if form_type and named != (form_type,):
        raise BadForm(f"the form is of the type {form_type}")
    return Answers({field.var: _checked(field, values.get(field.var)) for field in fields if field.type != "fixed"})


def read(given: Element) -> Answers:
    """What somebody filled in, unchecked.  Raises BadForm."""
    return Answers(_read(given))


def _read(given: Element) -> dict[str, tuple[str, ...]]:
    found = given.findall(FIELD)
    if len(found) > MAX_FIELDS:
        raise BadForm(f"a form has no more than {MAX_FIELDS} fields")
    values: dict[str, tuple[str, ...]] = {}
    for field in found:
        var = field.get("var", "")
        if not var:
            continue
        if var in values:
            raise BadForm(f"the field {var[:80]} is there twice")
        values[var] = tuple(value.text or "" for value in field.findall(VALUE))
        if len(values[var]) > MAX_VALUES:
            raise BadForm(f"the field {var[:80]} has more than {MAX_VALUES} values")
    return values


def _checked(field: Field, given: tuple[str, ...] | None) -> tuple[str, ...]:
    if field.type == "hidden":
        return field.values
    values = given if given is not None else ()
    if field.type not in MULTIPLE and len(values) > 1:
        raise BadForm(f"{field.var} has one value")
    if field.type != "text-multi":
        values = tuple(value for value in values if value)
    if field.required and not any(values):
        raise BadForm(f"{field.var} is required")
    if field.type in LISTS and not set(values) <= {value for value, _ in field.options}:
        raise BadForm(f"{field.var} has a value that was not offered")
    if field.type == "boolean" and not set(values) <= BOOLEANS:
        raise BadForm(f"{field.var} is yes or no: 1 or 0")
    return _addresses(field, values) if field.type in JIDS else values


def _addresses(field: Field, values: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses in their canonical spelling, each once (section 3.3)."""
    try:
        return tuple(dict.fromkeys(jid.parse(value.strip()).full for value in values))
    except BadAddress as why:
        raise BadForm(f"{field.var}: {why}") from None


def _written(field: Field, *, typed: bool) -> bytes:
    attrs = {"var": field.var or None, "type": field.type if typed else None, "label": field.label or None}
    parts = [xml.element("required")] if field.required else []
    parts += [xml.element("value", None, xml.text(value)) for value in field.values]
    for value, label in field.options:
        parts.append(xml.element("option", {"label": label or None}, xml.element("value", None, xml.text(value))))
    return xml.element("field", attrs, b"".join(parts))
