"""Contact lists in memory, as the store has them: the presence path asks them for every watcher."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .contacts import Contact
from .identity import Identity

if TYPE_CHECKING:
    from .store import Profiles

MAX_HELD = 250_000
"""Entries in memory, some 100 MB; beyond that the lists that nobody asked for longest are read anew when needed."""


@dataclass(slots=True)
class HeldList:
    """One person's entries, and whom they block."""

    entries: dict[Identity, Contact]
    blocked: frozenset[Identity]
    _version: str = ""

    @property
    def weight(self) -> int:
        """What it counts for against MAX_HELD."""
        return 1 + len(self.entries) + len(self.blocked)

    @property
    def version(self) -> str:
        """Names what is on the list: equal for equal lists, whenever and wherever they are asked for."""
        if not self._version:
            lines = sorted(_line(entry) for entry in self.entries.values() if entry.listed)
            self._version = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]
        return self._version

    def take(self, entry: Contact) -> None:
        """An entry is new or different."""
        self.entries[entry.address] = entry
        self._version = ""

    def drop(self, address: Identity) -> None:
        """An entry is gone."""
        self.entries.pop(address, None)
        self._version = ""


class HeldLists:
    """Reads through, writes through."""

    def __init__(self, store: Profiles, limit: int = MAX_HELD) -> None:
        self._store = store
        self._limit = limit
        self._weight = 0
        self._held: OrderedDict[Identity, HeldList] = OrderedDict()
        self._reading: dict[Identity, asyncio.Task[HeldList]] = {}
        self._outdated: set[Identity] = set()
        self.changed: list[Callable[[Identity], None]] = []
        """Told whose list is not what it was, when the store has it."""

    def at_hand(self, owner: Identity) -> HeldList | None:
        """The list, if it is in memory."""
        held = self._held.get(owner)
        if held is not None:
            self._held.move_to_end(owner)
        return held

    async def of(self, owner: Identity) -> HeldList:
        """The list; empty for people who have none or do not exist.  Those who ask at once share one reading."""
        held = self.at_hand(owner)
        if held is not None:
            return held
        reading = self._reading.get(owner)
        if reading is None:
            reading = self._reading[owner] = asyncio.create_task(self._read(owner))
            reading.add_done_callback(lambda _: self._reading.pop(owner, None))
        return await asyncio.shield(reading)

    async def commit(self, changed: Sequence[Contact], removed: Sequence[tuple[Identity, Identity]] = ()) -> None:
        """Entries of one or more people, all or none."""
        await self._store.put_contacts(changed, removed)
        for entry in changed:
            if held := self._changing(entry.owner):
                self._weight += entry.address not in held.entries
                held.take(entry)
        for owner, address in removed:
            if held := self._changing(owner):
                self._weight -= address in held.entries
                held.drop(address)
        self._make_room()
        self._tell({entry.owner for entry in changed} | {owner for owner, _ in removed})

    async def block(self, owner: Identity, blocked: frozenset[Identity]) -> None:
        """Whom the owner blocks from now on."""
        await self._store.put_blocked(owner, blocked)
        if held := self._changing(owner):
            self._weight += len(blocked) - len(held.blocked)
            held.blocked = blocked
        self._tell({owner})

    def forget(self, owner: Identity) -> None:
        """Read it anew the next time."""
        if self._changing(owner):
            self._weight -= self._held.pop(owner).weight

    def _tell(self, owners: set[Identity]) -> None:
        for told in self.changed:
            for owner in owners:
                told(owner)

    def _changing(self, owner: Identity) -> HeldList | None:
        """What is held and has to change too; a reading that is under way begins again."""
        if owner in self._reading:
            self._outdated.add(owner)
        return self._held.get(owner)

    async def _read(self, owner: Identity) -> HeldList:
        while True:
            self._outdated.discard(owner)
            entries = {entry.address: entry for entry in await self._store.contacts(owner)}
            blocked = await self._store.blocked(owner)
            if owner not in self._outdated:
                break
        held = self._held[owner] = HeldList(entries, blocked)
        self._weight += held.weight
        self._make_room()
        return held

    def _make_room(self) -> None:
        while self._weight > self._limit and len(self._held) > 1:
            _, held = self._held.popitem(last=False)
            self._weight -= held.weight


def _line(entry: Contact) -> str:
    flags = f"{entry.subscription} {entry.asked} {entry.asking} {entry.approved}"
    return repr((entry.address, flags, entry.name, entry.groups))
