"""Our own addresses: what we call ourselves in Contact and Record-Route, and which Route means us.  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..syntax.grammar import Params
from ..syntax.headers import NameAddr
from ..syntax.uri import SipUri
from .flow import Flow

ANYWHERE = ("0.0.0.0", "::")
"""What a socket that listens everywhere calls its own address."""

RECORDED = "call"
"""The parameter that our Record-Routes have, whatever port they name."""


class OwnAddresses:
    """``host`` is what the administrator says we are called; without it we are where a peer has reached us.

    ``ports`` are those we listen on, by transport; beside us, on the same machine, a PBX may have others.
    """

    def __init__(self, domains: Sequence[str], host: str = "", ports: Mapping[str, int] | None = None) -> None:
        self._host = host
        self._ports = {} if ports is None else ports
        self._domains = domains
        self._names = frozenset(name.lower() for name in (*domains, host) if name)

    def uri(self, flow: Flow, user: str = "", params: Mapping[str, str] | None = None) -> SipUri:
        """Where the peer of a flow reaches us again."""
        host = self._host or flow.local.host
        if host in ANYWHERE:
            host = self._domains[0]
        host = f"[{host}]" if ":" in host else host
        return SipUri(
            "sip", user, host, flow.local.port, Params({"transport": flow.transport.lower(), **(params or {})})
        )

    def contact(self, flow: Flow, user: str = "", params: Mapping[str, str] | None = None) -> NameAddr:
        """The same as a Contact, with feature parameters behind it."""
        return NameAddr(self.uri(flow, user), "", Params(dict(params or {})))

    def is_ours(self, uri: SipUri, flow: Flow) -> bool:
        """Whether a Route names us (RFC 3261 section 16.4), as far as the peer of this flow can know us."""
        host = uri.host.strip("[]").lower()
        if not uri.is_sip or not (host in self._names or host == flow.local.host or host in ANYWHERE):
            return False
        ports = (None, flow.local.port, *self._ports.values())
        return host in self._names or not self._ports or uri.port in ports or RECORDED in uri.params
