"""Calls to people of other domains, and what is said inside them: the way, for the proxy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....core.call import Party
from ....core.errors import Undeliverable
from ..calls.hops import Hop
from ..calls.stages import Target
from ..calls.tokens import End
from ..transaction.server import SipServer
from ..translate import identity_of
from ..transport.flow import Flow
from .neighbour import ProvenDomain

if TYPE_CHECKING:
    from .federation import Federation

KIND = ProvenDomain.kind


class CallsAbroad:
    """What the proxy asks where nobody here and no trunk is meant."""

    def __init__(self, federation: Federation, server: SipServer) -> None:
        self._federation = federation
        self._server = server

    async def hops(self, target: Target) -> Sequence[Hop]:
        """Where a call to another domain goes.  Raises Undeliverable, BadAddress."""
        who = identity_of(target.uri)
        neighbour = self._federation.neighbour_of(who.domain)
        if neighbour is None:
            raise Undeliverable(f"nothing leads to {target.uri.host}")
        flow = await self._federation.flow(neighbour)
        end = End(peer=f"{KIND}:{flow.peer.name if flow.peer is not None else neighbour.domain}")
        return [Hop(end, Party(who), flow, str(target.uri), headers=target.headers)]

    def again(self, peer: str) -> Flow | None:
        """An open flow to another domain, by ``domain:NAME``."""
        kind, _, name = peer.partition(":")
        if kind != KIND:
            return None
        found = (f for f in self._server.flows if isinstance(f.peer, ProvenDomain) and f.peer.name == name)
        return next((flow for flow in found if not flow.closed), None)
