"""What calls need besides the proxy: the plan, the trunks and their upkeep, joined for one front end."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ....core.forwarding import CallStep, TrunkState
from ....core.identity import Endpoint, Identity
from ..sign_in.registration import Registrations
from ..syntax.uri import SipUri
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow
from ..transport.outgoing import Outgoing
from ..transport.resolver import Resolver
from .desk_phones import DeskPhones
from .lines import Lines
from .plan import CallPlan
from .settings import CallOptions, TrunkOptions
from .trunks import Trunks
from .upkeep import Upkeep
from .wires import Below, Wires

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


class Telephony:
    """``foreign`` says whether calls go to a domain that is not ours."""

    def __init__(
        self,
        front_end: FrontEnd,
        calls: CallOptions,
        trunks: Mapping[str, TrunkOptions],
        *,
        server: Below,
        addresses: OwnAddresses,
        registrations: Registrations,
        resolve: Callable[[SipUri], Endpoint | None],
        outgoing: Outgoing,
        resolver: Resolver,
        start: Callable[[Coroutine[Any, Any, None]], object],
        foreign: Callable[[str], bool] = lambda domain: False,
    ) -> None:
        self.trunks = Trunks(trunks, front_end.ours, calls.emergency, outgoing, resolver)
        self.plan = CallPlan(
            front_end,
            calls,
            trunks,
            rings=lambda who: any(not way.flow.closed for way in registrations.ways(who)),
            resolve=resolve,
            foreign=foreign,
            up=self.trunks.up,
            room=self.trunks.room,
        )
        self.lines = Lines(server, self.trunks, front_end.ours, self.plan.numbers.of, start)
        """The server below, as the proxy is to see it."""
        self._upkeep = Upkeep(self.trunks, self.lines, addresses, front_end.clock, start)
        self.desk_phones = DeskPhones(front_end, self.trunks, self.plan.lines, server, addresses, start)

    def begin(self) -> None:
        """Register where that is wanted, look after the trunks, watch the desk phones behind them."""
        self._upkeep.begin()
        self.desk_phones.begin()

    def flow_closed(self, flow: Flow) -> None:
        """Whatever went over this flow needs another one."""
        self._upkeep.flow_closed(flow)
        self.desk_phones.flow_closed(flow)

    async def end(self) -> None:
        """Take leave of the trunks."""
        await self.desk_phones.end()
        await self._upkeep.end()

    def join(self, wires: Wires) -> None:
        """The proxy's ways lead to trunks from now on, and the trunks know how many calls they carry."""

        def carried(peer: str) -> set[str]:
            return {s.call_id for s in wires.sessions if peer in (s.caller.end.peer, s.callee.end.peer)}

        wires.hops.outside, wires.hops.again = self.trunks.hops, self.trunks.again
        self.trunks.carried = carried

    async def why_call(self, caller: Identity, callee: str) -> Sequence[CallStep]:
        """Where a call would ring, and why."""
        return await self.plan.explain(caller, callee)

    def states(self) -> list[TrunkState]:
        """How the trunks are, and the lines that are watched there."""
        states = []
        for state in self.trunks.states():
            health = self.desk_phones.health(state.name)
            why = "; ".join(filter(None, (state.why, health.why)))
            states.append(replace(state, lines=health.lines, lines_failing=health.failing, why=why))
        return states
