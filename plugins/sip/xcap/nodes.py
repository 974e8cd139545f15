"""Parts of a document: found, put in and taken out as node selectors say (RFC 4825 sections 7 and 8).  Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from html import escape
from typing import TypeAlias

from lxml import etree

from ..xml import MalformedXml, local_name, parsed
from .faults import Fault, no_parent
from .selectors import Node, Step

Element: TypeAlias = etree._Element
DECLARED = re.compile(rb"^\s*<\?xml[^>]*\?>")


def find(root: Element, steps: Sequence[Step]) -> Element | None:
    """The one element that the steps lead to; where they lead to none or to several, None."""
    at: Element | None = None
    for number, step in enumerate(steps):
        among = [root] if number == 0 else list(at) if at is not None else []
        at = _chosen(among, step)
        if at is None:
            return None
    return at


def _chosen(among: Sequence[Element], step: Step) -> Element | None:
    fitting = [element for element in among if step.name in ("*", element.tag)]
    if step.position:
        fitting = fitting[step.position - 1 : step.position]
    if step.attribute:
        fitting = [element for element in fitting if element.get(step.attribute) == step.value]
    return fitting[0] if len(fitting) == 1 else None


def get(root: Element, node: Node) -> str | None:
    """The part as a text; None where there is none."""
    element = find(root, node.steps)
    if element is None:
        return None
    if node.namespaces:
        return _namespaces(element)
    if node.attribute:
        value = element.get(node.attribute)
        return None if value is None else escape(value, quote=True)
    part: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return part


def _namespaces(element: Element) -> str:
    """The element without what is in it, so that its declarations show (RFC 4825 section 10)."""
    prefix = f"{element.prefix}:" if element.prefix else ""
    declared = b"".join(_binding(prefix, uri) for prefix, uri in element.nsmap.items()).decode()
    return f"<{prefix}{local_name(element)}{declared}/>"


def put(root: Element, node: Node, content: bytes) -> tuple[Element, bool]:
    """The root afterwards, and whether the part is new.  Raises Fault."""
    if node.namespaces:
        raise Fault("cannot-insert", "namespaces are declared where they are used")
    if node.attribute:
        return root, _put_attribute(root, node, content)
    around = find(root, node.steps[:-1]) if len(node.steps) > 1 else None
    if around is None and len(node.steps) > 1:
        raise no_parent("the element around it is not there", _nearest(root, node))
    element = fragment(content, root if around is None else around)
    before = find(root, node.steps)
    if before is root:
        root = element
    elif around is None:
        raise Fault("cannot-insert", "a document has one root")
    elif before is not None:
        around.replace(before, element)
    else:
        around.insert(_place(around, node.steps[-1]), element)
    if find(root, node.steps) is not element:
        raise Fault("cannot-insert", "the address would not lead to the new element")
    return root, before is None


def _put_attribute(root: Element, node: Node, content: bytes) -> bool:
    element = find(root, node.steps)
    if element is None:
        raise no_parent("the element of the attribute is not there", _nearest(root, node))
    try:
        wrapped = parsed(b'<v a="' + content.strip() + b'"/>')
    except MalformedXml:
        raise Fault("not-xml-att-value", "this is no value of an attribute") from None
    if list(wrapped.attrib) != ["a"] or len(wrapped):
        raise Fault("not-xml-att-value", "this is no value of an attribute")
    new = node.attribute not in element.attrib
    element.set(node.attribute, wrapped.get("a") or "")
    if find(root, node.steps) is not element:
        raise Fault("cannot-insert", "the address would not lead to the attribute any more")
    return new


def delete(root: Element, node: Node) -> bool:
    """Take a part out; False where there is none.  Raises Fault."""
    element = find(root, node.steps)
    if element is None:
        return False
    if node.namespaces or (element is root and not node.attribute):
        raise Fault("cannot-delete", "the document would be none any more")
    if node.attribute:
        if node.attribute not in element.attrib:
            return False
        del element.attrib[node.attribute]
        if find(root, node.steps) is None:
            raise Fault("cannot-delete", "the address chooses by this attribute")
        return True
    around = element.getparent()
    assert around is not None, "it is not the root"
    around.remove(element)
    if find(root, node.steps) is not None:
        raise Fault("cannot-delete", "the address would lead to another element then")
    return True


def fragment(content: bytes, around: Element) -> Element:
    """One element, its prefixes bound as they are where it goes.  Raises Fault."""
    bound = b"".join(_binding(prefix, uri) for prefix, uri in around.nsmap.items())
    try:
        whole = parsed(b"<x" + bound + b">" + DECLARED.sub(b"", content) + b"</x>")
    except MalformedXml as why:
        kind = "not-utf-8" if _no_utf8(content) else "not-xml-frag"
        raise Fault(kind, str(why)) from None
    if len(whole) != 1 or (whole.text or "").strip() or (whole[0].tail or "").strip():
        raise Fault("not-xml-frag", "the body is not one element")
    element = deepcopy(whole[0])
    element.tail = None
    return element


def _binding(prefix: str | None, uri: str) -> bytes:
    name = f"xmlns:{prefix}" if prefix else "xmlns"
    return f' {name}="{escape(uri, quote=True)}"'.encode()


def _no_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _place(around: Element, step: Step) -> int:
    """Where a new element goes: to its position, else behind the last of its name, else to the end."""
    siblings = [index for index, element in enumerate(around) if step.name in ("*", element.tag)]
    if step.position:
        if step.position > len(siblings) + 1:
            raise Fault("cannot-insert", "there are not so many before it")
        if step.position <= len(siblings):
            return siblings[step.position - 1]
    return siblings[-1] + 1 if siblings else len(around)


def _nearest(root: Element, node: Node) -> str:
    """The part of the address that leads to something, as it was written."""
    parts = _split(node.text)
    for length in range(len(node.steps) - 1, 0, -1):
        if find(root, node.steps[:length]) is not None:
            return "/".join(parts[:length])
    return ""


def _split(text: str) -> list[str]:
    return re.findall(r"(?:[^/\"']|\"[^\"]*\"|'[^']*')+", text)
