"""Who is told of nodes (XEP-0163 section 4): by capabilities, by subscription, and on coming."""

from __future__ import annotations

import pytest

from .....bridges.xmpp.pep import subscribing
from ....people import ALICE, BOB, CAROL
from ..house import condition
from .asking import (
    EVENT,
    OWNER,
    PUBSUB,
    TUNE,
    asking_for,
    caps_of,
    configuring,
    curious,
    explains,
    features,
    items,
    publish,
    pubsub,
    refusal,
    told,
    with_caps,
)

ME = "alice@example.test"
MOOD = "http://jabber.org/protocol/mood"


def heard(client):
    return [(sender, node) for sender, node, _ in told(client)]


# ---- by capabilities


async def test_contacts_and_own_clients_hear_of_what_they_asked_for(house):
    await house.friends(ALICE, BOB)
    alice, phone = await house.client(ALICE), await curious(house, ALICE, TUNE, instance="phone")
    bob = await curious(house, BOB, TUNE, MOOD)
    deaf = await curious(house, BOB, MOOD, instance="deaf")
    carol = await curious(house, CAROL, TUNE)
    await publish(alice, TUNE)
    ((sender, node, change),) = told(bob)
    assert (sender, node) == (ME, TUNE) and change[0].get("id") == "current"
    assert change[0][0].tag == f"{{{TUNE}}}tune" and change[0][0][0].text == "Song"
    assert heard(phone) == [(ME, TUNE)] and heard(deaf) == heard(carol) == heard(alice) == []


async def test_an_event_is_a_headline_to_the_full_jid(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, TUNE)
    await publish(alice, TUNE)
    (event,) = bob.got("message")
    assert event.get("type") == "headline" and event.get("to") == bob.jid and event.get("id")
    await publish(alice, MOOD, notification_type="normal")
    assert bob.got("message") == []


async def test_a_client_that_comes_hears_the_last_item_of_each_node(house):
    await house.friends(ALICE, BOB)
    alice = await house.client(ALICE)
    await publish(alice, TUNE, "<tune xmlns='http://jabber.org/protocol/tune'>old</tune>", "1", max_items="5")
    await publish(alice, TUNE, "<tune xmlns='http://jabber.org/protocol/tune'>new</tune>", "2")
    await publish(alice, MOOD, "<mood xmlns='http://jabber.org/protocol/mood'/>")
    await publish(alice, "urn:quiet", send_last_published_item="never")
    await publish(alice, "urn:private", access_model="whitelist")
    bob = await curious(house, BOB, TUNE, "urn:quiet", "urn:private")
    (message,) = bob.got("message")
    item = message.find(f".//{{{EVENT}}}item")
    assert item.get("id") == "2" and item[0].text == "new"
    assert message.find("{urn:xmpp:delay}delay").get("stamp") == "2026-11-24T12:00:00.000Z"
    tablet = await curious(house, ALICE, "urn:private", instance="tablet")
    assert heard(tablet) == [(ME, "urn:private")]


async def test_a_hash_is_asked_for_once_and_then_known_for_everybody(house):
    await house.friends(ALICE, BOB)
    alice = await house.client(ALICE)
    await publish(alice, TUNE)
    inner = features(TUNE)
    first = await house.client(BOB, presence="")
    await first.send(with_caps(caps_of(inner)))
    (question,) = first.got("iq", type="get")
    assert question.get("from") == "bob@example.test" and question[0].get("node").startswith("urn:test:client#")
    first.wire.written.clear()
    await first.send(
        f"<iq type='result' id='{question.get('id')}' to='bob@example.test'>"
        f"<query xmlns='http://jabber.org/protocol/disco#info'>{inner}</query></iq>"
    )
    assert heard(first) == [(ME, TUNE)]
    second = await house.client(BOB, "second", presence="")
    await second.send(with_caps(caps_of(inner)))
    came = second.got()
    assert not [e for e in came if e.tag.endswith("}iq")] and [e for e in came if e.tag.endswith("}message")]


async def test_who_lies_about_its_hash_is_believed_for_itself_alone(house):
    await house.friends(ALICE, BOB)
    alice = await house.client(ALICE)
    truth = features(TUNE)
    liar = await house.client(BOB, presence="")
    await liar.send(with_caps(caps_of(truth)))
    assert await explains(liar, features(MOOD))
    await publish(alice, MOOD, "<mood xmlns='http://jabber.org/protocol/mood'/>")
    assert heard(liar) == [(ME, MOOD)]
    honest = await house.client(BOB, "honest", presence="")
    await honest.send(with_caps(caps_of(truth)))
    assert await explains(honest, truth)
    honest.got()
    await publish(alice, TUNE)
    assert heard(honest) == [(ME, TUNE)] and heard(liar) == []


