"""Documents about calls that another server sends: read whatever is in them, and put together in the right order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....plugins.sip.calls.desk_line import DeskLine
from .....plugins.sip.events.dialog_info import (
    INITIATOR,
    MAX_DIALOGS_READ,
    MAX_ID_READ,
    MAX_VERSION,
    NAMESPACE,
    RECIPIENT,
    STATES,
    Shown,
    Told,
    read,
    write,
)
from .....plugins.sip.xml import MalformedXml

# As Kamailio 5.6.3 words a call that follows another one.
KAMAILIO = b"""<?xml version="1.0"?>
<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="4" state="full" entity="sip:4711@pbx.test">
  <dialog id="padi-6b05-2" call-id="ae92" direction="recipient">
    <state>confirmed</state>
    <remote><identity>sip:+4989123@pbx.test</identity><target uri="sip:127.0.0.1:43787;transport=tcp"/></remote>
    <local><identity>sip:4711@pbx.test</identity><target uri="sip:4711@pbx.test"/></local>
  </dialog>
  <dialog id="padi-6b05-1" call-id="6f75" direction="recipient">
    <state>terminated</state>
    <remote><identity>sip:+4989123@pbx.test</identity><target uri="sip:127.0.0.1:43787;transport=tcp"/></remote>
    <local><identity>sip:4711@pbx.test</identity><target uri="sip:4711@pbx.test"/></local>
  </dialog>
</dialog-info>"""
# The longest form: what RFC 4235 has besides, and things of other namespaces.
RICH = f"""<dialog-info xmlns="{NAMESPACE}" xmlns:x="urn:example:x" version="0" state="partial" entity="sip:a@b">
  <x:dialog id="not one of ours"><x:state>confirmed</x:state></x:dialog>
  <dialog id="d1" x:exclusive="no">
    <x:state>terminated</x:state>
    <state event="remote-bye" code="200"> early </state>
    <duration>17</duration>
    <local><target uri="sip:4711@desk"><param pname="+sip.rendering" pval="no"/></target></local>
  </dialog>
