"""What a journal does, without a disk: lists and loops, slow and plain.  Real stores are held against it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ....core.conversation import History
from ....core.identity import Identity


@dataclass
class Stay:
    """Somebody's seat from joining to leaving: they may see what is numbered above ``start``."""

    who: Identity
    start: int
    position: int
    end: int | None = None


@dataclass
class Told:
    """One conversation: (sender, minute, text) of each message, and who sat in it."""

    said: list[tuple[Identity, int, str]] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    ended: bool = False

    def seated(self, who: Identity) -> Stay | None:
        return next((stay for stay in self.stays if stay.who == who and stay.end is None), None)


class JournalModel:
    """Every method returns what the store's answer must amount to."""

    def __init__(self) -> None:
        self.told: dict[str, Told] = {}
        self.known: dict[tuple[Identity, str], tuple[str, int]] = {}
        self.records: list[str] = []

    def begin(self, id: str, people: list[Identity]) -> object:
        if id in self.told:
            return "conflict"
        self.told[id] = Told(stays=[Stay(who, 0, 0) for who in people])
        return None

    def say(self, id: str, who: Identity, minute: int, text: str, origin: str) -> object:
        if origin and (who, origin) in self.known:
            return (*self.known[who, origin], True)
        told = self.told.get(id)
        if told is None or told.ended:
            return "gone"
        if told.said:
            minute = max(minute, told.said[-1][1])
        told.said.append((who, minute, text))
        if origin:
            self.known[who, origin] = (id, len(told.said))
        return (id, len(told.said), False)

    def join(self, id: str, who: Identity, history: History) -> object:
        told = self.told.get(id)
        if told is None or told.ended:
            return "gone"
        if told.seated(who) is None:
            newest = len(told.said)
            start = {History.ALL: 0, History.NOW: max(0, newest - 1), History.NONE: newest}[history]
            told.stays.append(Stay(who, start, start))
        return None

    def leave(self, id: str, who: Identity) -> object:
        told = self.told.get(id)
        if told is None:
            return "gone"
        if told.ended:
            return self.record(id)
        if stay := told.seated(who):
            stay.end = len(told.said)
        return None

    def end(self, id: str) -> object:
        told = self.told.get(id)
        if told is None:
            return "gone"
        if not told.ended:
            told.ended = True
            for stay in told.stays:
                if stay.end is None:
                    stay.end = len(told.said)
            self.records.append(id)
        return self.record(id)

    def record(self, id: str) -> tuple[str, int, int]:
        """Which, its number, and how much was said."""
        return (id, self.records.index(id) + 1, len(self.told[id].said))

    def show(self, id: str, who: Identity, seq: int) -> None:
        for stay in self.told[id].stays if id in self.told else []:
            if stay.who == who:
                reach = len(self.told[id].said) if stay.end is None else stay.end
                stay.position = max(stay.position, min(seq, reach))

    def unseen(self, who: Identity) -> list[tuple[str, int]]:
        """(conversation, number) of everything that waits for somebody."""
        waiting = []
        for id, told in self.told.items():
            for seq, (sender, _, _) in enumerate(told.said, start=1):
                covered = any(
                    stay.position < seq and (stay.end is None or seq <= stay.end)
                    for stay in told.stays
                    if stay.who == who
                )
                if covered and sender != who:
                    waiting.append((id, seq))
        return waiting

    def first_visible(self, id: str, who: Identity) -> int:
        starts = [stay.start for stay in self.told[id].stays if stay.who == who]
        return starts[-1] + 1 if starts else len(self.told[id].said) + 1
