"""The Front End Server: builds the parts, joins them, and runs them until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import ssl
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .access import AccessPolicy
from .accounts import Accounts
from .call_records import CallRecords
from .calls import Calls
from .certificates import Certificate
from .contact_lists import ContactLists
from .domains import Domains
from .errors import Refused
from .fan_out import FanOut
from .federation import Federation
from .hooks import PROJECT
from .hookspecs import Hooks
from .housekeeping import close_all, close_orphans, keep_house
from .identity import Identity
from .immcu import Immcu
from .message import SignedOut
from .neighbours import Neighbours
from .operator import Operator
from .presence_registry import LOST_GRACE, PresenceRegistry
from .registrar import Binding, Registrar
from .roll import Roll
from .settings import FrontEndSettings
from .sqlite import SqliteStore
from .standalone import StandaloneBus, StandaloneDirectory
from .store import Bus, Directory, Store

log = logging.getLogger(__name__)

SIGNED_OUT = "signed out"
"""The reason of a goodbye; any other reason means the endpoint was lost."""


def utc_now() -> datetime:
    """The clock everything in the core reads."""
    return datetime.now(UTC)


def product_version() -> str:
    """The version of the installed package; "0" in a bare checkout."""
    try:
        return version(PROJECT)
    except PackageNotFoundError:
        return "0"


class FrontEnd:
    """The one object plugins are given: what people, plugins and the administrator can ask of the server.

    Usable as an async context manager, once: entering starts everything, leaving stops everything.
    Its __init__ is long because it is the one place where the parts are joined.
    """

    def __init__(
        self,
        settings: FrontEndSettings,
        hooks: Hooks,
        plugins: Mapping[str, object],
        state: Path,
        *,
        store: Store | None = None,
        directory: Directory | None = None,
        bus: Bus | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.settings, self.hooks, self.plugins, self.state, self.clock = settings, hooks, plugins, state, clock
        self.version = product_version()
        self.node = f"front-end-{secrets.token_hex(4)}"
        self.started_at = clock()
        self.domain_names = Domains(settings.domains)
        self.domains = self.domain_names.names
        self.store = store or SqliteStore(Path(settings.store or state / "hereabouts.db"), clock=clock)
        self.directory = directory or StandaloneDirectory()
        self.registrar = Registrar(hooks, self.directory, self.node)
        self.registrar.departed.append(self._departed)
        self.accounts = Accounts(
            self.store, hooks, clock, secret=secret_of(state / "secret"), digest_md5=settings.digest_md5
        )
        self.contacts = ContactLists(
            self.store,
            self.registrar,
            self.accounts,
            hooks,
            own_domains=self.domains,
            policy=AccessPolicy(same_domain=settings.same_domain),
        )
        self.presence = PresenceRegistry(hooks, self.contacts.level, clock)
        self.contacts.access_changed = self.presence.access_changed
        self.federation = Federation()
        self.contacts.shown_abroad = self.federation.level
        self.accounts.leaving.append(self._removed)
        roll = Roll(self.store, self.registrar, hooks)
        self.fan_out = FanOut(self.domain_names, self.store, self.registrar, roll, clock)
        self.neighbours = Neighbours(bus or StandaloneBus(), self.registrar, self.fan_out, roll)
        self.immcu = Immcu(
            settings,
            self.domain_names,
            self.store,
            self.registrar,
            self.accounts,
            self.contacts,
            self.fan_out,
            roll,
            self.neighbours,
            hooks,
            clock,
        )
        self.calls = Calls(CallRecords(self.store, hooks), self.presence, self.domain_names, hooks, clock)
        self.operator: Operator | None = None
        """Whoever runs the process; what they can do, an administrator may ask for."""
        self._certificate: Certificate | None = None
        self._running = AsyncExitStack()
        self._background: set[asyncio.Task[None]] = set()

    @property
    def stopping(self) -> bool:
        """Whether nothing new is accepted any more."""
        return self.immcu.stopping

    def ours(self, domain: str) -> bool:
        """Whether people of this domain sign in here."""
        return self.domain_names.ours(domain)

    def conference_domain(self, domain: str = "") -> str:
        """Where the conferences of a domain of ours are addressed."""
        return self.domain_names.conference(domain)

    def is_conference(self, domain: str) -> bool:
        """Whether addresses of this domain are our conferences."""
        return self.domain_names.is_conference(domain)

    def certificate(self) -> ssl.SSLContext:
        """The live server-side TLS context (TLS 1.2 or newer); a reload changes what it shows to new connections."""
        return self.tls.context

    @property
    def tls(self) -> Certificate:
        """The certificate: made on first use unless one is configured."""
        if self._certificate is None:
            self._certificate = Certificate(self.settings, self.state, self.domains)
        return self._certificate

    async def __aenter__(self) -> FrontEnd:
        try:
            await self._running.enter_async_context(self.store)
            self._running.push_async_callback(self.fan_out.close)
            self._running.callback(self.presence.close)
            self._running.callback(self.registrar.close)
            await self._running.enter_async_context(self.hooks.delivered())
            await close_orphans(self.store, self.immcu.roll, self.hooks, self.clock)
            for lifespan in self.hooks.lifespan(front_end=self):
                await self._running.enter_async_context(lifespan)
        except BaseException:
            await self._running.aclose()
            raise
        house = asyncio.create_task(keep_house(self.immcu, self.settings, self.clock))
        self._running.callback(house.cancel)
        await self._running.enter_async_context(self.neighbours.heard())
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            await close_all(self.immcu, self.calls, self.clock)
        finally:
            await self._running.aclose()

    async def _removed(self, who: Identity) -> None:
        """An account is about to be removed: its person leaves every conversation and call, and is signed out."""
        for conversation in self.immcu.of(who):
            await self.immcu.leave(conversation, who, reason="account removed")
        for call in self.calls.of(who):
            with suppress(Refused):
                await self.calls.end(call, "account removed")
        for binding in self.registrar.of(who):
            binding.channel.tell(SignedOut("this account was removed"))
            self.registrar.unbind(binding.endpoint, reason=SIGNED_OUT)

    def _departed(self, binding: Binding, reason: str) -> None:
        """An endpoint is gone, and with it what it said about its person: at once after a goodbye, else after a
        grace."""
        endpoint = binding.endpoint
        grace = 0.0 if reason == SIGNED_OUT or self.stopping else LOST_GRACE
        task = asyncio.ensure_future(self.presence.depart(endpoint.identity, endpoint.instance, grace))
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def secret_of(path: Path) -> bytes:
    """The server's own secret: made once, readable by its owner alone.  Fakes and tokens are derived from it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        secret = secrets.token_bytes(32)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        return secret
