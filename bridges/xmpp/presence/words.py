"""What a status text says where the person wrote none: one phrase for each state, in the languages we have."""

from __future__ import annotations

from collections.abc import Mapping

from ....core.presence import Activity, Availability

State = tuple[Availability, Activity]

DEFAULT_LANGUAGE = "en"

AVAILABILITIES: Mapping[str, Mapping[Availability, str]] = {
    "en": {
        Availability.BUSY: "Busy",
        Availability.DO_NOT_DISTURB: "Do not disturb",
        Availability.BE_RIGHT_BACK: "Be right back",
    },
    "de": {
        Availability.BUSY: "Beschäftigt",
        Availability.DO_NOT_DISTURB: "Bitte nicht stören",
        Availability.BE_RIGHT_BACK: "Bin gleich zurück",
    },
}
"""Being available or away is said by the show element alone."""

ACTIVITIES: Mapping[str, Mapping[Activity, str]] = {
    "en": {
        Activity.APPOINTMENT: "At an appointment",
        Activity.BREAKFAST: "Having breakfast",
        Activity.DINNER: "Having dinner",
        Activity.EXTENDED_AWAY: "Away for some time",
        Activity.HOLIDAY: "On holiday",
        Activity.IN_A_CALL: "In a call",
        Activity.IN_A_MEETING: "In a meeting",
        Activity.IN_TRANSIT: "On the way",
        Activity.LOOKING_FOR_WORK: "Looking for work",
        Activity.MEAL: "At a meal",
        Activity.OTHER: "Occupied",
        Activity.OUT_OF_OFFICE: "Out of office",
        Activity.PERFORMANCE: "At a performance",
        Activity.PERMANENT_ABSENCE: "Not here any more",
        Activity.PLAYING: "Playing",
        Activity.PRESENTING: "Presenting",
        Activity.SHOPPING: "Shopping",
        Activity.SLEEPING: "Sleeping",
        Activity.SPECTATOR: "Watching an event",
        Activity.STEERING: "Driving",
        Activity.TRAVEL: "Travelling",
        Activity.TV: "Watching television",
        Activity.VACATION: "On vacation",
        Activity.WORKING: "Working",
        Activity.WORSHIP: "At worship",
    },
    "de": {
        Activity.APPOINTMENT: "Bei einem Termin",
        Activity.BREAKFAST: "Beim Frühstück",
        Activity.DINNER: "Beim Abendessen",
        Activity.EXTENDED_AWAY: "Länger abwesend",
        Activity.HOLIDAY: "Feiertag",
        Activity.IN_A_CALL: "Im Gespräch",
        Activity.IN_A_MEETING: "In einer Besprechung",
        Activity.IN_TRANSIT: "Unterwegs",
        Activity.LOOKING_FOR_WORK: "Auf Arbeitssuche",
        Activity.MEAL: "Beim Essen",
        Activity.OTHER: "Verhindert",
        Activity.OUT_OF_OFFICE: "Außer Haus",
        Activity.PERFORMANCE: "In einer Vorstellung",
        Activity.PERMANENT_ABSENCE: "Nicht mehr hier",
        Activity.PLAYING: "Beim Spielen",
        Activity.PRESENTING: "In einer Präsentation",
        Activity.SHOPPING: "Beim Einkaufen",
        Activity.SLEEPING: "Schläft",
        Activity.SPECTATOR: "Als Zuschauer unterwegs",
        Activity.STEERING: "Am Steuer",
        Activity.TRAVEL: "Auf Reisen",
        Activity.TV: "Sieht fern",
        Activity.VACATION: "Im Urlaub",
        Activity.WORKING: "Bei der Arbeit",
        Activity.WORSHIP: "Beim Gottesdienst",
    },
}


def language_of(*tags: str) -> str:
    """The first of these language tags (RFC 5646) that we have phrases in, or the default."""
    for tag in tags:
        primary = tag.partition("-")[0].lower()
        if primary in ACTIVITIES:
            return primary
    return DEFAULT_LANGUAGE


def phrase(availability: Availability, activity: Activity, language: str) -> str:
    """The phrase for a state; nothing for plainly available, away or offline."""
    if activity is not Activity.NONE:
        return ACTIVITIES[language][activity]
    return AVAILABILITIES[language].get(availability, "")
