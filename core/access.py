"""Access levels: how much of a person a watcher may see.  One function decides for every protocol.

The decision is ``ContactLists.level``, in this order: the person themselves; whom the person has blocked; the hook
``access``; what stands on the contact list; the site's AccessPolicy; and whoever is left is a stranger.
"""

from __future__ import annotations

import enum
from dataclasses import replace
from typing import Literal

import msgspec

from .presence import Activity, PresenceDocument


class AccessLevel(enum.IntEnum):
    """From nothing to everything; Lync's containers 32000, 0, 100, 200, 300, 400."""

    BLOCKED = 0
    """Sees somebody who is always offline, and cannot write to them."""
    STRANGER = 1
    """No contact: sees the same as the blocked, but may write where policy lets them."""
    EXTERNAL = 2
    COLLEAGUES = 3
    WORKGROUP = 4
    PERSONAL = 5

    @property
    def sees(self) -> bool:
        """Whether anything at all is shown."""
        return self > AccessLevel.STRANGER


class AccessPolicy(msgspec.Struct, frozen=True):
    """What the site allows to those whom a person has neither blocked nor allowed."""

    same_domain: Literal["contacts", "everyone"] = "contacts"
    """Who of the person's own domain sees them: those they said yes to, or everyone, as colleagues."""
    public: bool = False
    """Whether a page whose viewer is unknown may show availability, and nothing but that."""


def rendered(document: PresenceDocument, level: AccessLevel) -> PresenceDocument:
    """The document as one access level sees it.  Hidden is the same, byte for byte, as offline.

    External contacts see the availability alone; everybody nearer sees activity, note and devices.
    """
    if not level.sees:
        return PresenceDocument(document.identity)
    if level is AccessLevel.EXTERNAL:
        devices = tuple(
            replace(d, activity=Activity.NONE, note="", idle_since=None, native=None) for d in document.devices
        )
        return PresenceDocument(document.identity, document.availability, since=document.since, devices=devices)
    return document
