"""Trunks: lines to PBXs and providers, who is one, how it is reached, and how many calls it carries."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Protocol

from ....core.call import Party
from ....core.errors import Busy, Undeliverable
from ....core.forwarding import TrunkState
from ....core.identity import Identity
from ..syntax.message import Request
from ..syntax.uri import SipUri
from ..transport.flow import Flow
from ..transport.outgoing import Outgoing
from ..transport.resolver import Resolver
from .credentials import Account
from .dial_plan import dialled
from .hops import Hop
from .settings import TrunkOptions
from .stages import Target
from .tokens import End

log = logging.getLogger(__name__)

TRUNK = "trunk"
ASSERTED = "P-Asserted-Identity"
"""Who somebody is, said among servers that believe each other: RFC 3325 section 9.1."""


@dataclass(slots=True, eq=False)
class TrunkPeer:
    """A trunk at the other end of a flow.  It speaks for strangers and for numbers, never for people of ours.

    A short number in front of our domain may be the name of an account; one that begins with + hardly is.
    """

    name: str
    trusted: bool
    ours: Callable[[str], bool]
    kind: str = TRUNK

    def speaks_for(self, who: Identity) -> bool:
        """Whether a call of its may come from there."""
        if not self.ours(who.domain):
            return True
        return who.user.startswith("+") and dialled(SipUri("sip", who.user, who.domain)) is not None


class Carried(Protocol):
    """Who knows which calls there are: the Call-IDs of those with one end at ``trunk:NAME``."""

    def __call__(self, peer: str) -> set[str]: ...


@dataclass(slots=True, eq=False)
class Trunk:
    """One trunk while the server runs."""

    name: str
    options: TrunkOptions
    peer: TrunkPeer
    account: Account
    context: ssl.SSLContext | None
    flows: dict[int, Flow] = field(default_factory=dict)
    """The latest flow to each of its hops."""
    trouble: dict[int, str] = field(default_factory=dict)
    """What is wrong with a hop, nothing for one that answers."""
    setups: set[str] = field(default_factory=set)
    """The Call-IDs of INVITEs that wait for their final response."""
    registered: str = ""
    """Until when, or why not."""

    @property
    def domain(self) -> str:
        """What it calls itself."""
        return self.options.domain or SipUri.parse(self.options.hops[0]).host

    @property
    def up(self) -> bool:
        """Whether one of its hops seems to answer; what nobody has looked at does."""
        return any(not self.trouble.get(place) for place in range(len(self.options.hops)))


class Trunks:
    """All of them.  ``carried`` is set by whoever carries calls."""

    def __init__(
        self,
        options: Mapping[str, TrunkOptions],
        ours: Callable[[str], bool],
        emergency: Sequence[str],
        outgoing: Outgoing,
        resolver: Resolver,
    ) -> None:
        self._outgoing = outgoing
        self._resolver = resolver
        self._emergency = emergency
        self.all = {
            name: Trunk(
                name,
                one,
                TrunkPeer(name, one.trusted, ours),
                Account(one.username, one.password),
                _believing(one.authority),
            )
            for name, one in options.items()
        }
        self._sources = [(ip_network(text), trunk) for trunk in self.all.values() for text in trunk.options.sources]
        self.carried: Carried = lambda peer: set()
        self.elsewhere: Callable[[Target], Awaitable[Sequence[Hop]]] | None = None
        """Who knows the way to domains that are not ours."""
        self.again_elsewhere: Callable[[str], Flow | None] = lambda peer: None
        """And an open flow to one of them, by what ``End.peer`` calls it."""
        self.troubled: Callable[[Trunk], None] = lambda trunk: None
        """Told when a hop of a trunk does not answer any more."""

    # ---- who it is

    def arrived(self, request: Request, flow: Flow) -> None:
        """A request came over a flow: recognise whose it is, and believe only trusted trunks about who calls.

        Nobody registers here as a trunk: who does is a phone, though it stands where a PBX does.
        """
        if flow.peer is None and flow.identity is None and request.method != "REGISTER":
            flow.peer = self._recognised(flow)
        if request.first(ASSERTED) and not (isinstance(flow.peer, TrunkPeer) and flow.peer.trusted):
            request.drop(ASSERTED)

    def at(self, flow: Flow) -> Trunk | None:
        """The trunk at the other end of a flow."""
        return self.all[flow.peer.name] if isinstance(flow.peer, TrunkPeer) else None

    # ---- how it is reached

    async def hops(self, target: Target) -> Sequence[Hop]:
        """Where a call to a trunk goes.  Raises Undeliverable, and Busy when it carries as many calls as it may."""
        trunk = self.all.get(target.trunk)
        if trunk is None:
            if self.elsewhere is None:
                raise Undeliverable(f"nothing leads to {target.uri}")
            return await self.elsewhere(target)
        if target.number not in self._emergency and not self.room(trunk.name):
            raise Busy(f"the trunk {trunk.name} has its {trunk.options.max_calls} calls")
        flow = await self.flow(trunk, target.place)
        end = End(peer=f"{TRUNK}:{trunk.name}")
        return [Hop(end, Party(target.number), flow, str(target.uri), headers=target.headers)]

    async def flow(self, trunk: Trunk, place: int) -> Flow:
        """A flow to one of a trunk's hops.  Raises Undeliverable."""
        try:
            found = await self._resolver.hops(SipUri.parse(trunk.options.hops[place]))
            flow = await self._outgoing.first(found, context=trunk.context)
        except Undeliverable as why:
            self.noted(trunk, place, str(why))
            raise
        flow.peer = flow.peer or trunk.peer
        trunk.flows[place] = flow
        return flow

    def again(self, peer: str) -> Flow | None:
        """An open flow to a trunk, by ``trunk:NAME``, for what is said inside a call; or to another domain."""
        kind, _, name = peer.partition(":")
        if kind != TRUNK:
            return self.again_elsewhere(peer)
        trunk = self.all.get(name)
        return next((f for f in trunk.flows.values() if not f.closed), None) if trunk is not None else None

    # ---- how it is

    def noted(self, trunk: Trunk, place: int, trouble: str) -> None:
        """A hop answers (no trouble), or does not; a change is logged."""
        before = trunk.trouble.get(place, "")
        trunk.trouble[place] = trouble
        if bool(before) != bool(trouble):
            where = trunk.options.hops[place]
            log.log(
                logging.WARNING if trouble else logging.INFO, "trunk %s, %s: %s", trunk.name, where, trouble or "is up"
            )
            if trouble:
                self.troubled(trunk)

    def up(self, name: str, place: int = -1) -> bool:
        """Whether a trunk, or one of its hops, seems to work."""
        trunk = self.all[name]
        return trunk.up if place < 0 else not trunk.trouble.get(place)

    def calls(self, name: str) -> set[str]:
        """The Call-IDs of the calls it carries."""
        return self.carried(f"{TRUNK}:{name}") | self.all[name].setups

    def room(self, name: str) -> bool:
        """Whether one more call may go or come that way."""
        return len(self.calls(name)) < self.all[name].options.max_calls

    def states(self) -> list[TrunkState]:
        """How all of them are."""
        return [
            TrunkState(
                trunk.name,
                _state(trunk),
                list(trunk.options.hops),
                trunk.registered,
                len(self.calls(trunk.name)),
                trunk.options.max_calls,
                "; ".join(filter(None, trunk.trouble.values())),
            )
            for trunk in self.all.values()
        ]

    # ---- inside

    def _recognised(self, flow: Flow) -> TrunkPeer | None:
        for trunk in self.all.values():
            if trunk.options.certificate_name and flow.certified.names(trunk.options.certificate_name):
                return trunk.peer
        if self._sources:
            try:
                address = ip_address(flow.remote.host)
            except ValueError:
                return None
            for network, trunk in self._sources:
                if address in network:
                    return trunk.peer
        return None


def _believing(authority: str) -> ssl.SSLContext | None:
    """The context that trusts this authority alone; None for the usual one."""
    if not authority:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version, context.check_hostname = ssl.TLSVersion.TLSv1_2, False  # whom it names, Outgoing looks at
    context.load_verify_locations(authority)
    return context


def _state(trunk: Trunk) -> str:
    if not trunk.trouble:
        return "unknown"
    return "up" if not any(trunk.trouble.values()) else "partly up" if trunk.up else "down"
