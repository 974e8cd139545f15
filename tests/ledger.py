"""The judge of "nothing lost, nothing doubled": what clients saw against what the journal and the records hold."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """What happened, written down by whoever saw it.  A message is known by its text, which nobody uses twice."""

    sent: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    """text -> sender, receiver, the sender's own count towards that receiver"""
    acked: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    shown: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    """(receiver, endpoint's life) -> texts in order"""
    archive: dict[str, list[tuple[int, str, str]]] = field(default_factory=lambda: defaultdict(list))
    """conversation -> number, sender, text"""
    records: list[tuple[str, int, set[str]]] = field(default_factory=list)
    """conversation, messages, participants"""

    def broken(self) -> list[str]:
        """Every rule that does not hold, in words; empty when the promises were kept."""
        return [*self._lost_and_doubled(), *self._order(), *self._records()]

    def _lost_and_doubled(self) -> list[str]:
        found = []
        archived = Counter(text for messages in self.archive.values() for _, _, text in messages)
        reached = defaultdict(set)
        for (receiver, _), texts in self.shown.items():
            for text in texts:
                reached[text].add(receiver)
        for text in self.acked:
            if not archived[text]:
                found.append(f"lost: {text} was acknowledged and is not in the journal")
            elif self.sent[text][1] not in reached[text]:
                found.append(f"undelivered: {text} was acknowledged and {self.sent[text][1]} never saw it")
        for text, times in archived.items():
            if times > 1:
                found.append(f"doubled: {text} is in the journal {times} times")
            if text not in self.sent:
                found.append(f"ghost: {text} was never sent")
            if text in self.refused and text not in self.acked:
                found.append(f"refused and alive: {text}")
        for text, receivers in reached.items():
            if receivers != {self.sent[text][1]}:
                found.append(f"leak: {text} reached {receivers}")
        for (receiver, life), texts in self.shown.items():
            twice = [text for text, times in Counter(texts).items() if times > 1]
            if twice:
                found.append(f"shown twice: {receiver} at {life} saw {twice[:3]} again")
        return found

    def _order(self) -> list[str]:
        found = []
        for conversation, messages in self.archive.items():
            numbers = sorted(number for number, _, _ in messages)
            if numbers != list(range(1, len(numbers) + 1)):
                found.append(f"gap: {conversation} has the numbers {numbers[:20]}")
            last: dict[str, int] = {}
            for _, sender, text in sorted(messages):
                count = self.sent.get(text, ("", "", 0))[2]
                if count < last.get(sender, 0):
                    found.append(f"order: {text} of {sender} is in the journal after a later one")
                last[sender] = max(count, last.get(sender, 0))
        for (receiver, life), texts in self.shown.items():
            last = {}
            for text in texts:
                sender, _, count = self.sent[text]
                if count < last.get(sender, 0):
                    found.append(f"order: {receiver} at {life} saw {text} after a later one of {sender}")
                last[sender] = max(count, last.get(sender, 0))
        return found

    def _records(self) -> list[str]:
        found = []
        seen = Counter(conversation for conversation, _, _ in self.records)
        for conversation in self.archive:
            if seen[conversation] != 1:
                found.append(f"record: {conversation} has {seen[conversation]} of them")
        for conversation, messages, participants in self.records:
            if messages != len(self.archive.get(conversation, ())):
                found.append(f"record: {conversation} counts {messages}, the journal {len(self.archive[conversation])}")
            speakers = {sender for _, sender, _ in self.archive.get(conversation, ())}
            if speakers - participants:
                found.append(f"record: {conversation} does not name {speakers - participants}")
        return found
