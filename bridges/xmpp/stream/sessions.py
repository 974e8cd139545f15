"""The bound streams: one session for each endpoint, made known to the registrar and the router."""

from __future__ import annotations

import secrets

from ....core.identity import Endpoint, Identity
from ....core.registrar import Binding, Channel, Registrar
from .resumption import Resumption
from .session import Router, Session, Wire

LOST = "connection lost"
"""The reason of a session whose client said no goodbye."""
REASONS = {"conflict": "replaced", "system-shutdown": "server stopping"}
"""What the end of a stream that we ended is called in the records; other conditions keep their names."""


class Sessions:
    """Who is signed in by XMPP."""

    def __init__(self, registrar: Registrar, router: Router) -> None:
        self._registrar = registrar
        self._router = router
        self._open: dict[Endpoint, tuple[Session, Channel]] = {}
        self.resumption = Resumption(self.release)

    def __len__(self) -> int:
        return len(self._open)

    def bind(self, who: Identity, resource: str, wire: Wire, *, remote: str, lang: str, client: str = "") -> Session:
        """A new session; an older one of the same resource is ended (RFC 6120 section 7.7.2.2).

        Raises TooLarge when the person is signed in at too many places.
        """
        endpoint = Endpoint(who, resource or secrets.token_urlsafe(9))
        older = self._open.get(endpoint)
        if older is None and self._registrar.at(endpoint) is not None:  # in the words of another protocol
            endpoint = Endpoint(who, f"{endpoint.instance}-{secrets.token_urlsafe(6)}")
        session = Session(endpoint, wire, lang=lang, client=client)
        channel = self._router.channel(session)
        self._registrar.bind(Binding(endpoint, channel, client=session.client, ready=False, remote=remote))
        self._open[endpoint] = session, channel
        if older is not None:
            older[0].close("conflict", "this resource is used by a newer stream")
        return session

    def departed(self, binding: Binding, reason: str) -> None:
        """The registrar was told by somebody else that an endpoint is gone: its account was removed, for one."""
        found = self._open.get(binding.endpoint)
        if found is not None and found[1] is binding.channel:
            found[0].close("reset", reason)

    def broken(self, session: Session, reason: str) -> None:
        """A stream is over: so is its session, unless its client may come back."""
        if not self.resumption.keep(session, reason):
            self.release(session, reason)

    def release(self, session: Session, reason: str) -> None:
        """A session is over."""
        if session.closed:
            return
        session.closed = True
        self.resumption.forget(session, reason)
        found = self._open.get(session.endpoint)
        if found is not None and found[0] is session:
            del self._open[session.endpoint]
            self._registrar.unbind(session.endpoint, found[1], reason)
        self._router.closed(session, reason)
