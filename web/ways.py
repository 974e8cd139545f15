"""How somebody is best reached, and why: writing, calling and mailing, ranked from what they show of themselves."""

from __future__ import annotations

import msgspec

from ..core.presence import Activity, Availability, PresenceDocument
from .icons import OUT_OF_OFFICE
from .languages import Language


class Way(msgspec.Struct, frozen=True):
    """One way to reach a person.  ``fit`` is 1 for the best there is and 0 for don't; ``why`` says why."""

    by: str
    """im, call or mail."""
    fit: float
    why: str


# Situations: (by, fit, English, German), best first.  The words continue "Chat: …".
RANKS: dict[str, tuple[tuple[str, float, str, str], ...]] = {
    "available": (
        ("im", 1.0, "here now", "ist gerade da"),
        ("call", 0.8, "here now", "ist gerade da"),
        ("mail", 0.5, "for what can wait", "für alles, was Zeit hat"),
    ),
    "idle": (
        ("im", 0.7, "not at the keyboard", "nicht an der Tastatur"),
        ("call", 0.6, "may be near", "vielleicht in der Nähe"),
        ("mail", 0.5, "for what can wait", "für alles, was Zeit hat"),
    ),
    "call": (
        ("im", 0.7, "on the phone, may read along", "telefoniert, liest vielleicht mit"),
        ("mail", 0.6, "reads it after the call", "liest nach dem Gespräch"),
        ("call", 0.0, "the line is taken", "es ist besetzt"),
    ),
    "meeting": (
        ("mail", 0.7, "reads it afterwards", "liest danach"),
        ("im", 0.5, "may read along", "liest vielleicht mit"),
        ("call", 0.1, "in a meeting", "in einer Besprechung"),
    ),
    "busy": (
        ("mail", 0.7, "does not interrupt", "stört nicht"),
        ("im", 0.6, "may answer later", "antwortet vielleicht später"),
        ("call", 0.3, "only if it cannot wait", "nur, wenn es nicht warten kann"),
    ),
    "do-not-disturb": (
        ("mail", 0.8, "does not interrupt", "stört nicht"),
        ("im", 0.1, "asked not to be disturbed", "möchte nicht gestört werden"),
        ("call", 0.0, "asked not to be disturbed", "möchte nicht gestört werden"),
    ),
    "be-right-back": (
        ("im", 0.8, "back in a moment", "gleich wieder da"),
        ("mail", 0.6, "for what can wait", "für alles, was Zeit hat"),
        ("call", 0.3, "not at the desk", "nicht am Platz"),
    ),
    "away": (
        ("mail", 0.7, "reads it when back", "liest nach der Rückkehr"),
        ("im", 0.5, "signed in, but away", "angemeldet, aber nicht da"),
        ("call", 0.4, "perhaps elsewhere", "vielleicht anderswo"),
    ),
    "out": (
        ("mail", 0.7, "reads it on return", "liest nach der Rückkehr"),
        ("im", 0.4, "signed in, out of office", "angemeldet, aber außer Haus"),
        ("call", 0.2, "out of office", "außer Haus"),
    ),
    "offline": (
        ("mail", 0.8, "not signed in", "nicht angemeldet"),
        ("im", 0.4, "waits for the next sign-in", "wartet bis zur Anmeldung"),
        ("call", 0.3, "not signed in", "nicht angemeldet"),
    ),
    "unknown": (
        ("mail", 0.7, "the connection was lost", "die Verbindung ist abgerissen"),
        ("call", 0.4, "nobody knows", "niemand weiß es"),
        ("im", 0.4, "waits for the next sign-in", "wartet bis zur Anmeldung"),
    ),
}


def situation_of(document: PresenceDocument) -> str:
    """Which row of RANKS describes the person."""
    if not document.availability.here or document.availability is Availability.DO_NOT_DISTURB:
        return document.availability.word
    if document.activity is Activity.IN_A_CALL:
        return "call"
    if document.activity in OUT_OF_OFFICE:
        return "out"
    if document.availability is Availability.BUSY:
        return "meeting" if document.activity in (Activity.IN_A_MEETING, Activity.APPOINTMENT) else "busy"
    if document.availability is Availability.AVAILABLE and document.idle:
        return "idle"
    return document.availability.word


def ways_to(document: PresenceDocument, language: Language) -> list[Way]:
    """The ways to reach somebody, the best first."""
    german = language is Language.GERMAN
    return [Way(by, fit, de if german else en) for by, fit, en, de in RANKS[situation_of(document)]]
