"""REGISTER: which endpoints of a person are reached over which flows, and until when (RFC 3261 section 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from ....core.front_end import SIGNED_OUT
from ....core.identity import Endpoint, Identity
from ....core.registrar import MAX_ENDPOINTS, Binding
from ..errors import Refusal
from ..messages.channel import SipChannel
from ..messages.exchange import Exchange
from ..syntax.grammar import NO_PARAMS, Params
from ..syntax.headers import Via
from ..syntax.message import Request, Response
from ..translate import identity_of, sip_date
from ..transport.flow import Flow
from .contact import Bound, Leases, Wanted, path_of, supports, wanted
from .gruu import Gruus
from .places import Arrival, Place, Way

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

MAX_CLIENT = 120
"""Characters of a User-Agent that are remembered."""
MAX_FLOWS_OF_ONE = 4
"""Flows of one instance; a further one replaces the oldest."""
KEEP_ALIVE = 95
"""Seconds after which a phone that asks in Via shall say that it is alive (RFC 6223)."""
FLOW_TIMER = 120
"""Seconds after which a phone with several flows shall have said so on each of them (RFC 5626 section 4.4)."""

Start = Callable[[Coroutine[Any, Any, None]], object]


class Registrations:
    """The SIP side of the registrar: contacts and flows.  The leases themselves are the core's.

    A request goes to an endpoint over the flow on which it registered, never to the address its Contact names: phones
    behind NAT name addresses nobody reaches, and an attacker names somebody else's (RFC 5626).
    """

    def __init__(self, front_end: FrontEnd, exchange: Exchange, leases: Leases, start: Start, gruus: Gruus) -> None:
        self._front_end = front_end
        self._exchange = exchange
        self._leases = leases
        self._start = start
        self._gruus = gruus
        self._places: dict[Endpoint, Place] = {}
        self._of_flow: dict[Flow, set[Endpoint]] = {}
        exchange.when_lost = self._lost
        self.changed: list[Callable[[Identity], None]] = []
        """Who wants to know that a person's contacts are others, or hold for longer."""
        self.signed_in: list[Callable[[Endpoint, Flow], Coroutine[Any, Any, None]]] = []
        """Who wants to know, after the 200 has left, that an endpoint is there."""
        self.moved: list[Callable[[Endpoint, Flow], None]] = []
        """Who wants to know that an endpoint is now behind another flow."""
        self.signed_out: list[Callable[[Endpoint, str], None]] = []
        """Who wants to know that an endpoint is gone, and why."""

    async def register(self, request: Request, flow: Flow, who: Identity) -> Response:
        """Change somebody's bindings and answer with what there is now.  Raises Refusal, BadAddress, MalformedSip."""
        if identity_of(request.to) != who:
            raise Refusal(403, "registering somebody else")
        path = path_of(request)
        changes = wanted(request, self._leases)
        language = await self._exchange.language_of(who)
        now = asyncio.get_running_loop().time()
        self._prune(who, now)
        if changes is None:
            changes = [
                Wanted(endpoint.instance, bound.contact, 0, reg_id)
                for endpoint, place in self._of(who)
                for reg_id, bound in place.bound.items()
            ]
        self._check(changes, request, who)
        arrival = Arrival(request, flow, path, (request.first("User-Agent") or "")[:MAX_CLIENT], language, now)
        for change in changes:
            self._apply(Endpoint(who, change.instance), change, arrival)
        self._tell_of(who)
        return self._answer(arrival, who, outbound=any(change.reg_id and change.expires for change in changes))

    def at(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is registered here."""
        return endpoint in self._places

    def on(self, flow: Flow, who: Identity) -> str:
        """The instance somebody registered over this flow, nothing if none."""
        return next((e.instance for e in self._of_flow.get(flow, ()) if e.identity == who), "")

    def ways(self, who: Identity, instance: str = "") -> list[Way]:
        """How a person's endpoints are reached, or that one: the preferred first, among equals the latest."""
        found = [
            Way(endpoint, bound.flow, bound.contact.uri, bound.path, bound.q)
            for endpoint, place in reversed(self._of(who))
            if (bound := place.newest) and (not instance or endpoint.instance == instance)
        ]
        return sorted(found, key=lambda way: -way.q)

    def bound(self, who: Identity) -> dict[tuple[Endpoint, int], Bound]:
        """Every contact of a person, by endpoint and reg-id."""
        return {(endpoint, reg): bound for endpoint, place in self._of(who) for reg, bound in place.bound.items()}

    def features(self, endpoint: Endpoint) -> Params:
        """What an endpoint's Contact says that it can do (RFC 3840)."""
        place = self._places.get(endpoint)
        return place.newest.contact.params if place is not None and place.bound else NO_PARAMS

    def flow_closed(self, flow: Flow) -> None:
        """Whoever registered over it cannot be reached by it any more."""
        for endpoint in list(self._of_flow.get(flow, ())):
            self._drop(endpoint, flow, "connection lost")

    def unanswered(self, endpoint: Endpoint, flow: Flow) -> None:
        """It does not answer over this flow; if it registered over no other one, it is lost."""
        self._drop(endpoint, flow, "it does not answer")

    def departed(self, binding: Binding, reason: str) -> None:
        """The core says that an endpoint is gone: signed out, lost, or its lease has ended."""
        endpoint, channel = binding.endpoint, binding.channel
        place = self._places.get(endpoint)
        if place is None or place.channel is not channel:
            return
        del self._places[endpoint]
        self._gruus.alive(endpoint, ())
        for bound in place.bound.values():
            self._off(endpoint, bound.flow)
        self._off(endpoint, place.channel.flow)
        place.channel.close(reason)
        for told in self.signed_out:
            told(endpoint, reason)
        self._tell_of(endpoint.identity)

    def close(self, reason: str) -> None:
        """Sign everybody out."""
        for endpoint, place in list(self._places.items()):
            self._front_end.registrar.unbind(endpoint, place.channel, reason)

    # ---- inside

    def _of(self, who: Identity) -> list[tuple[Endpoint, Place]]:
        mine = [binding.endpoint for binding in self._front_end.registrar.of(who)]
        return [(endpoint, self._places[endpoint]) for endpoint in mine if endpoint in self._places]

    def _prune(self, who: Identity, now: float) -> None:
        """What has ended of an endpoint with several flows; the end of the last one is the core's business."""
        for endpoint, place in self._of(who):
            for bound in [b for b in place.bound.values() if b.until <= now][: len(place.bound) - 1]:
                self._drop(endpoint, bound.flow, "its registration expired")

    def _check(self, changes: Sequence[Wanted], request: Request, who: Identity) -> None:
        """All of a REGISTER is done or nothing (RFC 3261 section 10.3, item 7).  Raises Refusal."""
        for change in changes:
            place = self._places.get(Endpoint(who, change.instance))
            bound = place.bound.get(change.reg_id) if place is not None else None
            if bound is not None and bound.outdated(request):
                raise Refusal(400, "a REGISTER that was overtaken by a later one")
        there = {binding.endpoint.instance for binding in self._front_end.registrar.of(who)}
        if len(there | {change.instance for change in changes if change.expires}) > max(MAX_ENDPOINTS, len(there)):
            raise Refusal(403, f"{who} is signed in at {MAX_ENDPOINTS} places already")

    def _apply(self, endpoint: Endpoint, change: Wanted, arrival: Arrival) -> None:
        place = self._places.get(endpoint)
        if change.expires == 0:
            return self._remove(endpoint, change.reg_id, SIGNED_OUT)
        request, flow = arrival.request, arrival.flow
        until = arrival.now + change.expires
        bound = Bound(change.contact, request.call_id, request.cseq.number, until, flow, arrival.path)
        is_new = place is None
        if place is None:
            channel = SipChannel(self._exchange, endpoint, bound.contact.uri, flow, arrival.language)
            place = self._places[endpoint] = Place(channel, {})
        self._bind(endpoint, place, change.reg_id, bound)
        lease = max(b.until for b in place.bound.values())
        self._front_end.registrar.bind(Binding(endpoint, place.channel, arrival.client, lease, remote=str(flow.remote)))
        self._use(endpoint, place)
        if is_new:
            for told in self.signed_in:
                self._start(told(endpoint, flow))

    def _bind(self, endpoint: Endpoint, place: Place, reg_id: int, bound: Bound) -> None:
        """A renewal over the same flow changes nothing in the order in which flows are used."""
        before = place.bound.get(reg_id)
        if before is not None and before.flow is not bound.flow:
            del place.bound[reg_id]
            self._off(endpoint, before.flow)
        place.bound[reg_id] = bound
        self._of_flow.setdefault(bound.flow, set()).add(endpoint)
        while len(place.bound) > MAX_FLOWS_OF_ONE:
            oldest = place.bound.pop(next(iter(place.bound)))
            self._off(endpoint, oldest.flow)

    def _use(self, endpoint: Endpoint, place: Place) -> None:
        """Reach it over the flow that came last, from now on."""
        channel, newest = place.channel, place.newest
        before = channel.flow
        still = any(bound.flow is before for bound in place.bound.values())
        channel.moved(newest.flow, newest.contact.uri, newest.path, again=not still)
        self._gruus.alive(endpoint, {bound.call_id for bound in place.bound.values()})
        if before is not newest.flow:
            for told in self.moved:
                told(endpoint, newest.flow)

    def _drop(self, endpoint: Endpoint, flow: Flow, reason: str) -> None:
        """The endpoint is not behind this flow any more."""
        place = self._places.get(endpoint)
        for reg_id in [r for r, bound in place.bound.items() if bound.flow is flow] if place is not None else []:
            self._remove(endpoint, reg_id, reason)

    def _remove(self, endpoint: Endpoint, reg_id: int, reason: str) -> None:
        """One binding less; with the last one the endpoint is gone."""
        place = self._places.get(endpoint)
        if place is None or reg_id not in place.bound:
            return
        if len(place.bound) == 1:
            self._front_end.registrar.unbind(endpoint, place.channel, reason)
            return
        self._off(endpoint, place.bound.pop(reg_id).flow)
        self._use(endpoint, place)
        self._tell_of(endpoint.identity)

    def _tell_of(self, who: Identity) -> None:
        for told in self.changed:
            told(who)

    def _lost(self, channel: SipChannel, reason: str) -> None:
        self._drop(channel.endpoint, channel.used, reason)

    def _off(self, endpoint: Endpoint, flow: Flow) -> None:
        place = self._places.get(endpoint)
        if place is not None and any(bound.flow is flow for bound in place.bound.values()):
            return
        endpoints = self._of_flow.get(flow, set())
        endpoints.discard(endpoint)
        if not endpoints:
            self._of_flow.pop(flow, None)

    def _answer(self, arrival: Arrival, who: Identity, *, outbound: bool) -> Response:
        request, via = arrival.request, arrival.request.via[0]
        if via.params.get("keep") == "":
            kept = via.params.plus({"keep": str(KEEP_ALIVE)})
            request.set_top("Via", Via(via.transport, via.host, via.port, kept))
        headers: list[tuple[str, object]] = [
            ("Contact", bound.printed(arrival.now, self._gruus_of(endpoint, bound, request)))
            for endpoint, place in self._of(who)
            for bound in place.bound.values()
        ]
        headers += [("Date", sip_date(self._exchange.clock())), *(("Path", value) for value in arrival.path)]
        headers.append(("Supported", "gruu, outbound, path"))
        if outbound:
            headers += [("Require", "outbound"), *([] if arrival.path else [("Flow-Timer", FLOW_TIMER)])]
        return request.reply(200, headers=headers)

    def _gruus_of(self, endpoint: Endpoint, bound: Bound, request: Request) -> dict[str, str]:
        """For who knows them, and for contacts that say which instance they are (RFC 5627 section 5.1)."""
        if not supports(request, "gruu") or "+sip.instance" not in bound.contact.params:
            return {}
        scheme = request.to.uri.scheme
        temporary = self._gruus.temporary(endpoint, bound.call_id, scheme)
        return {"pub-gruu": str(self._gruus.public(endpoint, scheme)), "temp-gruu": str(temporary)}
