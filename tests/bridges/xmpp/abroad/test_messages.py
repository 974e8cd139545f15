"""Talk between people of two domains: through the IMMCU on both sides, stanza for stanza what was sent."""

from __future__ import annotations

import pytest

from .....core.message import Notice, Receipt, Typing, Utterance
from .....core.registrar import Binding
from ....people import ALICE, BOB, Desk, at
from ..house import body, condition
from .domains import ELSEWHERE, JULIET

CHAT = "<message type='chat' id='m1' to='juliet@capulet.example' xml:lang='en'><body>Hist!</body>{}</message>"


async def test_a_word_and_its_answer(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET, "balcony")
    alice.got(), juliet.got()
    await alice.send(CHAT.format("<thread>t1</thread><active xmlns='http://jabber.org/protocol/chatstates'/>"))
    (heard,) = juliet.got("message")
    assert body(heard) == "Hist!" and heard.get("from") == alice.jid and heard.get("id") == "m1"
    assert heard.get("type") == "chat" and heard.findtext("{jabber:client}thread") == "t1"
    assert heard.find("{http://jabber.org/protocol/chatstates}active") is not None
    await juliet.send(f"<message type='chat' id='j1' to='{alice.jid}'><body>My ears</body></message>")
    (answer,) = alice.got("message")
    assert body(answer) == "My ears" and answer.get("from") == juliet.jid and answer.get("to") == alice.jid
    (stanza_id,) = answer.findall("{urn:xmpp:sid:0}stanza-id")
    assert stanza_id.get("by") == str(ALICE)
    talk = await ours.front_end.immcu.between(ALICE, JULIET)
    assert [m.text for m in await ours.front_end.immcu.history(talk, ALICE)] == ["Hist!", "My ears"]


async def test_what_came_while_everybody_was_away_waits(domains):
    ours, theirs = domains
    juliet = await theirs.client(JULIET)
    await juliet.send(f"<message type='chat' to='{ALICE}'><body>Romeo?</body></message>")
    alice = await ours.client(ALICE)
    (late,) = alice.got("message")
    assert body(late) == "Romeo?" and late.find("{urn:xmpp:delay}delay") is not None


@pytest.mark.parametrize("type", ["chat", "normal"])
async def test_a_message_for_one_program_of_theirs(ours, type):
    house, road = ours
    alice = await house.client(ALICE)
    await alice.send(f"<message type='{type}' to='{JULIET}/balcony'><body>psst</body></message>")
    (left,) = road.took("message")
    assert left.attrs["to"] == f"{JULIET}/balcony" and left.type == type


async def test_what_other_domains_may_not_say_in_our_name_is_taken_out(ours):
    house, _ = ours
    alice = await house.client(ALICE)
    alice.got()
    await house.heard(
        f"<message type='chat' from='{JULIET}/b' to='{ALICE}' id='x'><body>hi</body>"
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='{ALICE}' id='forged'/>"
        f"<stanza-id xmlns='urn:xmpp:sid:0' by='{JULIET}' id='theirs'/>"
        "<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></sent>"
        "<delay xmlns='urn:xmpp:delay' from='example.test' stamp='2020-01-01T00:00:00Z'/>"
        "<delay xmlns='urn:xmpp:delay' from='capulet.example' stamp='2020-01-01T00:00:00Z'/></message>"
    )
    (got,) = alice.got("message")
    ids = {s.get("by"): s.get("id") for s in got.findall("{urn:xmpp:sid:0}stanza-id")}
    assert ids[str(JULIET)] == "theirs" and ids[str(ALICE)] != "forged"
    assert got.find("{urn:xmpp:carbons:2}sent") is None
    assert [d.get("from") for d in got.findall("{urn:xmpp:delay}delay")] == ["capulet.example"]


@pytest.mark.parametrize(
    "child",
    [
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
        "<received xmlns='urn:xmpp:receipts' id='m1'/>",
        "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>",
        "<reactions xmlns='urn:xmpp:reactions:0' id='m1'><reaction>x</reaction></reactions>",
    ],
)
async def test_signals_without_text_pass_both_ways(domains, child):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET)
    await alice.send(CHAT.format(""))
    alice.got(), juliet.got()
    await alice.send(f"<message type='chat' id='s1' to='{juliet.jid}'>{child}</message>")
    await juliet.send(f"<message type='chat' id='s2' to='{alice.jid}'>{child}</message>")
    for hearer, sender, id in ((juliet, alice, "s1"), (alice, juliet, "s2")):
        (heard,) = hearer.got("message")
        assert heard.get("from") == sender.jid and heard.get("id") == id
        assert [kid.tag for kid in heard[1:]] in ([], ["{urn:xmpp:sid:0}stanza-id"])
        assert heard[0].tag.rpartition("}")[2] in child


