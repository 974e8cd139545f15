"""Federation: a carrier of stanzas to other domains and from them, server to server (RFC 6120)."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ....core.dns import Lookup
from ....core.errors import SettingsError
from ..abroad.carrier import Arrivals, Undelivered
from ..stream.budget import Door, Share
from ..stream.ports import Ports
from ..syntax import jid
from ..syntax.stanza import Stanza
from .caller import Caller
from .desk import Desk
from .dialback import Pair
from .incoming import Incoming
from .invited import Invited
from .letters import Letter
from .limits import MAX_CONNECTIONS, NEW_PER_SECOND, OPEN_PER_ADDRESS, QUEUE_TIME, STOP_TIME
from .link import Link, Links
from .neighbourhood import Neighbourhood
from .options import FederationOptions
from .places import NOT_FOUND, Places
from .trust import Trust
from .ways import Ways

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


class Hall(Links):
    """Connections of other servers to us."""

    def __init__(self, trust: Trust) -> None:
        super().__init__()
        share = Share(OPEN_PER_ADDRESS, NEW_PER_SECOND, 2 * NEW_PER_SECOND)
        self.door = Door(share, share, (), MAX_CONNECTIONS)
        self.tls = trust.direct


class Federation:
    """A Carrier.  Raises SettingsError for partners whose certificates cannot be read."""

    def __init__(
        self, front_end: FrontEnd, options: FederationOptions, arrivals: Arrivals, lookup: Lookup | None = None
    ) -> None:
        self._front_end = front_end
        self._options = options
        self._neighbourhood = Neighbourhood(options, self.ours, front_end.clock)
        trust = Trust(front_end.tls.shown_by)
        self._places = Places(lookup)
        self._calls = Links()
        self._caller = Caller(self._places, trust, self._calls)
        self._ways = Ways(self._caller.stream, arrivals)
        self._invited = Invited(front_end.contacts)
        self._neighbourhood.queued = self._ways.queued
        self._desk = Desk(self._neighbourhood, self._caller, self._ways, self._invited, arrivals, self.ours)
        self._hall = Hall(trust)
        self._ports = Ports(self._hall, self._guest)

    async def open(self, host: str) -> dict[str, int]:
        """Let others in.  Returns the ports.  Raises SettingsError."""
        options, opened = self._options, {}
        wanted = [("server", options.port, False)]
        if options.direct_tls:
            wanted.append(("server tls", options.tls_port, True))
        for name, port, direct in wanted:
            try:
                opened[name] = await self._ports.open(host, port, direct=direct)
            except OSError as why:
                reason = os.strerror(why.errno) if why.errno else why
                await self._ports.close()
                text = f"[xmpp.federation] cannot listen at {host or 'any address'}, port {port}: {reason}"
                raise SettingsError([f"{text}; choose another"]) from None
        self._front_end.federation.sources.append(self._neighbourhood.partners)
        return opened

    def counts(self, watched: Callable[[str], int]) -> None:
        """How many people of a domain are watched here is known to whoever watches them."""
        self._neighbourhood.watched = watched

    async def close(self) -> None:
        """Say goodbye to all; senders are told what did not leave."""
        self._front_end.federation.sources.remove(self._neighbourhood.partners)
        self._ways.close()
        await self._ports.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIME):
                await self._calls.empty.wait()
        for link in list(self._calls.connections):
            link.abort()
        await self._places.close()

    def ours(self, domain: str) -> bool:
        """Whether a domain is one of ours, or of our conferences."""
        return self._front_end.ours(domain) or self._front_end.is_conference(domain)

    # ---- the carrier

    def serves(self, domain: str) -> bool:
        """Whether stanzas to this domain leave by here."""
        return self._neighbourhood.neighbour_of(domain) is not None

    def send(self, sender: str, domain: str, stanza: bytes, undelivered: Undelivered | None = None) -> None:
        """Queue one stanza from one of our domains to another."""
        letter = Letter(stanza, undelivered, asyncio.get_running_loop().time() + QUEUE_TIME)
        neighbour = self._neighbourhood.neighbour_of(domain)
        if neighbour is None:
            letter.give_up(NOT_FOUND, f"this server does not speak with {domain}")
            return
        if neighbour.options.kind == "public-unverified":
            said = Stanza.read(stanza)
            if said.type != "error" and said.to is not None:
                self._invited.wrote(jid.parse(said.attrs.get("from", "")).bare, said.to.bare)
        self._ways.send(Pair(sender, domain), neighbour, letter)

    def _guest(self, address: str, direct: bool) -> Link:
        return Link(Incoming(self._desk, secure=direct), address, self._hall, door=self._hall.door)
