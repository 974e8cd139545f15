"""REGISTER: which endpoints of a person are reached over which flow, and until when (RFC 3261 section 10)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from ....core.errors import TooLarge
from ....core.identity import Endpoint, Identity
from ....core.registrar import Binding
from ..errors import Refusal
from ..messages.channel import SipChannel
from ..messages.exchange import Exchange
from ..syntax.message import Request, Response
from ..translate import identity_of, sip_date
from ..transport.flow import Flow
from .contact import Bound, Leases, Wanted, wanted

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

MAX_CLIENT = 120
"""Characters of a User-Agent that are remembered."""

Start = Callable[[Coroutine[Any, Any, None]], object]


class Registrations:
    """The SIP side of the registrar: contacts and flows.  The leases themselves are the core's.

    A request goes to an endpoint over the flow on which it registered, never to the address its Contact names: phones
    behind NAT name addresses nobody reaches, and an attacker names somebody else's (RFC 5626).
    """

    def __init__(self, front_end: FrontEnd, exchange: Exchange, leases: Leases, start: Start) -> None:
        self._front_end = front_end
        self._exchange = exchange
        self._leases = leases
        self._start = start
        self._bound: dict[Endpoint, Bound] = {}
        self._channels: dict[Endpoint, SipChannel] = {}
        self._of_flow: dict[Flow, set[Endpoint]] = {}
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
        changes = wanted(request, self._leases)
        if changes is None:
            changes = [Wanted(e.instance, self._bound[e].contact, 0) for e in self._of(who)]
        for change in changes:
            bound = self._bound.get(Endpoint(who, change.instance))
            if bound is not None and bound.outdated(request):
                raise Refusal(400, "a REGISTER that was overtaken by a later one")
        client = (request.first("User-Agent") or "")[:MAX_CLIENT]
        language = await self._language(who)
        for change in changes:
            self._apply(Endpoint(who, change.instance), change, request, flow, client, language)
        now = asyncio.get_running_loop().time()
        contacts = [("Contact", self._bound[endpoint].printed(now)) for endpoint in self._of(who)]
        return request.reply(200, headers=[*contacts, ("Date", sip_date(self._exchange.clock()))])

    def at(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is registered here."""
        return endpoint in self._channels

    def on(self, flow: Flow, who: Identity) -> str:
        """The instance somebody registered over this flow, nothing if none."""
        return next((e.instance for e in self._of_flow.get(flow, ()) if e.identity == who), "")

    def flow_closed(self, flow: Flow) -> None:
        """Whoever registered over it cannot be reached any more."""
        for endpoint in list(self._of_flow.pop(flow, ())):
            channel = self._channels.get(endpoint)
            if channel is not None and channel.flow is flow:
                self._front_end.registrar.unbind(endpoint, channel, "connection lost")

    def unanswered(self, endpoint: Endpoint, flow: Flow) -> None:
        """It does not answer over this flow; if that is the one it registered over, it is lost."""
        channel = self._channels.get(endpoint)
        if channel is not None and channel.flow is flow:
            self._front_end.registrar.unbind(endpoint, channel, "it does not answer")

    def departed(self, binding: Binding, reason: str) -> None:
        """The core says that an endpoint is gone: signed out, lost, or its lease has ended."""
        endpoint, channel = binding.endpoint, binding.channel
        if not isinstance(channel, SipChannel) or self._channels.get(endpoint) is not channel:
            return
        del self._channels[endpoint]
        del self._bound[endpoint]
        self._off(endpoint, channel.flow)
        channel.close(reason)
        for told in self.signed_out:
            told(endpoint, reason)

    def close(self, reason: str) -> None:
        """Sign everybody out."""
        for endpoint, channel in list(self._channels.items()):
            self._front_end.registrar.unbind(endpoint, channel, reason)

    # ---- inside

    def _of(self, who: Identity) -> list[Endpoint]:
        mine = [binding.endpoint for binding in self._front_end.registrar.of(who)]
        return [endpoint for endpoint in mine if endpoint in self._bound]

    def _apply(
        self, endpoint: Endpoint, change: Wanted, request: Request, flow: Flow, client: str, language: str
    ) -> None:
        if change.expires == 0:
            if endpoint in self._channels:
                self._front_end.registrar.unbind(endpoint, self._channels[endpoint])
            return
        until = asyncio.get_running_loop().time() + change.expires
        before = self._channels.get(endpoint)
        channel = before or SipChannel(self._exchange, endpoint, change.contact.uri, flow, language)
        try:
            self._front_end.registrar.bind(Binding(endpoint, channel, client, until, remote=str(flow.remote)))
        except TooLarge as why:
            raise Refusal(403, str(why)) from None
        self._channels[endpoint] = channel
        self._bound[endpoint] = Bound(change.contact, request.call_id, request.cseq.number, until)
        if before is None:
            self._of_flow.setdefault(flow, set()).add(endpoint)
            for told in self.signed_in:
                self._start(told(endpoint, flow))
        else:
            self._move(channel, flow, change)

    def _move(self, channel: SipChannel, flow: Flow, change: Wanted) -> None:
        before = channel.flow
        channel.moved(flow, change.contact.uri)
        if before is not flow:
            self._off(channel.endpoint, before)
            self._of_flow.setdefault(flow, set()).add(channel.endpoint)
            for told in self.moved:
                told(channel.endpoint, flow)

    def _off(self, endpoint: Endpoint, flow: Flow) -> None:
        endpoints = self._of_flow.get(flow, set())
        endpoints.discard(endpoint)
        if not endpoints:
            self._of_flow.pop(flow, None)

    async def _language(self, who: Identity) -> str:
        person = await self._front_end.accounts.person(who)
        return person.language if person is not None else ""
