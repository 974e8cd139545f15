"""What owners do with their nodes (XEP-0060 section 8), and how nodes are discovered (section 5)."""

from __future__ import annotations

import pytest

from ....people import ALICE, BOB, CAROL
from .asking import (
    DATA_FORM,
    OWNER,
    PUBSUB,
    SONG,
    TUNE,
    asking_for,
    configuring,
    form,
    items,
    publish,
    publishing,
    pubsub,
    refusal,
)

INFO = "http://jabber.org/protocol/disco#info"
ITEMS = "http://jabber.org/protocol/disco#items"
ME = "alice@example.test"


def values(answer):
    """A form's fields."""
    fields = answer.iter(f"{{{DATA_FORM}}}field")
    return {f.get("var"): [v.text for v in f.findall(f"{{{DATA_FORM}}}value")] for f in fields}


async def done(client, inner, ns=PUBSUB):
    answer = await client.ask(pubsub(inner, ns), type="set")
    assert answer.get("type") == "result", refusal(answer)
    return answer


# ---- creating


async def test_creating_a_node(house):
    alice = await house.client(ALICE)
    await done(alice, "<create node='urn:x'/>")
    assert await items(alice, "urn:x") == []
    again = await alice.ask(pubsub("<create node='urn:x'/>"), type="set")
    assert refusal(again)[:2] == ("cancel", "conflict")


async def test_a_node_without_a_name_gets_one(house):
    alice = await house.client(ALICE)
    answer = await done(alice, "<create/>")
    name = answer.find(f".//{{{PUBSUB}}}create").get("node")
    assert name and await items(alice, name) == []


async def test_creating_a_node_as_one_wants_it(house):
    alice = await house.client(ALICE)
    wish = form("node_config", access_model="roster", roster_groups_allowed="Friends|Family", max_items="7", title="T")
    await done(alice, f"<create node='urn:x'/><configure>{wish}</configure>")
    fields = values(await alice.ask(pubsub("<configure node='urn:x'/>", OWNER)))
    assert fields["pubsub#access_model"] == ["roster"] and fields["pubsub#max_items"] == ["7"]
    assert fields["pubsub#roster_groups_allowed"] == ["Family", "Friends"] and fields["pubsub#title"] == ["T"]


@pytest.mark.parametrize(
    "inner, why",
    [
        (
            f"<create node='urn:x'/><configure>{form('node_config', access_model='authorize')}</configure>",
            ("modify", "not-acceptable", "unsupported-access-model"),
        ),
        (f"<configure>{form('node_config')}</configure><create node='urn:x'/>", None),
        (
            f"<create node='urn:x'/><configure node='urn:x'>{form('node_config')}</configure>",
            ("modify", "bad-request", ""),
        ),
        (
            f"<create node='urn:x'/><configure>{form('node_config', node_type='collection')}</configure>",
            ("cancel", "feature-not-implemented", "unsupported"),
        ),
    ],
)
async def test_nodes_that_cannot_be_made(house, inner, why):
    alice = await house.client(ALICE)
    answer = await alice.ask(pubsub(inner), type="set")
    assert answer.get("type") == "error" and (why is None or refusal(answer) == why)
    assert refusal(await alice.ask(asking_for("urn:x")))[1] == "item-not-found"


# ---- configuring


async def test_the_defaults_are_those_of_personal_eventing(house):
    alice = await house.client(ALICE)
    fields = values(await alice.ask(pubsub("<default/>", OWNER)))
    assert fields["FORM_TYPE"] == [f"{PUBSUB}#node_config"]
    assert fields["pubsub#access_model"] == ["presence"] and fields["pubsub#deliver_notifications"] == ["1"]
    assert fields["pubsub#send_last_published_item"] == ["on_sub_and_presence"]
    await publish(alice, TUNE)
    assert values(await alice.ask(pubsub(f"<configure node='{TUNE}'/>", OWNER))) == fields


async def test_a_changed_configuration_changes_only_what_it_names(house):
    alice = await house.client(ALICE)
    await publish(alice, "urn:x", id="one", max_items="3", access_model="open")
    await publish(alice, "urn:x", id="two")
    assert (await alice.ask(configuring("urn:x", max_items="1"), type="set")).get("type") == "result"
    assert [i.get("id") for i in await items(alice, "urn:x")] == ["two"]
    fields = values(await alice.ask(pubsub("<configure node='urn:x'/>", OWNER)))
    assert fields["pubsub#access_model"] == ["open"] and fields["pubsub#max_items"] == ["1"]
    cancelled = pubsub(f"<configure node='urn:x'><x xmlns='{DATA_FORM}' type='cancel'/></configure>", OWNER)
    assert (await alice.ask(cancelled, type="set")).get("type") == "result"
    assert values(await alice.ask(pubsub("<configure node='urn:x'/>", OWNER))) == fields


