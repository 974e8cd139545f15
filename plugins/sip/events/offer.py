"""Which events there are to subscribe to besides those of sessions: presence, watchers, waiting messages, calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..sign_in.registration import Start
from . import lamps, mailbox, watcher_info
from .lamps import LampsPackage
from .lists import EVENT_LIST, IN_THE_REQUEST, Lists
from .mailbox import MailboxPackage
from .subscriptions import Subscriptions
from .watcher_info import WatcherPackage
from .watching import PresencePackage

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


def offer(front_end: FrontEnd, subscriptions: Subscriptions, supported: set[str], start: Start) -> Callable[[], None]:
    """Enter the packages; what comes back withdraws them."""
    presence = PresencePackage(front_end, start)
    lists = Lists(front_end, presence, start)
    presence.variants.append(lists)
    watchers, waiting = WatcherPackage(front_end, start), MailboxPackage(front_end, start)
    subscriptions.packages |= {"presence": presence, watcher_info.NAME: watchers, mailbox.NAME: waiting}
    subscriptions.packages[lamps.NAME] = LampsPackage(front_end, start)
    supported |= {EVENT_LIST, IN_THE_REQUEST}

    def withdraw() -> None:
        for package in (lists, watchers, waiting):
            package.close()

    return withdraw
