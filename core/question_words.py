"""What people send along with the question whether they may see somebody: kept until there is an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .identity import Identity
from .message import Native

if TYPE_CHECKING:
    from .store import Profiles

MAX_WORDS = 4096
"""Bytes of what comes with one question; more is delivered now and not kept."""

KIND = "question"
"""The kind of document they are kept as."""


class QuestionWords:
    """RFC 6121 section 3.1.3: at each sign-in the complete request is delivered again, not its sender's name alone."""

    def __init__(self, store: Profiles) -> None:
        self._store = store

    async def keep(self, owner: Identity, asker: Identity, native: Native) -> None:
        """The newest question's words replace those of the one before."""
        if len(native.payload) <= MAX_WORDS:
            await self._store.put_document(KIND, _key(owner, asker), native.protocol.encode() + b"\n" + native.payload)

    async def of(self, owner: Identity, asker: Identity) -> Native | None:
        """None when there were none."""
        body = await self._store.document(KIND, _key(owner, asker))
        if body is None:
            return None
        protocol, _, payload = body.partition(b"\n")
        return Native(protocol.decode(), payload)

    async def forget(self, owner: Identity, asker: Identity) -> None:
        """There is an answer."""
        await self._store.put_document(KIND, _key(owner, asker), None)


def _key(owner: Identity, asker: Identity) -> str:
    """Removed with the owner: the store takes what is filed under a person along."""
    return f"{owner}/{asker}"
