"""Lists of addresses in bodies, as clients send them and as nobody should."""

from __future__ import annotations

import pytest

from ....plugins.sip.resource_lists import MAX_ADDRESS, MAX_DISPLAY, MAX_ENTRIES, Entry, read
from ....plugins.sip.xml import MalformedXml

SPACE = "urn:ietf:params:xml:ns:resource-lists"


def lists(inner: str, more: str = "") -> bytes:
    return f'<?xml version="1.0"?><resource-lists xmlns="{SPACE}"{more}>{inner}</resource-lists>'.encode()


def test_what_linphone_sends() -> None:
    body = (
        '<?xml version="1.0" encoding="UTF-8" standalone="no" ?>\n'
        f'<p1:resource-lists xmlns:p1="{SPACE}">\n  <p1:list>\n'
        '    <p1:entry uri="sip:bob@example.test"/>\n    <p1:entry uri="sip:carol@example.test"/>\n'
        "  </p1:list>\n</p1:resource-lists>\n"
    )
    assert read(body.encode()) == [Entry("sip:bob@example.test"), Entry("sip:carol@example.test")]


def test_names_are_read_and_cut() -> None:
    body = lists(
        '<list><entry uri="sip:bob@example.test"><display-name> Bob Büttner </display-name></entry>'
        f'<entry uri="sip:eve@example.test"><display-name>{"x" * 1000}</display-name></entry></list>'
    )
    assert [e.display for e in read(body)] == ["Bob Büttner", "x" * MAX_DISPLAY]


@pytest.mark.parametrize("space", ["urn:ietf:params:xml:ns:copycontrol", "urn:ietf:params:xml:ns:copyControl"])
def test_how_openly_somebody_is_on_the_list(space: str) -> None:
    entries = "".join(
        f'<entry uri="sip:{how}@example.test" cp:copyControl="{how}"/>' for how in ("to", "cc", "bcc", "x")
    )
    assert [e.copy for e in read(lists(f"<list>{entries}</list>", f' xmlns:cp="{space}"'))] == ["to", "cc", "bcc", "to"]


def test_the_same_address_counts_once() -> None:
    body = lists('<list><entry uri="sip:bob@example.test"/><entry uri=" sip:bob@example.test "/></list>')
    assert read(body) == [Entry("sip:bob@example.test")]


def test_lists_in_lists_are_flat_and_references_are_passed_over() -> None:
    body = lists(
        '<list><list><entry uri="sip:bob@example.test"/></list><entry-ref ref="resource-lists/users/x"/>'
        '<external anchor="http://example.test/list"/><entry uri="sip:carol@example.test"/></list>'
    )
    assert [e.uri for e in read(body)] == ["sip:bob@example.test", "sip:carol@example.test"]


def test_no_list_is_an_empty_list() -> None:
    assert read(lists("")) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"bob, carol",
        b"<resource-lists/>",
        lists("<list><entry/></list>"),
        lists('<list><entry uri=" "/></list>'),
        lists(f'<list><entry uri="sip:{"x" * MAX_ADDRESS}@example.test"/></list>'),
        lists("<list>" + "".join(f'<entry uri="sip:{n}@x.test"/>' for n in range(MAX_ENTRIES + 1)) + "</list>"),
        lists("<list>" * 40 + "</list>" * 40),
        b'<!DOCTYPE resource-lists [<!ENTITY a "sip:bob@example.test">]>' + lists("<list/>"),
    ],
)
def test_what_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedXml):
        read(body)
