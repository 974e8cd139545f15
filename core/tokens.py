"""Tokens that a client keeps in place of a password: made of the server's secret, so that the store holds none.

What is kept of one is a random number and an end.  The token itself is derived from that, from the person's keys, and
from the server's secret: who reads the database can make none, and a new password is the end of all of them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from .identity import Identity

if TYPE_CHECKING:
    from .store import Profiles

KIND = "sign-in-token"
"""The store's kind of document; its key is the person, a slash, and the client: it goes with the person."""

LIFETIME = timedelta(days=30)
"""How long a token is good for when it is not used."""
ROTATE_AFTER = timedelta(days=1)
"""How old a token is that is replaced when it is used."""
MAX_CLIENTS = 20
"""Clients of one person that may hold a token; the one whose ends first loses it for one more."""
MAX_CLIENT_NAME = 128
"""Characters by which a client is known."""


class Token(NamedTuple):
    """What the client is given, once."""

    secret: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token the client may hold, and whether it is good for something."""

    number: str
    secret: bytes = field(repr=False)
    expired: bool


class Slot(msgspec.Struct, frozen=True):
    """What is kept of one token."""

    number: str
    expires: float


class Kept(msgspec.Struct, frozen=True):
    """What is kept of one client's: the one in use, and the one it was given last and has not used."""

    mechanism: str
    current: Slot | None = None
    new: Slot | None = None

    @property
    def ends(self) -> float:
        """When the last of them does."""
        return max((slot.expires for slot in (self.current, self.new) if slot is not None), default=0.0)


class Tokens:
    """One or two for each client of a person, as in XEP-0484 section 5.1.  ``keys`` gives the person's stored ones."""

    def __init__(
        self,
        store: Profiles,
        keys: Callable[[Identity], Awaitable[Mapping[str, str]]],
        clock: Callable[[], datetime],
        *,
        secret: bytes,
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._secret = hmac.digest(secret, b"tokens in place of passwords", "sha256")

    async def issue(self, who: Identity, client: str, mechanism: str) -> Token:
        """A new one; one that was given before and never used is good for nothing from now on."""
        kept = await self._kept(who, client)
        current = kept.current if kept is not None and kept.mechanism == mechanism else None
        if kept is None:
            await self._make_room(who)
        expires = self._clock() + LIFETIME
        slot = Slot(secrets.token_urlsafe(18), expires.timestamp())
        await self._keep(who, client, Kept(mechanism, current, slot))
        return Token(self._derived(who, client, mechanism, slot, await self._keys(who)), expires)

    async def candidates(self, who: Identity, client: str, mechanism: str) -> tuple[Candidate, ...]:
        """Those this client may show; none for who was given none."""
        kept = await self._kept(who, client)
        if kept is None or kept.mechanism != mechanism:
            return ()
        now, keys = self._clock().timestamp(), await self._keys(who)
        return tuple(
            Candidate(slot.number, self._derived(who, client, mechanism, slot, keys).encode(), slot.expires <= now)
            for slot in (kept.new, kept.current)
            if slot is not None
        )

    async def used(self, who: Identity, client: str, number: str) -> bool:
        """It was shown: those before it are good for nothing.  Returns whether it is time for another."""
        kept = await self._kept(who, client)
        if kept is None:
            return False
        if kept.new is not None and kept.new.number == number:
            kept = Kept(kept.mechanism, kept.new)
            await self._keep(who, client, kept)
        if kept.current is None or kept.current.number != number:
            return False
        made = datetime.fromtimestamp(kept.current.expires, UTC) - LIFETIME
        return self._clock() - made >= ROTATE_AFTER

    async def forget(self, who: Identity, client: str) -> None:
        """Those of one client are good for nothing."""
        await self._store.put_document(KIND, f"{who}/{client}", None)

    async def forget_all(self, who: Identity) -> int:
        """Those of all clients of a person.  Returns how many clients had any."""
        kept = await self._store.documents(KIND, f"{who}/")
        for key in kept:
            await self._store.put_document(KIND, key, None)
        return len(kept)

    def alias(self, who: Identity, client: str) -> str:
        """A name for a client that stays the same and does not tell the one it gave itself."""
        told = hmac.digest(self._secret, f"alias\0{who}\0{client}".encode(), "sha256")
        return base64.urlsafe_b64encode(told[:9]).decode()

    # ---- inside

    async def _kept(self, who: Identity, client: str) -> Kept | None:
        body = await self._store.document(KIND, f"{who}/{client}")
        return msgspec.json.decode(body, type=Kept) if body is not None else None

    async def _keep(self, who: Identity, client: str, kept: Kept) -> None:
        await self._store.put_document(KIND, f"{who}/{client}", msgspec.json.encode(kept))

    async def _make_room(self, who: Identity) -> None:
        """One client more, and no more than MAX_CLIENTS; those whose tokens have ended are forgotten on the way."""
        documents = await self._store.documents(KIND, f"{who}/")
        ends = {key: msgspec.json.decode(body, type=Kept).ends for key, body in documents.items()}
        now = self._clock().timestamp()
        gone = [key for key, end in ends.items() if end <= now]
        left = sorted(ends.keys() - gone, key=lambda key: ends[key])
        for key in [*gone, *left[: max(0, len(left) - MAX_CLIENTS + 1)]]:
            await self._store.put_document(KIND, key, None)

    def _derived(self, who: Identity, client: str, mechanism: str, slot: Slot, keys: Mapping[str, str]) -> str:
        parts = [str(who), client, mechanism, slot.number, f"{slot.expires}", *(f"{k}={keys[k]}" for k in sorted(keys))]
        text = "".join(f"{len(part)}:{part}" for part in parts)
        return base64.urlsafe_b64encode(hmac.digest(self._secret, text.encode(), hashlib.sha256)).decode().rstrip("=")