async def test_a_client_that_refuses_or_says_nothing_hears_nothing(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB, presence="")
    await bob.send(with_caps(caps_of(features(TUNE))))
    (question,) = bob.got("iq", type="get")
    await bob.send(f"<iq type='error' id='{question.get('id')}' to='bob@example.test'><error type='cancel'/></iq>")
    await publish(alice, TUNE)
    assert heard(bob) == []


async def test_another_presence_brings_nothing_twice_and_new_features_bring_what_is_new(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, TUNE)
    await publish(alice, TUNE)
    await publish(alice, MOOD, "<mood xmlns='http://jabber.org/protocol/mood'/>")
    told(bob)
    await bob.send(with_caps(caps_of(features(TUNE)), "<show>away</show>"))
    assert heard(bob) == []
    more = features(TUNE, MOOD)
    await bob.send(with_caps(caps_of(more)))
    await explains(bob, more)
    assert heard(bob) == [(ME, MOOD)]
    await bob.send("<presence type='unavailable'/>")
    await publish(alice, TUNE)
    assert heard(bob) == []
    await bob.send(with_caps(caps_of(more)))
    assert sorted(heard(bob)) == [(ME, MOOD), (ME, TUNE)]


async def test_who_is_let_in_later_hears_then_and_who_is_shut_out_hears_no_more(house):
    alice, bob = await house.client(ALICE), await curious(house, BOB, TUNE)
    await publish(alice, TUNE)
    assert heard(bob) == []
    await house.friends(ALICE, BOB)
    assert heard(bob) == [(ME, TUNE)]
    await house.front_end.contacts.revoke(ALICE, BOB)
    await house.quiet()
    await publish(alice, TUNE)
    assert heard(bob) == []


async def test_blocking_ends_notices_both_ways(house):
    await house.friends(ALICE, BOB)
    alice, bob = await curious(house, ALICE, TUNE), await curious(house, BOB, TUNE)
    await alice.ask("<block xmlns='urn:xmpp:blocking'><item jid='bob@example.test'/></block>", type="set")
    await publish(alice, TUNE)
    assert heard(bob) == []
    await publish(bob, TUNE)
    assert heard(bob) == heard(alice) == []


async def test_what_is_told_of_items_that_go_and_of_nodes_that_go(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, TUNE)
    await publish(alice, TUNE, id="one")
    told(bob)

    async def change(inner, ns=PUBSUB):
        assert (await alice.ask(pubsub(inner, ns), type="set")).get("type") == "result"
        return [(what.tag.rpartition("}")[2], [kid.tag.rpartition("}")[2] for kid in what]) for *_, what in told(bob)]

    assert await change(f"<retract node='{TUNE}' notify='true'><item id='one'/></retract>") == [("items", ["retract"])]
    assert await change(f"<purge node='{TUNE}'/>", OWNER) == [("purge", [])]
    assert await change(f"<delete node='{TUNE}'/>", OWNER) == [("delete", [])]


async def test_nodes_that_keep_silent(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, TUNE)
    await publish(alice, TUNE, deliver_notifications="0")
    assert heard(bob) == []
    assert (await alice.ask(configuring(TUNE, deliver_notifications="1", deliver_payloads="0"), type="set")) is not None
    await publish(alice, TUNE)
    ((_, _, change),) = told(bob)
    assert change[0].get("id") == "current" and len(change[0]) == 0
    await alice.ask(configuring(TUNE, notify_config="1", notify_retract="0", notify_delete="0"), type="set")
    ((_, _, change),) = told(bob)
    assert change.tag == f"{{{EVENT}}}configuration"
    await alice.ask(pubsub(f"<retract node='{TUNE}'><item id='current'/></retract>"), type="set")
    await alice.ask(pubsub(f"<delete node='{TUNE}'/>", OWNER), type="set")
    assert heard(bob) == []


async def test_a_transient_node_tells_without_keeping(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, TUNE)
    await publish(alice, TUNE, persist_items="0")
    assert heard(bob) == [(ME, TUNE)]
    assert await house.front_end.store.documents("pep-item") == {}


# ---- by subscription


def subscribing_to(node, jid="bob@example.test", name="subscribe"):
    return pubsub(f"<{name} node='{node}' jid='{jid}'/>")


async def test_who_subscribes_hears_whatever_its_client_is(house):
    await house.friends(ALICE, BOB)
    alice, bob, carol = await house.client(ALICE), await house.client(BOB), await house.client(CAROL)
    await publish(alice, TUNE, access_model="open")
    for client in (bob, carol):
        answer = await client.ask(subscribing_to(TUNE, client.bare), to=ME, type="set")
        subscription = answer.find(f".//{{{PUBSUB}}}subscription")
        assert subscription.get("subscription") == "subscribed" and subscription.get("jid") == client.bare
    told(bob), told(carol)
    await publish(alice, TUNE)
    assert heard(bob) == heard(carol) == [(ME, TUNE)]
    assert (await bob.ask(subscribing_to(TUNE, name="unsubscribe"), to=ME, type="set")).get("type") == "result"
    await publish(alice, TUNE)
    assert heard(bob) == [] and heard(carol) == [(ME, TUNE)]


