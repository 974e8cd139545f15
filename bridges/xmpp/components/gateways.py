"""Other people's gateways as components of this server (XEP-0114): each is the way to its domain."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING

from ....core.errors import BadAddress, SettingsError
from ....core.federation import Partner
from ..abroad.carrier import Arrivals, Undelivered
from ..stream.budget import Door, Share
from ..stream.stream_error import StreamError
from ..syntax import jid, xml
from ..syntax.stanza import Stanza
from .attachment import Attachment, Reception
from .limits import MAX_GATEWAYS, NEW_GATEWAYS_PER_SECOND, OPEN_GATEWAYS, WAIT_TIME
from .options import GatewayOptions, GatewaysOptions
from .outbox import Outbox
from .standing import Standing

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..abroad.carrier import Carrier

log = logging.getLogger(__name__)

STANZAS = frozenset({"message", "presence", "iq"})


class Gateway:
    """One domain that somebody's gateway serves, whether it is attached or not."""

    def __init__(self, domain: str, options: GatewayOptions, front_end: FrontEnd, arrivals: Arrivals) -> None:
        self.domain = domain
        self.secret = options.secret
        self.name = options.name
        self.attachment: Attachment | None = None
        self._front_end = front_end
        self._arrivals = arrivals
        self._loop = asyncio.get_running_loop()
        self.outbox = Outbox(self._loop.time())
        self.standing = Standing(domain, front_end.clock)

    def put(self, stanza: bytes, undelivered: Undelivered | None) -> None:
        """Queue a stanza for it."""
        self.outbox.put(stanza, undelivered, self._loop.time())
        if self.attachment is not None and self.attachment.line is not None:
            self.attachment.line.stanza_waits()

    def attached(self, attachment: Attachment) -> None:
        """A component has proved that it is this gateway."""
        assert attachment.line is not None
        self.attachment = attachment
        self.standing.worked()
        attachment.line.carry(self.outbox, self._front_end.domains[0], self.domain, self.standing)
        self._arrivals.found(self.domain)

    def detached(self, attachment: Attachment, why: str) -> None:
        """It is gone."""
        if self.attachment is attachment:
            self.attachment = None
            self.outbox.lost(self._loop.time())
            self.standing.failed(why)
            self._arrivals.lost(self.domain)

    def challenge(self) -> None:
        """Another component wants its place: if this one is silent, its connection is soon closed."""
        if self.attachment is not None and self.attachment.line is not None:
            self.attachment.line.ask()

    def heard(self, stanza: Stanza) -> Awaitable[None] | None:
        """A stanza of its people for ours.  Raises StreamError where it speaks for others."""
        if stanza.ns != xml.CLIENT or stanza.name not in STANZAS:
            return None
        try:
            sender = jid.parse(stanza.attrs.get("from", ""))
        except BadAddress:
            raise StreamError("improper-addressing", "a stanza has a sender (XEP-0114 section 3)") from None
        if sender.domain != self.domain:
            raise StreamError("invalid-from", f"this stream is {self.domain}'s alone")
        self.standing.received += stanza.name == "message"
        if refusal := self._misdirected(stanza):
            self._refuse(stanza, *refusal)
            return None
        return self._arrivals.received(stanza)

    def _misdirected(self, stanza: Stanza) -> tuple[str, str, str] | None:
        """What is wrong with whom it is for."""
        try:
            to = stanza.to
        except BadAddress:
            return "modify", "jid-malformed", "that is no address"
        if to is None:
            return "modify", "bad-request", "a stanza has an addressee (XEP-0114 section 3)"
        if not (self._front_end.ours(to.domain) or self._front_end.is_conference(to.domain)):
            return "cancel", "remote-server-not-found", "gateways speak with our people alone"
        return None

    def too_much(self, stanza: Stanza, why: str) -> None:
        """It sent what is too long or too deep."""
        self._refuse(stanza, "modify", "policy-violation", why)

    def _refuse(self, stanza: Stanza, type: str, condition: str, text: str) -> None:
        self.standing.refused += 1
        if stanza.name in STANZAS and stanza.type not in ("error", "result"):
            self.put(xml.stanza_error(stanza, type, condition, text), None)


