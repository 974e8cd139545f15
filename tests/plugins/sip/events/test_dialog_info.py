"""Documents about calls: what a narrow reader finds in them, and that they stay small."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from .....plugins.sip.events.dialog_info import (
    INITIATOR,
    MAX_BODY,
    MAX_DIALOGS,
    MAX_NATIVE_SHOWN,
    NAMESPACE,
    RECIPIENT,
    Shown,
    write,
)
from .....plugins.sip.xml import document

ENTITY = "sip:alice@example.test"
RINGS = Shown("d1", RECIPIENT, "early", "c1@host", "mine", "theirs", "sip:bob@example.test", "Bob")
TALKS = Shown("d2", INITIATOR, "confirmed")


def read(body: bytes) -> etree._Element:
    return document(body, f"{{{NAMESPACE}}}dialog-info")


def dialogs(body: bytes) -> list[etree._Element]:
    return list(read(body))


def test_nobody_on_the_phone_is_a_whole_document_without_a_dialog() -> None:
    root = read(write(ENTITY, 0, []))
    assert dict(root.attrib.items()) == {"version": "0", "state": "full", "entity": ENTITY} and len(root) == 0


def test_a_call_that_rings_can_be_taken_over_by_what_is_written() -> None:
    (dialog,) = dialogs(write(ENTITY, 7, [RINGS]))
    assert dict(dialog.attrib.items()) == {
        "id": "d1",
        "call-id": "c1@host",
        "local-tag": "mine",
        "remote-tag": "theirs",
        "direction": "recipient",
    }
    state, remote = dialog
    identity, target = remote
    assert (state.text, identity.text, identity.get("display")) == ("early", "sip:bob@example.test", "Bob")
    assert target.get("uri") == "sip:bob@example.test"


def test_what_a_watcher_may_not_know_leaves_no_trace() -> None:
    (dialog,) = dialogs(write(ENTITY, 1, [TALKS]))
    assert dict(dialog.attrib.items()) == {"id": "d2", "direction": "initiator"} and [part.text for part in dialog] == [
        "confirmed"
    ]


def test_a_tag_that_is_not_known_yet_is_left_out() -> None:
    (dialog,) = dialogs(write(ENTITY, 1, [RINGS._replace(local_tag="")]))
    assert "local-tag" not in dialog.attrib and dialog.get("remote-tag") == "theirs"


def test_what_rings_comes_first() -> None:
    states = ["terminated", "trying", "confirmed", "early"]
    body = write(ENTITY, 1, [Shown(str(n), INITIATOR, state) for n, state in enumerate(states)])
    assert [dialog[0].text for dialog in dialogs(body)] == ["early", "confirmed", "trying", "terminated"]


def test_plain_is_states_alone() -> None:
    body = write(ENTITY, 1, [RINGS, TALKS], plain=True)
    assert [dict(dialog.attrib.items()) for dialog in dialogs(body)] == [
        {"id": "d1", "direction": "recipient"},
        {"id": "d2", "direction": "initiator"},
    ]
    assert b"bob" not in body and b"c1@host" not in body


def test_of_many_calls_the_first_keeps_its_names() -> None:
    body = write(ENTITY, 1, [RINGS._replace(id=str(n)) for n in range(20)])
    first, *rest = dialogs(body)
    assert first.get("call-id") == "c1@host" and 0 < len(rest) < MAX_DIALOGS
    assert all("call-id" not in dialog.attrib for dialog in rest)


@pytest.mark.parametrize("field", ["call_id", "local_tag", "remote_tag"])
def test_a_name_that_is_too_long_is_no_name(field: str) -> None:
    (dialog,) = dialogs(write(ENTITY, 1, [RINGS._replace(**{field: "x" * (MAX_NATIVE_SHOWN + 1)})]))
    assert set(dialog.attrib) == {"id", "direction"} and dialog[0].text == "early"


states = st.sampled_from(["trying", "early", "confirmed", "terminated"])
calls = st.builds(
    Shown,
    st.text("0123456789abcdef", min_size=12, max_size=12),
    st.sampled_from([INITIATOR, RECIPIENT]),
    states,
    *[st.text(max_size=200)] * 5,
)


@given(st.lists(calls, max_size=30), st.integers(0, 2**31), st.booleans())
def test_whatever_is_in_it_a_document_is_well_formed_and_small(found: list[Shown], version: int, plain: bool) -> None:
    body = write(ENTITY, version, found, plain=plain)
    root = read(body)
    assert len(body) <= MAX_BODY and root.get("version") == str(version)
    assert bool(found) == bool(len(root))
