"""Accounts: who exists here, and whether somebody is who they say they are."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from .credentials import (
    DIGESTS,
    SCRAMS,
    BadKey,
    DigestAlgorithm,
    Fakes,
    ScramAlgorithm,
    ScramKey,
    derived,
    matches,
)
from .errors import Conflict, NotFound, Refused, TooLarge
from .failures import Failures
from .identity import Identity
from .passwords import opaque
from .people import Person
from .tokens import Tokens

if TYPE_CHECKING:
    from .hookspecs import Hooks
    from .store import Profiles

log = logging.getLogger(__name__)
T = TypeVar("T")

MAX_HELD = 20_000
"""People whose keys are held in memory."""
MAX_HASHING = 3
"""Passwords being hashed at once, each with 16 MiB of memory and a processor of its own; the others wait in line."""


class Accounts:
    """People and their keys.  An unknown person costs, and shows, the same as one who exists."""

    def __init__(
        self,
        store: Profiles,
        hooks: Hooks,
        clock: Callable[[], datetime],
        *,
        secret: bytes,
        digest_md5: bool = True,
    ) -> None:
        self._store = store
        self._hooks = hooks
        self._clock = clock
        self._fakes = Fakes(secret)
        self._digest_md5 = digest_md5
        self._failures = Failures()
        self._hashing = asyncio.Semaphore(MAX_HASHING)
        self._changing = asyncio.Lock()
        self._held: OrderedDict[Identity, Mapping[str, str]] = OrderedDict()
        self._changes = 0
        self.tokens = Tokens(store, self._keys, clock, secret=secret)
        """What clients keep in place of a password."""
        self.leaving: list[Callable[[Identity], Awaitable[None]]] = []
        """Core services that must know before somebody is removed, while there is still something to know."""

    # ---- who there is

    async def person(self, who: Identity) -> Person | None:
        """What the directory says about somebody; None for nobody."""
        return await self._store.person(who)

    async def exists(self, who: Identity) -> bool:
        """Whether there is such a person."""
        return await self._store.person(who) is not None

    async def add(self, who: Identity, password: str | None, person: Person) -> None:
        """A new person.  Without a password they sign in only by what a plugin answers to ``authenticate``.

        Raises Conflict when there is one already, Refused or TooLarge for what is no password.
        """
        keys = await self._derived(who, password) if password is not None else {}
        async with self._changing:
            if await self.exists(who):
                raise Conflict(f"{who} exists already")
            await self._store.put_person(who, person)
            await self._keep(who, keys)
        log.info("%s is a new person", who)

    async def set_password(self, who: Identity, password: str) -> None:
        """A new password; the old one is good for nothing from now on.  Raises NotFound, Refused or TooLarge."""
        keys = await self._derived(who, password)
        async with self._changing:
            if not await self.exists(who):
                raise NotFound(f"nobody is called {who}")
            await self._keep(who, keys)
        log.info("%s has a new password", who)

    async def remove(self, who: Identity) -> None:
        """A person and all that is theirs alone.  Raises NotFound."""
        async with self._changing:
            if not await self.exists(who):
                raise NotFound(f"nobody is called {who}")
            for told in self.leaving:
                await told(who)
            await self._store.remove_person(who)
            self._forget(who)
        log.info("%s was removed", who)

    # ---- who they are

    async def check_password(self, who: Identity, password: str) -> bool:
        """Whether this is the person's password: plugins are asked first, then the stored keys."""
        if self._hooks.implemented_by("authenticate"):
            answer = await self._hooks.authenticate(identity=who, password=password)
            if answer is not None:
                return answer
        try:
            prepared = opaque(password)
        except (Refused, TooLarge):
            return False
        keys = await self._keys(who)
        try:
            return await self._off_the_loop(lambda: matches(who, prepared, keys or self._fakes.keys(who)))
        except BadKey:
            log.error("the stored keys of %s cannot be read; a new password mends it", who)
            return False

    async def scram(self, who: Identity, algorithm: ScramAlgorithm) -> ScramKey:
        """The key of RFC 5802 section 3, or for people who do not exist one that looks like it and is not ``real``."""
        text = (await self._keys(who)).get(SCRAMS[algorithm])
        fake = self._fakes.scram(who, algorithm)
        try:
            return ScramKey.parse(algorithm, text) if text else fake
        except BadKey:
            log.error("the stored SCRAM key of %s cannot be read; a new password mends it", who)
            return fake

    async def digest_ha1(self, who: Identity, algorithm: DigestAlgorithm) -> str:
        """H(user:realm:password) (RFC 7616 section 3.4.2); for people who do not exist a value that never matches."""
        kept = (await self._keys(who)).get(DIGESTS[algorithm])
        fake = self._fakes.ha1(who, algorithm)
        return kept if kept and (self._digest_md5 or algorithm != "MD5") else fake

    # ---- who fails

    def limited(self, address: str, who: Identity | None) -> float:
        """Seconds the next try from there has to wait after too many failures; 0 when it may come at once."""
        return self._failures.wait(address, who, self._clock().timestamp())

    def failed(self, address: str, who: Identity | None) -> None:
        """A sign-in that was refused."""
        self._failures.failed(address, who, self._clock().timestamp())

    def succeeded(self, address: str, who: Identity) -> None:
        """A sign-in that was right."""
        self._failures.succeeded(address, who)

    # ---- inside

    async def _keys(self, who: Identity) -> Mapping[str, str]:
        """The stored keys, nobody's too, from memory if they were asked for lately: every SIP request needs them."""
        held = self._held.get(who)
        if held is not None:
            self._held.move_to_end(who)
            return held
        changes = self._changes
        keys = await self._store.credentials(who)
        if changes == self._changes:
            self._held[who] = keys
            if len(self._held) > MAX_HELD:
                self._held.popitem(last=False)
        return keys

    async def _keep(self, who: Identity, keys: Mapping[str, str]) -> None:
        await self._store.put_credentials(who, keys)
        self._forget(who)

    def _forget(self, who: Identity) -> None:
        """What is being read just now is not held either: it may be from before the change."""
        self._changes += 1
        self._held.pop(who, None)

    async def _derived(self, who: Identity, password: str) -> dict[str, str]:
        opaque(password)
        return await self._off_the_loop(lambda: derived(who, password, digest_md5=self._digest_md5))

    async def _off_the_loop(self, work: Callable[[], T]) -> T:
        async with self._hashing:
            return await asyncio.to_thread(work)
