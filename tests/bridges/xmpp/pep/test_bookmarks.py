"""Bookmarked rooms, the same for clients of every age (XEP-0402, XEP-0048, XEP-0049)."""

from __future__ import annotations

import pytest

from .....bridges.xmpp import bookmarks as limits
from .....bridges.xmpp.bookmark import as_new, as_old, same
from .....bridges.xmpp.syntax.stanza import Stanza
from .....core.identity import Identity
from ....people import ALICE, BOB
from ..house import condition, house_in
from .asking import asking_for, curious, items, publish, publishing, pubsub, refusal, told

NEW, OLD = "urn:xmpp:bookmarks:1", "storage:bookmarks"
LIST = "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>%s</storage></query>"
A, B = "a@conference.example.test", "b@conference.example.test"
WISH = {
    "persist_items": "true",
    "max_items": "max",
    "send_last_published_item": "never",
    "access_model": "whitelist",
}
"""What XEP-0402 section 3.3 has clients ask of the node."""


def conference(name="A room", inner="<nick>me</nick>", autojoin="true"):
    return f"<conference xmlns='{NEW}' name='{name}' autojoin='{autojoin}'>{inner}</conference>"


def old(room, name="A room", inner="<nick>me</nick>", autojoin="true"):
    return f"<conference jid='{room}' name='{name}' autojoin='{autojoin}'>{inner}</conference>"


async def listed(client):
    answer = await client.ask(LIST % "")
    return {c.get("jid"): c.get("name") for c in answer.iter("{storage:bookmarks}conference")}


async def write(client, inner):
    return await client.ask(LIST % inner, type="set")


def changes(client, node=NEW):
    """What a client is told: room -> whether it is there now."""
    found = []
    for _, of, change in told(client):
        if of == node:
            found += [(kid.get("id"), kid.tag.rpartition("}")[2]) for kid in change]
    return found


async def test_one_list_by_three_ways(house):
    alice, older = await house.client(ALICE), await house.client(ALICE, "older")
    await publish(alice, NEW, conference(), A, **WISH)
    assert await listed(older) == {A: "A room"}
    (item,) = await items(older, OLD)
    (entry,) = item.iter("{storage:bookmarks}conference")
    assert entry.get("jid") == A and entry.findtext("{storage:bookmarks}nick") == "me"
    whole = f"<storage xmlns='{OLD}'>{old(B, 'B')}{old(A, 'Other name')}</storage>"
    await publish(older, OLD, whole, persist_items="true", access_model="whitelist")
    found = {i.get("id"): i[0].get("name") for i in await items(alice, NEW)}
    assert found == {A: "Other name", B: "B"} == await listed(older)
    await write(older, old(B, "B"))
    assert [i.get("id") for i in await items(alice, NEW)] == [B]


async def test_clients_hear_by_what_they_know(house):
    newer, older = await curious(house, ALICE, NEW), await curious(house, ALICE, OLD, instance="older")
    alice = await house.client(ALICE, "third")
    await publish(alice, NEW, conference(), A, **WISH)
    assert changes(newer) == [(A, "item")]
    ((_, _, change),) = [event for event in told(older) if event[1] == OLD]
    assert change[0].get("id") == "current" and change[0][0][0].get("jid") == A


async def test_an_unchanged_bookmark_is_no_news(house):
    newer, older = await curious(house, ALICE, NEW), await house.client(ALICE, "older")
    await write(older, old(A) + old(B))
    assert changes(newer) == [(A, "item"), (B, "item")]
    await write(older, old(B, autojoin="1") + old(A, "New name"))
    assert changes(newer) == [(A, "item")]
    await write(older, old(B))
    assert changes(newer) == [(A, "retract")]


async def test_what_an_older_client_does_not_know_is_not_lost(house):
    newer, older = await house.client(ALICE), await house.client(ALICE, "older")
    await publish(newer, NEW, conference(inner="<nick>me</nick><extensions><x xmlns='urn:x'/></extensions>"), A)
    await write(older, old(A, "Renamed"))
    (item,) = await items(newer, NEW)
    assert item[0].get("name") == "Renamed" and item[0].find(f"{{{NEW}}}extensions")[0].tag == "{urn:x}x"


async def test_pages_and_rooms_without_an_address_stay_in_the_older_list(house):
    alice = await house.client(ALICE)
    odd = "<url name='Home' url='http://x.example/'/><conference jid='@' name='odd'/>"
    await write(alice, odd + old(A))
    answer = await alice.ask(LIST % "")
    assert answer.find(".//{storage:bookmarks}url").get("name") == "Home"
    assert await listed(alice) == {A: "A room", "@": "odd"}
    assert [i.get("id") for i in await items(alice, NEW)] == [A]
    await publish(alice, NEW, conference("B"), B)
    assert (await alice.ask(LIST % "")).find(".//{storage:bookmarks}url") is not None


