"""What somebody filled in on a form of a room."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from ..errors import bad_request
from ..forms import FORM_TYPE, BadForm, read

YES = frozenset({"1", "true"})


def filled_in(tree: Element, form_type: str) -> Mapping[str, tuple[str, ...]]:
    """The values of each field that is there.  Raises StanzaError for what is no form of this type."""
    try:
        given = dict(read(tree))
    except BadForm as why:
        raise bad_request(str(why)) from why
    if given and given.pop(FORM_TYPE, (form_type,)) != (form_type,):
        raise bad_request(f"the form is of the type {form_type}")
    return given


def one(values: tuple[str, ...]) -> str:
    """The value of a field that has one."""
    return values[0].strip() if values else ""
