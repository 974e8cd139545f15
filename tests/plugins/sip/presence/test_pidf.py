"""PIDF: what real clients publish is understood, what we write they understand, and nothing hostile is let in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .....core.identity import Identity
from .....core.presence import Activity, Availability, Device, PresenceDocument
from .....plugins.sip.presence import pidf
from .....plugins.sip.xml import MAX_DEPTH, MAX_DOCUMENT, MalformedXml

BOB = Identity("bob", "example.test")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HERE = [a for a in Availability if a.here]


def published(*, basic="open", activities="", note="", person=True) -> bytes:
    """A document as liblinphone writes it."""
    text = f"<note>{note}</note>" if note else ""
    about = f'<dm:person id="p"><rpid:activities>{activities}</rpid:activities></dm:person>' if person else ""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><presence xmlns:dm="{pidf.DATA_MODEL}" xmlns:rpid="{pidf.RPID}" '
        f'entity="sip:bob@example.test" xmlns="{pidf.PIDF}"><tuple id="a"><status><basic>{basic}</basic></status>'
        f'<contact priority="0.8">sip:bob@example.test</contact>{text}</tuple>{about}</presence>'
    ).encode()


# ---- reading


@pytest.mark.parametrize(
    ("activities", "availability", "activity"),
    [
        ("", Availability.AVAILABLE, Activity.NONE),
        ("<rpid:busy/>", Availability.BUSY, Activity.NONE),
        ("<rpid:away/>", Availability.AWAY, Activity.NONE),
        ("<rpid:meeting/>", Availability.BUSY, Activity.IN_A_MEETING),
        ("<rpid:on-the-phone/>", Availability.BUSY, Activity.IN_A_CALL),
        ("<rpid:vacation/>", Availability.AWAY, Activity.VACATION),
        ("<rpid:lunch/>", Availability.AWAY, Activity.MEAL),
        ("<rpid:away/><rpid:busy/>", Availability.BUSY, Activity.NONE),
        ("<rpid:busy/><rpid:vacation/>", Availability.BUSY, Activity.VACATION),
        ("<rpid:away/><rpid:meeting/>", Availability.AWAY, Activity.IN_A_MEETING),
        ("<rpid:unknown/>", Availability.AVAILABLE, Activity.NONE),
        ("<rpid:other>do-not-disturb</rpid:other>", Availability.DO_NOT_DISTURB, Activity.NONE),
        ('<x:juggling xmlns:x="urn:x"/>', Availability.AVAILABLE, Activity.NONE),
    ],
)
def test_activities_say_how_available_somebody_is(activities, availability, activity):
    claim = pidf.read(published(activities=activities))
    assert (claim.availability, claim.activity) == (availability, activity)
    assert claim.entity == "sip:bob@example.test"


def test_closed_is_offline_except_where_linphone_means_do_not_disturb():
    assert pidf.read(published(basic="closed")).availability is Availability.OFFLINE
    assert pidf.read(published(basic="closed", person=False)).availability is Availability.OFFLINE
    assert pidf.read(published(basic="closed", activities="<rpid:away/>")).availability is Availability.OFFLINE
    assert pidf.read(published(basic="closed", activities="<rpid:other/>")).availability is Availability.DO_NOT_DISTURB


def test_baresips_unknown_is_as_if_it_had_said_nothing():
    assert pidf.read(published(basic="unknown")).availability is Availability.AVAILABLE


def test_one_open_tuple_is_enough():
    two = published(basic="closed", person=False).replace(
        b"<tuple", b'<tuple id="b"><status><basic>open</basic></status></tuple><tuple', 1
    )
    assert pidf.read(two).availability is Availability.AVAILABLE


def test_notes_are_read_and_those_that_only_repeat_the_state_are_not():
    assert pidf.read(published(note="in the garden")).note == "in the garden"
    assert pidf.read(published(note="available")).note == ""
    assert pidf.read(published(note="a &lt;b&gt; &amp; c")).note == "a <b> & c"
    assert pidf.read(published(note="Be right back", activities="<rpid:away/>")).availability is (
        Availability.BE_RIGHT_BACK
    )


def test_idle_and_since_when():
    idle = published().replace(
        b"</rpid:activities>",
        b'</rpid:activities><rpid:user-input last-input="2026-11-23T12:00:00Z">idle</rpid:user-input>',
    )
    claim = pidf.read(idle)
    assert claim.idle and claim.idle_since == NOON
    assert not pidf.read(idle.replace(b">idle<", b">active<")).idle
    assert pidf.read(idle.replace(b"2026-11-23T12:00:00Z", b"yesterday")).idle_since is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<presence",
        b"<presence/>",
        b"<html/>",
        published()[:-3],
        b"\xff" + published(),
        published().decode().encode("utf-16"),
        published(note="\x01"),
        b'<!DOCTYPE presence [<!ENTITY x "y">]>' + published().partition(b"?>")[2],
        b"<!doctype presence>" + published().partition(b"?>")[2],
        published(note="&x;"),
        published(note="x" * MAX_DOCUMENT),
        published(activities="<rpid:a>" * MAX_DEPTH + "</rpid:a>" * MAX_DEPTH),
        published(activities="<rpid:a/>" * 2000),
        published(activities="<rpid:a " + " ".join(f'a{i}=""' for i in range(60)) + "/>"),
        published(activities="<rpid:a>" * 5000),
    ],
)
def test_what_is_refused(body):
    with pytest.raises(MalformedXml):
        pidf.read(body)


def test_another_declared_encoding_changes_nothing():
    body = published(note="ü").replace(b"UTF-8", b"ISO-8859-1")
    assert pidf.read(body).note == "ü"


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_worse(garbage):
    with pytest.raises(MalformedXml):
        pidf.read(garbage)


@given(st.integers(0, 400), st.binary(max_size=6))
def test_a_damaged_document_is_read_or_refused(at, damage):
    body = published(activities="<rpid:busy/>", note="n")
    try:
        pidf.read(body[:at] + damage + body[at + len(damage) :])
    except MalformedXml:
        pass


# ---- writing


def test_nobody_there_is_closed_and_says_nothing_else():
    body = pidf.write(PresenceDocument(BOB))
    assert body == pidf.write(PresenceDocument(BOB, Availability.UNKNOWN, last_seen=NOON, since=NOON))
    assert b"<basic>closed</basic>" in body and b"person" not in body and b"contact" not in body
    assert pidf.read(body).availability is Availability.OFFLINE


@pytest.mark.parametrize(
    ("availability", "activity", "parts"),
    [
        (Availability.AVAILABLE, Activity.NONE, []),
        (Availability.BUSY, Activity.NONE, ["<rpid:busy/>"]),
        (Availability.BUSY, Activity.IN_A_CALL, ["<rpid:busy/>", "<rpid:on-the-phone/>"]),
        (Availability.BUSY, Activity.IN_A_MEETING, ["<rpid:busy/>", "<rpid:meeting/>"]),
        (Availability.AWAY, Activity.NONE, ["<rpid:away/>"]),
        (Availability.AWAY, Activity.VACATION, ["<rpid:away/>", "<rpid:vacation/>"]),
        (Availability.DO_NOT_DISTURB, Activity.PRESENTING, ["<rpid:busy/>", "<rpid:presentation/>"]),
        (Availability.BE_RIGHT_BACK, Activity.NONE, ["<rpid:away/>"]),
        (Availability.BUSY, Activity.OUT_OF_OFFICE, ["<rpid:busy/>", "<rpid:vacation/>"]),
    ],
)
def test_each_state_in_the_words_of_every_client(availability, activity, parts):
    text = pidf.write(PresenceDocument(BOB, availability, activity)).decode()
    assert "<basic>open</basic>" in text
    at = [text.index(part) for part in parts]
    assert at == sorted(at)
    assert ("rpid:busy" in text) == ("<rpid:busy/>" in parts) and ("rpid:away" in text) == ("<rpid:away/>" in parts)
    assert "<rpid:activities/>" not in text and text.index("</tuple>") < text.find("<dm:person")


NOTES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), max_size=40).map(str.strip)


@given(st.sampled_from(HERE), st.sampled_from(list(Activity)), st.booleans(), NOTES)
def test_what_is_written_reads_back_the_same(availability, activity, idle, note):
    shown = PresenceDocument(BOB, availability, activity, note, idle, since=NOON)
    claim = pidf.read(pidf.write(shown))
    assert claim.entity == "sip:bob@example.test"
    assert (claim.availability, claim.activity, claim.idle) == (availability, activity, idle)
    assert claim.note == ("" if note.lower() in pidf.MERE_STATE else note)


def test_each_place_has_its_tuple():
    devices = (
        Device("desk", Availability.AVAILABLE, priority=10),
        Device('<"&>', Availability.AWAY, idle_since=NOON),
        Device("car", Availability.AVAILABLE, priority=-1),
    )
    text = pidf.write(PresenceDocument(BOB, Availability.AVAILABLE, devices=devices)).decode()
    assert text.count("<tuple id=") == 3 and text.count("<contact") == 2
    assert 'priority="0.539"' in text and text.count("user-input>idle") == 1
    assert text == pidf.write(PresenceDocument(BOB, Availability.AVAILABLE, devices=devices)).decode()
    assert len({line[:20] for line in text.splitlines() if line.startswith("<tuple")}) == 3


def test_a_note_cannot_break_out():
    shown = PresenceDocument(BOB, Availability.BUSY, note='</dm:note><basic>closed</basic>"&\x00')
    text = pidf.write(shown).decode()
    assert text.count("<basic>") == 1 and "\x00" not in text


def test_the_plain_form_is_rfc_3863_and_no_more():
    shown = PresenceDocument(
        BOB, Availability.BUSY, note="n", devices=(Device("d", Availability.BUSY, idle_since=NOON),), since=NOON
    )
    text = pidf.write(shown, plain=True).decode()
    assert "rpid" not in text and "dm:" not in text and "<basic>open</basic>" in text
    assert pidf.read(text.encode()).availability is Availability.AVAILABLE


def test_an_address_with_odd_letters_is_escaped():
    who = replace(PresenceDocument(BOB), identity=Identity("jörg#1", "bücher.test"))
    assert b'entity="sip:j%C3%B6rg%231@xn--bcher-kva.test"' in pidf.write(who)
