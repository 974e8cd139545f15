"""Presence documents as PIDF (RFC 3863) with RPID (RFC 4480) on the person of the data model (RFC 4479).  Pure.

Written for the narrowest readers: baresip looks for ``<basic>`` and ``<rpid:busy/>`` as text, so prefixes are literal
and elements self-closed; liblinphone refuses what is not valid.  Read from the widest: the unknown is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from ....core.presence import Activity, Availability, Device, PresenceDocument
from ..translate import short, sip_uri, time_of, xml_time
from ..xml import DECLARATION, document, escaped, local_name, text_of

CONTENT_TYPE = "application/pidf+xml"

PIDF = "urn:ietf:params:xml:ns:pidf"
DATA_MODEL = "urn:ietf:params:xml:ns:pidf:data-model"
RPID = "urn:ietf:params:xml:ns:pidf:rpid"

SPELLED = (Activity.OUT_OF_OFFICE, Activity.EXTENDED_AWAY, Activity.OTHER)
"""What RFC 4480 has no element of its own for: it stands in ``<other>``."""
ELEMENTS = {activity: activity.value for activity in Activity if activity not in (Activity.NONE, *SPELLED)} | {
    Activity.OUT_OF_OFFICE: "vacation"
}
"""Our activities as elements of RFC 4480 section 3.2; it has no word for out of office."""

ACTIVITIES = {name: activity for activity, name in ELEMENTS.items() if activity is not Activity.OUT_OF_OFFICE} | {
    "lunch": Activity.MEAL
}

IMPLIED = {
    Activity.APPOINTMENT: Availability.BUSY,
    Activity.IN_A_CALL: Availability.BUSY,
    Activity.IN_A_MEETING: Availability.BUSY,
    Activity.PERFORMANCE: Availability.BUSY,
    Activity.PRESENTING: Availability.BUSY,
    Activity.SPECTATOR: Availability.BUSY,
    Activity.STEERING: Availability.BUSY,
    Activity.WORSHIP: Availability.BUSY,
    Activity.BREAKFAST: Availability.AWAY,
    Activity.DINNER: Availability.AWAY,
    Activity.EXTENDED_AWAY: Availability.AWAY,
    Activity.HOLIDAY: Availability.AWAY,
    Activity.IN_TRANSIT: Availability.AWAY,
    Activity.MEAL: Availability.AWAY,
    Activity.OUT_OF_OFFICE: Availability.AWAY,
    Activity.PERMANENT_ABSENCE: Availability.AWAY,
    Activity.SHOPPING: Availability.AWAY,
    Activity.SLEEPING: Availability.AWAY,
    Activity.TRAVEL: Availability.AWAY,
    Activity.VACATION: Availability.AWAY,
}
"""What an activity says about availability where nothing else does; the others say available."""

WORDS = {
    Availability.AVAILABLE: "",
    Availability.BUSY: "busy",
    Availability.DO_NOT_DISTURB: "busy",
    Availability.BE_RIGHT_BACK: "away",
    Availability.AWAY: "away",
}
"""The element that every reader understands."""

SPOKEN = {"Do not disturb": Availability.DO_NOT_DISTURB, "Be right back": Availability.BE_RIGHT_BACK}
"""The note that says what no element does, where the person wrote none.  Read back, it is no note."""
OUT_OF_OFFICE = "Out of office"
MERE_STATE = frozenset(("available", "online", "open", "offline", "closed"))
"""COMPAT: Pidgin writes the name of its state into the note."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a document claims about its entity: one publication of the core, before it has an owner and a lease."""

    entity: str
    availability: Availability
    activity: Activity = Activity.NONE
    note: str = ""
    idle: bool = False
    idle_since: datetime | None = None


# ---- writing


def write(shown: PresenceDocument, *, plain: bool = False) -> bytes:
    """The document watchers get; ``plain`` leaves it at RFC 3863, for those who refused more."""
    uri = escaped(str(sip_uri(shown.identity)))
    spaces = f'xmlns="{PIDF}"' if plain else f'xmlns="{PIDF}" xmlns:dm="{DATA_MODEL}" xmlns:rpid="{RPID}"'
    tuples = [_tuple(device, uri, plain) for device in shown.devices] or [_whole(shown, uri)]
    person = [] if plain or not shown.availability.here else _person(shown)
    lines = [DECLARATION, f'<presence {spaces} entity="{uri}">', *tuples, *person, "</presence>", ""]
    return "\n".join(lines).encode()


def _tuple(device: Device, uri: str, plain: bool) -> str:
    idle = "<rpid:user-input>idle</rpid:user-input>" if device.idle_since and not plain else ""
    priority = f' priority="{0.5 + device.priority / 256:.3f}"' if device.priority else ""
    contact = f"<contact{priority}>{uri}</contact>" if device.priority >= 0 else ""
    return (
        f'<tuple id="t{short(device.instance)}">'
        f"<status><basic>{_basic(device.availability)}</basic></status>{idle}{contact}</tuple>"
    )