async def test_a_new_subscriber_gets_the_last_item(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await publish(alice, TUNE)
    await bob.send(f"<iq type='set' id='s' to='{ME}'>{subscribing_to(TUNE)}</iq>")
    assert heard(bob) == [(ME, TUNE)]


async def test_one_client_alone_may_subscribe_and_nobody_hears_twice(house):
    await house.friends(ALICE, BOB)
    alice, bob, other = await house.client(ALICE), await curious(house, BOB, TUNE), await house.client(BOB, "other")
    await publish(alice, TUNE)
    await bob.ask(subscribing_to(TUNE, bob.jid), to=ME, type="set")
    await bob.ask(subscribing_to(TUNE, bob.jid), to=ME, type="set")
    told(bob)
    await publish(alice, TUNE)
    assert heard(bob) == [(ME, TUNE)] and heard(other) == []


@pytest.mark.parametrize(
    "inner, why",
    [
        (subscribing_to(TUNE, ""), ("modify", "bad-request", "invalid-jid")),
        (subscribing_to(TUNE, "carol@example.test"), ("modify", "bad-request", "invalid-jid")),
        (subscribing_to("urn:none"), ("cancel", "item-not-found", "")),
        (subscribing_to("urn:closed"), ("cancel", "not-allowed", "closed-node")),
        (pubsub("<subscribe jid='bob@example.test'/>"), ("modify", "bad-request", "nodeid-required")),
        (subscribing_to(TUNE, name="unsubscribe"), ("cancel", "unexpected-request", "not-subscribed")),
        (subscribing_to(TUNE, "carol@example.test", "unsubscribe"), ("auth", "forbidden", "")),
        (subscribing_to("urn:none", name="unsubscribe"), ("cancel", "item-not-found", "")),
    ],
)
async def test_subscriptions_that_cannot_be(house, inner, why):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await publish(alice, TUNE)
    await publish(alice, "urn:closed", access_model="whitelist")
    assert refusal(await bob.ask(inner, to=ME, type="set")) == why


async def test_too_many_subscribers(house, monkeypatch):
    await house.friends(ALICE, BOB)
    monkeypatch.setattr(subscribing, "MAX_SUBSCRIBERS", 0)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await publish(alice, TUNE)
    answer = await bob.ask(subscribing_to(TUNE), to=ME, type="set")
    assert refusal(answer) == ("wait", "policy-violation", "too-many-subscriptions")


async def test_strangers_do_not_subscribe(house):
    alice, carol = await house.client(ALICE), await house.client(CAROL)
    await publish(alice, TUNE)
    for name in ("subscribe", "unsubscribe"):
        for node in (TUNE, "urn:none"):
            answer = await carol.ask(subscribing_to(node, "carol@example.test", name), to=ME, type="set")
            assert refusal(answer) == ("auth", "not-authorized", "presence-subscription-required")


async def test_what_one_has_subscribed_to_and_is(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await publish(alice, TUNE)
    await publish(alice, MOOD, "<mood xmlns='http://jabber.org/protocol/mood'/>")

    async def own(what, client=bob, to=ME):
        answer = await client.ask(pubsub(f"<{what}/>"), to=to)
        return [(e.get("node"), e.get("jid") or e.get("affiliation")) for e in answer[0][0]]

    assert await own("subscriptions") == [] and await own("affiliations") == []
    await bob.ask(subscribing_to(TUNE), to=ME, type="set")
    assert await own("subscriptions") == [(TUNE, "bob@example.test")]
    assert await own("affiliations", alice, None) == [(MOOD, "owner"), (TUNE, "owner")]
    at_one = await bob.ask(pubsub(f"<subscriptions node='{MOOD}'/>"), to=ME)
    assert len(at_one[0][0]) == 0
    listed = await alice.ask(pubsub(f"<subscriptions node='{TUNE}'/>", OWNER))
    assert [s.get("jid") for s in listed.iter(f"{{{OWNER}}}subscription")] == ["bob@example.test"]
    off = f"<subscriptions node='{TUNE}'><subscription jid='bob@example.test' subscription='none'/></subscriptions>"
    await alice.ask(pubsub(off, OWNER), type="set")
    assert await own("subscriptions") == []
    on = off.replace("'none'", "'subscribed'")
    assert condition(await alice.ask(pubsub(on, OWNER), type="set")) == ("modify", "not-acceptable")


async def test_who_is_shut_out_after_subscribing_hears_nothing(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await publish(alice, TUNE)
    await bob.ask(subscribing_to(TUNE), to=ME, type="set")
    await house.front_end.contacts.revoke(ALICE, BOB)
    await house.quiet()
    told(bob)
    await publish(alice, TUNE)
    assert heard(bob) == []
    assert refusal(await bob.ask(asking_for(TUNE), to=ME))[2] == "presence-subscription-required"
    assert len(await items(alice, TUNE)) == 1
