"""Our domains as components of one XMPP server: it is the way to everybody who is not ours (XEP-0114)."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from ....core.errors import BadAddress
from ....core.federation import Partner
from ..abroad.carrier import Arrivals, Undelivered
from ..stream.stream_error import StreamError
from ..syntax import jid, xml
from ..syntax.stanza import Stanza
from .host_stream import HostStream, HostVoice
from .limits import BACK_OFF, MAX_DOMAINS, REFUSED_BACK_OFF, WAIT_TIME
from .options import ComponentOptions
from .outbox import Outbox
from .standing import Standing

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..abroad.carrier import Carrier

log = logging.getLogger(__name__)

CROSSED = (
    "the host sends what is for %s over the connection of %s, so messages may change their order: in ejabberd, write "
    "password instead of hosts at the port for components"
)
STANZAS = frozenset({"message", "presence", "iq"})


class Host:
    """The server that we are a part of.  A connection for each of our domains, and for its conferences."""

    def __init__(self, front_end: FrontEnd, options: ComponentOptions, arrivals: Arrivals) -> None:
        self._front_end = front_end
        self._options = options
        self._arrivals = arrivals
        self._reaches = frozenset(options.reaches)
        self._heard_of: OrderedDict[str, None] = OrderedDict()
        """Domains behind it, the one spoken with last at the end."""
        self._tasks: list[asyncio.Task[None]] = []
        self._open = self._crossed = False
        domains = [d for domain in front_end.domains for d in (domain, front_end.conference_domain(domain))]
        self.links = {domain: HostLink(domain, self, front_end.clock) for domain in domains}

    # ---- life

    def start(self) -> None:
        """Connect, and stay connected."""
        self._front_end.federation.sources.append(self.partners)
        self._tasks = [asyncio.create_task(link.run()) for link in self.links.values()]
        self._tasks.append(asyncio.create_task(self._expire()))

    async def close(self) -> None:
        """Send what is queued, say goodbye, and tell the senders of what did not leave."""
        self._front_end.federation.sources.remove(self.partners)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *(link.close() for link in self.links.values()), return_exceptions=True)

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(WAIT_TIME / 20)
            now = asyncio.get_running_loop().time()
            for link in self.links.values():
                link.outbox.expire(now)

    # ---- Carrier

    def serves(self, domain: str) -> bool:
        """Everything that is not ours, or what the administrator has listed."""
        if self._reaches and domain not in self._reaches:
            return False
        return not self._is_ours(domain)

    def send(self, sender: str, domain: str, stanza: bytes, undelivered: Undelivered | None = None) -> None:
        """Queue a stanza on the connection of the domain it comes from."""
        link = self.links.get(sender)
        if link is None:
            if undelivered is not None:
                undelivered("remote-server-not-found", "this domain is no component of the other's server")
            return
        self._note(domain)
        link.put(stanza, undelivered)

    def partners(self) -> Iterable[Partner]:
        """How each connection is doing."""
        return [link.standing.partner(len(link.outbox)) for link in self.links.values()]

    # ---- what links need

    def stream(self, link: HostLink) -> HostStream:
        """A connection that is not open yet."""
        secret = self._options.secret_of(link.domain)
        return HostStream(link.domain, secret, HostVoice(link.heard, link.too_much))

    @property
    def place(self) -> tuple[str, int]:
        """Where it takes components."""
        return self._options.host, self._options.port

    def changed(self) -> None:
        """A connection was made or lost.  Our domains go together: who is in a room is seen there and at home."""
        open = all(link.standing.up for link in self.links.values())
        if open is self._open:
            return
        self._open = open
        for domain in list(self._heard_of):
            (self._arrivals.found if open else self._arrivals.lost)(domain)

    def received(self, stanza: Stanza, domain: str) -> Awaitable[None] | None:
        """A stanza that came over the connection of this domain of ours.  Raises BadAddress, also for other people's
        mail and for who speaks in our name."""
        sender = jid.parse(stanza.attrs.get("from", ""))
        if any(link.confirmed(stanza) for link in self.links.values()):
            return None
        if self._is_ours(sender.domain) or stanza.to is None or stanza.to.domain not in self.links:
            raise BadAddress("not for us, or not from them")
        if stanza.to.domain != domain and not self._crossed:
            self._crossed = True
            log.warning(CROSSED, stanza.to.domain, domain)
        self._note(sender.domain)
        return self._arrivals.received(stanza)

    def _is_ours(self, domain: str) -> bool:
        return self._front_end.ours(domain) or self._front_end.is_conference(domain)

    def _note(self, domain: str) -> None:
        self._heard_of[domain] = None
        self._heard_of.move_to_end(domain)
        if len(self._heard_of) > MAX_DOMAINS:
            self._heard_of.popitem(last=False)

    if TYPE_CHECKING:

        def _is_a_carrier(self) -> Carrier:
            return self


class HostLink:
    """One domain of ours, connected to the host for as long as we run."""

    def __init__(self, domain: str, host: Host, clock: Callable[[], datetime]) -> None:
        self.domain = domain
        self._host = host
        self._loop = asyncio.get_running_loop()
        self.outbox = Outbox(self._loop.time())
        self.standing = Standing(f"{host.place[0]} ({domain})", clock)
        self._stream: HostStream | None = None

    def put(self, stanza: bytes, undelivered: Undelivered | None) -> None:
        """Queue a stanza."""
        self.outbox.put(stanza, undelivered, self._loop.time())
        if self._stream is not None and self._stream.line is not None:
            self._stream.line.stanza_waits()

    async def run(self) -> None:
        """Connect again and again."""
        tries = 0
        while True:
            since = self._loop.time()
            refusal = await self._once()
            tries = 0 if self._loop.time() - since > BACK_OFF[1] else tries + 1
            wait = REFUSED_BACK_OFF if refusal else min(BACK_OFF[1], BACK_OFF[0] * 2 ** min(tries, 10))
            await asyncio.sleep(wait * random.uniform(0.5, 1))

    async def _once(self) -> bool:
        """One connection, from its beginning to its end.  Returns whether the host does not want us."""
        stream = self._host.stream(self)
        try:
            await stream.open(*self._host.place)
        except TimeoutError:
            why = "no answer"
        except OSError as failure:
            place = ":".join(map(str, self._host.place))
            why = f"nothing takes components at {place}: {os.strerror(failure.errno) if failure.errno else failure}"
        except StreamError as failure:
            why = failure.text
        except asyncio.CancelledError:
            stream.leave()
            raise
        else:
            self._connected(stream)
            why = await stream.voice.gone
            self._stream = None
            self.outbox.lost(self._loop.time())
        stream.leave()
        self.standing.failed(why)
        self._host.changed()
        return stream.voice.refusal

    def _connected(self, stream: HostStream) -> None:
        assert stream.line is not None
        self._stream = stream
        self.standing.worked()
        # The host has nothing to say to a question of ours: it hands it back, for we are whom it asks.
        stream.line.carry(self.outbox, self.domain, self.domain, self.standing)
        self._host.changed()

    async def close(self) -> None:
        """Send what is queued, and close the stream."""
        stream, self._stream = self._stream, None
        if stream is not None and stream.line is not None:
            await stream.line.drain()
            stream.leave()
        self.outbox.close()

    # ---- what comes

    def confirmed(self, stanza: Stanza) -> bool:
        """Whether this is a question of ours that the host has handed back, by whichever connection."""
        return self._stream is not None and self._stream.line is not None and self._stream.line.confirmed(stanza)

    def heard(self, stanza: Stanza) -> Awaitable[None] | None:
        """An element after the handshake."""
        if stanza.ns != xml.CLIENT or stanza.name not in STANZAS:
            return None
        self.standing.received += stanza.name == "message"
        try:
            return self._host.received(stanza, self.domain)
        except BadAddress as why:
            self.standing.refused += 1
            log.debug("a %s that the host passed on is ignored: %s", stanza.name, why)
            return None

    def too_much(self, stanza: Stanza, why: str) -> None:
        """Somebody sent what is too long or too deep: that one hears of it."""
        self.standing.refused += 1
        if stanza.name in STANZAS and stanza.type not in ("error", "result") and stanza.attrs.get("from"):
            error = xml.stanza_error(stanza, "modify", "policy-violation", why)
            self.put(error, None)
