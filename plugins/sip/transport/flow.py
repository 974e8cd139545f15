"""A flow: one way to one peer, and who signed in on it.  RFC 5626 section 3.2; knows no socket."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ....core.errors import Undeliverable
from ....core.identity import Identity
from .certified import NOBODY, Certified

MAX_REMARKS = 16
"""Different things said of one flow in the log."""


class Address(NamedTuple):
    """Where a socket is."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class FlowClosed(Undeliverable):
    """The connection is gone, and what was under way on it with it."""


class Wire(Protocol):
    """What carries a flow: a connection, a UDP socket, a WebSocket."""

    def write(self, data: bytes) -> None:
        """Send this; the peer's slowness is the wire's business."""

    @property
    def allowance(self) -> int:
        """Bytes it carries now without dropping them."""

    def expect(self) -> None:
        """One more message from there is welcome, whatever its rate."""

    def close(self) -> None:
        """Send what is left and close."""


class Peer(Protocol):
    """Who is at the other end of a flow that is another server's: a trunk, or a domain that proved itself."""

    kind: str
    """``trunk`` or ``domain``."""
    name: str

    def speaks_for(self, who: Identity) -> bool:
        """Whether its requests may come from this person."""


class Flow:
    """RFC 5626: requests to a user agent go back over the flow on which it registered."""

    __slots__ = (
        "__weakref__",
        "_remarks",
        "_via",
        "_wire",
        "attributes",
        "called",
        "certified",
        "closed",
        "id",
        "identity",
        "local",
        "peer",
        "reason",
        "reliable",
        "remote",
        "secure",
        "transport",
    )

    def __init__(self, id: str, wire: Wire, transport: str, remote: Address, local: Address) -> None:
        self._wire = wire
        self._remarks: set[str] = set()
        self._via = ""
        self.id = id
        self.transport = transport
        self.remote = remote
        self.local = local
        self.secure = transport in ("TLS", "WSS")
        self.reliable = transport != "UDP"
        self.identity: Identity | None = None
        """Who signed in.  Set it as soon as that is known: until then the flow has the limits of a stranger."""
        self.peer: Peer | None = None
        """Set where another server is at the other end, which need not prove each person it speaks for."""
        self.called = False
        """Whether it was we who opened it."""
        self.certified: Certified = NOBODY
        """Whom the peer's certificate names, where TLS has checked one."""
        self.attributes: dict[str, object] = {}
        """What the transaction user wants to know of this flow again."""
        self.closed = False
        self.reason = ""

    def send(self, data: bytes) -> None:
        """Send bytes.  To a closed flow they are lost, as they would be on the way."""
        if not self.closed:
            self._wire.write(data)

    def close(self, reason: str) -> None:
        """Send what is left and close."""
        if not self.closed:
            self.reason = self.reason or reason
            self._wire.close()

    def expect(self) -> None:
        """A request of ours goes there: its answer does not count against the peer."""
        self._wire.expect()

    @property
    def allowance(self) -> int:
        """The largest message that goes through now: an address that nobody proved gets no more than it sent."""
        return self._wire.allowance

    @property
    def known(self) -> bool:
        """Whether it has not the limits of a stranger: somebody signed in, another server proved itself, or we came."""
        return self.identity is not None or self.peer is not None or self.called

    @property
    def proves_sender(self) -> bool:
        """Whether what arrives here is from who signed in here: true of a connection, not of a UDP address."""
        return self.reliable

    def via(self, branch: str) -> str:
        """The Via of a request of ours, by which its response comes back here: RFC 3261 section 18.1.1."""
        if not self._via:
            host, port = self.local
            self._via = f"SIP/2.0/{self.transport} {f'[{host}]' if ':' in host else host}:{port};branch="
        alias = ";alias" if self.called and self.reliable else ""  # RFC 5923: they may use it, too
        return f"{self._via}{branch};rport{alias}"

    def first_time(self, remark: str) -> bool:
        """Whether this was not yet said of this flow: a thing that goes wrong a thousand times is logged once."""
        if remark in self._remarks or len(self._remarks) >= MAX_REMARKS:
            return False
        self._remarks.add(remark)
        return True

    def __repr__(self) -> str:
        return f"<flow {self.id} {self.transport} {self.remote}{f' {self.identity}' if self.identity else ''}>"
