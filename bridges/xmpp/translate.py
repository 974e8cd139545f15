"""Presence in the core's words and in XMPP's: show and status (RFC 6121 section 4.7.2), idle time (XEP-0319)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from ...core.presence import Activity, Availability, Device, PresenceDocument
from .errors import bad_request
from .messages.payload import PROTOCOL, moment, stamp
from .presence import activities, words
from .syntax import xml
from .syntax.stanza import Stanza

SHOW = f"{{{xml.CLIENT}}}show"
STATUS = f"{{{xml.CLIENT}}}status"
PRIORITY = f"{{{xml.CLIENT}}}priority"
IDLE = f"{{{xml.IDLE}}}idle"

ABSENCES = frozenset(
    {
        Activity.EXTENDED_AWAY,
        Activity.OUT_OF_OFFICE,
        Activity.VACATION,
        Activity.HOLIDAY,
        Activity.PERMANENT_ABSENCE,
    }
)
"""Away for longer than a walk to the kitchen."""

SHOWS: Mapping[Availability, str] = {
    Availability.AVAILABLE: "",
    Availability.BUSY: "dnd",
    Availability.DO_NOT_DISTURB: "dnd",
    Availability.AWAY: "away",
    Availability.BE_RIGHT_BACK: "away",
}
"""In the order in which a phrase that fits several is taken to mean one."""

MEANINGS: Mapping[str, Availability] = {
    "": Availability.AVAILABLE,
    "chat": Availability.AVAILABLE,
    "away": Availability.AWAY,
    "xa": Availability.AWAY,
    "dnd": Availability.BUSY,
}
"""What a show element means; anything else in it is no show element (RFC 6121 section 4.7.2.1)."""

STATES: Mapping[str, frozenset[Availability]] = {
    "": frozenset({Availability.AVAILABLE}),
    "chat": frozenset({Availability.AVAILABLE}),
    "away": frozenset({Availability.AVAILABLE, Availability.AWAY, Availability.BE_RIGHT_BACK}),
    "xa": frozenset({Availability.AWAY}),
    "dnd": frozenset({Availability.BUSY, Availability.DO_NOT_DISTURB}),
}
"""What a show element may stand for; an activity element that says something else is not believed."""


class Shown(NamedTuple):
    """What a presence stanza says about a resource."""

    availability: Availability
    activity: Activity = Activity.NONE
    note: str = ""
    priority: int = 0
    idle_since: datetime | None = None


def show_of(availability: Availability, activity: Activity, idle: bool) -> str:
    """The show element's text for a state; nothing for plain availability."""
    if availability is Availability.AVAILABLE:
        return "away" if idle else ""
    if availability is Availability.AWAY and activity in ABSENCES:
        return "xa"
    return SHOWS.get(availability, "")


def _meanings_of_phrases() -> dict[tuple[str, str], words.State]:
    known: dict[tuple[str, str], words.State] = {}
    for language in words.ACTIVITIES:
        for availability in SHOWS:
            for activity in Activity:
                said = words.phrase(availability, activity, language)
                if said:
                    show = show_of(availability, activity, False)
                    known.setdefault((show, said.casefold()), (availability, activity))
        presenting = words.phrase(Availability.DO_NOT_DISTURB, Activity.PRESENTING, language)
        known["dnd", presenting.casefold()] = (Availability.DO_NOT_DISTURB, Activity.PRESENTING)
    return known


PHRASES = _meanings_of_phrases()
"""A status text that is one of our own phrases means exactly what it says, so that it comes back as it went out."""


def read(presence: Stanza, dnd: Availability = Availability.BUSY) -> Shown:
    """What an available-presence stanza says.  ``dnd`` is what this domain takes the show of that name to mean.

    Raises StanzaError for a priority or a show that RFC 6121 does not know.
    """
    tags = set(presence.kids)
    show = (presence.tree.findtext(SHOW) or "").strip() if SHOW in tags else ""
    note = (presence.tree.findtext(STATUS) or "").strip() if STATUS in tags else ""
    if show not in MEANINGS:
        raise bad_request("no such show")
    priority = _priority(presence.tree.findtext(PRIORITY) or "0") if PRIORITY in tags else 0
    idle = presence.child(IDLE)
    idle_since = moment(idle.get("since", "")) if idle is not None else None
    said, doing = activities.read(presence) if activities.TAG in tags else (None, Activity.NONE)
    spoken = (show, note.casefold()) in PHRASES
    if said is not None and said in STATES[show]:
        availability, activity = said, doing
    else:
        availability, activity = _understood(show, note, idle_since is not None)
        if show == "dnd" and not spoken:
            availability = dnd
    return Shown(availability, activity, "" if spoken else note, priority, idle_since)


def _understood(show: str, note: str, idle: bool) -> words.State:
    """What show and status say alone."""
    phrase = PHRASES.get((show, note.casefold()))
    if phrase is not None:
        return phrase
    if show == "away" and idle:
        return Availability.AVAILABLE, Activity.NONE
    return MEANINGS[show], Activity.EXTENDED_AWAY if show == "xa" else Activity.NONE


def _priority(text: str) -> int:
    digits = text.strip()
    if not digits.removeprefix("-").removeprefix("+").isdecimal() or len(digits) > 4 or not -128 <= int(digits) <= 127:
        raise bad_request("a priority is a number from -128 to 127")
    return int(digits)


def inner_of(device: Device, language: str, over: PresenceDocument | None = None) -> bytes:
    """The children of the presence stanza for one device.

    What an XMPP client said is passed on as it was.  ``over`` is the person's document where it says what no device of
    theirs says by itself (a call, a meeting, their own choice): it then holds for every device.
    """
    if over is None and device.native is not None and device.native.protocol == PROTOCOL:
        return device.native.payload
    state = over or device
    idle = device.idle_since
    show = show_of(state.availability, state.activity, idle is not None)
    note = state.note or device.note or words.phrase(state.availability, state.activity, language)
    parts = []
    if show:
        parts.append(f"<show>{show}</show>")
    if note:
        parts.append(f"<status>{xml.text(note)}</status>")
    if device.priority:
        parts.append(f"<priority>{max(-128, min(127, device.priority))}</priority>")
    if idle is not None:
        parts.append(f"<idle xmlns='{xml.IDLE}' since='{stamp(idle)}'/>")
    if _understood(show, note, idle is not None) != (state.availability, state.activity):
        parts.append(activities.element(state.availability, state.activity))
    return "".join(parts).encode()


def inners(document: PresenceDocument, language: str, alone: str) -> dict[str, bytes]:
    """The presence of each resource of a person: instance -> children of its stanza.

    ``alone`` names the resource that stands for a person who is here without any device.
    """
    if not document.availability.here:
        return {}
    devices = document.devices or (Device(alone, document.availability, document.activity, document.note),)
    state = (document.availability, document.activity)
    explained = any((d.availability, d.activity) == state for d in devices)
    return {d.instance: inner_of(d, language, None if explained else document) for d in devices}