@pytest.mark.parametrize(
    "field, value",
    [("persist_items", "perhaps"), ("max_items", "none"), ("notification_type", "chat"), ("publish_model", "open")],
)
async def test_configurations_that_are_none(house, field, value):
    alice = await house.client(ALICE)
    await publish(alice, "urn:x")
    answer = await alice.ask(configuring("urn:x", **{field: value}), type="set")
    assert refusal(answer)[:2] == ("modify", "not-acceptable")


OWNERS_DEEDS = [
    ("get", "<configure node='{}'/>"),
    ("set", f"<configure node='{{}}'>{form('node_config', access_model='open')}</configure>"),
    ("set", "<delete node='{}'/>"),
    ("set", "<purge node='{}'/>"),
    ("get", "<affiliations node='{}'/>"),
    ("set", "<affiliations node='{}'><affiliation jid='bob@example.test' affiliation='member'/></affiliations>"),
    ("get", "<subscriptions node='{}'/>"),
    ("set", "<subscriptions node='{}'><subscription jid='x@y' subscription='none'/></subscriptions>"),
]


@pytest.mark.parametrize("type, inner", OWNERS_DEEDS)
async def test_only_the_owner_does_what_owners_do_and_only_with_nodes_there_are(house, type, inner):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await publish(alice, "urn:x", access_model="open")
    asked = pubsub(inner.format("urn:x"), OWNER)
    for to in (ME, "nobody@example.test"):
        assert refusal(await bob.ask(asked, to=to, type=type)) == ("auth", "forbidden", "")
    assert refusal(await alice.ask(pubsub(inner.format("urn:none"), OWNER), type=type))[1] == "item-not-found"
    unnamed = pubsub(inner.replace(" node='{}'", ""), OWNER)
    assert refusal(await alice.ask(unnamed, type=type)) == ("modify", "bad-request", "nodeid-required")
    assert (await alice.ask(asked, type=type)).get("type") == "result"


async def test_deleting_and_purging(house):
    alice = await house.client(ALICE)
    await publish(alice, "urn:x", SONG * 1, "one", max_items="5")
    await publish(alice, "urn:x", f"<a xmlns='urn:a'>{'x' * 5000}</a>", "large")
    await done(alice, "<purge node='urn:x'/>", OWNER)
    assert await items(alice, "urn:x") == []
    await publish(alice, "urn:x", f"<a xmlns='urn:a'>{'x' * 5000}</a>", "large")
    await done(alice, "<delete node='urn:x'/>", OWNER)
    assert refusal(await alice.ask(asking_for("urn:x")))[1] == "item-not-found"
    for kind in ("pep-node", "pep-item", "pep-payload"):
        assert await house.front_end.store.documents(kind) == {}


# ---- who may read


async def test_the_access_models(house):
    contacts = house.front_end.contacts
    await house.friends(ALICE, BOB)
    await contacts.put(ALICE, BOB, name="", groups=("Work",))
    alice, bob, carol = await house.client(ALICE), await house.client(BOB), await house.client(CAROL)
    hidden = ("auth", "not-authorized", "presence-subscription-required")
    expected = {
        "open": (None, None),
        "presence": (None, hidden),
        "roster": (("auth", "not-authorized", "not-in-roster-group"), hidden),
        "whitelist": (("cancel", "not-allowed", "closed-node"), hidden),
    }
    for model, answers in expected.items():
        await publish(alice, f"urn:{model}", access_model=model)
        for client, why in zip((bob, carol), answers, strict=True):
            answer = await client.ask(asking_for(f"urn:{model}"), to=ME)
            assert (refusal(answer) if answer.get("type") == "error" else None) == why, model
    await alice.ask(configuring("urn:roster", roster_groups_allowed="Work"), type="set")
    assert len(await items(bob, "urn:roster", ME)) == 1


async def test_strangers_cannot_tell_what_is_hidden_from_what_does_not_exist(house):
    alice, carol = await house.client(ALICE), await house.client(CAROL)
    await publish(alice, "urn:x")
    await publish(alice, "urn:open", access_model="open")
    asked = [("urn:x", ME), ("urn:none", ME), ("urn:x", "nobody@example.test"), ("urn:open", "nobody@example.test")]
    answers = {refusal(await carol.ask(asking_for(node), to=to)) for node, to in asked}
    assert answers == {("auth", "not-authorized", "presence-subscription-required")}
    await house.front_end.contacts.block(ALICE, CAROL)
    assert refusal(await carol.ask(asking_for("urn:open"), to=ME)) in answers


