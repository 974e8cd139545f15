"""A conference's charter as a room's configuration form, both ways (XEP-0045 sections 10.1.3, 10.2, 15.5.3).  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ....core.charter import MAX_PARTICIPANTS, Charter, Whispers
from ....core.conversation import Conversation
from ....core.errors import BadAddress
from ....core.identity import Identity
from ....core.standing import Standing
from ..errors import StanzaError
from ..forms import Field
from ..syntax import jid, xml
from .answers import YES, one

CONFIG = f"{xml.MUC}#roomconfig"
FIELD = "muc#roomconfig_"
MEMBERS_ONLY = f"{FIELD}membersonly"
PROTECTED = f"{FIELD}passwordprotectedroom"
SECRET = f"{FIELD}roomsecret"
OWNERS = f"{FIELD}roomowners"
ADMINS = f"{FIELD}roomadmins"

WHO_SEES = {"moderators": "Moderators only", "anyone": "Anyone"}
WHO_WHISPERS = {
    Whispers.ANYONE.value: "Anyone",
    Whispers.PARTICIPANTS.value: "Those with voice",
    Whispers.MODERATORS.value: "Moderators only",
    Whispers.NONE.value: "Nobody",
}
SIZES = {str(size): str(size) for size in (10, 20, 30, 50, 100, 200, MAX_PARTICIPANTS)}


class Entry(NamedTuple):
    """A line of the form, and the part of the charter it is about: how it is written and how it is read.

    ``read`` raises ValueError for what it cannot be.
    """

    name: str
    type: str
    label: str
    part: str
    write: Callable[[Any], str] = str
    read: Callable[[str], Any] = str
    options: Mapping[str, str] = {}


def _flag(name: str, label: str, part: str) -> Entry:
    return Entry(name, "boolean", label, part, lambda on: str(int(on)), YES.__contains__)


ENTRIES = (
    Entry("roomname", "text-single", "Name", "name"),
    Entry("roomdesc", "text-single", "Description", "description"),
    Entry("lang", "text-single", "Language", "language"),
    _flag("persistentroom", "Stays when everybody has left", "persistent"),
    _flag("publicroom", "Found by those who look for rooms", "listed"),
    _flag("moderatedroom", "Only those with voice speak", "moderated"),
    _flag("allowinvites", "Members invite others", "anybody_invites"),
    _flag("changesubject", "Everybody with voice changes the subject", "anybody_names"),
    _flag("enablelogging", "What is said is published", "published"),
    Entry("maxusers", "list-single", "Occupants at most", "maximum", str, int, SIZES),
    Entry(
        "whois",
        "list-single",
        "Who sees real addresses",
        "addresses_shown",
        lambda shown: "anyone" if shown else "moderators",
        lambda value: {"anyone": True, "moderators": False}[value],
        WHO_SEES,
    ),
    Entry("allowpm", "list-single", "Who sends private messages", "whispers", str, Whispers, WHO_WHISPERS),
)
"""Everything that is one part of the charter; door, password and people follow below."""


def fields_of(conversation: Conversation) -> Iterator[Field]:
    """The form as the room is now."""
    charter = conversation.charter
    for entry in ENTRIES:
        value, options = entry.write(getattr(charter, entry.part)), entry.options
        if options and value not in options:
            options = {value: value, **options}
        choice = tuple(options.items())
        yield Field(f"{FIELD}{entry.name}", entry.type, entry.label, (value,), options=choice)
    yield Field(MEMBERS_ONLY, "boolean", "Only for members", (str(int(not conversation.open_door)),))
    yield Field(PROTECTED, "boolean", "Entered with a password", (str(int(bool(charter.password))),))
    yield Field(SECRET, "text-private", "Password", (charter.password,))
    for var, standing, label in ((ADMINS, Standing.ADMIN, "Admins"), (OWNERS, Standing.OWNER, "Owners")):
        people = (str(who) for who, theirs in conversation.standings.items() if theirs is standing)
        yield Field(var, "jid-multi", label, tuple(people))


class Configured(NamedTuple):
    """What an owner wants a room to be.  None: as it is."""

    charter: Charter
    open_door: bool | None
    standings: Mapping[Identity, Standing]


def read(conversation: Conversation, given: Mapping[str, tuple[str, ...]]) -> Configured:
    """A submitted form; what it does not speak of stays.  Raises StanzaError not-acceptable (section 10.1.3)."""
    parts: dict[str, Any] = {"configured": True}
    for entry in ENTRIES:
        values = given.get(f"{FIELD}{entry.name}")
        if values is None or not (values or entry.read is str):
            continue
        try:
            parts[entry.part] = entry.read(one(values))
        except (ValueError, KeyError):
            raise not_acceptable(f"{entry.label}: not {one(values)[:80]!r}") from None
    charter = replace(conversation.charter, **parts)
    charter = replace(charter, password=_password(conversation.charter, given))
    members_only = given.get(MEMBERS_ONLY)
    open_door = None if not members_only else one(members_only) not in YES
    return Configured(charter, open_door, _standings(conversation, given))


def _password(now: Charter, given: Mapping[str, tuple[str, ...]]) -> str:
    secret = one(given[SECRET]) if SECRET in given else now.password
    if PROTECTED not in given:
        return secret
    if one(given[PROTECTED]) not in YES:
        return ""
    if not secret:
        raise not_acceptable("a room with a password needs one")
    return secret


def _standings(conversation: Conversation, given: Mapping[str, tuple[str, ...]]) -> Mapping[Identity, Standing]:
    """Who is to be an owner or an admin, and who is to be neither any more."""
    wished: dict[Identity, Standing] = {}
    for var, standing in ((OWNERS, Standing.OWNER), (ADMINS, Standing.ADMIN)):
        if var not in given:
            continue
        listed = {_person(value) for value in given[var] if value}
        before = {who for who, theirs in conversation.standings.items() if theirs is standing}
        for who in before - listed:
            wished.setdefault(who, Standing.NONE)
        for who in listed:
            if wished.get(who, Standing.NONE) is Standing.NONE:
                wished[who] = standing
    return {who: standing for who, standing in wished.items() if standing is not conversation.standing(who)}


def _person(value: str) -> Identity:
    try:
        found = jid.parse(value)
    except BadAddress:
        found = None
    if found is None or not found.user:
        raise not_acceptable(f"{value[:80]!r} is nobody's address")
    return found.identity


def not_acceptable(text: str) -> StanzaError:
    """The configuration cannot be as it was asked for."""
    return StanzaError("modify", "not-acceptable", text)
