"""Addresses of XCAP: every document and every part of one has a place, and garbage has none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from .....core.errors import BadRequest
from .....plugins.sip.xcap import nodes
from .....plugins.sip.xcap.faults import Fault
from .....plugins.sip.xcap.selectors import MAX_SELECTOR, Address, Step, address_of, node_of

RL = "urn:ietf:params:xml:ns:resource-lists"
LISTS = f"""<resource-lists xmlns="{RL}" xmlns:x="urn:x">
<list name="friends"><entry uri="sip:bob@example.test" x:k="1"/><entry uri="sip:a/b@example.test"/></list>
<list name="work"><display-name>Work</display-name><entry uri="sip:carol@example.test"/></list>
</resource-lists>"""
FRIENDS, WORK = 'resource-lists/list[@name="friends"]', 'resource-lists/list[@name="work"]'


def tree() -> etree._Element:
    return etree.fromstring(LISTS)


def node(text: str, query: str = "") -> nodes.Node:
    return node_of(text, RL, query)


# ---- documents


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/pres-rules/users/sip:a@x.test/index", Address("pres-rules", "sip:a@x.test", "index")),
        ("/pres-rules/users/sip%3Aa%40x.test/index", Address("pres-rules", "sip:a@x.test", "index")),
        ("/xcap-caps/global/index", Address("xcap-caps", "", "index")),
        (
            "/r/users/a@x.test/index/~~/list%5b@name=%22a%2fb%22%5d?xmlns(p=urn:p)",
            Address("r", "a@x.test", "index", 'list[@name="a/b"]', "xmlns(p=urn:p)"),
        ),
        ("/r/users/a/index/%7E%7E/l", Address("r", "a", "index", "l")),
    ],
)
def test_a_path_names_a_document_and_a_part(path: str, address: Address) -> None:
    assert address_of(path) == address


@pytest.mark.parametrize("path", ["", "/", "/r", "/r/users", "/r/users/a", "/r/users//index", "/r/else/a/index"])
def test_other_paths_name_nothing(path: str) -> None:
    assert address_of(path) is None


# ---- parts


def test_steps_are_read_as_they_are_written() -> None:
    steps = node("""a/*[2]/p:b[3][@q="x/y'"]/c[@p:d='"&amp;']/@e""", "xmlns(p=urn:p)")
    assert steps.steps == (
        Step(f"{{{RL}}}a"),
        Step("*", 2),
        Step("{urn:p}b", 3, "q", "x/y'"),
        Step(f"{{{RL}}}c", 0, "{urn:p}d", '"&'),
    )
    assert steps.attribute == "e"
    assert node("a/namespace::*").namespaces


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "a/",
        "a//b",
        "@a",
        "a[0]",
        "a[x]",
        "a[@b=c]",
        "a[@b='c]",
        "p:a",
        "a/@p:b",
        "a b",
        "a[1",
        "/".join("a" * 17),
    ],
)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        node(text)


@given(st.text("ab/[]@='\"*:1~&; \0ä", max_size=40), st.text("xmlns(=)p:", max_size=20))
def test_garbage_is_refused_or_understood_and_nothing_else(text: str, query: str) -> None:
    try:
        found = node(text, query)
    except BadRequest:
        return
    assert found.steps
    nodes.get(tree(), found)


def test_a_selector_has_a_limit() -> None:
    with pytest.raises(BadRequest):
        node("a" * (MAX_SELECTOR + 1))


# ---- getting


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{FRIENDS}/entry[1]/@uri", "sip:bob@example.test"),
        (f'{FRIENDS}/entry[@uri="sip:a/b@example.test"]/@uri', "sip:a/b@example.test"),
        ("*/list[2]/@name", "work"),
        ("resource-lists/*[2]/display-name", f'<display-name xmlns="{RL}" xmlns:x="urn:x">Work</display-name>'),
        ("resource-lists/list[2]/entry/@uri", "sip:carol@example.test"),
        (f"{WORK}/namespace::*", f'<list xmlns="{RL}" xmlns:x="urn:x"/>'),
        ("resource-lists/list", None),
        ("resource-lists/list[3]", None),
        (f"{FRIENDS}/entry[1]/@name", None),
        ('resource-lists/list[1][@name="work"]', None),
        ("list", None),
    ],
)
def test_a_selector_leads_to_one_part_or_to_none(text: str, found: str | None) -> None:
    assert nodes.get(tree(), node(text)) == found


def test_prefixes_are_bound_in_the_address() -> None:
    assert nodes.get(tree(), node(f"{FRIENDS}/entry[1]/@y:k", "xmlns(y=urn:x)")) == "1"


# ---- putting


def put(text: str, content: str) -> tuple[etree._Element, bool]:
    return nodes.put(tree(), node(text), content.encode())


