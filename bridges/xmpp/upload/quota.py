"""How much people may share: each within a day, and all together.  Pure: time is an argument."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

from .shelf import Kept
from .slot import Slot

DAY = 86400.0


class Quota:
    """Counts what was promised: a file that never comes counts against its person for the day, but takes no room."""

    def __init__(self, per_day: int, files_per_day: int, total: int) -> None:
        self._per_day = per_day
        self._files_per_day = files_per_day
        self._total = total
        self._shared: defaultdict[str, deque[tuple[float, int]]] = defaultdict(deque)
        self._promised: dict[str, Slot] = {}
        self.held = 0
        """Bytes of all files that are here."""

    def found(self, files: Iterable[Kept]) -> None:
        """Files that are here from before."""
        for kept in sorted(files, key=lambda kept: kept.at):
            self._shared[kept.owner].append((kept.at, kept.size))
            self.held += kept.size

    def wait(self, owner: str, size: int, now: float) -> float:
        """Seconds until somebody may share a file of this size; 0 if they may now."""
        self._forget(now)
        shared = self._shared.get(owner, deque())
        total, count = sum(bytes for _, bytes in shared) + size, len(shared) + 1
        for at, bytes in shared:
            if total <= self._per_day and count <= self._files_per_day:
                return 0.0
            until = at + DAY - now
            total, count = total - bytes, count - 1
            if total <= self._per_day and count <= self._files_per_day:
                return until
        return 0.0

    def has_room(self, size: int, now: float) -> bool:
        """Whether a file of this size fits beside all that are here, or are to come."""
        self._forget(now)
        return self.held + sum(slot.size for slot in self._promised.values()) + size <= self._total

    def promise(self, slot: Slot, now: float) -> None:
        """Room was promised."""
        self._promised[slot.id] = slot
        self._shared[slot.owner].append((now, slot.size))

    def came(self, kept: Kept) -> None:
        """What was promised room is here."""
        self._promised.pop(kept.id, None)
        self.held += kept.size

    def went(self, kept: Kept) -> None:
        """A file was removed."""
        self.held -= kept.size

    def _forget(self, now: float) -> None:
        for id in [slot.id for slot in self._promised.values() if slot.until < now]:
            del self._promised[id]
        for owner in [owner for owner, shared in self._shared.items() if shared[0][0] <= now - DAY]:
            shared = self._shared[owner]
            while shared and shared[0][0] <= now - DAY:
                shared.popleft()
            if not shared:
                del self._shared[owner]
