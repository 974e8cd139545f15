"""An application usage: one kind of document that people keep, and what it does here (RFC 4825 section 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from lxml import etree

from ....core.identity import Identity
from ..xml import DECLARATION, parsed
from .faults import cannot_keep, invalid

if TYPE_CHECKING:
    from ....core.store import Profiles

MAX_KEPT = 512 * 1024
"""Bytes of one document, as it has become by changes of its parts."""

Element: TypeAlias = etree._Element


class Usage(Protocol):
    """Found by its AUID and the name of the one document that everybody has of it."""

    content_type: str
    namespace: str
    """Of element names without a prefix in node selectors."""

    async def document(self, owner: Identity) -> bytes | None:
        """Somebody's document as it is now; None where there is none."""

    async def write(self, owner: Identity, root: Element) -> None:
        """Let a new document be true.  Raises Fault, and what the core refuses, before anything is changed."""

    async def remove(self, owner: Identity) -> None:
        """Let there be no document.  Raises Fault."""


class Drawer:
    """Where one usage keeps documents as they were written, beside what they mean to the core."""

    def __init__(self, store: Profiles, kind: str) -> None:
        self._store = store
        self._kind = f"xcap-{kind}"

    async def read(self, owner: Identity) -> bytes | None:
        """What was written last."""
        return await self._store.document(self._kind, str(owner))

    async def keep(self, owner: Identity, root: Element) -> None:
        """Raises Fault for a document that has become too long."""
        content = written(root)
        if len(content) > MAX_KEPT:
            raise cannot_keep(f"a document has at most {MAX_KEPT} bytes")
        await self._store.put_document(self._kind, str(owner), content)

    async def drop(self, owner: Identity) -> None:
        """Keep it no longer."""
        await self._store.put_document(self._kind, str(owner), None)

    async def everybodys(self) -> dict[str, bytes]:
        """All of them, by owner."""
        return dict(await self._store.documents(self._kind))


def written(root: Element) -> bytes:
    """The document with this root."""
    return f"{DECLARATION}\n{etree.tostring(root, encoding='unicode', with_tail=False)}\n".encode()


def check(condition: object, phrase: str) -> None:
    """Raises Fault where a document is not as its schema wants it."""
    if not condition:
        raise invalid(phrase)


def reread(kept: bytes) -> Element:
    """A document that was read once before it was kept."""
    return parsed(kept, 2 * MAX_KEPT)
