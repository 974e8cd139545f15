"""Who is told of what when contact lists change, and in which order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from .contacts import Contact
from .identity import Identity
from .message import ContactChanged, SubscriptionNews

if TYPE_CHECKING:
    from .hookspecs import Hooks
    from .registrar import Registrar

AccessChanged = Callable[[Identity, Iterable[Identity] | None], Awaitable[None]]
Change = tuple[Contact, Contact]
"""An entry before and after."""


class ContactNews:
    """List changes first; whoever lost sight of somebody sees them go before the news, whoever gained it after."""

    def __init__(
        self, registrar: Registrar, hooks: Hooks, blocked: Callable[[Identity], Awaitable[frozenset[Identity]]]
    ) -> None:
        self._registrar = registrar
        self._hooks = hooks
        self._blocked = blocked
        self.told: list[Callable[[Identity], None]] = []
        """Told whose entries changed, when everybody whom it concerns has heard of it."""

    async def tell(
        self,
        changes: Sequence[Change],
        news: Iterable[tuple[Identity, SubscriptionNews]],
        access_changed: AccessChanged,
    ) -> None:
        """What the store has is told; people of other domains hear it by whatever leads there."""
        for before, after in changes:
            if before != after:
                self.change(before, after)
        for before, after in changes:
            if before.seen and not after.seen:
                await access_changed(after.owner, [after.address])
        for to, item in news:
            if item.who not in await self._blocked(to):
                self._registrar.tell(to, item)
        for before, after in changes:
            if after.seen and not before.seen:
                await access_changed(after.owner, [after.address])
        for before, after in changes:
            for told in self.told if before != after else ():
                told(after.owner)

    def change(self, before: Contact, after: Contact) -> None:
        """A stranger's question is no entry yet, and its asker hears nothing of a list either."""
        if after.listed:
            self._registrar.tell(after.owner, ContactChanged(after))
            self._hooks.contact_changed(contact=after)
        elif before.listed:
            self._registrar.tell(after.owner, ContactChanged(before, removed=True))
            self._hooks.contact_changed(contact=after)
