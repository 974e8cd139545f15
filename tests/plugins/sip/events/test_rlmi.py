"""RLMI: whatever people are called and wherever they are, a mail program takes the body apart again."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.events.rlmi import Dialect, Resource, write
from .....plugins.sip.translate import short
from .rlmi_reader import read

BOUNDARY = "a1b2c3"
PIDF = "application/pidf+xml"
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
URIS = st.from_regex(r"sip:[a-z0-9.&'<>\"]{1,12}@[a-z]{1,8}\.test", fullmatch=True)
RESOURCES = st.builds(
    lambda uri, name, state, document: (
        Resource(uri, name, state, "noresource" if state == "terminated" else "")
        if state != "active"
        else Resource(uri, name, state, "", PIDF, f"<presence>{document}</presence>".encode())
    ),
    URIS,
    NAMES,
    st.sampled_from(("", "active", "pending", "terminated")),
    st.from_regex(r"[a-zäö \r\n-]{0,40}", fullmatch=True),
)
ALICE = Resource("sip:alice@example.test", "Alice", "active", "", PIDF, b"<presence/>")


@given(st.lists(RESOURCES, max_size=8, unique_by=lambda r: r.uri), st.integers(0, 2**31), st.booleans())
def test_what_is_written_is_read_back(resources: list[Resource], version: int, full: bool) -> None:
    seen = read(*write("sip:l&l@x.test", version, resources, full=full, host="x.test", boundary=BOUNDARY))
    assert (seen.uri, seen.version, seen.full) == ("sip:l&l@x.test", version, full)
    assert list(seen.states) == [resource.uri for resource in resources]
    for resource in resources:
        assert seen.states[resource.uri] == resource.state
        assert seen.names[resource.uri].strip() == resource.name.strip()
        assert seen.documents.get(resource.uri, "").encode() == resource.document


def test_an_instance_keeps_its_id_from_one_document_to_the_next() -> None:
    first, second = (
        read(*write("sip:l@x.test", version, [ALICE], full=not version, host="x.test", boundary=boundary))
        for version, boundary in ((0, "one"), (1, "two"))
    )
    assert first.ids == second.ids == {ALICE.uri: short(ALICE.uri)}


def test_a_boundary_is_quoted_and_content_ids_are_in_brackets() -> None:
    content_type, body = write("sip:l@x.test", 0, [ALICE], full=True, host="x.test", boundary=BOUNDARY)
    assert 'boundary="a1b2c3"' in content_type
    assert f"Content-ID: <{short(ALICE.uri)}@x.test>\r\n".encode() in body


def test_liblinphone_gets_a_bare_boundary_and_bare_content_ids_spelled_its_way() -> None:
    content_type, body = write(
        "sip:l@x.test", 0, [ALICE], full=True, host="x.test", boundary=BOUNDARY, dialect=Dialect.LIBLINPHONE
    )
    assert content_type.endswith(";boundary=a1b2c3")
    assert body.startswith(b"--a1b2c3\r\n"), "a preamble crashes it"
    [cid] = re.findall(rb' cid="([^"]+)"', body)
    assert b"\r\nContent-Id: " + cid + b"\r\n" in body


def test_nobody_on_the_list_is_a_list_all_the_same() -> None:
    seen = read(*write("sip:l@x.test", 0, [], full=True, host="x.test", boundary=BOUNDARY))
    assert (seen.states, seen.full) == ({}, True)
