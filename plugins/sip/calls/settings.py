"""What the configuration says of calls: ``[sip.calls]`` and ``[sip.trunks.NAME]``, and whether the two fit."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Literal

import msgspec

from ....core.errors import BadAddress
from ....core.identity import Identity
from ....core.options import ReadableFile, Secret, nearest
from ..syntax.grammar import MalformedSip
from ..syntax.uri import SipUri
from .dial_plan import Pattern, plan_of, written

Count = Annotated[int, msgspec.Meta(ge=0, le=32)]
MAX_EXTENSION = 64
"""Characters of a line's name at a PBX."""


class NumberRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A normalisation rule: what dialled numbers mean.  The first that fits is applied, and no other."""

    dialled: str
    """A pattern: digits, + * # as they are, X any digit, Z 1-9, N 2-9, [1-35]; at the end . (more) or * (any more)."""
    remove: Count = 0
    """How many characters of its beginning go."""
    add: str = ""
    """What comes in their place, as in "+49"."""

    def __post_init__(self) -> None:
        _pattern("dialled", self.dialled)
        try:
            plan_of([(self.dialled, self.remove, self.add)])
        except ValueError as wrong:
            raise ValueError(f"{'remove' if 'for certain' in str(wrong) else 'add'} {wrong}") from None


class CallRoute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way out for numbers.  The first route whose numbers fit is taken, and no other."""

    numbers: list[str]
    """Patterns of the numbers, as they are after the rules: "+49*"."""
    trunks: list[str]
    """The trunks that lead there, the best first; the next one is tried when one cannot be reached."""
    allow: list[str] = []
    """Who may use it: names of groups, addresses; empty for everybody whom outside_calls lets."""
    remove: Count = 0
    """How many characters of the number's beginning the trunk is not told."""
    add: str = ""
    """What it is told in their place."""

    def __post_init__(self) -> None:
        if not self.numbers or not self.trunks:
            raise ValueError(f"{'numbers' if not self.numbers else 'trunks'} must name at least one")
        for pattern in self.numbers:
            _pattern("numbers", pattern)
            try:
                plan_of([(pattern, self.remove, self.add)])
            except ValueError as wrong:
                raise ValueError(f"{'remove' if 'for certain' in str(wrong) else 'add'} {wrong}") from None


class CallOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Calls: numbers, ways out, who may use them, emergencies."""

    outside_calls: Literal["nobody", "people"] = "nobody"
    """Who may call numbers that are nobody's here: nobody, or the people of this server as the routes allow."""
    ring_for: Annotated[int, msgspec.Meta(ge=5, le=600)] = 90
    """Seconds that a call rings when nothing else is said about it."""
    contexts: list[str] = []
    """Phone-contexts besides our domains whose short numbers are ours: "+4930"."""
    emergency: list[str] = []
    """Emergency numbers as they are dialled: "112".  They are looked at first, for everybody, and never forwarded."""
    emergency_trunks: list[str] = []
    """The trunks that emergency calls take, the best first."""
    emergency_answering: str = ""
    """A person who answers emergency calls here: before the trunks if there are any, else alone."""
    groups: dict[str, list[str]] = {}
    """Groups for routes: a name, and the addresses in it."""
    rules: list[NumberRule] = []
    """What dialled numbers mean."""
    routes: list[CallRoute] = []
    """Ways to the outside."""

    def __post_init__(self) -> None:
        for number in self.emergency:
            if (meant := written(number)) is None or meant.number != number:
                raise ValueError(f'emergency has "{number}", which is no number as it is dialled')
        if self.emergency and not (self.emergency_trunks or self.emergency_answering):
            raise ValueError("emergency needs emergency_trunks or emergency_answering: who answers?")
        if (self.emergency_trunks or self.emergency_answering) and not self.emergency:
            raise ValueError("emergency is missing: which numbers?")
        _address("emergency_answering", self.emergency_answering)
        for addresses in self.groups.values():
            for address in addresses:
                _address("groups", address)
        for route in self.routes:
            for allowed in route.allow:
                if allowed not in self.groups and "@" not in allowed:
                    raise ValueError(f'routes allow "{allowed}", which is no group{nearest(allowed, self.groups)}')


class TrunkOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line to a PBX or a provider."""

    hops: list[str]
    """Where it is, the best first: "sip:pbx.example.test:5061;transport=tls"; the next when one does not answer."""
    username: str = ""
    """The name that we sign in with there, if it asks for one."""
    password: Secret = ""
    """Its password; "file:NAME" reads it from a file."""
    register: bool = False
    """Whether we register there, so that it finds us."""
    register_for: Annotated[int, msgspec.Meta(ge=30, le=86400)] = 600
    """Seconds that a registration is asked for."""
    domain: str = ""
    """What it calls itself in addresses; empty for the host of its first hop."""
    authority: ReadableFile = ""
    """A PEM file of the authority that vouches for its certificate; empty for those this machine trusts."""
    certificate_name: str = ""
    """Whoever shows a certificate of this name is this trunk."""
    sources: list[str] = []
    """Whoever sends from one of these addresses or networks is this trunk; over UDP addresses can be forged."""
    trusted: bool = False
    """Whether it is inside our walls: it learns who calls (P-Asserted-Identity), and is believed when it says so."""
    number: str = ""
    """The number that a caller has outside who has none of their own."""
    transit: bool = False
    """Whether its calls may leave by another trunk; whoever breaks into it could call at your cost."""
    max_calls: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 30
    """Calls at once."""
    ping: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 60
    """Seconds between two looks whether it is there (OPTIONS); 0 for none."""
    lines: bool = False
    """Whether it is a PBX with desk phones, to be asked who telephones there: everybody whose number it leads to."""
    extensions: dict[str, str] = {}
    """Whose line there is whose, instead of what the directory says: "4711" = "bob@example.test"."""

    def __post_init__(self) -> None:
        if not self.hops:
            raise ValueError("hops must name at least one place")
        for hop in self.hops:
            try:
                right = SipUri.parse(hop).is_sip
            except MalformedSip:
                right = False
            if not right:
                raise ValueError(f'hops has "{hop}", which is no SIP URI, as in "sip:pbx.example.test;transport=tls"')
        for source in self.sources:
            try:
                ip_network(source)
            except ValueError:
                raise ValueError(f'sources has "{source}", which is no address and no network') from None
        if self.number and written(self.number) is None:
            raise ValueError(f'number must be a number as it is dialled, not "{self.number}"')
        if bool(self.username) != bool(self.password):
            raise ValueError(f"{'password' if self.username else 'username'} is missing: the two go together")
        if self.register and not self.username:
            raise ValueError("register needs a username and a password")
        for extension, address in self.extensions.items():
            _extension(extension)
            if not address:
                raise ValueError(f'extensions says nobody for "{extension}"')
            _address("extensions", address)

    @property
    def watches_lines(self) -> bool:
        """Whether it is asked who telephones there."""
        return self.lines or bool(self.extensions)


def fitting(calls: CallOptions, trunks: Mapping[str, TrunkOptions]) -> None:
    """Whether what is said of calls fits the trunks there are.  Raises ValueError."""
    named = [("routes lead", name) for route in calls.routes for name in route.trunks]
    named += [("emergency_trunks lead", name) for name in calls.emergency_trunks]
    for what, name in named:
        if name not in trunks:
            raise ValueError(f'calls: {what} to "{name}", which is no trunk{nearest(name, trunks)}')


def doubts(calls: CallOptions, trunks: Mapping[str, TrunkOptions]) -> list[str]:
    """What is no mistake and should be known before somebody needs it."""
    found = []
    if trunks and not calls.emergency:
        found.append(
            "[sip.calls] there are trunks and no emergency numbers: whoever dials 112 or 911 is treated like any other "
            "call; set emergency and emergency_trunks"
        )
    for name, trunk in trunks.items():
        if trunk.transit:
            found.append(f"[sip.trunks.{name}] transit is on: its calls may leave by other trunks, at your cost")
        if trunk.sources and any("transport=" not in hop or "udp" in hop.lower() for hop in trunk.hops):
            found.append(f"[sip.trunks.{name}] is known by its address; over UDP an address can be forged")
    if trunks and calls.outside_calls == "nobody" and calls.routes:
        found.append('[sip.calls] there are routes, but outside_calls is "nobody": only emergency calls leave')
    return found


def _pattern(option: str, text: str) -> None:
    try:
        Pattern.parse(text)
    except ValueError as wrong:
        raise ValueError(f"{option} {wrong}") from None


def _extension(text: str) -> None:
    try:
        right = 0 < len(text) <= MAX_EXTENSION and SipUri.parse(f"sip:{text}@pbx.invalid").user == text
    except MalformedSip:
        right = False
    if not right:
        raise ValueError(f'extensions has "{text[:80]}", which cannot stand before the @ of an address')


def _address(option: str, text: str) -> None:
    try:
        if text:
            Identity.parse(text)
    except BadAddress as wrong:
        raise ValueError(f"{option}: {wrong}") from None
