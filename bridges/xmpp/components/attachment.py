"""One connection at the port for gateways: it says whose gateway it is, proves it, and is attached (XEP-0114)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Protocol, cast

from ....core.errors import BadAddress
from ..stream.stream_error import StreamError
from ..syntax import jid, xml
from ..syntax.framer import Header
from ..syntax.stanza import Stanza
from .handshake import proves, stream_id
from .limits import HANDSHAKE_TIME
from .line import COMPONENT, Line

if TYPE_CHECKING:
    from .gateways import Gateway

log = logging.getLogger(__name__)

HANDSHAKE = "handshake"


class Reception(Protocol):
    """Who knows the gateways, and how many may come."""

    def admit(self, address: str) -> str:
        """Why a connection from there is not let in; nothing for one that is, which ``leave`` lets out again."""

    def know(self, address: str) -> None:
        """A connection from there has proved whose it is."""

    def come(self, attachment: Attachment) -> None:
        """It is let in."""

    def leave(self, attachment: Attachment) -> None:
        """A connection that was let in is gone."""

    def gateway(self, domain: str) -> Gateway | None:
        """The gateway that serves a domain."""


class Attachment(asyncio.Protocol):
    """States: no header yet, no handshake yet, attached, over."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._loop = asyncio.get_running_loop()
        self._stream = stream_id()
        self._gateway: Gateway | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._answered = self._over = False
        self.line: Line | None = None
        self.address = ""
        self.known = False
        """Whether it has proved whose gateway it is."""

    # ---- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is at the door."""
        taken = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        if refusal := self._reception.admit(self.address):
            log.debug("%s is not let in: %s", self.address, refusal)
            self._over = True
            taken.abort()
            return
        self.line = Line(taken, self)
        self._reception.come(self)
        self._timer = self._loop.call_later(HANDSHAKE_TIME, self._too_late)

    def data_received(self, data: bytes) -> None:
        """Bytes from the gateway."""
        if self.line is not None:
            self.line.receive(data)

    def pause_writing(self) -> None:
        """It does not read."""
        if self.line is not None:
            self.line.pause()

    def resume_writing(self) -> None:
        """It does again."""
        if self.line is not None:
            self.line.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        if self.line is None:
            return
        self.line.forget()
        self._end("the connection was lost")
        self._reception.leave(self)

    # ---- Side

    def opened(self, header: Header) -> None:
        """The gateway's header: it names the domain it serves."""
        if header.ns != xml.STREAMS or header.name != "stream":
            self.close(StreamError("invalid-namespace", f"a stream begins with <stream/> of {xml.STREAMS}"))
        elif header.namespaces.get("") != COMPONENT:
            self.close(StreamError("invalid-namespace", f"components speak {COMPONENT}"))
        else:
            try:
                domain = jid.parse(header.attrs.get("to", "")).domain
            except BadAddress:
                domain = ""
            self._gateway = self._reception.gateway(domain)
            if self._gateway is None:
                log.warning(
                    "a component at %s says it is %.80s, which [xmpp.gateways] does not name", self.address, domain
                )
                self.close(StreamError("host-unknown", "no such component is expected here"))
            else:
                self._answer_header(domain)

    def heard(self, element: Stanza) -> Awaitable[None] | None:
        """The proof, then stanzas."""
        if self._gateway is None:
            return None
        if self.known:
            return self._stanza(self._gateway, element)
        if element.ns != xml.CLIENT or element.name != HANDSHAKE:
            self.close(StreamError("not-authorized", "the handshake comes first"))
            return None
        self._prove(self._gateway, element)
        return None

    def refused(self, element: Stanza, why: str) -> None:
        """It sent what is too much."""
        if self._gateway is not None and self.known:
            self._gateway.too_much(element, why)
        else:
            self.close(StreamError("policy-violation", why))

    def ended(self, error: StreamError | None) -> None:
        """It has closed its stream, or does not keep to the rules."""
        self._end(f"its stream was ended: {error}" if error is not None else "it closed its stream")
        self.close(error)

    # ---- what we do

    def close(self, error: StreamError | None = None) -> None:
        """End the stream from our side; a header comes first in any case (RFC 6120 section 4.9.1.2)."""
        self._end(f"its stream was ended: {error}" if error is not None else "it was disconnected")
        if self.line is not None:
            if not self._answered:
                self._answer_header("")
            self.line.end(error)

    def _prove(self, gateway: Gateway, element: Stanza) -> None:
        if not proves(element.tree.text or "", self._stream, gateway.secret):
            gateway.standing.failed(f"a component at {self.address} does not have the secret of this domain")
            self.close(StreamError("not-authorized", "that is not the secret"))
        elif gateway.attachment is not None:
            gateway.challenge()
            self.close(
                StreamError("conflict", "another component serves this domain; it is asked whether it still does")
            )
        else:
            self.known = True
            self._reception.know(self.address)
            self._no_timer()
            assert self.line is not None
            self.line.say(xml.element(HANDSHAKE))
            gateway.attached(self)

    def _stanza(self, gateway: Gateway, element: Stanza) -> Awaitable[None] | None:
        """Its people are whoever it says, at its domain (XEP-0114 section 3); else the stream is over."""
        if element.ns == xml.STREAMS:
            return None
        try:
            return gateway.heard(element)
        except StreamError as error:
            gateway.standing.refused += 1
            log.warning("%s is disconnected: %s", gateway.domain, error)
            self.close(error)
            return None

    def _answer_header(self, domain: str) -> None:
        self._answered = True
        assert self.line is not None
        attrs = {"xmlns": COMPONENT, "xmlns:stream": xml.STREAMS, "from": domain or None, "id": self._stream}
        self.line.say(b"<?xml version='1.0'?>" + xml.element("stream:stream", attrs)[:-2] + b">")

    def _too_late(self) -> None:
        self.close(StreamError("connection-timeout", f"no handshake within {HANDSHAKE_TIME:.0f} seconds"))

    def _no_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end(self, why: str) -> None:
        if self._over:
            return
        self._over = True
        self._no_timer()
        if self._gateway is not None and self.known:
            self._gateway.detached(self, why)
