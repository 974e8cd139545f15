"""Messages between people: RFC 6121 sections 5 and 8, carbons, receipts, typing, and what clients may not claim."""

from __future__ import annotations

import pytest

from ....core.errors import Answered, Refused
from ....core.hooks import hookimpl
from ....core.message import Copy, Receipt, Typing
from ...people import ALICE, BOB, CAROL, Desk
from ...stage import say, sit
from .house import body, condition, house_in

CHAT = "<message type='chat' id='m1' to='bob@example.test'><body>hello</body></message>"


async def test_a_chat_message_reaches_the_other(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    await alice.send(CHAT)
    (message,) = bob.got("message")
    assert body(message) == "hello"
    assert message.get("from") == "alice@example.test/desk" and message.get("to") == "bob@example.test"
    assert message.get("id") == "m1" and message.get("type") == "chat"
    stanza_id = message.find("{urn:xmpp:sid:0}stanza-id")
    assert stanza_id.get("by") == "bob@example.test" and len(stanza_id.get("id")) == 32


async def test_what_xmpp_clients_add_arrives_as_it_was(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    await alice.send(
        "<message type='chat' id='m1' to='bob@example.test/desk' xml:lang='de'><body>a &amp; b &lt;c&gt; ü</body>"
        "<thread>t1</thread><active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>"
        "<origin-id xmlns='urn:xmpp:sid:0' id='o1'/><x xmlns='urn:example:x'><body>not this</body></x></message>"
    )
    (message,) = bob.got("message")
    assert body(message) == "a & b <c> ü" and message.get("to") == bob.jid
    assert message.get("{http://www.w3.org/XML/1998/namespace}lang") == "de"
    assert [kid.tag for kid in message] == [
        "{jabber:client}body",
        "{jabber:client}thread",
        "{http://jabber.org/protocol/chatstates}active",
        "{urn:xmpp:receipts}request",
        "{urn:xmpp:sid:0}origin-id",
        "{urn:example:x}x",
        "{urn:xmpp:sid:0}stanza-id",
    ]


@pytest.mark.parametrize(
    "children, text",
    [
        ("<body>plain</body>", "plain"),
        ("<x xmlns='urn:x'><body>hidden</body></x><body>shown</body>", "shown"),
        ("<body xml:lang='en'>tagged</body>", "tagged"),
        ("<body>a&#x41;&#66;&quot;&apos;</body>", "aAB\"'"),
        ("<body>one</body><body xml:lang='de'>eins</body>", "one"),
        ("<x xmlns='urn:x'><body>hidden</body></x><body xml:lang='en'>shown</body>", "shown"),
    ],
)
async def test_other_worlds_read_the_text_that_xmpp_people_read(house, children, text):
    """The text that policy and other protocols see is the one clients show (SECURITY.md X10)."""
    alice, bob = await house.client(ALICE), sit(house.front_end, BOB)
    await alice.send(f"<message type='chat' to='bob@example.test'>{children}</message>")
    assert bob.texts == [text]


async def test_a_body_with_elements_in_it_is_a_bad_request(house):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send("<message to='bob@example.test' id='m1'><body>a<b xmlns='urn:x'/></body></message>")
    assert condition(alice.got("message", id="m1")[0]) == ("modify", "bad-request")


async def test_text_from_another_world_becomes_a_message(house):
    bob = await house.client(BOB)
    bob.got()
    sit(house.front_end, ALICE, "phone")
    message = await say(house.front_end, ALICE, BOB, "a < b\x07")
    (stanza,) = bob.got("message")
    assert body(stanza) == "a < b\ufffd" and stanza.get("id") == message.id and stanza.get("type") == "chat"
    assert stanza.findtext("{jabber:client}thread") == message.conversation


async def test_html_from_another_world_becomes_its_text(house):
    bob = await house.client(BOB)
    bob.got()
    text = "<p>one</p><p>two &amp; three</p><script>alert()</script>"
    await say(house.front_end, ALICE, BOB, text, content_type="text/html; charset=UTF-8")
    assert body(bob.got("message")[0]) == "one\ntwo & three"


# ---- who gets it (section 8.5)


async def test_every_resource_gets_what_is_for_the_person_but_the_negative_ones(house):
    alice = await house.client(ALICE)
    desk = await house.client(BOB)
    low = await house.client(BOB, "low", presence="<presence><priority>-1</priority></presence>")
    silent = await house.client(BOB, "silent", presence="")
    for client in (desk, low, silent):
        client.got()
    await alice.send(CHAT)
    assert [len(c.got("message")) for c in (desk, low, silent)] == [1, 0, 0]


async def test_one_resource_gets_what_is_for_it_and_the_others_carbons(house):
    alice = await house.client(ALICE)
    desk, phone = await house.client(BOB), await house.client(BOB, "phone")
    plain = await house.client(BOB, "plain")
    await phone.ask("<enable xmlns='urn:xmpp:carbons:2'/>", type="set")
    for client in (desk, phone, plain):
        client.got()
    await alice.send("<message type='chat' id='m1' to='bob@example.test/desk'><body>hello</body></message>")
    assert body(desk.got("message")[0]) == "hello"
    (carbon,) = phone.got("message")
    assert carbon.get("from") == "bob@example.test" and carbon.get("to") == phone.jid and carbon.get("type") == "chat"
    inside = carbon.find("{urn:xmpp:carbons:2}received/{urn:xmpp:forward:0}forwarded/{jabber:client}message")
    assert body(inside) == "hello" and inside.get("from") == alice.jid and inside.get("to") == desk.jid
    assert plain.got("message") == []


async def test_what_one_says_elsewhere_is_seen_here(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    phone = await house.client(ALICE, "phone")
    await phone.ask("<enable xmlns='urn:xmpp:carbons:2'/>", type="set")
    await alice.send(CHAT)
    (carbon,) = phone.got("message")
    inside = carbon.find("{urn:xmpp:carbons:2}sent/{urn:xmpp:forward:0}forwarded/{jabber:client}message")
    assert body(inside) == "hello" and inside.get("to") == "bob@example.test"
    assert alice.got("message") == []
    await phone.ask("<disable xmlns='urn:xmpp:carbons:2'/>", type="set")
    await alice.send(CHAT)
    assert phone.got("message") == [] and len(bob.got("message")) == 2


async def test_private_messages_are_not_copied(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    phone = await house.client(ALICE, "phone")
    await phone.ask("<enable xmlns='urn:xmpp:carbons:2'/>", type="set")
    await alice.send(
        "<message type='chat' to='bob@example.test'><body>hush</body><private xmlns='urn:xmpp:carbons:2'/>"
        "<no-copy xmlns='urn:xmpp:hints'/></message>"
    )
    assert phone.got("message") == [] and len(bob.got("message")) == 1


@pytest.mark.parametrize("to", ["nobody@example.test", "nobody@example.test/desk"])
async def test_nobody_is_there(house, to):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send(f"<message type='chat' id='m1' to='{to}'><body>hello</body></message>")
    (error,) = alice.got("message")
    assert condition(error) == ("cancel", "service-unavailable")
    assert error.get("from") == to and error.get("to") == alice.jid and error.get("id") == "m1"


async def test_no_way_leads_to_a_domain(house):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send("<message type='chat' id='m1' to='eve@elsewhere.example'><body>hello</body></message>")
    (error,) = alice.got("message")
    assert condition(error) == ("cancel", "remote-server-not-found")


async def test_who_blocks_looks_like_nobody(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await house.front_end.contacts.block(BOB, ALICE)
    bob.got(), alice.got()
    await alice.send(CHAT)
    (error,) = alice.got("message")
    why = error.find("{jabber:client}error")
    assert condition(error) == ("cancel", "service-unavailable") and len(why) == 1
    assert bob.got("message") == []


async def test_nobody_writes_to_whom_they_block(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await alice.ask("<block xmlns='urn:xmpp:blocking'><item jid='bob@example.test'/></block>", type="set")
    await alice.send(CHAT)
    (error,) = alice.got("message")
    assert condition(error) == ("cancel", "not-acceptable")
    assert error.find(".//{urn:xmpp:blocking:errors}blocked") is not None
    assert bob.got("message") == []


@pytest.mark.parametrize(
    "type, reached, refused",
    [("chat", 1, 0), ("normal", 0, 1), ("headline", 0, 1), ("groupchat", 0, 1), ("error", 0, 0)],
)
async def test_a_full_jid_that_is_gone(house, type, reached, refused):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got(), alice.got()
    await alice.send(f"<message type='{type}' to='bob@example.test/gone'><body>hello</body></message>")
    assert len(bob.got("message")) == reached
    errors = alice.got("message")
    assert len(errors) == refused and all(condition(e)[1] == "service-unavailable" for e in errors)


@pytest.mark.parametrize(
    "type, reached, refused", [("normal", 1, 0), ("headline", 1, 0), ("groupchat", 0, 1), ("error", 0, 0)]
)
async def test_a_bare_jid_by_type(house, type, reached, refused):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got(), alice.got()
    await alice.send(f"<message type='{type}' to='bob@example.test'><body>hello</body></message>")
    assert len(bob.got("message", type=type)) == reached
    assert [condition(e)[1] for e in alice.got("message")] == ["service-unavailable"] * refused


async def test_somebody_who_is_away_gets_it_when_they_come(house):
    alice = await house.client(ALICE)
    await alice.send(CHAT)
    assert [e for e in alice.got("message") if e.get("type") == "error"] == []
    low = await house.client(BOB, "low", presence="<presence><priority>-5</priority></presence>")
    assert low.got("message") == []
    bob = await house.client(BOB)
    (message,) = bob.got("message")
    delay = message.find("{urn:xmpp:delay}delay")
    assert body(message) == "hello" and delay.get("from") == "example.test"
    assert delay.get("stamp") == "2026-11-24T12:00:00.000Z"
    assert low.got("message") == []
    await low.send("<presence><priority>1</priority></presence>")
    assert low.got("message") == []


async def test_where_policy_keeps_nothing_the_sender_hears_so(tmp_path):
    async with house_in(tmp_path, offline="refuse") as house:
        alice = await house.client(ALICE)
        alice.got()
        await alice.send(CHAT)
        assert condition(alice.got("message")[0]) == ("cancel", "service-unavailable")


async def test_notes_to_oneself_come_back_once(house):
    alice, phone = await house.client(ALICE), await house.client(ALICE, "phone")
    await phone.ask("<enable xmlns='urn:xmpp:carbons:2'/>", type="set")
    alice.got()
    await alice.send("<message type='chat' to='alice@example.test'><body>note</body></message>")
    assert [body(m) for m in alice.got("message")] == ["note"]
    assert [body(m) for m in phone.got("message")] == ["note"]
    await alice.send("<message type='chat' to='alice@example.test/phone'><body>there</body></message>")
    assert alice.got("message") == [] and [body(m) for m in phone.got("message")] == ["there"]


async def test_messages_to_nobody_in_particular_are_for_oneself_and_the_server_reads_none(house):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send("<message type='chat'><body>note</body></message>")
    assert [body(m) for m in alice.got("message")] == ["note"]
    await alice.send("<message to='example.test' id='m1'><body>hello?</body></message>")
    assert condition(alice.got("message")[0])[1] == "service-unavailable"


async def test_addresses_that_are_none(house):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send("<message to='@' id='m1'><body>hello?</body></message>")
    assert condition(alice.got("message", id="m1")[0]) == ("modify", "jid-malformed")
    await alice.send("<message to='BOB@Example.Test/' id='m2'><body>hello?</body></message>")
    assert condition(alice.got("message", id="m2")[0]) == ("modify", "jid-malformed")
    await alice.send("<message to='BOB@Example.Test' type='chat'><body>hello</body></message>")
    assert alice.got("message") == []


async def test_order_is_kept(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    many = "".join(f"<message type='chat' to='bob@example.test'><body>{n}</body></message>" for n in range(40))
    await alice.send(many)
    assert [body(m) for m in bob.got("message")] == [str(n) for n in range(40)]


# ---- policy


class Policy:
    @hookimpl
    def filter_message(self, message, conversation):
        if "secret" in message.text:
            raise Refused("no secrets here")
        if message.text.startswith("/"):
            raise Answered("two people are here")


async def test_a_refusal_says_why_and_a_command_is_answered(tmp_path):
    async with house_in(tmp_path, Policy()) as house:
        alice, bob = await house.client(ALICE), await house.client(BOB)
        bob.got(), alice.got()
        await alice.send("<message type='chat' to='bob@example.test'><body>a secret</body></message>")
        (error,) = alice.got("message")
        assert condition(error) == ("modify", "policy-violation") and "no secrets here" in error[-1][1].text
        await alice.send("<message type='chat' to='bob@example.test'><body>/who</body></message>")
        (answer,) = alice.got("message")
        assert body(answer) == "two people are here" and answer.get("from") == "example.test"
        assert answer.get("type") == "chat" and bob.got("message") == []


# ---- what only servers may say (SECURITY.md X7)

FORGED = {
    "stanza-id": "<stanza-id xmlns='urn:xmpp:sid:0' by='bob@example.test' id='forged'/>",
    "occupant-id": "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>",
    "room": "<x xmlns='http://jabber.org/protocol/muc#user'><status code='110'/></x>",
    "sent": "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></sent>",
    "received": "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></received>",
    "archive": "<result xmlns='urn:xmpp:mam:2'><forwarded xmlns='urn:xmpp:forward:0'/></result>",
    "event": "<event xmlns='http://jabber.org/protocol/pubsub#event'/>",
    "moderated": "<moderated xmlns='urn:xmpp:message-moderate:1'/>",
    "delay": "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z' from='example.test'/>",
    "nameless delay": "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>",
    "old delay": "<x xmlns='jabber:x:delay' stamp='20200101T00:00:00' from='alice@example.test'/>",
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED.keys())
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("children", ["<body>hello</body>", "<attention xmlns='urn:xmpp:attention:0'/>"])
async def test_what_only_servers_may_add_is_taken_out(house, forged, times, children):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    await alice.send(f"<message type='chat' to='bob@example.test'>{forged * times}{children}{forged}</message>")
    (message,) = bob.got("message")
    kept = [kid for kid in message if kid.get("by") is None or kid.get("id") == "forged"]
    assert [kid.tag.rpartition("}")[2] for kid in kept] == [children[1:].partition(" ")[0].partition(">")[0]]


async def test_ones_own_delay_is_kept(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    await alice.send(
        "<message type='chat' to='bob@example.test'><body>late</body>"
        "<delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z' from='alice@example.test/desk'/></message>"
    )
    assert bob.got("message")[0].find("{urn:xmpp:delay}delay") is not None


# ---- without text

TYPING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"


async def test_typing_reaches_every_world(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    phone = sit(house.front_end, BOB, "phone")
    await alice.send(CHAT)
    bob.got()
    await alice.send(f"<message type='chat' id='t1' to='bob@example.test'>{TYPING}</message>")
    (message,) = bob.got("message")
    assert [kid.tag for kid in message] == ["{http://jabber.org/protocol/chatstates}composing"]
    assert message.get("from") == alice.jid and message.get("id") == "t1"
    (news,) = phone.news
    assert isinstance(news, Typing) and news.active and news.who == alice.session.endpoint
    await alice.send(
        "<message type='chat' to='bob@example.test'><paused xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    assert not phone.news[1].active


async def test_typing_begins_no_conversation_but_reaches_other_clients(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    await alice.send(f"<message type='chat' to='bob@example.test'>{TYPING}</message>")
    assert len(bob.got("message")) == 1 and house.front_end.immcu.conversations == {}


async def test_typing_and_receipts_from_another_world(house):
    alice = await house.client(ALICE)
    sit(house.front_end, BOB, "phone")
    await alice.send(
        "<message type='chat' id='m1' to='bob@example.test'><body>hello</body>"
        "<request xmlns='urn:xmpp:receipts'/></message>"
    )
    (conversation,) = house.front_end.immcu.of(ALICE)
    said = (await house.front_end.immcu.history(conversation, ALICE))[0]
    alice.got()
    phone = sit(house.front_end, BOB, "other")
    assert isinstance(phone, Desk)
    from ...people import at

    house.front_end.immcu.tell(conversation, Typing(conversation, at(BOB, "phone"), True), but=at(BOB, "phone"))
    house.front_end.immcu.tell(conversation, Typing(conversation, at(BOB, "phone"), False), but=at(BOB, "phone"))
    for displayed in (False, True):
        receipt = Receipt(conversation, at(BOB, "phone"), said.id, displayed)
        house.front_end.immcu.tell(conversation, receipt, but=at(BOB, "phone"))
    found = alice.got("message")
    assert [m[0].tag for m in found] == [
        "{http://jabber.org/protocol/chatstates}composing",
        "{http://jabber.org/protocol/chatstates}paused",
        "{urn:xmpp:receipts}received",
        "{urn:xmpp:chat-markers:0}displayed",
    ]
    assert {m.get("from") for m in found} == {"bob@example.test/phone"}
    assert [m[0].get("id") for m in found[2:]] == ["m1", "m1"]


async def test_receipts_reach_every_world(house):
    bob = await house.client(BOB)
    phone = sit(house.front_end, ALICE, "phone")
    message = await say(house.front_end, ALICE, BOB, "hello", origin="imdn-7")
    (shown,) = bob.got("message")
    assert shown.get("id") == "imdn-7" and message.origin == "imdn-7"
    await bob.send(
        "<message to='alice@example.test/phone'><received xmlns='urn:xmpp:receipts' id='imdn-7'/></message>"
        "<message to='alice@example.test'><displayed xmlns='urn:xmpp:chat-markers:0' id='imdn-7'/></message>"
    )
    assert [(n.origin, n.displayed) for n in phone.news] == [("imdn-7", False), ("imdn-7", True)]


async def test_what_only_clients_understand_goes_from_client_to_client(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    away = await house.client(CAROL, presence="")
    bob.got(), alice.got()
    reaction = "<reactions xmlns='urn:xmpp:reactions:0' id='x'><reaction>+</reaction></reactions>"
    await alice.send(f"<message type='chat' to='bob@example.test' id='r1'>{reaction}</message>")
    (message,) = bob.got("message")
    assert message[0].get("id") == "x" and message.get("from") == alice.jid and message.get("id") == "r1"
    for to in ("carol@example.test", "nobody@example.test"):
        await alice.send(f"<message type='chat' to='{to}' id='r2'>{reaction}</message>")
    assert alice.got("message") == [] and away.got("message") == []


async def test_the_blocked_cannot_even_type(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await house.front_end.contacts.block(BOB, ALICE)
    bob.got(), alice.got()
    await alice.send(f"<message type='chat' to='bob@example.test'>{TYPING}</message>")
    assert bob.got("message") == [] and alice.got("message") == []


async def test_errors_go_back_to_the_client_they_are_for(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    error = "<error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    await alice.send(f"<message type='error' id='e1' to='{bob.jid}'>{error}</message>")
    (message,) = bob.got("message")
    assert message.get("type") == "error" and condition(message) == ("cancel", "conflict")


async def test_copies_come_from_the_core_as_carbons_too(house):
    """What Bob says at his phone, in another world, is a carbon at his desk."""
    bob = await house.client(BOB)
    await bob.ask("<enable xmlns='urn:xmpp:carbons:2'/>", type="set")
    sit(house.front_end, ALICE)
    from ....core.message import Utterance
    from ...people import at

    await house.front_end.immcu.send(Utterance(at(BOB, "phone"), "from my phone"), ALICE)
    (carbon,) = bob.got("message")
    inside = carbon.find("{urn:xmpp:carbons:2}sent/{urn:xmpp:forward:0}forwarded/{jabber:client}message")
    assert body(inside) == "from my phone" and inside.get("from") == "bob@example.test/phone"
    assert Copy.SENT.value == "sent"
