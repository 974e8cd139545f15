"""Contact lists and subscriptions as XMPP clients use them: RFC 6121 sections 2 and 3."""

from __future__ import annotations

import pytest

from ...people import ALICE, BOB, CAROL
from .house import condition

QUERY = "<query xmlns='jabber:iq:roster'/>"
BOTH = [("bob@example.test", "both")]


def set_(item):
    return f"<query xmlns='jabber:iq:roster'>{item}</query>"


def items(stanza):
    return [
        (i.get("jid"), i.get("subscription"), i.get("name"), i.get("ask"), [g.text for g in i])
        for i in stanza.iter("{jabber:iq:roster}item")
    ]


def entry(jid, subscription="none", name=None, ask=None, groups=()):
    return (jid, subscription, name, ask, list(groups))


async def test_the_list_is_read_as_a_whole(house):
    await house.front_end.contacts.put(ALICE, BOB, name="Bob <the> 'builder'", groups=("work", "a & b"))
    alice = await house.client(ALICE)
    answer = await alice.ask(QUERY)
    assert answer.get("type") == "result"
    assert items(answer) == [entry("bob@example.test", name="Bob <the> 'builder'", groups=("work", "a & b"))]
    same = await alice.ask(QUERY, to="alice@example.test")
    assert items(same) == items(answer)
    version = answer[0].get("ver")
    assert len(await alice.ask(f"<query xmlns='jabber:iq:roster' ver='{version}'/>")) == 0
    assert items(await alice.ask("<query xmlns='jabber:iq:roster' ver='older'/>")) == items(answer)


async def test_a_change_is_pushed_to_whoever_has_read_the_list(house):
    alice, phone = await house.client(ALICE), await house.client(ALICE, "phone")
    plain = await house.client(ALICE, "plain")
    await alice.ask(QUERY), await phone.ask(QUERY)
    plain.got()
    change = set_("<item jid='BOB@example.test/x' name='Bob'><group>g</group></item>")
    await alice.send(f"<iq type='set' id='s1'>{change}</iq>")
    for client in (alice, phone):
        got = client.got("iq")
        (push,) = [i for i in got if i.get("type") == "set"]
        assert items(push) == [entry("bob@example.test", name="Bob", groups=["g"])]
        assert push.get("to") == client.jid and push.get("from") is None and push.get("id")
    assert plain.got("iq") == []
    version = push[0].get("ver")
    assert version == await house.front_end.contacts.version(ALICE)


