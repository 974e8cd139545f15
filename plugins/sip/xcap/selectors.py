"""XCAP addresses: which document of whom, and which part of it (RFC 4825 section 6).  Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from ....core.errors import BadRequest

SEPARATOR = "/~~/"
MAX_SELECTOR = 4096
"""Characters of a node selector."""
MAX_STEPS = 16
"""Steps of a node selector."""
MAX_BINDINGS = 16
"""Namespace prefixes that an address may bind."""

NAME = r"(?:[\w.-]+:)?[\w.-]+"
STEP = re.compile(
    rf"(?P<name>\*|{NAME})(?:\[(?P<position>[1-9]\d{{0,5}})\])?"
    rf"(?:\[@(?P<attribute>{NAME})=(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')\])?(?=/|$)"
)
ATTRIBUTE = re.compile(rf"@(?P<name>{NAME})$")
NAMESPACES = "namespace::*"
BINDING = re.compile(r"xmlns\(([\w.-]+)=([^)]*)\)")
ENTITIES = {"&quot;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&"}


class Step(NamedTuple):
    """One step down: ``name`` is ``{namespace}local`` or ``*``; ``position`` counts from 1, 0 says nothing."""

    name: str
    position: int = 0
    attribute: str = ""
    value: str = ""


class Node(NamedTuple):
    """A part of a document: an element, or one of its attributes, or its namespaces (``namespace::*``)."""

    steps: Sequence[Step]
    attribute: str = ""
    text: str = ""

    @property
    def namespaces(self) -> bool:
        """Whether the namespaces are asked for, not the element."""
        return self.attribute == NAMESPACES


class Address(NamedTuple):
    """What a request is about: ``owner`` is the XCAP user identifier, empty for what belongs to everybody."""

    usage: str
    owner: str
    document: str
    node: str = ""
    query: str = ""


def address_of(path: str) -> Address | None:
    """Read what stands behind the root; None for what is no address of a document."""
    path, _, query = path.partition("?")
    selector, _, node = path.replace("%7E", "~").replace("%7e", "~").partition(SEPARATOR)
    parts = [unquote(part) for part in selector.strip("/").split("/")]
    if len(parts) == 3 and parts[1] == "global":
        return Address(parts[0], "", parts[2], unquote(node), unquote(query))
    if len(parts) == 4 and parts[1] == "users" and parts[2]:
        return Address(parts[0], parts[2], parts[3], unquote(node), unquote(query))
    return None


def node_of(text: str, default: str, query: str = "") -> Node:
    """Read a node selector; names without a prefix are of the ``default`` namespace.  Raises BadRequest."""
    if len(text) > MAX_SELECTOR:
        raise BadRequest(f"a node selector has at most {MAX_SELECTOR} characters")
    bindings = _bindings(query)
    steps: list[Step] = []
    rest, last = text, ""
    while rest:
        if steps and (rest == NAMESPACES or (found := ATTRIBUTE.match(rest))):
            last = NAMESPACES if rest == NAMESPACES else _qualified(found["name"], "", bindings)  # type: ignore[index]
            break
        step = STEP.match(rest)
        if step is None or len(steps) >= MAX_STEPS:
            raise BadRequest(f"no node selector: {rest[:60]!r}")
        steps.append(_step(step, default, bindings))
        rest = rest[step.end() + 1 :]
        if not rest and text.endswith("/"):
            raise BadRequest("a node selector ends with a step")
    if not steps:
        raise BadRequest("an empty node selector")
    return Node(tuple(steps), last, text)


def _step(found: re.Match[str], default: str, bindings: Mapping[str, str]) -> Step:
    name = "*" if found["name"] == "*" else _qualified(found["name"], default, bindings)
    value = found["double"] if found["double"] is not None else found["single"] or ""
    for entity, character in ENTITIES.items():
        value = value.replace(entity, character)
    attribute = _qualified(found["attribute"], "", bindings) if found["attribute"] else ""
    return Step(name, int(found["position"] or 0), attribute, value)


def _qualified(name: str, default: str, bindings: Mapping[str, str]) -> str:
    prefix, colon, local = name.rpartition(":")
    if colon and prefix not in bindings:
        raise BadRequest(f"the prefix {prefix[:60]!r} is bound to no namespace")
    namespace = bindings[prefix] if colon else default
    return f"{{{namespace}}}{local}" if namespace else local


def _bindings(query: str) -> Mapping[str, str]:
    found = BINDING.findall(query)
    if len(found) > MAX_BINDINGS:
        raise BadRequest(f"at most {MAX_BINDINGS} prefixes can be bound")
    return dict(found)
