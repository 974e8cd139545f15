"""Who is signed in where, by which channel each endpoint is reached, and for how long."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from .errors import NotFound, TooLarge
from .identity import Endpoint, Identity
from .message import Delivery, News

if TYPE_CHECKING:
    from .hookspecs import Hooks
    from .store import Directory

log = logging.getLogger(__name__)

MAX_ENDPOINTS = 10
"""Places one person may be signed in at once."""


class Channel(Protocol):
    """The way to an endpoint: a SIP flow, an XMPP stream, an IRC network, a test's list."""

    def deliver(self, delivery: Delivery) -> asyncio.Future[None] | None:
        """Show a message to the person.  Messages reach them in the order of the calls.

        None means it is done.  A future is done when the endpoint has taken the message; it fails with Undeliverable
        when the endpoint did not.  A channel that finds its endpoint dead signs it out.
        """

    def tell(self, news: News) -> None:
        """Something to know now or never; a channel whose protocol has no words for it ignores it."""


@dataclass(slots=True)
class Binding:
    """One signed-in endpoint.

    ``ready``: it takes messages (an XMPP resource before its first presence, or with a negative priority, does not).
    ``expires`` is the loop's time when the lease ends, None while the connection itself is the lease.
    """

    endpoint: Endpoint
    channel: Channel
    client: str = ""
    expires: float | None = None
    ready: bool = True
    remote: str = field(default="", compare=False)


class Registrar:
    """Identity -> endpoints -> channels: the bindings of RFC 3261 section 10 and the sessions of RFC 6121 section 4."""

    def __init__(self, hooks: Hooks, directory: Directory, node: str) -> None:
        self._hooks = hooks
        self._directory = directory
        self._node = node
        self._bindings: dict[Identity, dict[str, Binding]] = {}
        self._leases: list[tuple[float, int, Endpoint]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.departed: list[Callable[[Binding, str], None]] = []
        """Core services that must know at once when an endpoint is gone, and why."""
        self.elsewhere: list[Callable[[Identity, News], None]] = []
        """Told what there is to know for people who are signed in nowhere here: those of other domains, by whatever
        leads there."""

    def bind(self, binding: Binding) -> Binding | None:
        """Sign an endpoint in, or renew it.  Returns the binding it replaces, if that had another channel.

        Raises TooLarge when the person is signed in at MAX_ENDPOINTS places already.
        """
        here = self._bindings.setdefault(binding.endpoint.identity, {})
        before = here.get(binding.endpoint.instance)
        if before is None and len(here) >= MAX_ENDPOINTS:
            raise TooLarge(f"{binding.endpoint.identity} is signed in at {MAX_ENDPOINTS} places already")
        here[binding.endpoint.instance] = binding
        if binding.expires is not None:
            heapq.heappush(self._leases, (binding.expires, id(binding), binding.endpoint))
            self._arm()
        if before is None:
            self._in_background(self._directory.bind(binding.endpoint, self._node))
            self._hooks.endpoint_signed_in(endpoint=binding.endpoint, client=binding.client)
            log.info(
                "%s signed in with %s from %s", binding.endpoint, binding.client or "an unnamed client", binding.remote
            )
        return before if before is not None and before.channel is not binding.channel else None

    def unbind(self, endpoint: Endpoint, channel: Channel | None = None, reason: str = "signed out") -> Binding | None:
        """Sign an endpoint out, but only if ``channel`` (when given) is still the one it is bound to."""
        here = self._bindings.get(endpoint.identity, {})
        binding = here.get(endpoint.instance)
        if binding is None or (channel is not None and binding.channel is not channel):
            return None
        del here[endpoint.instance]
        if not here:
            del self._bindings[endpoint.identity]
        self._in_background(self._directory.unbind(endpoint, self._node))
        for told in self.departed:
            told(binding, reason)
        self._hooks.endpoint_signed_out(endpoint=endpoint, reason=reason)
        log.info("%s is gone: %s", endpoint, reason)
        return binding

    def of(self, who: Identity) -> list[Binding]:
        """Every endpoint the person is signed in at on this front end, ready or not."""
        return list(self._bindings.get(who, {}).values())

    def ready(self, who: Identity) -> list[Binding]:
        """Those that take messages."""
        return [b for b in self._bindings.get(who, {}).values() if b.ready]

    def at(self, endpoint: Endpoint) -> Binding | None:
        """One endpoint's binding."""
        return self._bindings.get(endpoint.identity, {}).get(endpoint.instance)

    def everybody(self) -> Iterable[Binding]:
        """Every binding on this front end."""
        for here in list(self._bindings.values()):
            yield from list(here.values())

    async def anywhere(self, who: Identity) -> bool:
        """Whether the person is signed in on any front end."""
        return bool(self._bindings.get(who)) or bool((await self._directory.where([who])).get(who))

    async def foreign(self, who: Identity) -> Channel:
        """The channel to somebody of another domain.  Raises NotFound when nothing routes there."""
        channel = await self._hooks.route(identity=who)
        if channel is None:
            raise NotFound(f"nothing routes to {who.domain}")
        return channel

    def tell(self, who: Identity, news: News, but: str = "") -> None:
        """Tell every endpoint of a person, except the instance ``but``."""
        here = self._bindings.get(who)
        if here is None:
            for told in self.elsewhere:
                told(who, news)
            return
        for binding in list(here.values()):
            if binding.endpoint.instance != but:
                binding.channel.tell(news)

    def _arm(self) -> None:
        """One timer, for the lease that ends first."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._leases:
            self._timer = asyncio.get_running_loop().call_at(self._leases[0][0], self._expire)

    def _expire(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._leases and self._leases[0][0] <= now:
            _, _, endpoint = heapq.heappop(self._leases)
            binding = self.at(endpoint)
            if binding is not None and binding.expires is not None and binding.expires <= now:
                self.unbind(endpoint, reason="its registration expired")
        self._timer = None
        self._arm()

    def _in_background(self, work: object) -> None:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def close(self) -> None:
        """Stop the lease timer."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
