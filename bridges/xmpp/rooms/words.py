"""What the core's words for people in a conference are called in rooms (XEP-0045 sections 5 and 16.6.2)."""

from __future__ import annotations

from collections.abc import Mapping

from ....core.conversation import Removal
from ....core.standing import Role, Standing

ROLES: Mapping[Role, str] = {
    Role.OUT: "none",
    Role.LISTENER: "visitor",
    Role.SPEAKER: "participant",
    Role.MODERATOR: "moderator",
}
ROLE_OF = {name: role for role, name in ROLES.items()}

AFFILIATIONS: Mapping[Standing, str] = {
    Standing.OUTCAST: "outcast",
    Standing.NONE: "none",
    Standing.MEMBER: "member",
    Standing.ADMIN: "admin",
    Standing.OWNER: "owner",
}
STANDING_OF = {name: standing for standing, name in AFFILIATIONS.items()}

NON_ANONYMOUS = 100
CONFIGURED = 104
SELF = 110
LOGGED = 170
NOT_LOGGED = 171
NOW_NON_ANONYMOUS = 172
NOW_SEMI_ANONYMOUS = 173
CREATED = 201
NICK_CHANGED_BY_ROOM = 210
BANNED = 301
NICK_CHANGE = 303
KICKED = 307
NO_MEMBER = 321
MEMBERS_ONLY = 322
TECHNICAL = 333
"""Status codes."""

REMOVALS: Mapping[Removal, int] = {
    Removal.EJECTED: KICKED,
    Removal.BANNED: BANNED,
    Removal.NO_MEMBER: NO_MEMBER,
    Removal.DOOR_CLOSED: MEMBERS_ONLY,
}
"""Why somebody was removed."""
