"""The upkeep of trunks: registering where a trunk wants that (RFC 3261 section 10), and asking whether it is there."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from ....core.errors import Undeliverable
from ..syntax.headers import NameAddr
from ..syntax.message import Request, Response
from ..syntax.uri import SipUri
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow
from .trunks import Trunk, Trunks
from .wires import Below

log = logging.getLogger(__name__)

FIRST_PAUSE = 5.0
"""Seconds until a registration that failed is tried again; twice as long each time."""
MAX_PAUSE = 600.0
"""Seconds after which it is tried again in any case."""
MAX_BRIEF = 86_400
"""Seconds of a Min-Expires that are agreed to."""
GOODBYE_WITHIN = 2.0
"""Seconds that a trunk has to hear that we are gone."""
STEP = 5
"""By how much CSeq grows from one REGISTER to the next: a challenge in between takes a number, too."""


class Upkeep:
    """Runs for each trunk that has to be registered at or looked after.  ``clock`` tells people the time."""

    def __init__(
        self,
        trunks: Trunks,
        server: Below,
        addresses: OwnAddresses,
        clock: Callable[[], datetime],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._trunks = trunks
        self._server = server
        self._addresses = addresses
        self._clock = clock
        self._start = start
        self._registrations = {
            name: Registration(trunk, trunks, server, addresses, clock)
            for name, trunk in trunks.all.items()
            if trunk.options.register
        }
        self._stopping = False

    def begin(self) -> None:
        """Register, and look."""
        for registration in self._registrations.values():
            self._start(registration.keep())
        for trunk in self._trunks.all.values():
            if trunk.options.ping:
                self._start(self._watch(trunk))

    def flow_closed(self, flow: Flow) -> None:
        """A trunk that lost us is registered at again."""
        for registration in self._registrations.values():
            if registration.flow is flow:
                registration.wake.set()

    async def end(self) -> None:
        """Sign off where we are registered."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_WITHIN):
                await asyncio.gather(*(one.sign_off() for one in self._registrations.values()))

    async def _watch(self, trunk: Trunk) -> None:
        """Ask every hop in turn."""
        while not self._stopping:
            for place in range(len(trunk.options.hops)):
                await self.look(trunk, place)
            await asyncio.sleep(trunk.options.ping)

    async def look(self, trunk: Trunk, place: int) -> None:
        """One OPTIONS (RFC 3261 section 11): whatever is answered but a 503 says that somebody is there."""
        with suppress(Undeliverable):
            flow = await self._trunks.flow(trunk, place)
            here = NameAddr(self._addresses.uri(flow, trunk.options.username))
            options = Request(
                "OPTIONS",
                f"sip:{trunk.domain}",
                [
                    ("From", f"<{SipUri('sip', '', self._addresses.uri(flow).host)}>;tag={token_hex(6)}"),
                    ("To", f"<sip:{trunk.domain}>"),
                    ("Call-ID", token_hex(12)),
                    ("CSeq", "1 OPTIONS"),
                    ("Contact", here),
                ],
            )
            try:
                response = await self._server.request(options, flow)
            except Undeliverable:
                return self._trunks.noted(trunk, place, "does not answer")
            self._trunks.noted(trunk, place, "answers 503" if response.status == 503 else "")


class Registration:
    """One trunk's registration of us: kept up, with the first hop that takes it."""

    def __init__(
        self, trunk: Trunk, trunks: Trunks, server: Below, addresses: OwnAddresses, clock: Callable[[], datetime]
    ) -> None:
        self._trunk = trunk
        self._trunks = trunks
        self._server = server
        self._addresses = addresses
        self._clock = clock
        self._call_id = token_hex(12)
        self._tag = token_hex(6)
        self._number = 1
        self._asks_for = trunk.options.register_for
        self._ended = False
        self.flow: Flow | None = None
        """The one it holds for, while it holds."""
        self.wake = asyncio.Event()
        """Set when there is a reason not to wait."""

    async def keep(self) -> None:
        """Register, wait, register again; after a failure wait longer and longer (RFC 5626 section 4.5)."""
        failures = 0
        while not self._ended:
            granted = await self.register()
            if granted:
                failures, pause = 0, granted / 2 if granted < 120 else granted - 60.0
            else:
                pause = min(MAX_PAUSE, FIRST_PAUSE * 2**failures) * random.uniform(0.5, 1.0)
                failures = min(failures + 1, 10)
            self.wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self.wake.wait()

    async def register(self) -> int:
        """Try the hops in their order.  Returns the seconds it holds, 0 when nobody took it."""
        why = ""
        for place in range(len(self._trunk.options.hops)):
            try:
                flow = await self._trunks.flow(self._trunk, place)
                response = await self._sent(flow, self._asks_for)
                if response.status == 423:
                    self._asks_for = self._brief(response)
                    response = await self._sent(flow, self._asks_for)
            except Undeliverable as failed:
                why = str(failed)
                continue
            if response.status < 300:
                return self._holds(flow, response)
            why = f"{response.status} {response.reason}"
            if response.status in (401, 403, 407):
                why += ": is the password right?"
        if self._trunk.registered != (said := f"no: {why}"):
            log.warning("trunk %s does not register us: %s", self._trunk.name, why)
            self._trunk.registered = said
        self.flow = None
        return 0

    async def sign_off(self) -> None:
        """Nothing more comes here."""
        self._ended = True
        self.wake.set()
        if self.flow is not None and not self.flow.closed:
            with suppress(Undeliverable):
                await self._sent(self.flow, 0)

    # ---- inside

    def _sent(self, flow: Flow, expires: int) -> asyncio.Future[Response]:
        trunk, self._number = self._trunk, self._number + STEP
        address = f"<{SipUri('sip', trunk.options.username, trunk.domain)}>"
        register = Request(
            "REGISTER",
            f"sip:{trunk.domain}",
            [
                ("From", f"{address};tag={self._tag}"),
                ("To", address),
                ("Call-ID", self._call_id),
                ("CSeq", f"{self._number} REGISTER"),
                ("Contact", NameAddr(self._addresses.uri(flow, trunk.options.username))),
                ("Expires", expires),
            ],
        )
        return self._server.request(register, flow)

    def _brief(self, response: Response) -> int:
        """A 423 says how short is not too short (RFC 3261 section 10.2.8)."""
        text = response.first("Min-Expires") or ""
        return min(MAX_BRIEF, int(text)) if text.isascii() and text.isdecimal() and len(text) < 9 else self._asks_for

    def _holds(self, flow: Flow, response: Response) -> int:
        mine = str(self._addresses.uri(flow, self._trunk.options.username))
        contacts = response.contacts
        granted = (
            next((c.expires for c in contacts if str(c.uri) == mine), None) if isinstance(contacts, list) else None
        )
        granted = granted if granted is not None else response.expires
        seconds = max(1, min(self._asks_for, granted if granted is not None else self._asks_for))
        if self.flow is None:
            log.info("trunk %s has registered us for %s seconds", self._trunk.name, seconds)
        self.flow = flow
        until = self._clock() + timedelta(seconds=seconds)
        self._trunk.registered = f"until {until.astimezone():%H:%M:%S}"
        return seconds
