"""Federation: this server and those of other domains, over TLS with certificates on both sides (RFC 5922)."""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ....core.conversation import Conversation, Event
from ....core.errors import BadAddress, SettingsError, Undeliverable
from ....core.federation import LinkState, Partner
from ....core.identity import Identity
from ..errors import Refusal
from ..events.subscriptions import Subscriptions
from ..messages import letters
from ..messages.letters import Letter
from ..messages.phrases import people_in, phrase_of
from ..syntax.headers import NameAddr
from ..syntax.message import Request
from ..syntax.uri import SipUri
from ..transaction.server import SipServer
from ..translate import identity_of, sip_uri
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow
from ..transport.listeners import Listener
from ..transport.outgoing import Outgoing
from ..transport.resolver import NextHop, Resolver
from .entrance import Doorstep, entrance
from .interest import Ways
from .interests import Interests
from .neighbour import BACK_OFF, Neighbour, ProvenDomain, ascii_of, nearest
from .options import FederationOptions, PartnerOptions
from .post import TRIED_FOR, Post
from .trust import Trust

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ....core.registrar import Channel
    from ..messages.exchange import Exchange

log = logging.getLogger(__name__)

MAX_OPEN = 1000
"""Domains that nobody wrote down and that are spoken with all the same."""
LAST_WORDS = 0.2
"""Seconds for senders to be told what did not leave any more, when the server stops."""
EVENTS = frozenset(("presence", "conference"))
"""What people of other domains may subscribe to."""
NOT_ABROAD = frozenset(("PUBLISH", "REGISTER"))
"""Requests that only people of our own make."""


