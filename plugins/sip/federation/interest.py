"""Somebody of ours watches somebody elsewhere: one subscription of ours, and what it has shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ....core.identity import Identity
from ..events.link import Link, Wish
from ..events.subscriber import Subscriber
from ..presence import pidf
from ..syntax.message import Request, Response
from ..transaction.server import TimeoutExpired
from ..translate import sip_uri
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow
from .neighbour import Neighbour

RequestOver = Callable[[Request, Flow], "asyncio.Future[Response]"]


@dataclass(frozen=True, slots=True)
class Ways:
    """What all interests share: how to reach a domain, to send over a flow, and what to call ourselves."""

    flow: Callable[[Neighbour], Awaitable[Flow]]
    request: RequestOver
    addresses: OwnAddresses


class Interest:
    """One watcher of ours, one person elsewhere.  ``changed`` is called when what is known has changed.

    ``state``: empty until they answer, then ``pending``, ``active`` or ``rejected``.
    """

    def __init__(
        self,
        watcher: Identity,
        who: Identity,
        neighbour: Neighbour,
        ways: Ways,
        changed: Callable[[Interest], None],
    ) -> None:
        self.watcher, self.who, self.neighbour = watcher, who, neighbour
        self.state = ""
        self.claim: pidf.Claim | None = None
        self._ways = ways
        self._changed = changed
        wish = Wish(sip_uri(who), sip_uri(watcher), "presence", pidf.CONTENT_TYPE)
        link = Link(lambda: ways.flow(neighbour), self._request, ways.addresses, rest=neighbour.rest)
        self.subscriber = Subscriber(wish, link, self._hears, self._becomes)

    @property
    def lost(self) -> bool:
        """Whether the domain cannot be reached now."""
        return self.subscriber.lost

    # ---- inside

    def _hears(self, request: Request) -> None:
        """What a NOTIFY shows.  Raises MalformedXml, MalformedSip."""
        if request.body:
            self.claim = pidf.read(request.body)

    def _becomes(self) -> None:
        """A subscription that ended without a no is begun anew; until then what it has shown holds."""
        if self.subscriber.refused:
            self.state, self.claim = "rejected", None
        elif self.subscriber.active:
            self.state = "active"
        elif self.subscriber.pending:
            self.state = "pending"
        self._changed(self)

    def _request(self, request: Request, flow: Flow) -> asyncio.Future[Response]:
        answer = self._ways.request(request, flow)
        answer.add_done_callback(self._answered)
        return answer

    def _answered(self, answer: asyncio.Future[Response]) -> None:
        why = None if answer.cancelled() else answer.exception()
        if isinstance(why, TimeoutExpired):
            self.neighbour.failed(f"{self.neighbour.domain} does not answer")
        elif why is not None:
            self.neighbour.failed(str(why))
