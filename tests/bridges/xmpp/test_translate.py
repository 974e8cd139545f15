"""Presence in two vocabularies: what goes out comes back, and what one device says is not put into another's mouth."""

from __future__ import annotations

from datetime import timedelta
from xml.etree.ElementTree import Element

import pytest

from ....bridges.xmpp import translate
from ....bridges.xmpp.presence import watch
from ....bridges.xmpp.presence.words import ACTIVITIES, phrase
from ....bridges.xmpp.syntax.stanza import Stanza
from ....core.access import AccessLevel, rendered
from ....core.message import Native
from ....core.presence import Activity, Availability, Device, PresenceDocument
from ....core.presence_registry import View
from ...people import ALICE, BOB, NOON, at

HERE = [a for a in Availability if a.here]
IDLE = NOON - timedelta(minutes=20)


def stanza(inner: bytes) -> Stanza:
    return Stanza.read(b"<presence>" + inner + b"</presence>")


def read(inner: bytes) -> translate.Shown:
    return translate.read(stanza(inner))


def text(inner: bytes, name: str) -> str | None:
    return stanza(inner).tree.findtext(f"{{jabber:client}}{name}")


def view(document: PresenceDocument, version: int = 1, level: AccessLevel = AccessLevel.COLLEAGUES) -> View:
    return View(document, level, version)


# ---- one device


@pytest.mark.parametrize("language", sorted(ACTIVITIES))
@pytest.mark.parametrize("activity", list(Activity), ids=lambda a: a.name)
@pytest.mark.parametrize("availability", HERE, ids=lambda a: a.name)
def test_what_goes_out_comes_back(language, availability, activity):
    """Two servers of ours lose nothing but what XMPP has no room for: one phrase, one show."""
    inner = translate.inner_of(Device("desk", availability, activity), language)
    back = read(inner)
    assert back.activity is activity
    if activity is Activity.NONE or availability in (Availability.AVAILABLE, Availability.AWAY):
        assert back.availability is availability
    same_show = translate.SHOWS[back.availability] == translate.SHOWS[availability]
    assert same_show or activity in translate.ABSENCES
    assert back.note == "" and back.idle_since is None


@pytest.mark.parametrize("availability", [Availability.AVAILABLE, Availability.BUSY, Availability.DO_NOT_DISTURB])
def test_idleness_comes_back(availability):
    back = read(translate.inner_of(Device("desk", availability, idle_since=IDLE), "en"))
    assert (back.availability, back.idle_since) == (availability, IDLE)


def test_a_note_is_the_persons_own_words_and_no_phrase():
    inner = translate.inner_of(Device("desk", Availability.BUSY, Activity.IN_A_MEETING, "until <three> & a bit"), "de")
    assert text(inner, "status") == "until <three> & a bit" and text(inner, "show") == "dnd"
    assert read(inner).note == "until <three> & a bit"


@pytest.mark.parametrize("priority, written", [(0, None), (5, "5"), (-3, "-3"), (1000, "127"), (-1000, "-128")])
def test_priorities_stay_within_what_xmpp_knows(priority, written):
    assert (
        text(translate.inner_of(Device("desk", Availability.AVAILABLE, priority=priority), "en"), "priority") == written
    )


def test_what_an_xmpp_client_said_is_passed_on_as_it_was():
    own = b"<show>xa</show><status xml:lang='fr'>absent</status><c xmlns='http://jabber.org/protocol/caps'/>"
    device = Device("desk", Availability.AWAY, note="absent", native=Native("xmpp", own))
    assert translate.inner_of(device, "en") == own
    foreign = Device("desk", Availability.AWAY, native=Native("sip", b"<pidf/>"))
    assert translate.inner_of(foreign, "en") == b"<show>away</show>"


@pytest.mark.parametrize(
    "show, note, meant",
    [
        ("", "in a call", (Availability.AVAILABLE, Activity.IN_A_CALL)),
        ("dnd", "IN A CALL", (Availability.BUSY, Activity.IN_A_CALL)),
        ("dnd", " In a call ", (Availability.BUSY, Activity.IN_A_CALL)),
        ("dnd", "In a call with Bob", (Availability.BUSY, Activity.NONE)),
        ("away", "At a meal", (Availability.AWAY, Activity.MEAL)),
        ("xa", "Im Urlaub", (Availability.AWAY, Activity.VACATION)),
        ("away", "Im Urlaub", (Availability.BE_RIGHT_BACK, Activity.VACATION)),
        ("chat", "Working", (Availability.AVAILABLE, Activity.NONE)),
    ],
)
def test_phrases_mean_what_they_say_where_the_show_agrees(show, note, meant):
    inner = (f"<show>{show}</show>" if show else "") + f"<status>{note}</status>"
    back = read(inner.encode())
    assert (back.availability, back.activity) == meant


