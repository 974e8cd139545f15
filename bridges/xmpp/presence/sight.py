"""Whether one person may look another up: the same answer for who hides and for who does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.access import AccessLevel
from ....core.identity import Identity

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


async def level_of(front_end: FrontEnd, watcher: Identity, who: Identity) -> AccessLevel:
    """How much the watcher may see; where everybody sees their colleagues, still nothing of people who are none."""
    level = await front_end.contacts.level(watcher, who)
    return level if level.sees and await front_end.accounts.exists(who) else AccessLevel.STRANGER
