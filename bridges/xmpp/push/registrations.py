"""Which push services are to be told about whom: kept in the store, and in memory, because every message asks."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from ....core.identity import Identity

if TYPE_CHECKING:
    from ....core.store import Profiles

log = logging.getLogger(__name__)

KIND = "push-service"
"""The store's kind of document; its key is the person, a slash, and a hash of service and node: it goes with the
person."""
MAX_SERVICES = 10
"""Services, or nodes of one, that one person may have told; the one enabled longest ago goes for one more."""
MAX_FAILURES = 20
"""Failures that may pass, one after the other; then a service is given up."""


class Service(msgspec.Struct, frozen=True):
    """One node of one service, and what has to be said with everything published there."""

    jid: str
    node: str
    options: dict[str, list[str]] = {}
    since: float = 0.0

    @property
    def key(self) -> str:
        """What stands for it in the store."""
        return hashlib.sha256(f"{self.jid}\0{self.node}".encode()).hexdigest()[:32]


class Registrations:
    """All of them, by person."""

    def __init__(self, store: Profiles, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._services: dict[Identity, dict[str, Service]] = {}
        self._failures: dict[tuple[Identity, str], int] = {}

    async def load(self) -> None:
        """Read what is kept."""
        for key, body in (await self._store.documents(KIND)).items():
            address, _, rest = key.rpartition("/")
            self._services.setdefault(Identity.parse(address), {})[rest] = msgspec.json.decode(body, type=Service)

    def __contains__(self, who: Identity) -> bool:
        return who in self._services

    def of(self, who: Identity) -> list[Service]:
        """Those that are told about somebody."""
        return list(self._services.get(who, {}).values())

    async def enable(self, who: Identity, service: Service) -> None:
        """Tell it from now on; what was said about the same node before is replaced."""
        service = msgspec.structs.replace(service, since=self._clock().timestamp())
        theirs = self._services.get(who, {})
        others = sorted((one for key, one in theirs.items() if key != service.key), key=lambda one: one.since)
        for old in others[: max(0, len(others) - MAX_SERVICES + 1)]:
            await self._forget(who, old)
        await self._store.put_document(KIND, f"{who}/{service.key}", msgspec.json.encode(service))
        self._services.setdefault(who, {})[service.key] = service
        self._failures.pop((who, service.key), None)

    async def disable(self, who: Identity, jid: str, node: str | None = None) -> None:
        """Tell it no more: one node, or all of a service."""
        for service in self.of(who):
            if service.jid == jid and node in (None, service.node):
                await self._forget(who, service)

    async def failed(self, who: Identity, service: Service, *, may_pass: bool) -> None:
        """It did not want to be told: it is not told again, unless that may pass (section 7.1)."""
        if self._services.get(who, {}).get(service.key) != service:
            return
        failures = self._failures[who, service.key] = self._failures.get((who, service.key), 0) + 1
        if not may_pass or failures >= MAX_FAILURES:
            log.info("%s is not told about %s any more: it refuses", service.jid, who)
            await self._forget(who, service)

    def succeeded(self, who: Identity, service: Service) -> None:
        """It was told."""
        self._failures.pop((who, service.key), None)

    async def left(self, who: Identity) -> None:
        """A person is removed; the store forgets what it keeps by itself."""
        for service in self.of(who):
            self._drop(who, service)

    async def _forget(self, who: Identity, service: Service) -> None:
        self._drop(who, service)
        await self._store.put_document(KIND, f"{who}/{service.key}", None)

    def _drop(self, who: Identity, service: Service) -> None:
        self._failures.pop((who, service.key), None)
        theirs = self._services.get(who, {})
        theirs.pop(service.key, None)
        if not theirs:
            self._services.pop(who, None)
