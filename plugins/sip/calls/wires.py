"""What everything that carries calls shares: the server below, our addresses, the seals, the ways, the sessions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..syntax.headers import NameAddr
from ..syntax.message import Request, Response
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow
from .hops import Hops
from .session import Sessions
from .tokens import PARAM, Tokens


class Below(Protocol):
    """The SIP server, as far as calls need it."""

    def request(
        self, request: Request, flow: Flow, *, progress: Callable[[Response], None] | None = None, stamp: bool = True
    ) -> asyncio.Future[Response]:
        """Send a request over a flow."""

    def send(self, request: Request, flow: Flow) -> None:
        """Send an ACK."""


@dataclass(frozen=True, slots=True)
class Wires:
    """``domains`` are those whose credentials are meant for us, and whose addresses we know the ways to."""

    server: Below
    addresses: OwnAddresses
    tokens: Tokens
    hops: Hops
    domains: Sequence[str]
    start: Callable[[Coroutine[Any, Any, None]], object]
    sessions: Sessions = field(default_factory=Sessions)

    def record(self, request: Request, token: str, back: Flow, on: Flow) -> None:
        """Our Record-Route: one, or two where the sides reach us by different addresses (RFC 5658)."""
        params = {"lr": "", PARAM: token}
        behind, ahead = (str(NameAddr(self.addresses.uri(flow, params=params))) for flow in (back, on))
        request.add("Record-Route", behind, first=True)
        if ahead != behind:
            request.add("Record-Route", ahead, first=True)
