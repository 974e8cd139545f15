"""A bound stream: what its client may say, and as whom."""

from __future__ import annotations

from ....core.errors import BadAddress
from ..syntax import jid, xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from . import negotiation
from .management import REQUEST, Ledger
from .states import event_of
from .stream_error import StreamError


class Established:
    """One resource, and whether its client is still there."""

    __slots__ = ("_address", "_domain", "_full_jid", "_pings", "ledger")

    def __init__(self, address: Jid, domain: str, ledger: Ledger | None = None) -> None:
        self._address = address
        self._full_jid = address.full
        self._domain = domain
        self._pings = 0
        self.ledger = ledger
        """The account of stream management, once the client has asked for it."""

    def taken(self, element: Stanza) -> Stanza | tuple[bytes, ...]:
        """A stanza or an element of another namespace for the router; or what answers what only RFC 6120 knows.

        Raises StreamError.
        """
        event = event_of(element)
        if event == "stanza":
            number = self.ledger.hear() if self.ledger is not None else 0
            self._sign(element)
            if not self._pings or not self._is_answer(element):
                return element
            return _said(self.ledger.done(number)) if self.ledger is not None else ()
        if event in ("nonza", "enable", "resume"):
            return element
        if event == "bind":
            return self._bound_already(element)
        if event == "error":  # which the client's end of the stream follows
            return ()
        raise StreamError("unsupported-stanza-type")

    def ping(self) -> bytes:
        """Ask the client whether it is there; any byte from it will do for an answer."""
        if self.ledger is not None:
            return REQUEST
        self._pings += 1
        return negotiation.ping(self._domain, self._full_jid, f"ping-{self._pings}")

    def _bound_already(self, element: Stanza) -> tuple[bytes, ...]:
        self._sign(element)
        refusal = xml.stanza_error(element, "cancel", "not-allowed", "this stream has its resource")
        if self.ledger is None:
            return (refusal,)
        asks = self.ledger.say(refusal)
        return _said(refusal, REQUEST if asks else b"", self.ledger.done(self.ledger.hear()))

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


def _said(*elements: bytes) -> tuple[bytes, ...]:
    """Those of them that are anything."""
    return tuple(filter(None, elements))
