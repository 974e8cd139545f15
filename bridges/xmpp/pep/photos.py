"""The hash of everybody's picture, in memory: it stands in every presence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..syntax import jid

if TYPE_CHECKING:
    from ....core.store import Store

KIND = "photo-hash"
"""The store's kind of document; its key is the person."""


class Photos:
    """Some hundred bytes for each person who has a picture."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hashes: dict[Identity, str] = {}

    async def load(self) -> None:
        """Read all of them, before anybody signs in."""
        for key, hash in (await self._store.documents(KIND)).items():
            try:
                self._hashes[jid.parse(key).identity] = hash.decode()
            except BadAddress:
                continue

    def of(self, who: Identity) -> str:
        """The SHA-1 of somebody's picture, or nothing."""
        return self._hashes.get(who, "")

    async def put(self, who: Identity, hash: str) -> bool:
        """Somebody has another picture, or none; whether that is news."""
        if hash == self.of(who):
            return False
        await self._store.put_document(KIND, str(who), hash.encode() or None)
        if hash:
            self._hashes[who] = hash
        else:
            del self._hashes[who]
        return True

    async def leave(self, who: Identity) -> None:
        """Somebody's account goes."""
        self._hashes.pop(who, None)
