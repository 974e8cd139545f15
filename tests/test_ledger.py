"""The judge is judged: each damage is found, and an honest ledger is left in peace."""

from __future__ import annotations

import pytest

from .ledger import Ledger


def honest() -> Ledger:
    ledger = Ledger()
    for n in range(1, 4):
        text = f"a{n}"
        ledger.sent[text] = ("alice", "bob", n)
        ledger.acked.add(text)
        ledger.archive["c1"].append((n, "alice", text))
        ledger.shown["bob", "1"].append(text)
    ledger.records.append(("c1", 3, {"alice", "bob"}))
    return ledger


def test_an_honest_ledger_holds():
    assert honest().broken() == []


DAMAGE = {
    "lost": lambda book: book.archive["c1"].pop(),
    "undelivered": lambda book: book.shown["bob", "1"].remove("a2"),
    "doubled": lambda book: book.archive["c2"].append((1, "alice", "a1")),
    "ghost": lambda book: book.archive["c1"].append((4, "alice", "never sent")),
    "refused and alive": lambda book: (book.refused.add("a1"), book.acked.discard("a1")),
    "leak": lambda book: book.shown["carol", "1"].append("a1"),
    "shown twice": lambda book: book.shown["bob", "1"].append("a3"),
    "gap": lambda book: book.archive["c1"].__setitem__(2, (5, "alice", "a3")),
    "order": lambda book: book.shown["bob", "1"].reverse(),
    "record": lambda book: book.records.append(("c1", 3, {"alice", "bob"})),
}


@pytest.mark.parametrize("rule", DAMAGE)
def test_each_damage_is_found(rule):
    book = honest()
    DAMAGE[rule](book)
    assert any(line.startswith(rule) for line in book.broken()), book.broken()


def test_a_record_that_miscounts_or_forgets_somebody_is_found():
    book = honest()
    book.records = [("c1", 2, {"bob"})]
    assert len(book.broken()) == 2