def test_a_new_element_goes_behind_its_like_and_to_its_place() -> None:
    root, new = put(
        f'{FRIENDS}/entry[@uri="sip:d@x.test"]', '<entry uri="sip:d@x.test"><display-name>D</display-name></entry>'
    )
    assert new and [e.get("uri")[4] for e in root[0]] == ["b", "a", "d"]
    assert root[0][2][0].tag == f"{{{RL}}}display-name", "it has the namespace of where it went"
    root, new = put(f"{FRIENDS}/entry[2]", '<entry uri="sip:d@x.test"/>')
    assert not new and [e.get("uri")[4] for e in root[0]] == ["b", "d"]
    root, new = put(f"{FRIENDS}/entry[3]", '<entry uri="sip:d@x.test"/>')
    assert new and root[0][2].get("uri") == "sip:d@x.test"
    root, new = put(f"{FRIENDS}/display-name", "<display-name>F</display-name>")
    assert new and root[0][2].text == "F"


def test_an_element_takes_the_place_of_another() -> None:
    root, new = put(WORK, '<?xml version="1.0"?>\n<list name="work"/>')
    assert not new and len(root[1]) == 0
    root, new = put("resource-lists", f'<resource-lists xmlns="{RL}"/>')
    assert not new and len(root) == 0 and root.getparent() is None


def test_an_attribute_is_set() -> None:
    root, new = put(f"{FRIENDS}/entry[1]/@y", "a &amp; b")
    assert new and root[0][0].get("y") == "a & b"


@pytest.mark.parametrize(
    ("text", "content", "kind"),
    [
        ('resource-lists/list[@name="no"]/entry', "<entry uri='sip:d@x.test'/>", "no-parent"),
        ('resource-lists/list[@name="no"]/@x', "1", "no-parent"),
        (f'{FRIENDS}/entry[@uri="sip:d@x.test"]', "<entry uri='sip:e@x.test'/>", "cannot-insert"),
        (f"{FRIENDS}/entry", "<entry uri='sip:d@x.test'/>", "cannot-insert"),
        (f"{FRIENDS}/entry[9]", "<entry uri='sip:d@x.test'/>", "cannot-insert"),
        (f"{FRIENDS}/entry[1]", "<other/>", "cannot-insert"),
        ("other", "<other/>", "cannot-insert"),
        (f"{FRIENDS}/@name", "enemies", "cannot-insert"),
        (f"{FRIENDS}/namespace::*", "<list/>", "cannot-insert"),
        (f"{FRIENDS}/entry[1]", "<entry", "not-xml-frag"),
        (f"{FRIENDS}/entry[1]", "<entry/><entry/>", "not-xml-frag"),
        (f"{FRIENDS}/entry[1]", "text", "not-xml-frag"),
        (f"{FRIENDS}/entry[1]", "</x><x>", "not-xml-frag"),
        (f"{FRIENDS}/entry[1]", "<!DOCTYPE x><entry/>", "not-xml-frag"),
        (f"{FRIENDS}/entry[1]/@y", "<", "not-xml-att-value"),
        (f"{FRIENDS}/entry[1]/@y", '" b="', "not-xml-att-value"),
        (f"{FRIENDS}/entry[1]/@y", '"/><v a="', "not-xml-att-value"),
    ],
)
def test_what_cannot_be_put_is_refused_by_name(text: str, content: str, kind: str) -> None:
    with pytest.raises(Fault) as refused:
        put(text, content)
    assert refused.value.kind == kind


def test_the_nearest_ancestor_is_named() -> None:
    with pytest.raises(Fault) as refused:
        put(f'{FRIENDS}/list[@name="a/b"]/entry', "<entry/>")
    assert refused.value.inside == "<ancestor>resource-lists/list[@name=&quot;friends&quot;]</ancestor>"


def test_bytes_that_are_no_utf_8_are_refused_by_name() -> None:
    with pytest.raises(Fault) as refused:
        nodes.put(tree(), node(WORK), b'<list name="\xff"/>')
    assert refused.value.kind == "not-utf-8"


# ---- deleting


def test_parts_are_taken_out() -> None:
    root = tree()
    assert nodes.delete(root, node(f"{FRIENDS}/entry[2]")) and len(root[0]) == 1
    assert nodes.delete(root, node(f"{FRIENDS}/entry[1]/@uri")) and root[0][0].get("uri") is None
    assert nodes.delete(root, node(WORK)) and len(root) == 1
    assert not nodes.delete(root, node(WORK))
    assert not nodes.delete(root, node(f"{FRIENDS}/entry[1]/@uri"))


@pytest.mark.parametrize("text", [f"{FRIENDS}/entry[1]", "resource-lists", f"{FRIENDS}/@name", f"{WORK}/namespace::*"])
def test_what_would_lead_elsewhere_afterwards_stays(text: str) -> None:
    with pytest.raises(Fault) as refused:
        nodes.delete(tree(), node(text))
    assert refused.value.kind == "cannot-delete"


@given(st.text("<>/ab'\"=&;! \n", max_size=30))
def test_any_content_is_put_or_refused_by_name(content: str) -> None:
    root = tree()
    try:
        nodes.put(root, node(WORK), content.encode())
    except Fault as refused:
        etree.fromstring(refused.document)
        assert etree.tostring(root) == etree.tostring(tree()), "and nothing has changed"
