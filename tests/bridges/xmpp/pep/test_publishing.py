"""Publishing, reading and retracting items of one's own nodes (XEP-0060 sections 6.5 and 7)."""

from __future__ import annotations

import pytest

from .....bridges.xmpp.pep import node as nodes
from .....bridges.xmpp.pep import shelves
from ....people import ALICE, BOB
from ..house import condition
from .asking import PUBSUB, SONG, TUNE, asking_for, configuring, items, publish, publishing, pubsub, refusal

RSM = "http://jabber.org/protocol/rsm"


async def test_what_is_published_can_be_read(house):
    alice = await house.client(ALICE)
    answer = await publish(alice, TUNE, SONG, "one")
    published = answer.find(f".//{{{PUBSUB}}}publish")
    assert published.get("node") == TUNE and published[0].get("id") == "one"
    (item,) = await items(alice, TUNE)
    assert item.get("id") == "one" and item[0].tag == f"{{{TUNE}}}tune" and item[0][0].text == "Song"


async def test_an_item_without_an_id_gets_one(house):
    alice = await house.client(ALICE)
    answer = await publish(alice, TUNE, id="")
    made = answer.find(f".//{{{PUBSUB}}}item").get("id")
    assert made and [item.get("id") for item in await items(alice, TUNE)] == [made]


async def test_the_same_id_replaces_and_an_ordinary_node_keeps_the_last(house):
    alice = await house.client(ALICE)
    await publish(alice, TUNE, "<a xmlns='urn:a'>1</a>", "one")
    await publish(alice, TUNE, "<a xmlns='urn:a'>2</a>", "one")
    (item,) = await items(alice, TUNE)
    assert item[0].text == "2"
    await publish(alice, TUNE, "<a xmlns='urn:a'>3</a>", "two")
    assert [item.get("id") for item in await items(alice, TUNE)] == ["two"]


async def test_some_items(house):
    alice = await house.client(ALICE)
    for number in range(1, 6):
        await publish(alice, "urn:x", f"<a xmlns='urn:a'>{number}</a>", f"i{number}", max_items="max")
    assert [i.get("id") for i in await items(alice, "urn:x")] == ["i1", "i2", "i3", "i4", "i5"]
    assert [i.get("id") for i in await items(alice, "urn:x", max_items="2")] == ["i4", "i5"]
    some = await items(alice, "urn:x", inner="<item id='i4'/><item id='none'/><item id='i1'/>")
    assert [i.get("id") for i in some] == ["i4", "i1"]
    assert await items(alice, "urn:x", inner="<item id='none'/>") == []
    assert condition(await alice.ask(asking_for("urn:x", max_items="0")))[1] == "bad-request"
    assert condition(await alice.ask(asking_for("urn:x", max_items="many")))[1] == "bad-request"


async def test_items_by_the_page(house):
    alice = await house.client(ALICE)
    for number in range(1, 6):
        await publish(alice, "urn:x", f"<a xmlns='urn:a'>{number}</a>", f"i{number}", max_items="10")

    async def page(wish):
        answer = await alice.ask(pubsub(f"<items node='urn:x'/><set xmlns='{RSM}'>{wish}</set>"))
        return answer, [i.get("id") for i in answer.iter(f"{{{PUBSUB}}}item")]

    answer, found = await page("<max>2</max>")
    assert found == ["i1", "i2"] and answer.findtext(f".//{{{RSM}}}count") == "5"
    assert answer.findtext(f".//{{{RSM}}}last") == "i2"
    assert (await page("<max>2</max><after>i2</after>"))[1] == ["i3", "i4"]
    assert (await page("<max>2</max><before/>"))[1] == ["i4", "i5"]
    assert (await page("<max>2</max><before>i4</before>"))[1] == ["i2", "i3"]
    assert (await page("<max>0</max>"))[1] == []
    assert condition((await page("<max>2</max><after>none</after>"))[0]) == ("cancel", "item-not-found")