async def test_the_node_is_private_and_cannot_be_had_otherwise(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, NEW, OLD)
    await publish(alice, NEW, conference(), A)
    assert told(bob) == []
    assert refusal(await bob.ask(asking_for(NEW), to="alice@example.test"))[2] == "closed-node"
    assert condition(await bob.ask(asking_for(OLD), to="alice@example.test"))[1] == "item-not-found"
    leaking = publishing(NEW, conference(), A, access_model="presence")
    assert refusal(await alice.ask(leaking, type="set"))[2] == "precondition-not-met"
    leaking = publishing(OLD, f"<storage xmlns='{OLD}'/>", access_model="open")
    assert refusal(await alice.ask(leaking, type="set"))[2] == "precondition-not-met"


async def test_retracting_by_either_node(house):
    alice = await house.client(ALICE)
    await publish(alice, NEW, conference(), A)
    retract = pubsub(f"<retract node='{NEW}' notify='1'><item id='{A.upper()}'/></retract>")
    assert (await alice.ask(retract, type="set")).get("type") == "result"
    assert await listed(alice) == {}
    await publish(alice, NEW, conference(), A)
    retract = pubsub(f"<retract node='{OLD}'><item id='current'/></retract>")
    assert (await alice.ask(retract, type="set")).get("type") == "result"
    assert await items(alice, NEW) == []


@pytest.mark.parametrize(
    "asked, why",
    [
        (publishing(NEW, "<a xmlns='urn:a'/>", A), "bad-request"),
        (publishing(NEW, conference(), "@"), "jid-malformed"),
        (publishing(OLD, "<a xmlns='urn:a'/>"), "bad-request"),
        (pubsub(f"<publish node='{OLD}'><item id='current'/></publish>"), "bad-request"),
        (pubsub(f"<retract node='{NEW}'><item id='{A}'/></retract>"), "item-not-found"),
    ],
)
async def test_bookmarks_that_are_none(house, asked, why):
    alice = await house.client(ALICE)
    assert condition(await alice.ask(asked, type="set"))[1] == why
    assert await listed(alice) == {}


async def test_so_many_rooms_and_no_more(house, monkeypatch):
    monkeypatch.setattr(limits, "MAX_BOOKMARKS", 1)
    alice = await house.client(ALICE)
    await publish(alice, NEW, conference(), A)
    assert condition(await alice.ask(publishing(NEW, conference(), B), type="set"))[1] == "policy-violation"
    assert condition(await write(alice, old(A) + old(B)))[1] == "policy-violation"
    await publish(alice, NEW, conference("renamed"), A)
    assert await listed(alice) == {A: "renamed"}


async def test_the_servers_own_bookmarks_bring_clients_in(house):
    newer, older = await curious(house, ALICE, NEW), await curious(house, ALICE, OLD, instance="older")
    bookmarks = house.router._parts.personal.bookmarks
    room = Identity("a", "conference.example.test")
    await bookmarks.add(ALICE, room, "Talk", "alice")
    ((_, _, change),) = told(newer)
    assert change[0].get("id") == A and change[0][0].get("autojoin") == "true"
    assert change[0][0].findtext(f"{{{NEW}}}nick") == "alice"
    assert [node for _, node, _ in told(older)] == [OLD]
    await bookmarks.add(ALICE, room, "Other", "other")
    assert told(newer) == []
    await bookmarks.remove(ALICE, room)
    assert changes(newer) == [(A, "retract")]
    await bookmarks.remove(ALICE, room)
    assert changes(newer) == []


async def test_a_list_from_before_there_were_nodes(tmp_path):
    async with house_in(tmp_path) as house:
        kept = f"<storage xmlns='{OLD}'>{old(A)}<url name='u' url='http://x.example'/></storage>".encode()
        await house.front_end.store.put_document("private-xml", f"{ALICE}/{{{OLD}}}storage", kept)
        alice = await house.client(ALICE)
        (item,) = await items(alice, NEW)
        assert item.get("id") == A and item[0].findtext(f"{{{NEW}}}nick") == "me"
        assert await listed(alice) == {A: "A room"}
        assert (await alice.ask(LIST % "")).find(".//{storage:bookmarks}url") is not None
    async with house_in(tmp_path) as house:
        assert await listed(await house.client(ALICE)) == {A: "A room"}


async def test_what_is_announced(house):
    alice = await house.client(ALICE)
    info = await alice.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>")
    found = {f.get("var") for f in info.iter("{http://jabber.org/protocol/disco#info}feature")}
    assert {f"{NEW}#compat", f"{NEW}#compat-pep", "urn:xmpp:pep-vcard-conversion:0"} <= found


def test_two_spellings_of_one_bookmark():
    new = Stanza.read(conference(inner="<nick>n</nick><password>p</password>").encode()).tree
    there = as_old(A, new)
    assert there.findtext("{storage:bookmarks}password") == "p" and same(as_new(there, None), new)
    assert not same(new, Stanza.read(conference(inner="<nick>n</nick>").encode()).tree)