class Federation:
    """Made when the plugin starts, if there is a table [sip.federation]."""

    def __init__(
        self,
        front_end: FrontEnd,
        options: FederationOptions,
        server: SipServer,
        addresses: OwnAddresses,
        exchange: Exchange,
        subscriptions: Subscriptions,
        start: Callable[[Coroutine[Any, Any, None]], object],
        *,
        resolver: Resolver | None = None,
        tried_for: float = TRIED_FOR,
    ) -> None:
        self._front_end = front_end
        self._options = options
        self._server = server
        self._exchange = exchange
        self._subscriptions = subscriptions
        self._start = start
        self._tried_for = tried_for
        self._neighbours = {n.domain: n for n in (self._made(d, o) for d, o in options.partners.items())}
        self._written = frozenset(self._neighbours)
        self._posts: dict[str, Post] = {}
        stranger = self._stranger if options.open else None
        self._trust = Trust(self._neighbours.values(), front_end.tls.shown_by, stranger)
        self._resolver = resolver or Resolver(transports=("TLS",))
        self._doorstep = Doorstep(server, self._trust.proven)
        self._ports: dict[str, int] = {}
        self._outgoing = Outgoing(self._doorstep, self._ports)
        self._listener: Listener | None = None
        self.interests = Interests(front_end, self.neighbour_of, Ways(self.flow, server.request, addresses), start)
        front_end.federation.sources.append(self.partners)

    async def open(self, host: str) -> int:
        """Open the door.  Returns its port.  Raises SettingsError."""
        self._listener = entrance(self._doorstep, self._trust.incoming)
        try:
            self._ports["tls"] = await self._listener.open(host, self._options.port)
        except OSError as why:
            what = f"[sip.federation] port {self._options.port} cannot be opened: {why.strerror}; choose another port"
            raise SettingsError([what]) from None
        return self._ports["tls"]

    async def close(self) -> None:
        """Say goodbye, and close every connection."""
        self._front_end.federation.sources.remove(self.partners)
        self.interests.close()
        if any([post.close() for post in self._posts.values()]):
            await asyncio.sleep(LAST_WORDS)
        await self._outgoing.close()
        await self._resolver.close()
        if self._listener is not None and self._ports:
            await self._listener.close()

    # ---- who there is

    def partners(self) -> Iterable[Partner]:
        """How every domain is doing."""
        return [neighbour.status for neighbour in self._neighbours.values()]

    def neighbour_of(self, domain: str) -> Neighbour | None:
        """Whom a domain belongs to; None where we do not speak with it."""
        if self._front_end.ours(domain) or self._front_end.is_conference(domain):
            return None
        return nearest(self._neighbours, domain) or (self._stranger(domain) if self._options.open else None)

    def serves(self, domain: str) -> bool:
        """Whether requests to this domain leave by here."""
        return self.neighbour_of(domain) is not None

    def channel(self, who: Identity) -> Channel | None:
        """The way to somebody elsewhere."""
        neighbour = self.neighbour_of(who.domain)
        return self._post(neighbour) if neighbour is not None else None

    # ---- connections

    async def flow(self, neighbour: Neighbour) -> Flow:
        """A connection to a domain, opened if there is none.  Raises Undeliverable, at once while it rests."""
        if neighbour.rest() > 0:
            raise Undeliverable(neighbour.error)
        try:
            hops = await self._hops(neighbour)
            flow = await self._outgoing.first(hops, context=self._trust.outgoing(neighbour))
        except Undeliverable as why:
            neighbour.failed(str(why))
            log.warning("%s is not reached: %s", neighbour.domain, why)
            raise
        if flow.peer is None:
            flow.peer = ProvenDomain([neighbour])
        neighbour.worked()
        return flow

    def flow_closed(self, flow: Flow) -> None:
        """Subscriptions over it, in either direction, need another one."""
        peer = flow.peer
        if not isinstance(peer, ProvenDomain):
            return
        self.interests.flow_closed(flow)
        if self._subscriptions.carried(flow) and peer.neighbours:
            self._start(self._bring_back(flow, peer.neighbours[0]))

    # ---- what they may ask

    async def admit(self, request: Request, flow: Flow) -> None:
        """A request that comes from another domain.  Raises Refusal, BadAddress."""
        peer = flow.peer
        if not isinstance(peer, ProvenDomain):
            return
        sender = identity_of(request.from_)
        neighbour = peer.of(sender.domain)
        if neighbour is None:
            for each in peer.neighbours:
                each.refused += 1
            raise Refusal(403, f"{peer.name} does not speak for {sender.domain}"[:100])
        if not neighbour.may_ask(sender):
            raise Refusal(503, "", ("Retry-After", 5))
        if self._options.open and neighbour.domain not in self._written:
            await self._must_be_discovered(neighbour)
        neighbour.heard()
        self._must_be_for_us(request, neighbour)
        if request.method == "MESSAGE":
            neighbour.received += 1

    def _must_be_for_us(self, request: Request, neighbour: Neighbour) -> None:
        """Nothing is relayed from one other domain to the next."""
        event = request.event
        wrong = request.method in NOT_ABROAD or not self._is_ours(request)
        if wrong:
            neighbour.refused += 1
            raise Refusal(403, "only for people of this server, and nothing is relayed")
        if request.method == "SUBSCRIBE" and (event is None or event.value not in EVENTS):
            raise Refusal(489, "", ("Allow-Events", ", ".join(sorted(EVENTS))))

    def _is_ours(self, request: Request) -> bool:
        if request.to.tag:
            return True  # of a dialog, which is ours or is not there
        host = identity_of(request.target).domain if request.target.user else request.target.host.lower()
        return self._front_end.ours(host) or self._front_end.is_conference(host)

    async def _must_be_discovered(self, neighbour: Neighbour) -> None:
        """A domain that nobody wrote down has to be one that the DNS knows, too."""
        try:
            await self._hops(neighbour)
        except Undeliverable as why:
            neighbour.refused += 1
            raise Refusal(403, "the DNS does not lead to your domain") from why

    # ---- conferences

    def happened(self, event: Event) -> None:
        """Somebody joined or left: participants elsewhere hear it from the conference, in words."""
        conversation = self._front_end.immcu.conversations.get(event.conversation)
        if conversation is None or conversation.address is None:
            return
        for who in conversation.participants:
            neighbour = None if self._front_end.ours(who.domain) else self.neighbour_of(who.domain)
            if neighbour is not None:
                self._start(self._tell(neighbour, event, conversation, who))

    async def _tell(self, neighbour: Neighbour, event: Event, conversation: Conversation, to: Identity) -> None:
        names = {who: await self._exchange.name_of(who) for who in people_in(event, conversation)}
        text = phrase_of(event, conversation, to, lambda who: names.get(who, str(who)), "en")
        if not text or conversation.address is None:
            return
        letter = letters.plain(NameAddr(sip_uri(conversation.address)), text, secrets.token_hex(12))

        async def written() -> Letter:
            return letter

        self._post(neighbour).announce(to, written)

    # ---- inside

    def _made(self, domain: str, options: PartnerOptions) -> Neighbour:
        neighbour = Neighbour(domain, options, self._server.clock, self._front_end.clock)
        neighbour.watched = lambda: self.interests.watched_at(neighbour)
        return neighbour

    def _stranger(self, domain: str) -> Neighbour | None:
        """A domain that nobody wrote down, where the door is open."""
        if self._front_end.ours(domain) or self._front_end.is_conference(domain):
            return None
        known = nearest(self._neighbours, domain)
        if known is not None:
            return known if known.domain == domain else None
        if len(self._neighbours) >= len(self._written) + MAX_OPEN:
            self._forget_the_idle()
            if len(self._neighbours) >= len(self._written) + MAX_OPEN:
                return None
        try:
            neighbour = self._neighbours[domain] = self._made(domain, PartnerOptions())
        except BadAddress:
            return None
        return neighbour

    def _forget_the_idle(self) -> None:
        """Domains that nobody wrote down, that were not reached, and that nothing waits for."""
        for domain, neighbour in list(self._neighbours.items()):
            status = neighbour.status
            if domain not in self._written and status.state is not LinkState.UP and not status.queued + status.watched:
                del self._neighbours[domain]
                self._posts.pop(domain, None)

    def _post(self, neighbour: Neighbour) -> Post:
        post = self._posts.get(neighbour.domain)
        if post is None:
            post = self._posts[neighbour.domain] = Post(
                self._front_end, self._exchange, neighbour, self.flow, tried_for=self._tried_for
            )
        return post

    async def _hops(self, neighbour: Neighbour) -> Sequence[NextHop]:
        """Where its server is: as the administrator says, else as the DNS does (RFC 3263)."""
        place = neighbour.options.next_hop or ascii_of(neighbour.domain)
        uri = SipUri.parse(f"sip:{place};transport=tls" if neighbour.options.next_hop else f"sip:{place}")
        hops = await self._resolver.hops(uri, secure=True)
        return [hop._replace(name=neighbour.certificate_name) for hop in hops]

    async def _bring_back(self, flow: Flow, neighbour: Neighbour) -> None:
        """Their subscriptions go on over a connection of ours, unless they come back themselves."""
        for pause in BACK_OFF:
            await asyncio.sleep(max(pause, neighbour.rest()) * random.uniform(1.0, 1.2))
            left = self._subscriptions.carried(flow)
            if not left:
                return
            try:
                other = await self.flow(neighbour)
            except Undeliverable:
                continue
            for subscription in left:
                subscription.over_flow(other)
            return
