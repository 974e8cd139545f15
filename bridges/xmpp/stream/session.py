"""A bound stream as the router sees it, and the router as the stream sees it."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, Protocol

from ..syntax import jid

if TYPE_CHECKING:
    from ....core.identity import Endpoint, Identity
    from ....core.registrar import Channel
    from ..syntax.stanza import Stanza


class Wire(Protocol):
    """What carries a session's bytes: a connection, or a test's list."""

    def write(self, data: bytes) -> None:
        """Queue bytes; everything queued in one turn of the loop leaves in one write."""

    def close(self, condition: str | None, text: str) -> None:
        """End the stream, with a stream error (RFC 6120 section 4.9) if a condition is given."""


class Session:
    """One bound stream, which is one endpoint (RFC 6120 section 7)."""

    __slots__ = (
        "_wire",
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
        self._wire = wire
        # What the router keeps about the session.
        self.presence: bytes | None = None
        self.priority = 0
        self.interested = False
        self.carbons = False
        self.directed: set[str] = set()
        self.extra: dict[str, Any] = {}

    def send(self, data: bytes) -> None:
        """Queue one or more whole stanzas.  A session that is closed, or whose client does not read, takes nothing."""
        if not self.closed:
            self._wire.write(data)

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
