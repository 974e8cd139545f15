"""Where one endpoint is reached: what is bound for it, and the way a request takes to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ....core.identity import Endpoint
from ..messages.channel import SipChannel
from ..syntax.message import Request
from ..syntax.uri import SipUri
from ..transport.flow import Flow
from .contact import Bound


class Way(NamedTuple):
    """How a request gets to an endpoint: Request-URI, Routes, and the flow.  ``q`` is how much it is preferred."""

    endpoint: Endpoint
    flow: Flow
    contact: SipUri
    routes: tuple[str, ...]
    q: float


@dataclass(slots=True)
class Place:
    """One endpoint: its channel, and what is bound by reg-id; the flow that came last is used first."""

    channel: SipChannel
    bound: dict[int, Bound]

    @property
    def newest(self) -> Bound:
        """What is used."""
        return next(reversed(self.bound.values()))


@dataclass(frozen=True, slots=True)
class Arrival:
    """What holds for all the contacts of one REGISTER."""

    request: Request
    flow: Flow
    path: tuple[str, ...]
    client: str
    language: str
    now: float