@pytest.mark.parametrize(
    "inner, why",
    [
        ("<publish><item><a xmlns='urn:a'/></item></publish>", ("modify", "bad-request", "nodeid-required")),
        ("<publish node='urn:x'/>", ("modify", "bad-request", "item-required")),
        ("<publish node='urn:x'><item/></publish>", ("modify", "bad-request", "payload-required")),
        (
            "<publish node='urn:x'><item><a xmlns='urn:a'/><b xmlns='urn:b'/></item></publish>",
            ("modify", "bad-request", "invalid-payload"),
        ),
        (
            "<publish node='urn:x'><item><a xmlns='urn:a'/></item><item><a xmlns='urn:a'/></item></publish>",
            ("modify", "bad-request", ""),
        ),
        ("<retract node='urn:x'><item id='a'/></retract>", ("cancel", "item-not-found", "")),
        ("<retract><item id='a'/></retract>", ("modify", "bad-request", "nodeid-required")),
        ("<retract node='urn:x'/>", ("modify", "bad-request", "item-required")),
        ("<retract node='urn:x'><item/></retract>", ("modify", "bad-request", "item-required")),
        ("<unknown/>", ("modify", "bad-request", "")),
        ("<options node='urn:x' jid='alice@example.test'/>", ("cancel", "feature-not-implemented", "unsupported")),
    ],
)
async def test_what_cannot_be_done(house, inner, why):
    alice = await house.client(ALICE)
    assert refusal(await alice.ask(pubsub(inner), type="set")) == why
    assert await house.front_end.store.documents("pep-node") == {}


async def test_retracting(house):
    alice = await house.client(ALICE)
    await publish(alice, TUNE, id="one")
    retract = pubsub(f"<retract node='{TUNE}'><item id='one'/></retract>")
    assert (await alice.ask(retract, type="set")).get("type") == "result"
    assert await items(alice, TUNE) == []
    assert refusal(await alice.ask(retract, type="set")) == ("cancel", "item-not-found", "")
    assert await house.front_end.store.documents("pep-item") == {}


