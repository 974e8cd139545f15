"""Who may read a node: the access models of XEP-0060 section 4.5, decided by who may see whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....core.access import AccessLevel
from ....core.identity import Identity
from ..errors import StanzaError, item_not_found
from ..presence.sight import level_of
from .errors import closed, forbidden, not_a_contact, not_in_group
from .node import Node

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd


class Admission:
    """One decision for reading, subscribing, and being told."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end

    async def check(self, owner: Identity, node: Node | None, asker: Identity) -> Node:
        """The node, for who may read it.

        Raises StanzaError.  Somebody who does not see the owner gets the same answer for every node that is not open,
        for a node that does not exist, and for an owner who does not.
        """
        if asker == owner:
            if node is None:
                raise item_not_found()
            return node
        why = await self._refusal(owner, node, asker)
        if why is not None:
            raise why
        assert node is not None
        return node

    async def sees(self, owner: Identity, node: Node, watcher: Identity) -> bool:
        """Whether somebody may be told what is in the node."""
        return watcher == owner or await self._refusal(owner, node, watcher) is None

    async def knows(self, owner: Identity, watcher: Identity) -> bool:
        """Whether somebody sees the owner's presence at all."""
        return watcher == owner or (await level_of(self._front_end, watcher, owner)).sees

    async def _refusal(self, owner: Identity, node: Node | None, asker: Identity) -> StanzaError | None:
        if node is None:
            return item_not_found() if await self.knows(owner, asker) else not_a_contact()
        # Whoever has a node exists: the store need not be asked.
        level = await self._front_end.contacts.level(asker, owner)
        affiliation = node.affiliations.get(str(asker))
        if not level.sees:
            named = node.config.access_model == "open" or affiliation == "member"
            if level is AccessLevel.BLOCKED or not named:
                return not_a_contact()
        if affiliation == "outcast":
            return forbidden()
        if affiliation == "member" or node.config.access_model in ("open", "presence"):
            return None
        if node.config.access_model == "whitelist":
            return closed()
        contact = await self._front_end.contacts.get(owner, asker)
        groups = contact.groups if contact is not None and contact.listed else ()
        return None if set(groups) & set(node.config.roster_groups_allowed) else not_in_group()
