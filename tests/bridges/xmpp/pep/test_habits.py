"""What programs keep in nodes, as they do it: nicknames, moods, what was read, private things."""

from __future__ import annotations

import pytest

from ....people import ALICE, BOB
from .asking import asking_for, curious, items, publish, publishing, pubsub, refusal, told

NICK = "http://jabber.org/protocol/nick"
READ = "urn:xmpp:mds:displayed:0"
ME = str(ALICE)
PRIVATE = {
    "persist_items": "true",
    "max_items": "max",
    "send_last_published_item": "never",
    "access_model": "whitelist",
}


def nick_in(presence):
    return presence.findtext(f"{{{NICK}}}nick")


async def test_a_question_has_the_name_of_who_asks(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    alice.got()
    await house.front_end.contacts.ask(BOB, ALICE)
    await house.quiet()
    (question,) = alice.got("presence", type="subscribe")
    assert nick_in(question) == "Bob"
    again = await house.client(ALICE, "again")
    assert [nick_in(p) for p in again.got("presence", type="subscribe")] == ["Bob"]
    bob.got()
    await alice.send(f"<presence type='subscribe' to='{BOB}'><nick xmlns='{NICK}'>Lissy</nick></presence>")
    assert [nick_in(p) for p in bob.got("presence", type="subscribe")] == ["Lissy"]


async def test_a_nickname_as_poezio_publishes_it(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, NICK)
    await publish(alice, NICK, f"<nick xmlns='{NICK}'>Lissy</nick>")
    ((_, node, change),) = told(bob)
    assert node == NICK and change[0][0].text == "Lissy"


async def test_what_was_read_is_known_to_ones_other_clients_alone(house):
    """One item for each chat (XEP-0490)."""
    await house.friends(ALICE, BOB)
    alice, phone = await curious(house, ALICE, READ), await curious(house, ALICE, READ, instance="phone")
    bob = await curious(house, BOB, READ)
    for chat in ("bob@example.test", "room@conference.example.test", "bob@example.test"):
        said = f"<displayed xmlns='{READ}'><stanza-id xmlns='urn:xmpp:sid:0' by='{ME}' id='1'/></displayed>"
        await publish(alice, READ, said, chat, **PRIVATE)
    chats = [change[0].get("id") for _, _, change in told(phone)]
    assert chats == ["bob@example.test", "room@conference.example.test", "bob@example.test"]
    assert told(bob) == []
    found = [i.get("id") for i in await items(phone, READ)]
    assert sorted(found) == ["bob@example.test", "room@conference.example.test"] and found[-1] == "bob@example.test"
    late = await curious(house, ALICE, READ, instance="late")
    assert told(late) == []


@pytest.mark.parametrize(
    "node, payload",
    [
        ("http://jabber.org/protocol/mood", "<mood xmlns='http://jabber.org/protocol/mood'><happy/></mood>"),
        (
            "http://jabber.org/protocol/activity",
            "<activity xmlns='http://jabber.org/protocol/activity'><working/></activity>",
        ),
        ("urn:xmpp:vcard4", "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Alice</text></fn></vcard>"),
        ("urn:xmpp:omemo:2:devices", "<devices xmlns='urn:xmpp:omemo:2'><device id='12345' label='Desk'/></devices>"),
    ],
)
async def test_nodes_of_all_kinds(house, node, payload):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await curious(house, BOB, node)
    await publish(alice, node, payload)
    assert [of for _, of, _ in told(bob)] == [node]
    (item,) = await items(bob, node, ME)
    assert payload.startswith(f"<{item[0].tag.rpartition('}')[2]}")


async def test_a_private_node_stays_private_whatever_it_is_called(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await publish(alice, "urn:example:notes", "<note xmlns='urn:example'>x</note>", **PRIVATE)
    assert refusal(await bob.ask(asking_for("urn:example:notes"), to=ME)) == ("cancel", "not-allowed", "closed-node")
    subscribe = pubsub("<subscribe node='urn:example:notes' jid='bob@example.test'/>")
    assert refusal(await bob.ask(subscribe, to=ME, type="set")) == ("cancel", "not-allowed", "closed-node")
    leak = publishing("urn:example:notes", "<note xmlns='urn:example'>y</note>", access_model="presence")
    assert refusal(await alice.ask(leak, type="set")) == ("cancel", "conflict", "precondition-not-met")


async def test_a_payload_comes_back_as_it_was(house):
    """With namespaces, languages, entities, and attributes of other namespaces."""
    alice = await house.client(ALICE)
    payload = (
        "<a xmlns='urn:a' xmlns:b='urn:b' b:c='1' xml:lang='de'>x &lt;&amp;&gt; \U0001f600<b:d/><e xmlns=''>f</e></a>"
    )
    await publish(alice, "urn:x", payload)
    (item,) = await items(alice, "urn:x")
    (a,) = item
    assert a.text == "x <&> \U0001f600" and a.get("{urn:b}c") == "1"
    assert a.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert [kid.tag for kid in a] == ["{urn:b}d", "e"]
