"""The bodies of presence: shared by all who show the same, made once, made anew when the day changes."""

from __future__ import annotations

import json
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from ...core.access import AccessLevel
from ...core.identity import Identity
from ...core.presence import Activity, Availability, PresenceDocument
from ...core.presence_registry import View
from ...web import renderings as module
from ...web.icons import Theme
from ...web.languages import Language
from ...web.renderings import MAX_NOTE, Renderings
from ..people import ALICE, BOB, NOON, Clock

EN, DE = Language.ENGLISH, Language.GERMAN


def view(who: Identity = ALICE, availability: Availability = Availability.BUSY, **more) -> View:
    return View(PresenceDocument(who, availability, **more), AccessLevel.COLLEAGUES, 1)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def renderings(clock: Clock) -> Renderings:
    return Renderings(clock, ZoneInfo("UTC"))


def test_two_people_in_the_same_state_share_one_picture(renderings: Renderings):
    one, other = (renderings.svg(view(who), 16, Theme.AUTO, EN) for who in (ALICE, BOB))
    assert one is other
    assert one is not renderings.svg(view(), 20, Theme.AUTO, EN)
    assert one.content != renderings.svg(view(), 16, Theme.DARK, EN).content
    assert one.content != renderings.svg(view(), 16, Theme.AUTO, DE).content


def test_a_png_depends_on_the_icon_and_nothing_else(renderings: Renderings):
    plain = renderings.png(view(), 16, Theme.LIGHT)
    assert plain is renderings.png(view(BOB, note="different"), 16, Theme.AUTO)
    assert plain is not renderings.png(view(), 16, Theme.DARK)
    assert plain is not renderings.png(view(activity=Activity.IN_A_CALL), 16, Theme.LIGHT)
    assert plain.content.startswith(b"\x89PNG")


def test_what_is_shown_is_made_once_for_all_who_look(renderings: Renderings):
    shown = view(note="x")
    assert renderings.json(shown, EN) is renderings.json(shown, EN)
    assert renderings.told(shown, EN) is renderings.told(shown, EN)
    assert renderings.element(shown, EN) is renderings.element(shown, EN)
    assert renderings.element(shown, EN) != renderings.element(shown, DE)


def test_nothing_is_kept_with_somebody_who_shows_nothing(renderings: Renderings):
    """Somebody who does not exist has nowhere to keep it; the work must be the same."""
    hidden = view(availability=Availability.OFFLINE, last_seen=NOON, since=NOON)
    renderings.svg(hidden, 16, Theme.AUTO, EN)
    renderings.json(hidden, EN)
    renderings.element(hidden, EN)
    assert hidden.bodies == {}


@pytest.mark.parametrize("language", Language)
def test_offline_says_nothing_but_offline(renderings: Renderings, language: Language):
    said = view(
        availability=Availability.OFFLINE, last_seen=NOON, since=NOON, until=NOON, note="gone fishing", idle=False
    )
    never = view(availability=Availability.OFFLINE)
    assert renderings.element(said, language) == renderings.element(never, language)
    assert renderings.svg(said, 16, Theme.AUTO, language) is renderings.svg(never, 16, Theme.AUTO, language)
    document = json.loads(renderings.element(said, language))
    assert document["note"] == "" and document["since"] is document["until"] is document["last_seen"] is None


def test_the_offline_document_is_the_one_that_would_have_been_encoded(renderings: Renderings):
    """It is put together from two parts; the parts must fit whatever the address looks like."""
    for who in (ALICE, Identity("ü<&>\\", "x.test"), Identity('a"b', "x.test"), Identity("日本", "例.test")):
        document = json.loads(renderings.element(view(who, Availability.OFFLINE), EN))
        assert document == msgspec_of(renderings, who)


def msgspec_of(renderings: Renderings, who: Identity) -> dict:
    shown = renderings.shown(view(who, Availability.OFFLINE), EN)
    return json.loads(module.encoded(shown))


def test_many_documents_are_those_of_each(renderings: Renderings):
    views = [view(), view(BOB, Availability.OFFLINE), view(BOB, note="n")]
    assert renderings.elements(views, EN) == [renderings.element(one, EN) for one in views]


def test_texts_are_made_anew_when_the_day_changes(renderings: Renderings, clock: Clock):
    shown = view(availability=Availability.UNKNOWN, last_seen=NOON)
    today = renderings.svg(shown, 16, Theme.AUTO, EN)
    assert b"<title>Unknown, last seen 12:00</title>" in today.content
    clock.turn(hours=11, minutes=59)
    assert renderings.svg(shown, 16, Theme.AUTO, EN) is today
    clock.turn(minutes=1)
    assert b"<title>Unknown, last seen 24 Nov, 12:00</title>" in renderings.svg(shown, 16, Theme.AUTO, EN).content
    assert json.loads(renderings.json(shown, DE).content)["text"] == "Unbekannt, zuletzt gesehen 24. Nov., 12:00"
    clock.turn(days=-1)
    assert renderings.svg(shown, 16, Theme.AUTO, EN) is today


def test_the_mark_of_an_event_tells_contents_apart_and_outlives_the_day(renderings: Renderings, clock: Clock):
    shown, same, other = view(note="a"), view(note="a"), view(note="b")
    mark = renderings.told(shown, EN).mark
    assert mark == renderings.told(same, EN).mark != renderings.told(other, EN).mark
    clock.turn(days=2)
    assert renderings.told(shown, EN).mark == mark


def test_times_are_told_in_the_servers_zone(clock: Clock):
    there = Renderings(clock, ZoneInfo("Asia/Tokyo"))
    text = json.loads(there.json(view(until=NOON + timedelta(hours=1)), EN).content)["text"]
    assert text == "Busy until 22:00"


def test_a_long_note_is_cut(renderings: Renderings):
    document = json.loads(renderings.json(view(note="x" * 1000), EN).content)
    assert len(document["note"]) == MAX_NOTE and document["note"].endswith("…")


def test_kept_drawings_are_bounded(renderings: Renderings, monkeypatch):
    monkeypatch.setattr(module, "MAX_DRAWINGS", 10)
    for number in range(100):
        body = renderings.svg(view(note=str(number)), 16, Theme.AUTO, EN)
        assert str(number).encode() in body.content
    assert len(renderings._drawings) <= 10


def test_a_picture_is_no_page(renderings: Renderings):
    head = renderings.svg(view(), 16, Theme.AUTO, EN).whole
    assert b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *; sandbox" in head
    assert b'Content-Disposition: inline; filename="presence.svg"' in head
    assert b"Cross-Origin-Resource-Policy: cross-origin" in head
