"""A bound stream as the router sees it, and the router as the stream sees it."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..syntax import jid
from .management import REQUEST, Ledger

if TYPE_CHECKING:
    from ....core.identity import Endpoint, Identity
    from ....core.registrar import Channel
    from ..syntax.stanza import Stanza


class Wire(Protocol):
    """What carries a session's bytes: a connection, or a test's list."""

    def write(self, data: bytes) -> None:
        """Queue one element; everything queued in one turn of the loop leaves in one write."""

    def close(self, condition: str | None, text: str) -> None:
        """End the stream, with a stream error (RFC 6120 section 4.9) if a condition is given."""

    def give_up(self) -> None:
        """The session goes on over another wire: end the stream without ending the session."""


class Session:
    """One bound stream, which is one endpoint (RFC 6120 section 7)."""

    __slots__ = (
        "_wire",
        "away",
        "bare",
        "bare_bytes",
        "carbons",
        "client",
        "closed",
        "directed",
        "endpoint",
        "extra",
        "identity",
        "interested",
        "jid",
        "jid_bytes",
        "lang",
        "ledger",
        "presence",
        "priority",
    )

    def __init__(self, endpoint: Endpoint, wire: Wire, *, lang: str = "", client: str = "") -> None:
        self.endpoint = endpoint
        self.identity: Identity = endpoint.identity
        self.bare = str(endpoint.identity)
        self.bare_bytes = self.bare.encode()
        self.jid = jid.full_jid(endpoint)
        self.jid_bytes = jid.quoted(self.jid)
        """The full JID as it goes into an attribute: ``b"<message from='" + session.jid_bytes + b"'"``."""
        self.lang = lang
        """The stream's xml:lang: what stanzas without one are written in (RFC 6120 section 8.1.5)."""
        self.client = client
        self.closed = False
        self.away = False
        """Its connection broke, and its client may come back (XEP-0198 section 5)."""
        self.ledger: Ledger | None = None
        """The account of stream management (XEP-0198), once the client has asked for it."""
        self._wire = wire
        # What the router keeps about the session.
        self.presence: bytes | None = None
        self.priority = 0
        self.interested = False
        self.carbons = False
        self.directed: set[str] = set()
        self.extra: dict[str, Any] = {}

    def send(self, data: bytes) -> None:
        """Queue one stanza.  A session that is closed, or whose client does not read, takes nothing."""
        if self.closed:
            return
        self._wire.write(data)
        if self.ledger is not None:
            if self.ledger.say(data):
                self._wire.write(REQUEST)
            if self.ledger.full:
                self.close("resource-constraint", "too much was sent without an acknowledgement")

    def send_all(self, stanzas: Sequence[bytes]) -> None:
        """Queue several stanzas."""
        for stanza in stanzas:
            self.send(stanza)

    def write(self, data: bytes) -> None:
        """Queue what is no stanza."""
        if data and not self.closed:
            self._wire.write(data)

    def done(self, number: int) -> None:
        """The work for the client's stanza of this number is done."""
        if self.ledger is not None:
            self.write(self.ledger.done(number))

    def carried_by(self, wire: Wire) -> Wire:
        """Go on over another wire; the one before is returned."""
        before, self._wire = self._wire, wire
        return before

    def close(self, condition: str | None = None, text: str = "") -> None:
        """End the stream from our side; the router hears of it through ``closed``."""
        if not self.closed:
            self._wire.close(condition, text)

    def __repr__(self) -> str:
        return f"<Session {self.jid}>"


class Router(Protocol):
    """What happens with the stanzas of bound streams."""

    def channel(self, session: Session) -> Channel:
        """The core's way to this session; it is bound in the registrar, not ready, before ``opened`` is called."""

    def opened(self, session: Session) -> None:
        """A resource was bound, and the client has been told."""

    def receive(self, session: Session, stanza: Stanza) -> Awaitable[None] | None:
        """A stanza came, or an element of another namespace after sign-in.  Calls come in the order of the stream.

        An awaitable is work still to be done; it is started at once, and the next stanza does not wait for it.
        """

    def closed(self, session: Session, reason: str) -> None:
        """The stream is gone: "signed out", "connection lost", "replaced", "server stopping", ...

        The registrar has been told before.
        """
