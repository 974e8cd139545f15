"""Questions across domains: to clients, people, servers and services; each has one answer, or an error."""

from __future__ import annotations

import pytest

from ....people import ALICE, BOB
from ..house import condition
from .domains import ELSEWHERE, JULIET
from .test_presence import knows

DISCO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"


@pytest.fixture
async def asks(ours):
    """Ask from the other domain; the one answer that leaves."""
    house, road = ours

    async def ask(payload, to, type="get", sender=f"{JULIET}/b"):
        road.took()
        await house.heard(f"<iq type='{type}' id='q' from='{sender}' to='{to}'>{payload}</iq>")
        (answer,) = road.took("iq", id="q")
        assert answer.attrs["to"] == sender and answer.attrs["from"] == to
        return answer.tree

    return ask


async def test_from_client_to_client_and_back(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET)
    alice.got(), juliet.got()
    await alice.send(f"<iq type='get' id='v1' to='{juliet.jid}'><query xmlns='jabber:iq:version'/></iq>")
    (asked,) = juliet.got("iq")
    assert asked.get("from") == alice.jid and asked.get("id") == "v1"
    await juliet.send(
        f"<iq type='result' id='v1' to='{alice.jid}'><query xmlns='jabber:iq:version'><name>P</name></query></iq>"
    )
    (answer,) = alice.got("iq")
    assert answer.get("type") == "result" and answer.get("from") == juliet.jid and answer[0][0].text == "P"


async def test_a_client_that_is_not_there_answers_nothing(domains):
    ours, _ = domains
    alice = await ours.client(ALICE)
    error = await alice.ask("<query xmlns='jabber:iq:version'/>", to=f"{JULIET}/nowhere")
    assert condition(error) == ("cancel", "service-unavailable") and error.get("from") == f"{JULIET}/nowhere"


async def test_their_server_answers_our_client(domains):
    ours, _ = domains
    alice = await ours.client(ALICE)
    for to in (ELSEWHERE, f"conference.{ELSEWHERE}"):
        answer = await alice.ask(DISCO, to=to)
        assert answer.get("type") == "result" and answer.get("from") == to


@pytest.mark.parametrize(
    ("why", "type"), [("remote-server-not-found", "cancel"), ("remote-server-timeout", "wait"), ("forbidden", "auth")]
)
async def test_a_question_that_cannot_leave_is_answered_by_an_error(ours, why, type):
    house, road = ours
    alice = await house.client(ALICE)
    road.why = why
    error = await alice.ask(DISCO, to=ELSEWHERE)
    assert condition(error) == (type, why)


async def test_no_way_leads_there(house):
    alice = await house.client(ALICE)
    error = await alice.ask(DISCO, to="nowhere.example")
    assert condition(error) == ("cancel", "remote-server-not-found")


async def test_an_answer_that_cannot_leave_is_nobodys_matter(ours):
    house, road = ours
    alice = await house.client(ALICE)
    road.why = "remote-server-timeout"
    alice.got()
    await alice.send(f"<iq type='result' id='r' to='{JULIET}/b'/>")
    assert alice.got() == []


# ---- what they may ask


@pytest.mark.parametrize("sender", [f"{JULIET}/b", str(JULIET), ELSEWHERE])
@pytest.mark.parametrize(
    ("payload", "to"),
    [
        ("<ping xmlns='urn:xmpp:ping'/>", "example.test"),
        ("<query xmlns='jabber:iq:version'/>", "example.test"),
        ("<time xmlns='urn:xmpp:time'/>", "example.test"),
        ("<query xmlns='jabber:iq:last'/>", "example.test"),
        (DISCO, "example.test"),
        ("<query xmlns='http://jabber.org/protocol/disco#items'/>", "example.test"),
        (DISCO, "conference.example.test"),
        ("<ping xmlns='urn:xmpp:ping'/>", "conference.example.test"),
    ],
)
async def test_questions_to_the_server(asks, payload, to, sender):
    assert (await asks(payload, to, sender=sender)).get("type") == "result"