def _whole(shown: PresenceDocument, uri: str) -> str:
    """The one tuple of somebody whose places are not shown, or who is at none."""
    contact = f"<contact>{uri}</contact>" if shown.availability.here else ""
    return f'<tuple id="t0"><status><basic>{_basic(shown.availability)}</basic></status>{contact}</tuple>'


def _person(shown: PresenceDocument) -> list[str]:
    activities = "".join(f"<rpid:{part}" for part in _activities(shown.availability, shown.activity))
    lines = ['<dm:person id="p0">']
    if activities:
        lines.append(f"<rpid:activities>{activities}</rpid:activities>")
    if shown.idle:
        lines.append("<rpid:user-input>idle</rpid:user-input>")
    if note := shown.note or _spoken(shown):
        lines.append(f"<dm:note>{escaped(note)}</dm:note>")
    if shown.since:
        lines.append(f"<dm:timestamp>{xml_time(shown.since)}</dm:timestamp>")
    return [*lines, "</dm:person>"]


def _activities(availability: Availability, activity: Activity) -> list[str]:
    """What only we understand, then what all do, then the activity: COMPAT: liblinphone shows the last one."""
    word = WORDS[availability]
    implied = IMPLIED.get(activity, Availability.AVAILABLE)
    parts = []
    if availability in SPOKEN.values() or (not word and implied is not availability):
        parts.append(f"other>{availability.word}</rpid:other>")
    if activity in SPELLED:
        parts.append(f"other>{activity.value}</rpid:other>")
    if word:
        parts.append(f"{word}/>")
    if activity in ELEMENTS:
        parts.append(f"{ELEMENTS[activity]}/>")
    return parts


def _spoken(shown: PresenceDocument) -> str:
    if shown.activity is Activity.OUT_OF_OFFICE:
        return OUT_OF_OFFICE
    return next((note for note, said in SPOKEN.items() if said is shown.availability), "")


def _basic(availability: Availability) -> str:
    return "open" if availability.here else "closed"


# ---- reading


def read(body: bytes) -> Claim:
    """What somebody publishes.  Raises MalformedXml.

    A ``<basic>`` that is neither open nor closed counts as absent (COMPAT: baresip 1.0 starts with "unknown").
    """
    root = document(body, f"{{{PIDF}}}presence")
    basics = {text_of(basic) for basic in root.iterfind(f"{{{PIDF}}}tuple/{{{PIDF}}}status/{{{PIDF}}}basic")}
    activities = list(root.iterfind(f"*/{{{RPID}}}activities/*")) + list(
        root.iterfind(f"{{{PIDF}}}tuple/{{{PIDF}}}status/{{{RPID}}}activities/*")
    )
    names = [local_name(element) for element in activities]
    said = {text_of(element) for element in activities if local_name(element) == "other"}
    activity = next((ACTIVITIES[name] for name in names if name in ACTIVITIES), Activity.NONE)
    activity = Activity.OUT_OF_OFFICE if Activity.OUT_OF_OFFICE.value in said else activity
    if activity is Activity.NONE:
        activity = next((spelled for spelled in SPELLED if spelled.value in said), Activity.NONE)
    idle, since = _idle(root)
    note = _note(root)
    availability = _availability(names, said, activity, note)
    if "closed" in basics and "open" not in basics:
        # COMPAT: liblinphone says do-not-disturb as closed with an activity; everybody else's closed is offline
        unwilling = "busy" in names or "other" in names
        availability = Availability.DO_NOT_DISTURB if unwilling else Availability.OFFLINE
    if note in SPOKEN or note == OUT_OF_OFFICE:
        note = ""
    return Claim((root.get("entity") or "").strip(), availability, activity, note, idle, since)


def _availability(names: list[str], said: set[str], activity: Activity, note: str) -> Availability:
    """Our own words, then the elements all understand, then what the activity implies."""
    for availability in WORDS:
        if availability.word in said:
            return availability
    if note in SPOKEN and WORDS[SPOKEN[note]] in names:
        return SPOKEN[note]
    if "busy" in names:
        return Availability.BUSY
    if "away" in names:
        return Availability.AWAY
    return IMPLIED.get(activity, Availability.AVAILABLE)


def _idle(root: etree._Element) -> tuple[bool, datetime | None]:
    for element in root.iter(f"{{{RPID}}}user-input"):
        if text_of(element) == "idle":
            return True, time_of(element.get("last-input") or "")
    return False, None


def _note(root: etree._Element) -> str:
    """The person's note, else a tuple's, else the document's."""
    for path in (f"{{{DATA_MODEL}}}person/{{{DATA_MODEL}}}note", f"*/{{{PIDF}}}note", f"{{{PIDF}}}note"):
        for element in root.iterfind(path):
            note = text_of(element)
            if note and note.lower() not in MERE_STATE:
                return note
    return ""
