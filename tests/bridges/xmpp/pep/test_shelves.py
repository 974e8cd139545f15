"""Nodes in the store and in memory."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from .....bridges.xmpp.errors import StanzaError
from .....bridges.xmpp.pep import shelves as limits
from .....bridges.xmpp.pep.node import Config, Item, Node
from .....bridges.xmpp.pep.shelves import Shelves
from .....core.identity import Identity
from ....people import ALICE, BOB, NOON


class SlowStore:
    """Documents in memory; each reading and writing lets others go first, and is counted."""

    def __init__(self):
        self.kept, self.read = {}, 0

    async def document(self, kind, key):
        await asyncio.sleep(0)
        return self.kept.get((kind, key))

    async def documents(self, kind, prefix=""):
        self.read += 1
        found = {key: body for (of, key), body in self.kept.items() if of == kind and key.startswith(prefix)}
        await asyncio.sleep(0)
        return found

    async def put_document(self, kind, key, body):
        await asyncio.sleep(0)
        if body is None:
            self.kept.pop((kind, key), None)
        else:
            self.kept[kind, key] = body


def item(id, size=10, after=0):
    return Item(id, NOON + timedelta(seconds=after), "a@b/c", size, b"x" * size)


async def with_node(shelves, who, *items, name="urn:x"):
    async with shelves.locked(who):
        node = Node(name, Config(title="T"), NOON, ("bob@example.test",), {"eve@x": "outcast"})
        await shelves.keep_node(who, node)
        for one in items:
            await shelves.keep_item(who, node, one)
    return node


async def test_what_was_kept_is_read_in_the_order_it_came():
    store = SlowStore()
    await with_node(Shelves(store), ALICE, item("b"), item("a", after=1), item("c", 10_000, after=2))
    shelves = Shelves(store)
    node = (await shelves.of(ALICE)).nodes["urn:x"]
    assert list(node.items) == ["b", "a", "c"] and node.config.title == "T" and node.created == NOON
    assert node.subscribers == ("bob@example.test",) and node.affiliations == {"eve@x": "outcast"}
    assert node.items["a"] == item("a", after=1)
    large = node.items["c"]
    assert large.payload is None and large.size == 10_000
    assert await shelves.payload(ALICE, node, large) == b"x" * 10_000
    assert await shelves.payload(ALICE, node, node.items["a"]) == b"x" * 10
    assert (await shelves.of(BOB)).nodes == {}


async def test_a_large_payload_that_shrinks_leaves_nothing_behind():
    store = SlowStore()
    shelves = Shelves(store)
    node = await with_node(shelves, ALICE, item("a", 10_000))
    assert [kind for kind, _ in store.kept].count("pep-payload") == 1
    await shelves.keep_item(ALICE, node, item("a", 10))
    assert [kind for kind, _ in store.kept].count("pep-payload") == 0
    assert await shelves.payload(ALICE, node, node.items["a"]) == b"x" * 10


async def test_those_who_ask_at_once_share_one_reading():
    store = SlowStore()
    await with_node(Shelves(store), ALICE, item("a"))
    shelves, store.read = Shelves(store), 0
    found = await asyncio.gather(*(shelves.of(ALICE) for _ in range(10)))
    assert all(shelf is found[0] for shelf in found) and store.read == 2


async def test_memory_is_bounded_and_whoever_is_changed_stays():
    store = SlowStore()
    shelves = Shelves(store, limit=6000)
    people = [Identity(f"p{number}", "example.test") for number in range(8)]
    async with shelves.locked(ALICE):
        mine = Node("urn:x", Config(), NOON)
        await shelves.keep_node(ALICE, mine)
        for who in people:
            await with_node(shelves, who, item("a", 3000))
        assert ALICE in shelves._held and len(shelves._held) < len(people)
        await shelves.keep_item(ALICE, mine, item("a"))
        assert (await shelves.of(ALICE)).nodes["urn:x"].items.keys() == {"a"}
    assert shelves._weight == sum(weight for _, weight in shelves._held.values())
    for who in people:
        assert (await shelves.of(who)).nodes["urn:x"].items.keys() == {"a"}


async def test_limits_of_an_account(monkeypatch):
    monkeypatch.setattr(limits, "MAX_KEPT", 25)
    monkeypatch.setattr(limits, "MAX_NODES", 1)
    shelves = Shelves(SlowStore())
    node = await with_node(shelves, ALICE, item("a"), item("b"))
    with pytest.raises(StanzaError):
        await shelves.keep_item(ALICE, node, item("c"))
    await shelves.keep_item(ALICE, node, item("a", 15))
    with pytest.raises(StanzaError):
        await with_node(shelves, ALICE, name="urn:y")
    assert list(node.items) == ["b", "a"]


async def test_who_leaves_is_forgotten():
    store = SlowStore()
    shelves = Shelves(store)
    await with_node(shelves, ALICE, item("a"))
    await shelves.leave(ALICE)
    await shelves.leave(BOB)
    assert store.kept == {}
    assert (await shelves.of(ALICE)).nodes == {} and shelves._weight == (await shelves.of(ALICE)).weight