@pytest.mark.parametrize(
    ("type", "payload"),
    [
        ("get", "<query xmlns='jabber:iq:register'/>"),
        ("set", "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>"),
        ("set", "<command xmlns='http://jabber.org/protocol/commands' node='x'/>"),
        ("get", "<services xmlns='urn:xmpp:extdisco:2'/>"),
        ("get", "<request xmlns='urn:xmpp:http:upload:0' filename='f' size='1'/>"),
    ],
)
async def test_what_is_for_our_own_people_is_not_for_guests(asks, type, payload):
    error = await asks(payload, "example.test", type)
    assert condition(error) == ("cancel", "service-unavailable")


@pytest.mark.parametrize("payload", ["<vCard xmlns='vcard-temp'/>", DISCO])
async def test_a_person_is_looked_up_by_those_who_may_see_them(ours, asks, payload):
    house, _ = ours
    for to in (ALICE, "nobody@example.test"):
        assert condition(await asks(payload, str(to))) == ("cancel", "service-unavailable")
    await knows(house, ALICE, JULIET)
    assert (await asks(payload, str(ALICE))).get("type") == "result"
    await house.front_end.contacts.block(ALICE, JULIET)
    assert condition(await asks(payload, str(ALICE))) == ("cancel", "service-unavailable")


async def test_a_card_shows_guests_what_was_written_on_it_alone(ours, asks):
    house, _ = ours
    await knows(house, BOB, JULIET)
    card = await asks("<vCard xmlns='vcard-temp'/>", str(BOB))
    assert "Bob" not in "".join(card.itertext())


async def test_a_list_is_its_owners(asks):
    assert condition(await asks("<query xmlns='jabber:iq:roster'/>", str(ALICE))) == ("auth", "forbidden")


async def test_a_client_of_ours_is_asked_and_answers(ours):
    house, road = ours
    alice = await house.client(ALICE)
    alice.got(), road.took()
    await house.heard(f"<iq type='get' id='c1' from='{JULIET}/b' to='{alice.jid}'>{DISCO}</iq>")
    (asked,) = alice.got("iq")
    assert asked.get("from") == f"{JULIET}/b" and asked.get("to") == alice.jid
    await alice.send(f"<iq type='result' id='c1' to='{JULIET}/b'>{DISCO}</iq>")
    (answer,) = road.took("iq")
    assert answer.type == "result" and answer.id == "c1" and answer.attrs["from"] == alice.jid


async def test_a_client_of_ours_that_blocks_or_is_gone_looks_the_same(ours, asks):
    house, _ = ours
    alice = await house.client(ALICE)
    await alice.ask(f"<block xmlns='urn:xmpp:blocking'><item jid='{JULIET}'/></block>", type="set")
    for to in (alice.jid, f"{ALICE}/nowhere", "nobody@example.test/desk"):
        assert condition(await asks(DISCO, to)) == ("cancel", "service-unavailable")


@pytest.mark.parametrize(
    "iq",
    [
        "<iq type='get' id='q' from='{0}' to='example.test'/>",
        "<iq type='get' from='{0}' to='example.test'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='want' id='q' from='{0}' to='example.test'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' id='q' from='{0}' to='a@@b'><ping xmlns='urn:xmpp:ping'/></iq>",
    ],
)
async def test_questions_that_make_no_sense(ours, iq):
    house, road = ours
    await house.heard(iq.format(f"{JULIET}/b"))
    (error,) = road.took("iq")
    assert condition(error.tree)[1] in ("bad-request", "jid-malformed")


async def test_answers_to_questions_that_nobody_asked_go_nowhere(ours):
    house, road = ours
    for to in ("example.test", str(ALICE), f"{ALICE}/desk", "conference.example.test"):
        await house.heard(f"<iq type='result' id='q' from='{JULIET}/b' to='{to}'/>")
        await house.heard(f"<iq type='error' id='q' from='{JULIET}/b' to='{to}'/>")
    assert road.took() == []
