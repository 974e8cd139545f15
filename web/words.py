"""What a presence document says in a person's own words, in English and in German."""

from __future__ import annotations

from datetime import datetime, tzinfo

from ..core.presence import Activity, Availability, PresenceDocument
from .languages import Language

MAX_TEXT = 200
"""Characters of a presence text."""

EN, DE = Language.ENGLISH, Language.GERMAN

AVAILABILITIES: dict[Language, dict[Availability, str]] = {
    EN: {
        Availability.AVAILABLE: "Available",
        Availability.BUSY: "Busy",
        Availability.DO_NOT_DISTURB: "Do not disturb",
        Availability.BE_RIGHT_BACK: "Be right back",
        Availability.AWAY: "Away",
        Availability.OFFLINE: "Offline",
        Availability.UNKNOWN: "Unknown",
    },
    DE: {
        Availability.AVAILABLE: "Verfügbar",
        Availability.BUSY: "Beschäftigt",
        Availability.DO_NOT_DISTURB: "Bitte nicht stören",
        Availability.BE_RIGHT_BACK: "Gleich zurück",
        Availability.AWAY: "Abwesend",
        Availability.OFFLINE: "Offline",
        Availability.UNKNOWN: "Unbekannt",
    },
}

# activity: English, German; both continue a sentence
ACTIVITIES: dict[Activity, tuple[str, str]] = {
    Activity.APPOINTMENT: ("at an appointment", "bei einem Termin"),
    Activity.BREAKFAST: ("at breakfast", "beim Frühstück"),
    Activity.DINNER: ("at dinner", "beim Abendessen"),
    Activity.EXTENDED_AWAY: ("for some time", "für längere Zeit"),
    Activity.HOLIDAY: ("on holiday", "hat Feiertag"),
    Activity.IN_A_CALL: ("in a call", "am Telefon"),
    Activity.IN_A_MEETING: ("in a meeting", "in einer Besprechung"),
    Activity.IN_TRANSIT: ("on the way", "unterwegs"),
    Activity.LOOKING_FOR_WORK: ("looking for work", "auf Stellensuche"),
    Activity.MEAL: ("at a meal", "beim Essen"),
    Activity.OTHER: ("occupied", "anderweitig befasst"),
    Activity.OUT_OF_OFFICE: ("out of office", "außer Haus"),
    Activity.PERFORMANCE: ("at a performance", "bei einer Vorstellung"),
    Activity.PERMANENT_ABSENCE: ("absent for good", "dauerhaft abwesend"),
    Activity.PLAYING: ("playing", "spielt"),
    Activity.PRESENTING: ("presenting", "präsentiert"),
    Activity.SHOPPING: ("shopping", "beim Einkaufen"),
    Activity.SLEEPING: ("asleep", "schläft"),
    Activity.SPECTATOR: ("watching an event", "bei einer Veranstaltung"),
    Activity.STEERING: ("driving", "am Steuer"),
    Activity.TRAVEL: ("travelling", "auf Reisen"),
    Activity.TV: ("watching television", "sieht fern"),
    Activity.VACATION: ("on vacation", "im Urlaub"),
    Activity.WORKING: ("working", "bei der Arbeit"),
    Activity.WORSHIP: ("at worship", "beim Gottesdienst"),
}

IDLE = {EN: "inactive", DE: "inaktiv"}
UNTIL = {EN: "until {}", DE: "bis {}"}
LAST_SEEN = {EN: "last seen {}", DE: "zuletzt gesehen {}"}
MONTHS = {
    EN: ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    DE: ("Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.", "Dez."),
}


def text_of(document: PresenceDocument, language: Language, now: datetime) -> str:
    """``Busy, in a meeting until 15:00``.  Times are shown in the zone of ``now``."""
    german = language is DE
    words = [AVAILABILITIES[language][document.availability]]
    if document.idle:
        words.append(IDLE[language])
    if document.activity in ACTIVITIES:
        words.append(ACTIVITIES[document.activity][german])
    text = ", ".join(words)
    if document.until is not None:
        text = f"{text} {UNTIL[language].format(moment(document.until, language, now))}"
    if document.availability is Availability.UNKNOWN and document.last_seen is not None:
        text = f"{text}, {LAST_SEEN[language].format(moment(document.last_seen, language, now))}"
    return plain(text, MAX_TEXT)


def moment(at: datetime, language: Language, now: datetime) -> str:
    """``14:02`` today, ``24 Nov, 14:02`` on another day, with the year in another year."""
    there = at.astimezone(now.tzinfo)
    clock = f"{there:%H:%M}"
    if there.date() == now.date():
        return clock
    month = MONTHS[language][there.month - 1]
    day = f"{there.day}. {month}" if language is DE else f"{there.day} {month}"
    if there.year != now.year:
        day = f"{day} {there.year}"
    return f"{day}, {clock}"


def plain(text: str, limit: int) -> str:
    """The text without control characters and line breaks, cut to a length."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clock_in(zone: tzinfo | None, now: datetime) -> datetime:
    """The moment as clocks in a zone show it (None: the server's own zone)."""
    return now.astimezone(zone)