async def test_members_read_what_is_closed_and_outcasts_nothing(house):
    await house.friends(ALICE, BOB)
    alice, bob, carol = await house.client(ALICE), await house.client(BOB), await house.client(CAROL)
    await publish(alice, "urn:closed", access_model="whitelist")
    await publish(alice, "urn:open", access_model="open")

    async def name(node, who, what):
        inner = f"<affiliations node='{node}'><affiliation jid='{who}' affiliation='{what}'/></affiliations>"
        return await alice.ask(pubsub(inner, OWNER), type="set")

    for who in ("bob@example.test", "carol@example.test"):
        assert (await name("urn:closed", who, "member")).get("type") == "result"
    assert len(await items(bob, "urn:closed", ME)) == len(await items(carol, "urn:closed", ME)) == 1
    await name("urn:open", "bob@example.test", "outcast")
    assert refusal(await bob.ask(asking_for("urn:open"), to=ME)) == ("auth", "forbidden", "")
    await name("urn:closed", "bob@example.test", "none")
    assert refusal(await bob.ask(asking_for("urn:closed"), to=ME))[2] == "closed-node"
    listed = await alice.ask(pubsub("<affiliations node='urn:closed'/>", OWNER))
    found = [(a.get("jid"), a.get("affiliation")) for a in listed.iter(f"{{{OWNER}}}affiliation")]
    assert found == [(ME, "owner"), ("carol@example.test", "member")]
    assert refusal(await name("urn:open", "bob@example.test", "publisher"))[1] == "not-acceptable"
    assert refusal(await name("urn:open", ME, "none"))[1] == "not-acceptable"
    assert refusal(await name("urn:open", "@", "member"))[1] == "jid-malformed"


# ---- discovery


async def test_an_account_says_what_it_can_do_with_nodes(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    for client, to in ((alice, None), (bob, ME)):
        answer = await client.ask(f"<query xmlns='{INFO}'/>", to=to)
        assert ("pubsub", "pep") in {(i.get("category"), i.get("type")) for i in answer.iter(f"{{{INFO}}}identity")}
        found = {f.get("var") for f in answer.iter(f"{{{INFO}}}feature")}
        assert {f"{PUBSUB}#publish-options", f"{PUBSUB}#auto-create", f"{PUBSUB}#config-node-max"} <= found
    server = await alice.ask(f"<query xmlns='{INFO}'/>", to="example.test")
    assert ("pubsub", "pep") in {(i.get("category"), i.get("type")) for i in server.iter(f"{{{INFO}}}identity")}


async def test_nodes_are_listed_for_who_may_read_them(house):
    await house.friends(ALICE, BOB)
    alice, bob, carol = await house.client(ALICE), await house.client(BOB), await house.client(CAROL)
    await publish(alice, "urn:open", access_model="open")
    await publish(alice, "urn:presence", title="Mine")
    await publish(alice, "urn:closed", access_model="whitelist")

    async def listed(client, to=None, node=""):
        attr = f" node='{node}'" if node else ""
        answer = await client.ask(f"<query xmlns='{ITEMS}'{attr}/>", to=to)
        return [(i.get("jid"), i.get("node"), i.get("name")) for i in answer.iter(f"{{{ITEMS}}}item")]

    everything = [(ME, "urn:closed", None), (ME, "urn:open", None), (ME, "urn:presence", "Mine")]
    assert await listed(alice) == everything
    assert await listed(bob, ME) == everything[1:]
    assert await listed(carol, ME) == everything[1:2]
    assert await listed(bob, ME, "urn:presence") == [(ME, None, "current")]


async def test_what_a_node_is(house):
    alice, carol = await house.client(ALICE), await house.client(CAROL)
    await publish(alice, "urn:x", access_model="open", title="Things", type="urn:thing")
    for client, to in ((alice, None), (carol, ME)):
        if client is carol:
            await house.friends(ALICE, CAROL)
        answer = await client.ask(f"<query xmlns='{INFO}' node='urn:x'/>", to=to)
        (identity,) = answer.iter(f"{{{INFO}}}identity")
        assert (identity.get("category"), identity.get("type")) == ("pubsub", "leaf")
        fields = values(answer)
        assert fields["FORM_TYPE"] == [f"{PUBSUB}#meta-data"] and fields["pubsub#title"] == ["Things"]
        assert fields["pubsub#creation_date"] == ["2026-11-24T12:00:00.000Z"] and fields["pubsub#owner"] == [ME]
    assert refusal(await alice.ask(f"<query xmlns='{INFO}' node='urn:none'/>"))[1] == "item-not-found"


async def test_nodes_go_with_the_account_and_survive_a_restart(house):
    alice = await house.client(ALICE)
    await publish(alice, "urn:x", title="T")
    shelves = house.router._parts.personal.eventing.shelves
    shelves._held.clear()
    assert len(await items(alice, "urn:x")) == 1
    assert refusal(await alice.ask(publishing("urn:x", title="other"), type="set"))[2] == "precondition-not-met"
    await house.front_end.accounts.remove(ALICE)
    for kind in ("pep-node", "pep-item"):
        assert await house.front_end.store.documents(kind) == {}
    assert (await shelves.of(ALICE)).nodes == {}
