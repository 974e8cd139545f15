"""What a subscription of ours is to, and how the other server is reached (RFC 6665, the subscriber)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from ..syntax.message import Request, Response
from ..syntax.uri import SipUri
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow


class Password(Protocol):
    """An account at the other server: calls/credentials.py has it."""

    def heed(self, response: Response, request: Request) -> bool:
        """Take up the challenge of a 401 or 407; whether it is of use to ask again."""

    def sign(self, request: Request) -> None:
        """Put the answer to the latest challenge into a request."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is subscribed to, and in whose name; ``lasts`` is for how many seconds."""

    resource: SipUri
    by: SipUri
    event: str
    content_type: str
    lasts: int = 3600


@dataclass(frozen=True, slots=True)
class Link:
    """How the other server is reached.  ``flow`` raises Undeliverable; ``rest`` is how long it is to be left alone."""

    flow: Callable[[], Awaitable[Flow]]
    request: Callable[[Request, Flow], asyncio.Future[Response]]
    addresses: OwnAddresses
    password: Password | None = None
    rest: Callable[[], float] = lambda: 0.0