def test_an_idle_time_that_is_none_is_no_idle_time():
    back = read(b"<show>away</show><idle xmlns='urn:xmpp:idle:1' since='a while'/>")
    assert (back.availability, back.idle_since) == (Availability.AWAY, None)


# ---- several devices, one person


def document(*devices: Device, **more) -> PresenceDocument:
    given = {"availability": Availability.AVAILABLE, **more}
    return PresenceDocument(BOB, devices=devices, **given)


def test_each_device_speaks_for_itself():
    made = translate.inners(
        document(Device("desk", Availability.AVAILABLE), Device("phone", Availability.AWAY, note="out")), "en", "alone"
    )
    assert {name: (text(i, "show"), text(i, "status")) for name, i in made.items()} == {
        "desk": (None, None),
        "phone": ("away", "out"),
    }


def test_what_no_device_says_holds_for_all_of_them():
    own = Native("xmpp", b"<status>coding</status>")
    busy = document(
        Device("desk", Availability.AVAILABLE, note="coding", native=own, priority=3),
        Device("phone", Availability.AWAY, idle_since=IDLE),
        availability=Availability.BUSY,
        activity=Activity.IN_A_CALL,
    )
    made = translate.inners(busy, "en", "alone")
    assert {name: (text(i, "show"), text(i, "status")) for name, i in made.items()} == {
        "desk": ("dnd", "coding"),
        "phone": ("dnd", "In a call"),
    }
    assert text(made["desk"], "priority") == "3"
    assert stanza(made["phone"]).child(translate.IDLE) is not None


def test_who_is_here_without_any_device_has_one_made_for_them():
    made = translate.inners(document(availability=Availability.BUSY, activity=Activity.IN_A_CALL), "en", "alone")
    assert list(made) == ["alone"] and text(made["alone"], "status") == "In a call"


@pytest.mark.parametrize("availability", [Availability.OFFLINE, Availability.UNKNOWN])
def test_who_is_not_here_has_no_devices(availability):
    assert translate.inners(PresenceDocument(BOB, availability), "en", "alone") == {}


# ---- from one view to the next


def lines(changes: list[watch.Halves]) -> list[Element]:
    return [Stanza.read(head + b"alice@example.test/desk" + tail).tree for head, tail in changes]


def test_only_what_differs_is_said():
    desk, phone = Device("desk", Availability.AVAILABLE), Device("phone", Availability.AVAILABLE)
    first, second = view(document(desk, phone)), view(document(desk, Device("phone", Availability.AWAY)), 2)
    third = view(PresenceDocument(BOB), 3)
    goodbyes = {at(BOB, "desk"): b"<status>bye</status>"}
    assert len(watch.differences(first, None, "en", {})) == 2
    (changed,) = lines(watch.differences(second, first, "en", {}))
    assert changed.get("from") == "bob@example.test/phone" and changed.findtext("{jabber:client}show") == "away"
    gone = lines(watch.differences(third, second, "en", goodbyes))
    assert [(p.get("from"), p.get("type"), p.findtext("{jabber:client}status")) for p in gone] == [
        ("bob@example.test/desk", "unavailable", "bye"),
        ("bob@example.test/phone", "unavailable", None),
    ]
    assert watch.differences(second, second, "en", {}) == []


def test_names_of_places_are_written_so_that_they_come_back():
    for instance in ("urn:uuid:1-2", "<sip:x>;gr", "a'b\"c&d", "ü/ö"):
        ((head, tail),) = watch.differences(view(document(Device(instance, Availability.AVAILABLE))), None, "en", {})
        whole = Stanza.read(head + b"alice@example.test/desk" + tail)
        assert whole.attrs["from"] == f"bob@example.test/{instance}"


@pytest.mark.parametrize("level", list(AccessLevel), ids=lambda level: level.name)
def test_nobody_sees_more_than_their_level_lets_them(level):
    """The words of the client itself, too, are for those who may see them (SECURITY.md section 4)."""
    secret = Native("xmpp", b"<show>away</show><status>at the doctor's</status>")
    whole = document(
        Device("desk", Availability.AWAY, Activity.APPOINTMENT, "at the doctor's", native=secret),
        availability=Availability.AWAY,
        activity=Activity.APPOINTMENT,
        note="at the doctor's",
    )
    seen = b"".join(
        head + tail for head, tail in watch.differences(view(rendered(whole, level), 1, level), None, "en", {})
    )
    assert (b"doctor" in seen) == (level > AccessLevel.EXTERNAL)
    assert (b"away" in seen) == level.sees
    assert bool(seen) == level.sees


def test_phrases_exist_for_what_a_show_cannot_say():
    assert phrase(Availability.AVAILABLE, Activity.NONE, "en") == phrase(Availability.AWAY, Activity.NONE, "de") == ""
    assert phrase(Availability.BUSY, Activity.NONE, "de") == "Beschäftigt"
    assert phrase(Availability.BUSY, Activity.IN_A_CALL, "en") == "In a call"
    assert ALICE != BOB