@pytest.mark.parametrize("to", [f"ghost@{ELSEWHERE}", f"ghost@{ELSEWHERE}/desk"])
async def test_nobody_there_is_heard_of(domains, to):
    ours, _ = domains
    alice = await ours.client(ALICE)
    alice.got()
    await alice.send(f"<message type='chat' id='m7' to='{to}'><body>anybody?</body></message>")
    (error,) = alice.got("message")
    assert condition(error) == ("cancel", "service-unavailable")
    assert error.get("id") == "m7" and error.get("from") == to


@pytest.mark.parametrize(
    ("why", "type"),
    [("remote-server-not-found", "cancel"), ("remote-server-timeout", "wait"), ("policy-violation", "modify")],
)
async def test_what_cannot_leave_comes_back_under_its_own_id(ours, why, type):
    house, road = ours
    alice = await house.client(ALICE)
    alice.got()
    road.why = why
    await alice.send(CHAT.format(""))
    (error,) = alice.got("message")
    assert condition(error) == (type, why) and error.get("id") == "m1" and error.get("from") == str(JULIET)


async def test_an_error_is_no_reason_for_an_error(ours):
    house, road = ours
    alice = await house.client(ALICE)
    road.why = "remote-server-timeout"
    alice.got()
    await alice.send(
        f"<message type='error' id='e' to='{JULIET}/b'><error type='cancel'>"
        "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    )
    assert alice.got() == [] and len(road.took("message", type="error")) == 1
    await house.heard(
        f"<message type='error' id='e' from='{JULIET}/b' to='nobody@example.test/x'><error type='cancel'>"
        "<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    )
    assert road.took() == []


async def test_a_program_that_knows_no_stanzas_speaks_and_hears_of_failure_in_words(ours):
    house, road = ours
    phone = Desk()
    house.front_end.registrar.bind(Binding(at(BOB, "phone"), phone, client="a phone"))
    await house.front_end.immcu.send(Utterance(at(BOB, "phone"), "Are you <there>?", origin="o1"), JULIET)
    await house.quiet()
    (left,) = road.took("message")
    assert left.attrs["from"] == f"{BOB}/phone" and left.attrs["to"] == str(JULIET) and left.type == "chat"
    assert left.tree.findtext("{jabber:client}body") == "Are you <there>?" and left.id == "o1"
    await house.heard(
        f"<message type='error' id='o1' from='{JULIET}' to='{BOB}/phone'><error type='cancel'>"
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    )
    (notice,) = [n for n in phone.news if isinstance(n, Notice)]
    assert notice.text == f"{JULIET} did not get your message: nobody there can take it."
    road.why = "remote-server-timeout"
    await house.front_end.immcu.send(Utterance(at(BOB, "phone"), "hello?"), JULIET)
    await house.quiet()
    assert isinstance(phone.news[-1], Notice) and "does not answer" in phone.news[-1].text


async def test_typing_and_receipts_of_programs_that_know_no_stanzas(ours):
    house, road = ours
    phone = Desk()
    house.front_end.registrar.bind(Binding(at(BOB, "phone"), phone, client="a phone"))
    await house.heard(
        f"<message type='chat' id='j7' from='{JULIET}/b' to='{BOB}'><body>Nurse?</body>"
        "<request xmlns='urn:xmpp:receipts'/></message>"
    )
    (delivery,) = phone.shown
    talk = delivery.conversation
    immcu, me = house.front_end.immcu, at(BOB, "phone")
    immcu.tell(talk, Typing(talk, me, True), but=me)
    immcu.tell(talk, Receipt(talk, me, delivery.message.origin or delivery.message.id, False), but=me)
    typing, receipt = road.took("message")
    assert typing.kids == ["{http://jabber.org/protocol/chatstates}composing"] and typing.attrs["to"] == str(JULIET)
    assert receipt.tree[0].get("id") == "j7" and receipt.attrs["to"] == f"{JULIET}/b"
    await house.heard(
        f"<message type='chat' from='{JULIET}/b' to='{BOB}/phone'>"
        "<composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    assert any(isinstance(n, Typing) and n.active and n.who.identity == JULIET for n in phone.news)


async def test_whom_one_blocks_is_neither_written_to_nor_heard(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET)
    await alice.ask(f"<block xmlns='urn:xmpp:blocking'><item jid='{JULIET}'/></block>", type="set")
    alice.got(), juliet.got()
    await alice.send(CHAT.format(""))
    (error,) = alice.got("message")
    assert condition(error) == ("cancel", "not-acceptable")
    await juliet.send(f"<message type='chat' id='b1' to='{ALICE}'><body>why?</body></message>")
    assert alice.got() == []
    (error,) = juliet.got("message")
    assert condition(error) == ("cancel", "service-unavailable") and error.get("id") == "b1"


async def test_stanzas_that_are_not_for_us_are_not_carried_on(ours):
    house, road = ours
    await house.heard(f"<message type='chat' id='r' from='{JULIET}/b' to='eve@third.example'><body>hi</body></message>")
    (error,) = road.took()
    assert error.type == "error" and "remote-server-not-found" in error.tree[0][0].tag
    await house.heard("<message from='not an address@@' to='alice@example.test'><body>hi</body></message>")
    assert road.took() == []