async def test_an_entry_is_removed_and_both_subscriptions_with_it(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await alice.ask(QUERY), await bob.ask(QUERY)
    alice.got(), bob.got()
    change = set_("<item jid='bob@example.test' subscription='remove'/>")
    await alice.send(f"<iq type='set' id='s1'>{change}</iq>")
    got = alice.got()
    assert [items(i) for i in got if i.tag.endswith("iq") and i.get("type") == "set"] == [
        [entry("bob@example.test", "remove")]
    ]
    assert [i.get("type") for i in got if i.get("id") == "s1"] == ["result"]
    assert [p.get("from") for p in got if p.get("type") == "unavailable"] == [bob.jid]
    got = bob.got()
    assert [e.get("type") for e in got if e.tag.endswith("presence")] == ["unavailable", "unsubscribe", "unsubscribed"]
    assert [items(i) for i in got if i.tag.endswith("iq")][-1] == [entry("alice@example.test", "none")]


@pytest.mark.parametrize(
    "item, error",
    [
        ("", ("modify", "bad-request")),
        ("<item jid='bob@example.test'/><item jid='carol@example.test'/>", ("modify", "bad-request")),
        ("<item/>", ("modify", "jid-malformed")),
        ("<item jid='@'/>", ("modify", "jid-malformed")),
        ("<item jid='example.test'/>", ("modify", "not-acceptable")),
        ("<item jid='bob@example.test'><group>a</group><group>a</group></item>", ("modify", "bad-request")),
        ("<item jid='bob@example.test'><group/></item>", ("modify", "not-acceptable")),
        ("<item jid='bob@example.test'><group>%s</group></item>" % ("g" * 1025), ("modify", "not-acceptable")),
        ("<item jid='bob@example.test' name='%s'/>" % ("n" * 1025), ("modify", "not-acceptable")),
        ("<item jid='bob@example.test' subscription='remove'/>", ("cancel", "item-not-found")),
        ("<item jid='alice@example.test'/>", ("cancel", "not-allowed")),
    ],
)
async def test_changes_that_are_none(house, item, error):
    alice = await house.client(ALICE)
    assert condition(await alice.ask(set_(item), type="set")) == error
    assert await house.front_end.contacts.of(ALICE) == []


@pytest.mark.parametrize("type", ["get", "set"])
async def test_somebody_elses_list_is_theirs(house, type):
    alice = await house.client(ALICE)
    for to in ("bob@example.test", "nobody@example.test"):
        answer = await alice.ask(set_("<item jid='carol@example.test'/>") if type == "set" else QUERY, to=to, type=type)
        assert condition(answer) == ("auth", "forbidden")


async def test_a_list_is_not_asked_for_in_parts(house):
    alice = await house.client(ALICE)
    assert condition(await alice.ask(set_("<item jid='bob@example.test'/>"))) == ("modify", "bad-request")


# ---- subscriptions (section 3)


async def test_asking_and_granting(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await alice.ask(QUERY), await bob.ask(QUERY)
    alice.got(), bob.got()
    await alice.send(
        "<presence to='bob@example.test/somewhere' type='subscribe' id='x'><status>please</status></presence>"
    )
    assert [items(i) for i in alice.got("iq", type="set")] == [[entry("bob@example.test", "none", ask="subscribe")]]
    (question,) = bob.got()
    assert question.get("type") == "subscribe" and question.get("from") == "alice@example.test"
    assert question.get("to") == "bob@example.test" and question.findtext("{jabber:client}status") == "please"
    await bob.send("<presence to='alice@example.test' type='subscribed'/>")
    assert [items(i) for i in bob.got("iq", type="set")] == [[entry("alice@example.test", "from")]]
    got = alice.got()
    assert [(e.tag.rpartition("}")[2], e.get("type"), e.get("from")) for e in got] == [
        ("iq", "set", None),
        ("presence", "subscribed", "bob@example.test"),
        ("presence", None, bob.jid),
    ]
    assert items(got[0]) == [entry("bob@example.test", "to")]


async def test_a_question_is_asked_again_at_each_sign_in_until_it_is_answered(house):
    alice = await house.client(ALICE)
    await alice.send("<presence to='bob@example.test' type='subscribe'><status>it's me</status></presence>")
    for _ in range(2):
        bob = await house.client(BOB)
        (question,) = bob.got("presence", type="subscribe")
        assert question.get("from") == "alice@example.test" and len(question) == 1
        await bob.goes()
    bob = await house.client(BOB)
    await bob.send("<presence to='alice@example.test' type='unsubscribed'/>")
    await bob.goes()
    bob = await house.client(BOB)
    assert bob.got("presence", type="subscribe") == []


async def test_a_question_does_not_reach_clients_without_presence(house):
    alice, bob = await house.client(ALICE), await house.client(BOB, presence="")
    await alice.send("<presence to='bob@example.test' type='subscribe'/>")
    assert bob.got() == []


async def test_stopping_and_revoking(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await alice.ask(QUERY), await bob.ask(QUERY)
    alice.got(), bob.got()
    await alice.send("<presence to='bob@example.test' type='unsubscribe'/>")
    got = alice.got()
    assert [items(i) for i in got if i.get("type") == "set"] == [[entry("bob@example.test", "from")]]
    assert [p.get("from") for p in got if p.get("type") == "unavailable"] == [bob.jid]
    assert [p.get("type") for p in bob.got("presence")] == ["unsubscribe"]
    await alice.send("<presence to='bob@example.test' type='unsubscribed'/>")
    got = bob.got("presence")
    assert [p.get("type") for p in got] == ["unavailable", "unsubscribed"]
    assert got[0].get("from") == alice.jid


async def test_people_who_do_not_exist_never_answer(house):
    alice = await house.client(ALICE)
    await alice.ask(QUERY)
    for type in ("subscribe", "subscribed", "unsubscribe", "unsubscribed"):
        for to in ("nobody@example.test", "example.test", "eve@elsewhere.example"):
            await alice.send(f"<presence to='{to}' type='{type}'/>")
    assert alice.got("presence", type="error") == []


async def test_saying_yes_before_being_asked(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await bob.ask(QUERY)
    await bob.send("<presence to='alice@example.test' type='subscribed'/>")
    pushed = [i for push in bob.got("iq", type="set") for i in push.iter("{jabber:iq:roster}item")]
    assert [i.get("approved") for i in pushed] == ["true"]
    await alice.send("<presence to='bob@example.test' type='subscribe'/>")
    assert bob.got("presence", type="subscribe") == []
    assert bob.jid in [p.get("from") for p in alice.got("presence")]


async def test_other_worlds_deeds_reach_xmpp_clients(house):
    """The contact list is one, whoever changes it and with what."""
    alice = await house.client(ALICE)
    await alice.ask(QUERY)
    alice.got()
    await house.front_end.contacts.ask(CAROL, ALICE)
    await house.front_end.contacts.put(ALICE, CAROL, name="Carol", groups=())
    await house.quiet()
    got = alice.got()
    assert [(e.tag.rpartition("}")[2], e.get("type")) for e in got] == [("presence", "subscribe"), ("iq", "set")]


async def test_a_new_contact_who_may_be_seen_is_seen(house):
    """Presence follows from the list alone: no new sign-in is needed."""
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await house.front_end.contacts.grant(BOB, ALICE)
    alice.got()
    await alice.send("<presence to='bob@example.test' type='subscribe'/>")
    assert bob.jid in [p.get("from") for p in alice.got("presence")]
