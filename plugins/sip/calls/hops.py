"""Where an INVITE can go from here: a person's registered endpoints, or whatever leads outside."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from ....core.call import Party
from ....core.errors import HereaboutsError
from ....core.identity import Identity
from ..sign_in.places import Way
from ..translate import short
from ..transport.flow import Flow
from .stages import Stage, Target
from .tokens import End

log = logging.getLogger(__name__)

MAX_BRANCHES = 50
"""Places where one INVITE rings at once."""


class Hop(NamedTuple):
    """One place to send a request to: its Request-URI, Routes and flow; ``q`` is how much it is preferred."""

    end: End
    party: Party
    flow: Flow
    uri: str
    routes: tuple[str, ...] = ()
    q: float = 1.0
    headers: tuple[tuple[str, str], ...] = ()


Outside = Callable[[Target], Awaitable[Sequence[Hop]]]
"""The hops to a target that is nobody's endpoint here: a trunk, another domain.  Raises Undeliverable."""
Ways = Callable[[Identity, str], Sequence[Way]]
"""How a person's endpoints are reached, or that one; Registrations.ways."""


class Hops:
    """Nothing else decides on which flow a request leaves: a Request-URI never does."""

    def __init__(self, ways: Ways, outside: Outside | None = None) -> None:
        self._ways = ways
        self.outside = outside
        """Set by whoever knows trunks and other domains."""
        self.again: Callable[[str], Flow | None] = lambda peer: None
        """An open flow to another server, by what ``End.peer`` calls it."""

    async def of(self, stage: Stage, but: End, *, secure: bool = False) -> list[list[Hop]]:
        """The places of a stage, those preferred by q before the others; never the one the call comes from.

        ``secure`` ones only for a sips URI: every hop of its way is encrypted (RFC 3261 section 26.2.2).
        """
        found: list[Hop] = []
        for target in stage.targets:
            try:
                found += await self._of(target)
            except HereaboutsError as why:
                log.info("%s is not reached: %s", target.uri, why)
        found = [hop for hop in found if (hop.end != but or hop.end.peer) and (hop.flow.secure or not secure)]
        found = found[:MAX_BRANCHES]
        found.sort(key=lambda hop: -hop.q)
        return [list(hops) for _, hops in groupby(found, key=lambda hop: hop.q)]

    def way(self, end: End) -> Hop | None:
        """How one end of a call is reached now; None when it is not."""
        if end.who is None:
            flow = self.again(end.peer)
            return Hop(end, Party(end.peer), flow, "") if flow is not None else None
        return next((hop for hop in self._person(end.who) if hop.end == end), None)

    async def _of(self, target: Target) -> Sequence[Hop]:
        if target.who is not None:
            return self._person(target.who, target.instance, target.headers)
        return await self.outside(target) if self.outside is not None else ()

    def _person(self, who: Identity, instance: str = "", headers: tuple[tuple[str, str], ...] = ()) -> list[Hop]:
        return [
            Hop(
                place_of(who, way.endpoint.instance),
                Party(who, instance=way.endpoint.instance),
                way.flow,
                str(way.contact),
                way.routes,
                way.q,
                headers,
            )
            for way in self._ways(who, instance)
            if not way.flow.closed
        ]


def place_of(who: Identity, instance: str) -> End:
    """A person's endpoint as an end of a call."""
    return End(who, short(instance) if instance else "")
