"""What stands for people of other domains: one thing for each address, as long as there is room for it."""

from __future__ import annotations

import pytest

from .....bridges.xmpp.abroad import audience, guests, sights
from .....bridges.xmpp.abroad.guests import Guests
from .....bridges.xmpp.rooms.seat import Seat
from .....bridges.xmpp.syntax import jid
from .....core.identity import Identity
from ....people import ALICE, BOB
from ..house import ROOM, condition
from .domains import ELSEWHERE, JULIET, NURSE
from .test_presence import knows


@pytest.fixture
def table():
    """Guests, and what was sent to them."""
    sent = []
    made = Guests(lambda sender, domain, stanza, undelivered: sent.append((sender, domain, stanza)), bool, None)
    made.sent = sent
    return made


def test_one_guest_for_each_address(table):
    balcony, person = table.at(jid.parse("Juliet@Capulet.Example/balcony")), table.of(JULIET)
    assert table.at(jid.parse("juliet@capulet.example/balcony")) is balcony and balcony is not person
    assert balcony.session.jid == f"{JULIET}/balcony" and person.session.jid == str(JULIET)
    assert table.at(jid.parse(ELSEWHERE)).session.jid == ELSEWHERE
    assert person.available and not balcony.available and balcony.guest


def test_stanzas_leave_one_by_one_from_the_domain_that_sends_them(table):
    balcony = table.at(jid.parse(f"{JULIET}/balcony"))
    balcony.session.send_all(
        [
            b"<presence from='lounge@conference.example.test/A' to='x'/>",
            b"<iq from='example.test' to='x'/>",
            b"<message to='x' from='bob@example.test/d'><body>from='evil.example'</body></message>",
        ]
    )
    balcony.send(b"<message to='x'><body> from='example.test'</body></message>")
    assert [(sender, domain) for sender, domain, _ in table.sent] == [
        ("conference.example.test", ELSEWHERE),
        ("example.test", ELSEWHERE),
        ("example.test", ELSEWHERE),
    ]


def test_who_was_not_heard_of_for_longest_makes_room_but_nobody_leaves_a_seat_for_it(table, monkeypatch):
    monkeypatch.setattr(guests, "MAX_GUESTS", 10)
    sits = table.at(jid.parse(f"{JULIET}/balcony"))
    sits.seats[Identity("r", "conference.example.test")] = Seat()
    early = table.at(jid.parse("early@capulet.example/x"))
    for number in range(20):
        table.at(jid.parse(f"n{number}@capulet.example/x"))
    assert table.remembered(sits) and not table.remembered(early)
    assert len(list(table.at_domain(ELSEWHERE))) <= 10
    assert table.sitting(JULIET, Identity("r", "conference.example.test")) == [sits]
    table.forget(sits)
    assert not table.remembered(sits) and table.known(jid.parse(f"{JULIET}/balcony")) is None


async def test_what_one_says_arrives_in_order(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET)
    juliet.got()
    await alice.send("".join(f"<message type='chat' to='{JULIET}'><body>{n}</body></message>" for n in range(30)))
    assert [m.findtext("{jabber:client}body") for m in juliet.got("message")] == [str(n) for n in range(30)]


async def test_more_people_than_can_be_watched_are_not_asked_for(ours, monkeypatch):
    monkeypatch.setattr(sights, "MAX_PEOPLE", 1)
    house, road = ours
    await knows(house, ALICE, JULIET)
    await knows(house, ALICE, NURSE)
    road.took()
    await house.client(ALICE)
    assert len(road.took("presence", type="probe")) == 1


async def test_more_onlookers_than_there_is_room_for_see_nothing(ours, monkeypatch):
    monkeypatch.setattr(audience, "MAX_ONLOOKERS", 1)
    house, road = ours
    for person in (ALICE, BOB):
        await knows(house, person, JULIET)
    road.took()
    alice, _ = await house.client(ALICE), await house.client(BOB)
    assert [p.attrs["from"] for p in road.took("presence", type="")] == [alice.jid]
    await alice.goes()
    await house.client(BOB, "phone")
    assert [p.attrs["from"] for p in road.took("presence", type="")] != []


async def test_a_presence_larger_than_any_client_needs_is_shown_in_our_words(ours):
    house, _ = ours
    await knows(house, ALICE, JULIET)
    alice = await house.client(ALICE)
    alice.got()
    large = "x" * sights.MAX_PRESENCE
    await house.heard(f"<presence from='{JULIET}/b' to='{ALICE}'><show>away</show><x xmlns='y'>{large}</x></presence>")
    (seen,) = alice.got("presence")
    assert seen.findtext("{jabber:client}show") == "away" and large not in "".join(seen.itertext())


async def test_a_gateway_speaks_for_itself(ours):
    """Presence and questions between a client and a domain without a user part, as gateways to other networks want."""
    house, road = ours
    alice = await house.client(ALICE)
    alice.got(), road.took()
    await alice.send(f"<presence to='{ELSEWHERE}'/>")
    (left,) = road.took("presence")
    assert left.attrs["to"] == ELSEWHERE
    await house.heard(f"<presence from='{ELSEWHERE}' to='{ALICE}'><show>away</show></presence>")
    await house.heard(f"<presence type='subscribe' from='{ELSEWHERE}' to='{ALICE}'/>")
    assert [p.get("from") for p in alice.got("presence")] == [ELSEWHERE, ELSEWHERE]
    await alice.send(f"<message to='{ELSEWHERE}'><body>help</body></message>")
    (left,) = road.took("message")
    assert left.attrs["from"] == alice.jid
    await house.heard(f"<message from='{ELSEWHERE}' to='{alice.jid}'><body>commands: none</body></message>")
    assert [m.findtext("{jabber:client}body") for m in alice.got("message")] == ["commands: none"]
    assert house.front_end.immcu.of(ALICE) == []
    road.took()
    await house.heard(f"<message id='m' from='{ELSEWHERE}' to='{BOB}'><body>hello</body></message>")
    await house.heard(
        f"<presence from='{ELSEWHERE}' to='{ROOM}/G'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
    )
    assert [condition(s.tree)[1] for s in road.took()] == ["service-unavailable", "forbidden"]
