"""Our side of a stream: how it is opened, for whom, and how it is closed."""

from __future__ import annotations

import secrets

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..syntax import jid
from ..syntax.framer import Header
from .framing import Framing
from .negotiation import LANG, Offer
from .opening import asked_domain
from .sasl import SaslError
from .stream_error import stream_error


class Ends:
    """Opened once between two restarts, closed once."""

    __slots__ = ("_claimed", "_framing", "_offer", "_opened", "domain", "lang")

    def __init__(self, framing: Framing, offer: Offer) -> None:
        self._framing = framing
        self._offer = offer
        self._opened = False
        """Whether our own header is written, since the last restart."""
        self.domain = offer.domain
        self.lang = ""
        """The language the client has named for its stream."""
        self._claimed = ""

    def restart(self) -> None:
        """What is written next begins with a header."""
        self._opened = False

    def open(self, header: Header, identity: Identity | None) -> bytes:
        """The answer to the client's header.  Raises StreamError."""
        self.domain = asked_domain(header, self._offer, identity)
        self.lang = header.attrs.get("xml:lang", "")
        self._claimed = header.attrs.get("from", "")
        return self._header(header.attrs.get("from"))

    def check_claim(self, who: Identity) -> None:
        """Who opened the stream in somebody's name signs in as nobody else (XEP-0388 section 2.3).

        Raises SaslError.
        """
        if not self._claimed:
            return
        try:
            claimed = jid.parse(self._claimed)
        except BadAddress:
            claimed = None
        if claimed is None or claimed.bare != str(who):
            raise SaslError("invalid-authzid", "the stream was opened in another name", who)

    def close(self, condition: str | None, text: str, extra: bytes) -> list[bytes]:
        """Our last words: an error if there is a condition, and the end (RFC 6120 sections 4.4 and 4.9)."""
        words = [] if self._opened else [self._header(None)]
        if condition:
            words.append(stream_error(condition, text, extra))
        words.append(self._framing.end)
        return words

    def _header(self, to: str | None) -> bytes:
        self._opened = True
        id = secrets.token_urlsafe(15)
        return self._framing.header({"id": id, "from": self.domain, "to": to, "version": "1.0", "xml:lang": LANG})
