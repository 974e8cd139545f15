"""What others may know of someone's whereabouts, and how many claims become one truth."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from .identity import Identity
from .message import Native


class Availability(enum.IntEnum):
    """How reachable someone is; the numbers lie in the ranges of [MS-PRES] state/availability, smaller is nearer."""

    AVAILABLE = 3500
    BUSY = 6500
    DO_NOT_DISTURB = 9500
    BE_RIGHT_BACK = 12500
    AWAY = 15500
    OFFLINE = 18500
    UNKNOWN = 18600
    """Every source was lost without a goodbye: nobody knows."""

    @property
    def word(self) -> str:
        """The word for it in addresses, JSON and CSS: ``do-not-disturb``."""
        return self.name.lower().replace("_", "-")

    @property
    def here(self) -> bool:
        """Whether a message would reach the person now."""
        return self < Availability.OFFLINE


class Activity(enum.StrEnum):
    """What someone is doing, in the words of RFC 4480 section 3.2, one of Lync's (out of office) and one of XMPP's."""

    NONE = ""
    APPOINTMENT = "appointment"
    BREAKFAST = "breakfast"
    DINNER = "dinner"
    EXTENDED_AWAY = "extended-away"
    """Away for long: XMPP's ``xa`` (RFC 6121 section 4.7.2.1)."""
    HOLIDAY = "holiday"
    IN_A_CALL = "on-the-phone"
    IN_A_MEETING = "meeting"
    IN_TRANSIT = "in-transit"
    LOOKING_FOR_WORK = "looking-for-work"
    MEAL = "meal"
    OTHER = "other"
    OUT_OF_OFFICE = "out-of-office"
    PERFORMANCE = "performance"
    PERMANENT_ABSENCE = "permanent-absence"
    PLAYING = "playing"
    PRESENTING = "presentation"
    SHOPPING = "shopping"
    SLEEPING = "sleeping"
    SPECTATOR = "spectator"
    STEERING = "steering"
    TRAVEL = "travel"
    TV = "tv"
    VACATION = "vacation"
    WORKING = "working"
    WORSHIP = "worship"


class Source(enum.IntEnum):
    """What kind of thing makes a claim, from weakest to strongest."""

    MACHINE = 1
    """An endpoint: what its program knows or its person set there."""
    CALENDAR = 2
    PHONE = 3
    USER = 4
    """The person's own choice for all endpoints at once."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One owner's claim about one person, good until ``expires`` (None: until its owner withdraws it).

    ``owner`` is unique within the person ("xmpp/desk", "sip/<etag>", "calendar"); ``instance`` names the endpoint it
    speaks for, if it speaks for one; ``note`` is free text; ``idle_since`` says nobody has touched the device since.
    """

    owner: str
    source: Source
    availability: Availability
    since: datetime
    expires: datetime | None = None
    activity: Activity = Activity.NONE
    note: str = ""
    idle_since: datetime | None = None
    instance: str = ""
    priority: int = 0
    native: Native | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """One endpoint's part of a document: watchers that can show several places show these."""

    instance: str
    availability: Availability
    activity: Activity = Activity.NONE
    note: str = ""
    priority: int = 0
    idle_since: datetime | None = None
    native: Native | None = None


@dataclass(frozen=True, slots=True)
class PresenceDocument:
    """The one answer watchers see.  ``since`` is when the availability or activity last changed, UTC."""

    identity: Identity
    availability: Availability = Availability.OFFLINE
    activity: Activity = Activity.NONE
    note: str = ""
    idle: bool = False
    since: datetime | None = None
    until: datetime | None = None
    last_seen: datetime | None = None
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """One input of a presence document, and what the rules made of it: the answer to ``hereabouts why``."""

    owner: str
    claim: str
    outcome: str


def aggregate(
    identity: Identity, publications: Iterable[Publication], now: datetime
) -> tuple[PresenceDocument, list[Reason]]:
    """Fold every live claim into one document, and say what each claim did to it.

    1. Claims past their time are left out.
    2. Without an endpoint or a phone in use the person is offline, whatever else is claimed.
    3. The person's own choice decides; without one the most available endpoint does, except that do-not-disturb on any
       endpoint holds for all.
    4. A call, then a meeting, makes somebody who is available or away at least busy, and gives the activity.
    """
    live = [p for p in publications if p.expires is None or p.expires > now]
    reasons = [_reason(p, "expired") for p in publications if p not in live]
    devices = [p for p in live if p.source is Source.MACHINE and p.availability.here]
    phones = [p for p in live if p.source is Source.PHONE]
    if not devices and not phones:
        return PresenceDocument(identity), reasons + [_reason(p, "no endpoint is signed in") for p in live]
    base, rule = _decider(live, devices or phones)
    activity = _strongest_activity(live, base)
    availability = base.availability
    if activity is not base and base.availability is not Availability.DO_NOT_DISTURB:
        availability = max(base.availability, Availability.BUSY) if base.availability.here else base.availability
        if base.availability in (Availability.AWAY, Availability.BE_RIGHT_BACK):
            availability = Availability.BUSY
    document = PresenceDocument(
        identity=identity,
        availability=availability,
        activity=activity.activity,
        note=next((p.note for p in (base, *_newest_first(live)) if p.note), ""),
        idle=bool(devices) and all(p.idle_since for p in devices),
        since=max(base.since, activity.since),
        devices=tuple(_device(p) for p in sorted(devices, key=lambda p: p.instance)),
    )
    if not document.availability.here:
        document = replace(document, availability=Availability.OFFLINE, activity=Activity.NONE, devices=(), note="")
    for claim in live:
        outcome = rule if claim is base else "gives the activity" if claim is activity else "outranked"
        reasons.append(_reason(claim, outcome))
    return document, reasons


def _decider(live: list[Publication], devices: list[Publication]) -> tuple[Publication, str]:
    own = [p for p in live if p.source is Source.USER]
    if own:
        return max(own, key=lambda p: (p.since, p.availability)), "decides: the person's own choice"
    for claim in devices:
        if claim.availability is Availability.DO_NOT_DISTURB:
            return claim, "decides: do-not-disturb holds for all endpoints"
    nearest = min(devices, key=lambda p: (bool(p.idle_since), p.availability, -p.since.timestamp()))
    return nearest, "decides: the most available endpoint"


def _strongest_activity(live: list[Publication], base: Publication) -> Publication:
    """A call outranks a meeting, and both outrank what the deciding claim says, unless the person chose for
    themselves."""
    if base.source is Source.USER:
        return base
    for source in (Source.PHONE, Source.CALENDAR):
        for claim in _newest_first(live):
            if claim.source is source and claim is not base:
                return claim
    return base


def _newest_first(claims: list[Publication]) -> list[Publication]:
    return sorted(claims, key=lambda p: p.since, reverse=True)


def _device(claim: Publication) -> Device:
    return Device(
        claim.instance, claim.availability, claim.activity, claim.note, claim.priority, claim.idle_since, claim.native
    )


def _reason(claim: Publication, outcome: str) -> Reason:
    words = [claim.source.name.lower(), claim.availability.word, claim.activity.value, claim.note and f'"{claim.note}"']
    if claim.idle_since:
        words.append(f"idle since {claim.idle_since:%H:%M}")
    return Reason(claim.owner, " ".join(filter(None, words)), outcome)