class Gateways:
    """All of them, and the port where they come."""

    def __init__(self, front_end: FrontEnd, options: GatewaysOptions, arrivals: Arrivals) -> None:
        """Raises SettingsError where a domain is ours already."""
        taken = [d for d in options.domains if front_end.ours(d) or front_end.is_conference(d)]
        if taken:
            raise SettingsError(
                [f"[xmpp.gateways] {domain} is ours; a gateway needs a domain of its own" for domain in taken]
            )
        self._front_end = front_end
        self._options = options
        self._gateways = {d: Gateway(d, o, front_end, arrivals) for d, o in options.domains.items()}
        share = Share(OPEN_GATEWAYS, NEW_GATEWAYS_PER_SECOND, NEW_GATEWAYS_PER_SECOND)
        self._door = Door(share, share, (), MAX_GATEWAYS)
        self._inside: set[Attachment] = set()
        self._loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._expiring: asyncio.Task[None] | None = None

    # ---- life

    async def open(self) -> int:
        """Let gateways come.  Returns the port.  Raises SettingsError."""
        host, port = self._options.listen, self._options.port
        try:
            self._server = await self._loop.create_server(lambda: Attachment(self), host, port)
        except OSError as why:
            reason = os.strerror(why.errno) if why.errno else why
            what = f"[xmpp.gateways] cannot listen at {host}, port {port}: {reason}; choose another"
            raise SettingsError([what]) from None
        self._front_end.federation.sources.append(self.partners)
        self._expiring = asyncio.create_task(self._expire())
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Say goodbye, and tell the senders of what did not leave."""
        if self._server is None or self._expiring is None:
            return
        self._server.close()
        self._expiring.cancel()
        self._front_end.federation.sources.remove(self.partners)
        await asyncio.gather(*(a.line.drain() for a in self._inside if a.line is not None))
        for attachment in list(self._inside):
            attachment.close(StreamError("system-shutdown", "the server is stopping"))
        for gateway in self._gateways.values():
            gateway.outbox.close()

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(WAIT_TIME / 20)
            for gateway in self._gateways.values():
                gateway.outbox.expire(self._loop.time())

    # ---- Carrier

    def serves(self, domain: str) -> bool:
        """Those whose secret we know, whether they are there just now or not."""
        return domain in self._gateways

    def send(self, sender: str, domain: str, stanza: bytes, undelivered: Undelivered | None = None) -> None:
        """Queue a stanza for the gateway of a domain."""
        self._gateways[domain].put(stanza, undelivered)

    def partners(self) -> Iterable[Partner]:
        """How each of them is doing."""
        return [gateway.standing.partner(len(gateway.outbox)) for gateway in self._gateways.values()]

    def there(self) -> list[tuple[str, str]]:
        """Those that are attached, with their names, for the list of services."""
        return [(domain, g.name) for domain, g in self._gateways.items() if g.attachment is not None]

    # ---- Reception

    def admit(self, address: str) -> str:
        """Why a connection from there is not let in."""
        return self._door.admit(address, self._loop.time())

    def know(self, address: str) -> None:
        """A connection from there has proved whose it is."""
        self._door.know(address)

    def come(self, attachment: Attachment) -> None:
        """A connection is let in."""
        self._inside.add(attachment)

    def leave(self, attachment: Attachment) -> None:
        """A connection is gone."""
        self._inside.discard(attachment)
        self._door.leave(attachment.address, known=attachment.known)

    def gateway(self, domain: str) -> Gateway | None:
        """The gateway that serves a domain."""
        return self._gateways.get(domain)

    if TYPE_CHECKING:

        def _is_a_carrier(self) -> Carrier:
            return self

        def _is_a_reception(self) -> Reception:
            return self
