"""Nodes that are more than nodes: the server knows what is in them, and keeps it somewhere else too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol
from xml.etree.ElementTree import Element

if TYPE_CHECKING:
    from ....core.identity import Identity
    from ..resource import Resource


class Special(Protocol):
    """Takes what its owner's clients publish to one node, instead of the node itself."""

    async def publish(
        self,
        owner: Identity,
        id: str,
        payload: Element | None,
        options: Mapping[str, list[str]],
        resource: Resource | None,
    ) -> str:
        """An item comes; its id.  Raises StanzaError."""

    async def retract(self, owner: Identity, id: str, *, notify: bool) -> None:
        """An item goes.  Raises StanzaError."""

    async def reading(self, resource: Resource) -> None:
        """A client of the owner reads the node."""

    async def whole(self, owner: Identity) -> bytes | None:
        """The items as the owner's clients read them; None where the node has them itself."""


Specials = Mapping[str, Special]
"""By the name of the node."""
