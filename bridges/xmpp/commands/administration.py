"""Service administration (XEP-0133): who may, and everything they may have done; and what everybody may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ....core.identity import Identity
from .command import Command, May
from .figures import Figures
from .own import OwnCommands
from .people import PeopleCommands
from .running import RunningCommands

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


def administrators(front_end: FrontEnd, admins: Iterable[str]) -> May:
    """Those whom the settings name, as long as they sign in here."""
    named = frozenset(Identity.parse(address) for address in admins)
    return lambda who: who in named and front_end.ours(who.domain)


def administration(front_end: FrontEnd, may: May) -> Iterable[Command]:
    """What administrators may have done, and everybody about themselves; every one of these really is."""
    yield from OwnCommands(front_end).commands()
    yield from PeopleCommands(front_end).commands(may)
    yield from Figures(front_end).commands(may)
    yield from RunningCommands(front_end).commands(may)
