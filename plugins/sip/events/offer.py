"""Which events there are to subscribe to besides those of sessions: presence, of one or many."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..sign_in.registration import Start
from .lists import EVENT_LIST, IN_THE_REQUEST, Lists
from .subscriptions import Subscriptions
from .watching import PresencePackage

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


def offer(front_end: FrontEnd, subscriptions: Subscriptions, supported: set[str], start: Start) -> Callable[[], None]:
    """Enter the packages; what comes back withdraws them."""
    presence = PresencePackage(front_end, start)
    lists = Lists(front_end, presence, start)
    presence.variants.append(lists)
    subscriptions.packages["presence"] = presence
    supported |= {EVENT_LIST, IN_THE_REQUEST}

    def withdraw() -> None:
        lists.close()

    return withdraw
