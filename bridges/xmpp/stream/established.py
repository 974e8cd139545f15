"""A bound stream: what its client may say, and as whom."""

from __future__ import annotations

from ....core.errors import BadAddress
from ..syntax import jid, xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from . import negotiation
from .states import event_of
from .stream_error import StreamError


class Established:
    """One resource, and whether its client is still there."""

    __slots__ = ("_address", "_domain", "_full_jid", "_pings")

    def __init__(self, address: Jid, domain: str) -> None:
        self._address = address
        self._full_jid = address.full
        self._domain = domain
        self._pings = 0

    def taken(self, element: Stanza) -> Stanza | bytes | None:
        """A stanza or an element of another namespace for the router; or the answer to what only RFC 6120 knows.

        Raises StreamError.
        """
        event = event_of(element)
        if event == "stanza":
            self._sign(element)
            return None if self._pings and self._is_answer(element) else element
        if event == "nonza":
            return element
        if event == "bind":
            self._sign(element)
            return xml.stanza_error(element, "cancel", "not-allowed", "this stream has its resource")
        if event == "error":  # which the client's end of the stream follows
            return None
        raise StreamError("unsupported-stanza-type")

    def ping(self) -> bytes:
        """Ask the client whether it is there; any byte from it will do for an answer."""
        self._pings += 1
        return negotiation.ping(self._domain, self._full_jid, f"ping-{self._pings}")

    def _sign(self, stanza: Stanza) -> None:
        """The sender is who signed in (RFC 6120 section 8.1.2.1), and may not say otherwise."""
        claimed = stanza.attrs.get("from")
        if claimed != self._full_jid:
            if claimed is not None:
                try:
                    sender = jid.parse(claimed)
                except BadAddress:
                    raise StreamError("invalid-from") from None
                if sender not in (self._address, self._address._replace(resource="")):
                    raise StreamError("invalid-from")
            stanza.attrs["from"] = self._full_jid

    def _is_answer(self, stanza: Stanza) -> bool:
        return stanza.name == "iq" and stanza.type in ("result", "error") and stanza.id == f"ping-{self._pings}"