</dialog-info>""".encode()


def wrapped(inside: str, version: str = "0", state: str = "full") -> bytes:
    head = f'<dialog-info xmlns="{NAMESPACE}" version="{version}" state="{state}" entity="sip:a@b">'
    return f"{head}{inside}</dialog-info>".encode()


def test_a_document_of_kamailio() -> None:
    second = Shown("padi-6b05-2", RECIPIENT, "confirmed", "ae92")
    first = Shown("padi-6b05-1", RECIPIENT, "terminated", "6f75")
    assert read(KAMAILIO) == Told(4, True, (second, first))


def test_the_unknown_is_passed_over() -> None:
    assert read(RICH) == Told(0, False, (Shown("d1", INITIATOR, "early"),))


def test_proceeding_and_what_nobody_knows_say_least() -> None:
    body = wrapped('<dialog id="a"><state>proceeding</state></dialog><dialog id="b"><state>levitating</state></dialog>')
    assert [dialog.state for dialog in read(body).dialogs] == ["trying", "trying"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<dialog-info/>",
        b'<presence xmlns="urn:ietf:params:xml:ns:pidf"/>',
        wrapped("", version=""),
        wrapped("", version="-1"),
        wrapped("", version="1e3"),
        wrapped("", version="\u0664"),
        wrapped("", version=str(MAX_VERSION)),
        wrapped("", state="whole"),
        wrapped("<dialog><state>early</state></dialog>"),
        wrapped('<dialog id="a"/>'),
        wrapped('<dialog id="a"><state/></dialog>'),
        wrapped(f'<dialog id="{"a" * (MAX_ID_READ + 1)}"><state>early</state></dialog>'),
        wrapped(f'<dialog id="a" call-id="{"a" * (MAX_ID_READ + 1)}"><state>early</state></dialog>'),
        wrapped('<dialog id="a"><state>early</state></dialog>' * (MAX_DIALOGS_READ + 1)),
        b'<!DOCTYPE a [<!ENTITY b "c">]>' + wrapped("&b;"),
        wrapped("")[:-3],
    ],
)
def test_what_is_no_such_document_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedXml):
        read(body)


def test_as_many_as_may_be_are_read() -> None:
    body = wrapped("".join(f'<dialog id="{n}"><state>early</state></dialog>' for n in range(MAX_DIALOGS_READ)))
    assert len(read(body).dialogs) == MAX_DIALOGS_READ


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: wrapped(text)))
def test_whatever_comes_is_read_or_refused(body: bytes) -> None:
    try:
        told = read(body)
    except MalformedXml:
        return
    assert 0 <= told.version < MAX_VERSION and all(dialog.state in STATES.values() for dialog in told.dialogs)


names = st.text("abc0123-@.", min_size=1, max_size=12)
calls = st.builds(
    Shown,
    names,
    st.sampled_from([INITIATOR, RECIPIENT]),
    st.sampled_from(sorted(set(STATES.values()))),
    names,
    names,
    names,
    st.just(""),
    st.just(""),
)


@given(st.lists(calls, max_size=3, unique_by=lambda call: call.id), st.integers(0, MAX_VERSION - 1))
def test_what_we_write_is_read_as_it_was_meant(found: list[Shown], version: int) -> None:
    told = read(write("sip:alice@example.test", version, found))
    assert told.version == version and told.full
    assert sorted(told.dialogs) == sorted(found)


# ---- put together


def said(version: int, *dialogs: tuple[str, str], full: bool = False, call_id: str = "") -> Told:
    return Told(version, full, tuple(Shown(id, RECIPIENT, state, call_id) for id, state in dialogs))


def test_a_part_before_the_whole_is_not_enough() -> None:
    line = DeskLine("4711")
    assert not line.hears(said(0, ("a", "confirmed"))) and not line.talks()
    assert line.hears(said(0, ("a", "confirmed"), full=True)) and line.talks()


def test_the_whole_counts_whatever_its_version() -> None:
    line = DeskLine("4711")
    assert line.hears(said(9, ("a", "confirmed"), full=True)) and line.talks()
    assert line.hears(said(0, full=True)) and not line.talks()


def test_of_another_subscription_the_whole_is_wanted_first() -> None:
    line = DeskLine("4711")
    assert line.hears(said(3, ("a", "confirmed"), full=True))
    line.begins_anew()
    assert line.talks(), "until it is known better"
    assert not line.hears(said(4, ("a", "terminated")))
    assert line.hears(said(0, full=True)) and not line.talks()


def test_calls_that_are_counted_elsewhere_are_not_counted() -> None:
    line = DeskLine("4711")
    assert line.hears(said(0, ("a", "confirmed"), full=True, call_id="ours@host"))
    assert line.talks() and line.talks(["another"]) and not line.talks(["ours@host"])
    assert line.hears(said(1, ("b", "confirmed")))
    assert line.talks(["ours@host", ""]), "without a Call-ID nobody knows"


def test_parts_that_pile_up_are_too_many_in_the_end() -> None:
    line = DeskLine("4711")
    assert line.hears(said(0, full=True))
    assert all(line.hears(said(1 + n, (str(n), "early"))) for n in range(MAX_DIALOGS_READ))
    assert not line.hears(said(1 + MAX_DIALOGS_READ, ("one more", "early")))


@st.composite
def histories(draw: st.DrawFn) -> list[Told]:
    """A PBX's documents, in their order: the first is whole; each says what changed, or all there is."""
    now: dict[str, str] = {}
    history = []
    for version in range(draw(st.integers(1, 12))):
        changes = draw(
            st.dictionaries(st.sampled_from("abcd"), st.sampled_from(sorted(set(STATES.values()))), max_size=3)
        )
        now = {id: state for id, state in (now | changes).items() if state != "terminated"}
        full = version == 0 or draw(st.booleans())
        history.append(said(version, *(now if full else changes).items(), full=full))
    return history


@given(histories(), st.data())
def test_parts_and_wholes_come_to_the_same_and_a_loss_is_noticed(history: list[Told], data: st.DataObject) -> None:
    whole = DeskLine("4711")
    now: dict[str, str] = {}
    for told in history:
        now = {} if told.full else now
        now.update((dialog.id, dialog.state) for dialog in told.dialogs)
        assert whole.hears(told)
        assert whole.talks() == ("confirmed" in now.values())
    if len(history) < 2:
        return
    lost = data.draw(st.integers(0, len(history) - 2))
    line = DeskLine("4711")
    for told in history[:lost]:
        line.hears(told)
    assert line.hears(history[lost + 1]) is history[lost + 1].full
