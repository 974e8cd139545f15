"""Activities beside show and status, in the words of RPID (RFC 4480 section 3.2), where a phrase cannot say them.

A person's own note takes the place of our phrase for what they do, and XMPP has one show for several states.  What is
lost by that travels as the element that SIP's presence documents have, for servers that speak both.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

from ....core.presence import Activity, Availability
from ..syntax import xml
from ..syntax.stanza import Stanza

RPID = "urn:ietf:params:xml:ns:pidf:rpid"
TAG = f"{{{RPID}}}activities"
MAX_NAMED = 16
"""Activities of one presence that are looked at."""

SPELLED = frozenset({Activity.OTHER, Activity.OUT_OF_OFFICE, Activity.EXTENDED_AWAY})
"""RPID has no element for these, but one for whatever it does not name."""
NAMES: Mapping[str, Activity] = {a.value: a for a in Activity if a is not Activity.NONE and a not in SPELLED}
SPELLINGS: Mapping[str, Activity] = {a.value: a for a in SPELLED}
AVAILABILITIES: Mapping[str, Availability] = {a.word: a for a in Availability if a.here}


def element(availability: Availability, activity: Activity) -> str:
    """Both of them, exactly."""
    parts = [f"<other>{availability.word}</other>"]
    if activity in SPELLED:
        parts.append(f"<other>{activity.value}</other>")
    elif activity is not Activity.NONE:
        parts.append(f"<{activity.value}/>")
    return f"<activities xmlns='{RPID}'>{''.join(parts)}</activities>"


def read(presence: Stanza) -> tuple[Availability | None, Activity]:
    """What such an element says; nothing where there is none, or none of its words is known."""
    availability, activity = None, Activity.NONE
    for kid in islice(presence.tree.iterfind(f"{TAG}/*"), MAX_NAMED):
        namespace, name = xml.split(kid.tag)
        text = (kid.text or "").strip() if name == "other" else ""
        if namespace != RPID:
            continue
        availability = AVAILABILITIES.get(text, availability)
        if activity is Activity.NONE:
            activity = NAMES.get(name) or SPELLINGS.get(text) or Activity.NONE
    return availability, activity