async def test_nobody_publishes_for_somebody_else(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await publish(alice, TUNE, id="one")
    answer = await bob.ask(publishing(TUNE, "<a xmlns='urn:a'/>", "one"), to="alice@example.test", type="set")
    assert refusal(answer) == ("auth", "forbidden", "")
    retract = pubsub(f"<retract node='{TUNE}'><item id='one'/></retract>")
    assert refusal(await bob.ask(retract, to="alice@example.test", type="set")) == ("auth", "forbidden", "")
    assert (await items(alice, TUNE))[0][0].tag == f"{{{TUNE}}}tune"


# ---- options of publishing (section 7.1.5)


async def test_options_make_the_node_and_are_what_it_must_be_from_then_on(house):
    alice = await house.client(ALICE)
    wish = {"access_model": "whitelist", "persist_items": "true", "max_items": "max"}
    wish["send_last_published_item"] = "never"
    await publish(alice, "urn:x", id="one", **wish)
    await publish(alice, "urn:x", id="two", **wish)
    assert len(await items(alice, "urn:x")) == 2
    answer = await alice.ask(publishing("urn:x", SONG, "three", access_model="open"), type="set")
    assert refusal(answer) == ("cancel", "conflict", "precondition-not-met")
    assert len(await items(alice, "urn:x")) == 2


async def test_options_that_nobody_knows_are_refused(house):
    alice = await house.client(ALICE)
    answer = await alice.ask(publishing("urn:x", SONG, "one", sort_by="mood"), type="set")
    assert refusal(answer) == ("cancel", "conflict", "precondition-not-met")
    answer = await alice.ask(publishing("urn:x", SONG, "one", access_model="authorize"), type="set")
    assert refusal(answer) == ("modify", "not-acceptable", "unsupported-access-model")
    answer = await alice.ask(publishing("urn:x", SONG, "one", max_items="-3"), type="set")
    assert refusal(answer)[:2] == ("modify", "not-acceptable")
    assert await house.front_end.store.documents("pep-node") == {}


async def test_an_option_without_its_prefix_is_not_known_either(house):
    alice = await house.client(ALICE)
    asked = publishing("urn:x", SONG, "one", access_model="whitelist").replace("pubsub#access_model", "access_model")
    assert refusal(await alice.ask(asked, type="set"))[2] == "precondition-not-met"


async def test_a_wish_for_more_items_than_there_may_be_means_as_many_as_possible(house):
    alice = await house.client(ALICE)
    await publish(alice, "urn:x", id="one", max_items="10000000")
    await publish(alice, "urn:x", id="two", max_items="10000000")
    assert len(await items(alice, "urn:x")) == 2


# ---- nodes of other kinds


async def test_what_is_not_kept_cannot_be_read(house):
    alice = await house.client(ALICE)
    await publish(alice, "urn:x", persist_items="false")
    assert refusal(await alice.ask(asking_for("urn:x"))) == ("cancel", "feature-not-implemented", "unsupported")
    retract = pubsub("<retract node='urn:x'><item id='current'/></retract>")
    assert refusal(await alice.ask(retract, type="set"))[2] == "unsupported"


async def test_items_whose_time_is_over_are_gone(house):
    alice = await house.client(ALICE)
    await publish(alice, "urn:x", id="old", max_items="5", item_expire="60")
    house.front_end.clock.turn(seconds=50)
    await publish(alice, "urn:x", id="new")
    assert [i.get("id") for i in await items(alice, "urn:x")] == ["old", "new"]
    house.front_end.clock.turn(seconds=20)
    assert [i.get("id") for i in await items(alice, "urn:x")] == ["new"]
    await publish(alice, "urn:x", id="newest")
    assert len(await house.front_end.store.documents("pep-item")) == 2


# ---- limits


async def test_a_payload_may_be_too_large_for_its_node(house):
    alice = await house.client(ALICE)
    await publish(alice, "urn:x", "<a xmlns='urn:a'/>", max_payload_size="100")
    large = publishing("urn:x", f"<a xmlns='urn:a'>{'x' * 100}</a>")
    assert refusal(await alice.ask(large, type="set")) == ("modify", "not-acceptable", "payload-too-big")


async def test_an_account_has_so_many_nodes_and_bytes(house, monkeypatch):
    alice = await house.client(ALICE)
    monkeypatch.setattr(shelves, "MAX_NODES", 2)
    monkeypatch.setattr(shelves, "MAX_KEPT", 300)
    await publish(alice, "urn:1", "<a xmlns='urn:a'/>")
    await publish(alice, "urn:2", "<a xmlns='urn:a'/>")
    assert refusal(await alice.ask(publishing("urn:3"), type="set")) == ("cancel", "conflict", "node-full")
    large = publishing("urn:2", f"<a xmlns='urn:a'>{'x' * 280}</a>")
    assert refusal(await alice.ask(large, type="set")) == ("cancel", "conflict", "node-full")
    assert (await items(alice, "urn:2"))[0][0].text is None


async def test_names_have_a_length(house):
    alice = await house.client(ALICE)
    long = "x" * (nodes.MAX_NODE_NAME + 1)
    assert condition(await alice.ask(publishing(long), type="set"))[1] == "not-acceptable"
    assert condition(await alice.ask(publishing("urn:x", SONG, long), type="set"))[1] == "bad-request"


async def test_nodes_and_items_of_any_name(house):
    """Names with slashes, quotes and spaces do not meet one another in the store."""
    alice = await house.client(ALICE)
    await publish(alice, "a", "<p xmlns='urn:p'>1</p>", "b/c", max_items="5")
    await publish(alice, "a/b", "<p xmlns='urn:p'>2</p>", "c", max_items="5")
    await publish(alice, "a%2Fb &amp; &apos;c&apos;", "<p xmlns='urn:p'>3</p>", "é &lt;", max_items="5")
    house.router._parts.personal.eventing.shelves._held.clear()
    assert [(i.get("id"), i[0].text) for i in await items(alice, "a")] == [("b/c", "1")]
    assert [(i.get("id"), i[0].text) for i in await items(alice, "a/b")] == [("c", "2")]
    assert [(i.get("id"), i[0].text) for i in await items(alice, "a%2Fb &amp; &apos;c&apos;")] == [("é <", "3")]


async def test_what_omemo_publishes(house):
    """As Dino does at its first sign-in: a list without an id or options, a large bundle, then both opened to all."""
    alice, bob = await house.client(ALICE), await house.client(BOB)
    devices, bundles = "eu.siacs.conversations.axolotl.devicelist", "eu.siacs.conversations.axolotl.bundles:234373136"
    keys = "".join(f"<preKeyPublic preKeyId='{n}'>{'B' * 44}</preKeyPublic>" for n in range(100))
    await publish(alice, devices, "<list xmlns='eu.siacs.conversations.axolotl'><device id='1'/></list>", "")
    await publish(alice, bundles, f"<bundle xmlns='eu.siacs.conversations.axolotl'>{keys}</bundle>", "1")
    answer = await bob.ask(asking_for(bundles), to="alice@example.test")
    assert refusal(answer) == ("auth", "not-authorized", "presence-subscription-required")
    for node in (devices, bundles):
        answer = await alice.ask(configuring(node, access_model="open"), type="set")
        assert answer.get("type") == "result"
    (item,) = await items(bob, bundles, "alice@example.test")
    assert len(item[0]) == 100
    (item,) = await items(bob, devices, "alice@example.test")
    assert item[0][0].get("id") == "1"
