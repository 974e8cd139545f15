"""What presence says in words, in both languages, and how somebody is best reached."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core.presence import Activity, Availability, PresenceDocument
from ...web.languages import Choice, Language, accepted, chosen, named
from ...web.ways import RANKS, situation_of, ways_to
from ...web.words import ACTIVITIES, MAX_TEXT, moment, plain, text_of
from ..people import ALICE, NOON

EN, DE = Language.ENGLISH, Language.GERMAN


def document(availability: Availability = Availability.AVAILABLE, **more) -> PresenceDocument:
    return PresenceDocument(ALICE, availability, **more)


@pytest.mark.parametrize(
    ("shown", "english", "german"),
    [
        (document(), "Available", "Verfügbar"),
        (document(idle=True), "Available, inactive", "Verfügbar, inaktiv"),
        (
            document(Availability.BUSY, activity=Activity.IN_A_MEETING, until=NOON + timedelta(hours=3)),
            "Busy, in a meeting until 15:00",
            "Beschäftigt, in einer Besprechung bis 15:00",
        ),
        (
            document(Availability.AWAY, activity=Activity.VACATION, until=NOON + timedelta(days=9)),
            "Away, on vacation until 3 Dec, 12:00",
            "Abwesend, im Urlaub bis 3. Dez., 12:00",
        ),
        (document(Availability.DO_NOT_DISTURB), "Do not disturb", "Bitte nicht stören"),
        (document(Availability.BE_RIGHT_BACK), "Be right back", "Gleich zurück"),
        (document(Availability.OFFLINE), "Offline", "Offline"),
        (
            document(Availability.UNKNOWN, last_seen=NOON - timedelta(minutes=4)),
            "Unknown, last seen 11:56",
            "Unbekannt, zuletzt gesehen 11:56",
        ),
    ],
)
def test_a_document_in_words(shown: PresenceDocument, english: str, german: str):
    assert text_of(shown, EN, NOON) == english
    assert text_of(shown, DE, NOON) == german


def test_somebody_offline_was_not_seen_at_any_time():
    """Else a blocked viewer, who sees somebody offline, could tell that from a real goodbye."""
    assert text_of(document(Availability.OFFLINE, last_seen=NOON), EN, NOON) == "Offline"


def test_every_state_has_words_in_every_language():
    for availability in Availability:
        for activity in Activity:
            for language in Language:
                text = text_of(document(availability, activity=activity), language, NOON)
                assert text and "None" not in text
                assert activity is Activity.NONE or ", " in text
    assert set(ACTIVITIES) == set(Activity) - {Activity.NONE}


@pytest.mark.parametrize(
    ("at", "english", "german"),
    [
        (NOON.replace(hour=0, minute=5), "00:05", "00:05"),
        (NOON - timedelta(days=1), "23 Nov, 12:00", "23. Nov., 12:00"),
        (NOON + timedelta(days=100), "4 Mar 2027, 12:00", "4. März 2027, 12:00"),
    ],
)
def test_a_moment_says_the_day_when_it_is_not_today(at, english: str, german: str):
    assert (moment(at, EN, NOON), moment(at, DE, NOON)) == (english, german)


def test_a_moment_is_told_in_the_zone_of_the_reader():
    assert moment(NOON, EN, NOON.astimezone(ZoneInfo("Asia/Tokyo"))) == "21:00"


@given(st.text(max_size=400))
def test_plain_text_has_no_control_characters_and_an_end(text: str):
    shown = plain(text, MAX_TEXT)
    assert shown.isprintable() and len(shown) <= MAX_TEXT
    if text.isprintable() and len(text) <= MAX_TEXT:
        assert shown == text


# ---- languages


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", EN),
        ("de", DE),
        ("de-AT, en;q=0.5", DE),
        ("en, de", EN),
        ("fr, de;q=0.3, en;q=0.2", DE),
        ("fr-CH, fr;q=0.9", EN),
        ("en;q=0, de;q=0.1", DE),
        ("*;q=0.5, de;q=0.4", EN),
        ("DE;Q=0.9, en;q=0.8", DE),
        ("den, deu, enx", EN),
        ("de;q=nonsense, en;q=0.1", EN),
        ("de;q=9", DE),
        (",,,;;;q==,", EN),
    ],
)
def test_the_language_a_browser_likes_best(header: str, language: Language):
    assert accepted(header) is language


@given(st.text(alphabet="den,;q=0.19-* x", max_size=200))
def test_any_header_has_a_language(header: str):
    assert accepted(header) in Language


@given(st.text(max_size=60))
def test_a_tag_is_one_of_ours_or_refused(tag: str):
    try:
        assert named(tag) in Language
    except ValueError:
        assert tag not in ("en", "de")


def test_the_address_wins_over_the_browser():
    assert chosen({"lang": "de"}, {"Accept-Language": "en"}) == Choice(DE, True)
    assert chosen({"lang": "fr"}, {"Accept-Language": "de"}) == Choice(EN, True)
    assert chosen({}, {"Accept-Language": "de"}) == Choice(DE, False)


# ---- how to reach somebody


@pytest.mark.parametrize(
    ("shown", "first", "last", "fit_of_last"),
    [
        (document(), "im", "mail", 0.5),
        (document(idle=True), "im", "mail", 0.5),
        (document(Availability.BUSY, activity=Activity.IN_A_CALL), "im", "call", 0.0),
        (document(Availability.BUSY, activity=Activity.IN_A_MEETING), "mail", "call", 0.1),
        (document(Availability.DO_NOT_DISTURB), "mail", "call", 0.0),
        (document(activity=Activity.OUT_OF_OFFICE), "mail", "call", 0.2),
        (document(Availability.OFFLINE), "mail", "call", 0.3),
    ],
)
def test_the_best_way_comes_first(shown: PresenceDocument, first: str, last: str, fit_of_last: float):
    ways = ways_to(shown, EN)
    assert (ways[0].by, ways[-1].by, ways[-1].fit) == (first, last, fit_of_last)


def test_every_situation_ranks_every_way_with_a_reason():
    for situation, rank in RANKS.items():
        assert sorted(by for by, *_ in rank) == ["call", "im", "mail"], situation
        assert [fit for _, fit, *_ in rank] == sorted((fit for _, fit, *_ in rank), reverse=True), situation
        assert all(english and german for _, _, english, german in rank), situation


def test_every_document_has_a_situation():
    for availability in Availability:
        for activity in Activity:
            for idle in (True, False):
                assert situation_of(document(availability, activity=activity, idle=idle)) in RANKS
