"""Who of a provider that does not know its own people is heard: those whom somebody here wants to hear."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ..syntax.jid import Jid
from .limits import MAX_WRITTEN_TO

if TYPE_CHECKING:
    from ....core.contact_lists import ContactLists


class Invited:
    """Whoever was asked by one of ours, may see them, or was written to first; each by that one alone."""

    def __init__(self, contacts: ContactLists) -> None:
        self._contacts = contacts
        self._written_to: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._waiting: dict[str, asyncio.Future[None]] = {}
        """By sender: what came before is judged before."""

    def wrote(self, ours: str, theirs: str) -> None:
        """One of ours said something to one of theirs, both without a resource."""
        key = ours, theirs
        self._written_to[key] = None
        self._written_to.move_to_end(key)
        if len(self._written_to) > MAX_WRITTEN_TO:
            self._written_to.popitem(last=False)

    def judged(
        self, sender: Jid, to: Jid, hear: Callable[[], Awaitable[None] | None], refuse: Callable[[], None]
    ) -> Awaitable[None] | None:
        """Have a stanza heard, or refused."""
        before = self._waiting.get(sender.bare)
        if before is None and (not to.user or (to.bare, sender.bare) in self._written_to):
            return hear()
        work = asyncio.ensure_future(self._judge(before, sender, to, hear, refuse))
        self._waiting[sender.bare] = work
        work.add_done_callback(lambda _: self._judged(sender.bare, work))
        return work

    async def _judge(
        self,
        before: asyncio.Future[None] | None,
        sender: Jid,
        to: Jid,
        hear: Callable[[], Awaitable[None] | None],
        refuse: Callable[[], None],
    ) -> None:
        if before is not None:
            await asyncio.wait([before])
        if not await self._is_wanted(sender, to):
            refuse()
        elif (work := hear()) is not None:
            await work

    async def _is_wanted(self, sender: Jid, to: Jid) -> bool:
        if not to.user or (to.bare, sender.bare) in self._written_to:
            return True
        if not sender.user:
            return False
        contact = await self._contacts.get(to.identity, sender.identity)
        return contact is not None and (contact.sees or contact.seen or contact.asked or contact.approved)

    def _judged(self, sender: str, work: asyncio.Future[None]) -> None:
        if self._waiting.get(sender) is work:
            del self._waiting[sender]
