"""A person's contact list: whom they know, in which groups, and who may see whose presence."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .errors import Refused, TooLarge
from .identity import Identity

MAX_CONTACTS = 1000
"""Entries of one person's list."""
MAX_GROUPS = 64
"""Groups of one entry."""
MAX_NAME = 1024
"""Bytes in a contact's name or a group's."""


class Subscription(enum.StrEnum):
    """Who sees whom, from the list owner's side (RFC 6121 section 2.1.2.5)."""

    NONE = "none"
    TO = "to"
    """The owner sees the contact."""
    FROM = "from"
    """The contact sees the owner."""
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Contact:
    """One entry.  ``asked``: the owner asked to see and has no answer yet; ``asking``: the contact asked the owner;
    ``approved``: the owner said yes before being asked; ``listed``: the owner put it on the list (an entry that only
    holds a stranger's question is not)."""

    owner: Identity
    address: Identity
    name: str = ""
    groups: tuple[str, ...] = ()
    subscription: Subscription = Subscription.NONE
    asked: bool = False
    asking: bool = False
    approved: bool = False
    listed: bool = True

    @property
    def sees(self) -> bool:
        """Whether the owner may see the contact's presence."""
        return self.subscription in (Subscription.TO, Subscription.BOTH)

    @property
    def seen(self) -> bool:
        """Whether the contact may see the owner's presence."""
        return self.subscription in (Subscription.FROM, Subscription.BOTH)


def check_names(name: str, groups: tuple[str, ...]) -> None:
    """Raises TooLarge or Refused for what is no name of a contact or a group (RFC 6121 section 2.3.3)."""
    if len(groups) > MAX_GROUPS:
        raise TooLarge(f"a contact is in no more than {MAX_GROUPS} groups")
    if not all(groups):
        raise Refused("a group needs a name")
    for text in (name, *groups):
        if len(text.encode("utf-8", "surrogatepass")) > MAX_NAME:
            raise TooLarge(f"a name is longer than {MAX_NAME} bytes")
        if any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
            raise Refused("a name has control characters")
