"""Who is in a conference: application/conference-info+xml (RFC 4575), whole or only what has changed.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..xml import DECLARATION, escaped

CONTENT_TYPE = "application/conference-info+xml"
NAMESPACE = "urn:ietf:params:xml:ns:conference-info"
MAX_VERSION = 2**32 - 1
"""The greatest version of a document (RFC 4575 section 3.9: 32 bits)."""
ROLES = {True: "admin", False: "participant"}
"""COMPAT: liblinphone takes only "admin" for a moderator."""


class Member(NamedTuple):
    """A user of the conference.  ``endpoints`` are the URIs of the devices by which they hear it."""

    uri: str
    name: str
    moderator: bool
    endpoints: tuple[str, ...] = ()


class Roster(NamedTuple):
    """What is told of a conference."""

    uri: str
    subject: str
    locked: bool
    members: tuple[Member, ...]
    maximum: int

    def of(self, uri: str) -> Member | None:
        """The user with this address."""
        return next((member for member in self.members if member.uri == uri), None)


def full(roster: Roster, version: int) -> bytes:
    """The whole document."""
    users = "".join(_user(member, None) for member in roster.members)
    return _document(roster, version, "full", f'<users state="full">{users}</users>')


def partial(before: Roster, roster: Roster, version: int) -> bytes | None:
    """What has changed since a document that the subscriber has; None where nothing has (RFC 4575 section 4.3)."""
    if before == roster:
        return None
    users = [_user(m, known) for m in roster.members if (known := before.of(m.uri)) != m]
    users += [_gone("user", m.uri) for m in before.members if roster.of(m.uri) is None]
    shown = f'<users state="partial">{"".join(users)}</users>' if users else ""
    return _document(roster, version, "partial", shown)


def over(roster: Roster, version: int) -> bytes:
    """The conference is no more: a document without users, and not active."""
    return _document(roster._replace(members=()), version, "full", '<users state="full"/>', active=False)


def _document(roster: Roster, version: int, state: str, users: str, *, active: bool = True) -> bytes:
    """COMPAT: liblinphone 5.1 reads conference-description without looking whether there is one."""
    return (
        f'{DECLARATION}<conference-info xmlns="{NAMESPACE}" entity="{escaped(roster.uri)}" state="{state}"'
        f' version="{version}"><conference-description><subject>{escaped(roster.subject)}</subject>'
        f"<maximum-user-count>{roster.maximum}</maximum-user-count></conference-description>"
        f"<conference-state><user-count>{len(roster.members)}</user-count><active>{_bool(active)}</active>"
        f"<locked>{_bool(roster.locked)}</locked></conference-state>{users}</conference-info>"
    ).encode()


def _user(member: Member, before: Member | None) -> str:
    """Somebody new is shown whole, of others the role and the endpoints that came or went."""
    if before is None:
        state, endpoints = "full", [_here(uri) for uri in member.endpoints]
    else:
        state = "partial"
        endpoints = [_here(uri) for uri in _without(member.endpoints, before.endpoints)]
        endpoints += [_gone("endpoint", uri) for uri in _without(before.endpoints, member.endpoints)]
    return (
        f'<user entity="{escaped(member.uri)}" state="{state}"><display-text>{escaped(member.name)}</display-text>'
        f"<roles><entry>{ROLES[member.moderator]}</entry></roles>{''.join(endpoints)}</user>"
    )


def _here(uri: str) -> str:
    return f'<endpoint entity="{escaped(uri)}" state="full"><status>connected</status></endpoint>'


def _gone(element: str, uri: str) -> str:
    return f'<{element} entity="{escaped(uri)}" state="deleted"/>'


def _without(uris: Iterable[str], others: Iterable[str]) -> list[str]:
    return [uri for uri in uris if uri not in others]


def _bool(value: bool) -> str:
    return "true" if value else "false"
