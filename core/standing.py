"""How people belong to a conference, for good: its owners, admins and members, and who is banned from it.

The order is that of XEP-0045 section 5.2; other worlds know the same under other names (organiser, presenter).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

MAX_STANDINGS = 2_000
"""People of one conference who are owners, admins, members or banned."""


class Standing(enum.StrEnum):
    """Lowest first."""

    OUTCAST = "outcast"
    """Banned: does not come in."""
    NONE = "none"
    MEMBER = "member"
    """Comes in where the door is closed."""
    ADMIN = "admin"
    """Says who is a member, who moderates, and who is banned."""
    OWNER = "owner"
    """Says who is an admin or an owner, writes the charter, and ends the conference."""

    @property
    def rank(self) -> int:
        """The higher the more rights."""
        return RANKS[self]

    def reaches(self, other: Standing) -> bool:
        """Whether it gives at least the rights of ``other``."""
        return RANKS[self] >= RANKS[other]


RANKS = {standing: rank for rank, standing in enumerate(Standing)}


class Role(enum.StrEnum):
    """What a participant may do now, while they are there (XEP-0045 section 5.1)."""

    OUT = "out"
    """Not to be there."""
    LISTENER = "listener"
    SPEAKER = "speaker"
    MODERATOR = "moderator"


class Deed(enum.Enum):
    """What somebody may do because of how they belong to a conference."""

    EDIT_MEMBERS = "edit the list of members"
    BAN = "ban somebody"
    APPOINT_MODERATORS = "say who moderates"
    EDIT_ADMINS = "edit the list of admins"
    EDIT_OWNERS = "edit the list of owners"
    WRITE_CHARTER = "write the charter"
    END = "end the conference"


PRIVILEGES: Mapping[Deed, Standing] = {
    Deed.EDIT_MEMBERS: Standing.ADMIN,
    Deed.BAN: Standing.ADMIN,
    Deed.APPOINT_MODERATORS: Standing.ADMIN,
    Deed.EDIT_ADMINS: Standing.OWNER,
    Deed.EDIT_OWNERS: Standing.OWNER,
    Deed.WRITE_CHARTER: Standing.OWNER,
    Deed.END: Standing.OWNER,
}
"""The lowest standing that has each privilege (the table of XEP-0045 section 5.2.1)."""

LISTED_BY: Mapping[Standing, Deed] = {
    Standing.OUTCAST: Deed.BAN,
    Standing.NONE: Deed.EDIT_MEMBERS,
    Standing.MEMBER: Deed.EDIT_MEMBERS,
    Standing.ADMIN: Deed.EDIT_ADMINS,
    Standing.OWNER: Deed.EDIT_OWNERS,
}
"""Whose list it is that somebody of this standing is on."""
