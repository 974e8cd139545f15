"""The plainest plan for a call: it rings everywhere the person is signed in whom the Request-URI names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ....core.access import AccessLevel
from ....core.errors import NotFound
from ....core.identity import Endpoint, Identity
from ..errors import Refusal
from ..syntax.message import Request
from ..syntax.uri import SipUri
from ..translate import identity_of
from ..transport.flow import Peer
from .stages import Stage, Target

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

RING_FOR = 60.0
"""Seconds that a call rings."""


class Direct:
    """Whoever does not exist is not found; whoever has blocked the caller is as one who is not there."""

    def __init__(self, front_end: FrontEnd, gruu: Callable[[SipUri], Endpoint | None]) -> None:
        self._front_end = front_end
        self._gruu = gruu

    async def stages(self, request: Request, caller: Identity | None, peer: Peer | None) -> Sequence[Stage]:
        """One stage.  Raises NotFound, BadAddress, Refusal 480."""
        endpoint = self._gruu(request.target)
        who = endpoint.identity if endpoint is not None else identity_of(request.target)
        if not self._front_end.ours(who.domain) or not await self._front_end.accounts.exists(who):
            raise NotFound(f"{who} is nobody here")
        if await self._front_end.contacts.level(caller, who) is AccessLevel.BLOCKED:
            raise Refusal(480)
        target = Target(request.target, who, instance=endpoint.instance if endpoint is not None else "")
        return [Stage((target,), RING_FOR)]
