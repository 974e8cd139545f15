"""Rooms across domains: their people in ours, ours in theirs, ghosts, invitations, talks that grow."""

from __future__ import annotations

import asyncio

import pytest

from .....bridges.xmpp.abroad import guests
from .....bridges.xmpp.rooms import reception
from ....people import ALICE, BOB, CAROL, at
from ..house import MUC, ROOM, USER, body, codes, condition, nick
from .domains import ELSEWHERE, JULIET, NURSE

THEIRS = f"balcony@conference.{ELSEWHERE}"
JOIN = f"<presence to='{{}}'><x xmlns='{MUC}'/></presence>"


async def enters(client, room=ROOM, name="Alice"):
    """Join a room, and make it an instant one where it is new."""
    await client.send(JOIN.format(f"{room}/{name}"))
    if any(201 in codes(p) for p in client.got("presence")):
        await client.ask(
            "<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query>",
            to=room,
            type="set",
        )


def scripted(text, place="b", who=JULIET):
    """A stanza as their server sends it."""
    return text.replace("<presence", f"<presence from='{who}/{place}'", 1).replace(
        "<message", f"<message from='{who}/{place}'", 1
    )


# ---- their people in our rooms


async def test_a_guest_comes_in_speaks_and_goes(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET, "balcony")
    await enters(alice)
    await alice.send(f"<message type='groupchat' id='g0' to='{ROOM}'><body>early</body></message>")
    alice.got(), juliet.got()
    await juliet.send(JOIN.format(f"{ROOM}/Jule"))
    got = juliet.got()
    assert [nick(p) for p in got if p.tag.endswith("presence")] == ["Alice", "Jule"]
    assert 110 in codes(got[1]) and got[1].get("to") == juliet.jid
    assert [body(m) for m in got if m.tag.endswith("message")] == ["early", None]
    assert got[-1].find("{jabber:client}subject") is not None
    (shown,) = alice.got("presence")
    assert nick(shown) == "Jule" and shown.find(f"{{{USER}}}x/{{{USER}}}item").get("jid") == juliet.jid
    await juliet.send(f"<message type='groupchat' id='g1' to='{ROOM}'><body>Ay me</body></message>")
    for hearer in (alice, juliet):
        (heard,) = hearer.got("message")
        assert body(heard) == "Ay me" and heard.get("from") == f"{ROOM}/Jule" and heard.get("id") == "g1"
        assert heard.find("{urn:xmpp:sid:0}stanza-id").get("by") == ROOM
    await alice.send(f"<message type='groupchat' id='g2' to='{ROOM}'><body>She speaks</body></message>")
    assert [body(m) for m in juliet.got("message")] == ["She speaks"]
    await alice.send(f"<message type='chat' id='p1' to='{ROOM}/Jule'><body>psst</body></message>")
    (private,) = juliet.got("message")
    assert body(private) == "psst" and private.get("from") == f"{ROOM}/Alice"
    alice.got()
    await juliet.goes()
    (gone,) = alice.got("presence", type="unavailable")
    assert nick(gone) == "Jule"
    assert JULIET not in (await ours.front_end.immcu.at(at_room(ROOM))).participants


def at_room(text):
    from .....core.identity import Identity

    return Identity.parse(text)


async def test_two_programs_of_one_guest(domains):
    ours, theirs = domains
    alice = await ours.client(ALICE)
    first, second = await theirs.client(JULIET, "one"), await theirs.client(JULIET, "two")
    await enters(alice)
    await first.send(JOIN.format(f"{ROOM}/Jule"))
    await second.send(JOIN.format(f"{ROOM}/Jule"))
    first.got(), second.got()
    await alice.send(f"<message type='groupchat' to='{ROOM}'><body>both</body></message>")
    assert [body(m) for m in first.got("message")] == ["both"] == [body(m) for m in second.got("message")]
    await first.send(f"<presence type='unavailable' to='{ROOM}/Jule'/>")
    await alice.send(f"<message type='groupchat' to='{ROOM}'><body>one</body></message>")
    assert first.got("message") == [] and [body(m) for m in second.got("message")] == ["one"]


async def test_guests_among_themselves_see_each_other_come_and_go(ours):
    house, road = ours
    alice = await house.client(ALICE)
    await enters(alice)
    await house.heard(scripted(JOIN.format(f"{ROOM}/Jule")), scripted(JOIN.format(f"{ROOM}/Nan"), who=NURSE))
    await alice.send(f"<presence type='unavailable' to='{ROOM}/Alice'/>")
    road.took()
    await house.heard(scripted(f"<presence type='unavailable' to='{ROOM}/Nan'/>", who=NURSE))
    gone = {p.attrs["to"]: p for p in road.took("presence", type="unavailable")}
    assert set(gone) == {f"{JULIET}/b", f"{NURSE}/b"}
    assert gone[f"{JULIET}/b"].attrs["from"] == f"{ROOM}/Nan"


async def test_guests_make_no_rooms(ours):
    house, road = ours
    await house.heard(scripted(JOIN.format("fresh@conference.example.test/Jule")))
    (error,) = road.took("presence", type="error")
    assert condition(error.tree) == ("cancel", "not-allowed")


async def test_a_taken_name_is_taken_for_guests_too(ours):
    house, road = ours
    await enters(await house.client(ALICE))
    await house.heard(scripted(JOIN.format(f"{ROOM}/Alice")))
    (error,) = road.took("presence", type="error")
    assert condition(error.tree) == ("cancel", "conflict") and error.attrs["from"] == f"{ROOM}/Alice"


async def test_a_guest_is_put_out(ours):
    house, road = ours
    alice = await house.client(ALICE)
    await enters(alice)
    await house.heard(scripted(JOIN.format(f"{ROOM}/Jule")))
    road.took()
    await alice.ask(
        "<query xmlns='http://jabber.org/protocol/muc#admin'><item nick='Jule' role='none'/></query>",
        to=ROOM,
        type="set",
    )
    (gone,) = road.took("presence", type="unavailable")
    assert {307, 110} <= codes(gone.tree) and gone.attrs["to"] == f"{JULIET}/b"
    await alice.send(f"<message type='groupchat' to='{ROOM}'><body>without her</body></message>")
    assert road.took() == []


@pytest.mark.parametrize("why", ["recipient-unavailable", "gone", "remote-server-not-found", "remote-server-timeout"])
async def test_a_ghost_leaves_with_the_first_error(ours, why):
    house, road = ours
    alice = await house.client(ALICE)
    await enters(alice)
    await house.heard(scripted(JOIN.format(f"{ROOM}/Jule")))
    alice.got()
    await house.heard(
        scripted(
            f"<message type='error' to='{ROOM}'><error type='cancel'>"
            f"<{why} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )
    )
    assert [nick(p) for p in alice.got("presence", type="unavailable")] == ["Jule"]
    road.took()
    await alice.send(f"<message type='groupchat' to='{ROOM}'><body>alone</body></message>")
    assert road.took() == []


async def test_what_cannot_be_carried_ends_a_ghost_too(ours):
    house, road = ours
    alice = await house.client(ALICE)
    await enters(alice)
    await house.heard(scripted(JOIN.format(f"{ROOM}/Jule")))
    alice.got()
    road.why = "remote-server-timeout"
    await alice.send(f"<message type='groupchat' to='{ROOM}'><body>anybody?</body></message>")
    assert [nick(p) for p in alice.got("presence", type="unavailable")] == ["Jule"]


async def test_an_error_of_another_kind_ends_nothing(ours):
    house, _ = ours
    alice = await house.client(ALICE)
    await enters(alice)
    await house.heard(scripted(JOIN.format(f"{ROOM}/Jule")))
    alice.got()
    await house.heard(
        scripted(
            f"<message type='error' to='{ROOM}/Alice'><error type='modify'>"
            "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        )
    )
    assert alice.got("presence") == []


async def test_a_lost_domain_leaves_no_ghosts(ours):
    house, _ = ours
    alice = await house.client(ALICE)
    await enters(alice)
    await house.heard(scripted(JOIN.format(f"{ROOM}/Jule")), scripted(JOIN.format(f"{ROOM}/Nan"), who=NURSE))
    alice.got()
    house.abroad.lost(ELSEWHERE)
    await house.quiet()
    assert sorted(nick(p) for p in alice.got("presence", type="unavailable")) == ["Jule", "Nan"]
    assert (await house.front_end.immcu.at(at_room(ROOM))).participants == [ALICE]


async def test_guests_ask_about_rooms_as_clients_do(ours):
    house, road = ours
    await enters(await house.client(ALICE))

    async def asks(payload, to, type="get"):
        road.took()
        await house.heard(f"<iq type='{type}' id='q' from='{JULIET}/b' to='{to}'>{payload}</iq>")
        (answer,) = road.took("iq", id="q")
        assert answer.attrs["to"] == f"{JULIET}/b" and answer.attrs["from"] == to
        return answer

    items = await asks("<query xmlns='http://jabber.org/protocol/disco#items'/>", "conference.example.test")
    assert [item.get("jid") for item in items.tree[0]] == [ROOM]
    info = await asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", ROOM)
    assert info.type == "result"
    archive = "<query xmlns='urn:xmpp:mam:2' queryid='f'/>"
    assert (await asks(archive, ROOM, "set")).type == "error"
    await house.heard(scripted(JOIN.format(f"{ROOM}/Jule")))
    assert (await asks("<ping xmlns='urn:xmpp:ping'/>", f"{ROOM}/Jule")).type == "result"
    await house.heard(scripted(f"<message type='groupchat' to='{ROOM}'><body>kept</body></message>"))
    road.took()
    await house.heard(f"<iq type='set' id='q' from='{JULIET}/b' to='{ROOM}'>{archive}</iq>")
    sent = road.took()
    assert [s.name for s in sent] == ["message", "iq"] and sent[1].type == "result" and b"kept" in sent[0].raw


async def test_questions_between_people_in_a_room(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET)
    await enters(alice)
    await juliet.send(JOIN.format(f"{ROOM}/Jule"))
    juliet.got(), alice.got()
    await alice.send(f"<iq type='get' id='v' to='{ROOM}/Jule'><query xmlns='jabber:iq:version'/></iq>")
    (asked,) = juliet.got("iq")
    assert asked.get("from") == f"{ROOM}/Alice"
    await juliet.send(f"<iq type='result' id='v' to='{ROOM}/Alice'><query xmlns='jabber:iq:version'/></iq>")
    (answer,) = alice.got("iq", id="v")
    assert answer.get("type") == "result" and answer.get("from") == f"{ROOM}/Jule"


async def test_a_program_too_many_speaks_but_does_not_come_in(ours, monkeypatch):
    monkeypatch.setattr(guests, "MAX_GUESTS_PER_PERSON", 2)
    house, road = ours
    await enters(await house.client(ALICE))
    for place in ("one", "two"):
        await house.heard(scripted(JOIN.format(f"{ROOM}/Jule"), place))
    road.took()
    await house.heard(scripted(JOIN.format(f"{ROOM}/Jule"), "three"))
    (error,) = road.took("presence")
    assert condition(error.tree)[1] == "resource-constraint"
    await house.heard(
        f"<iq type='get' id='q' from='{JULIET}/three' to='example.test'><ping xmlns='urn:xmpp:ping'/></iq>"
    )
    assert [a.type for a in road.took("iq")] == ["result"]


# ---- our people in their rooms


async def test_our_client_in_a_room_of_theirs(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET)
    await enters(juliet, THEIRS, "Jule")
    await juliet.send(f"<message type='groupchat' to='{THEIRS}'><body>early</body></message>")
    juliet.got(), alice.got()
    await alice.send(JOIN.format(f"{THEIRS}/Ali"))
    got = alice.got()
    assert [nick(p) for p in got if p.tag.endswith("presence")] == ["Jule", "Ali"]
    assert [body(m) for m in got if m.tag.endswith("message")] == ["early", None]
    assert got[2].find("{urn:xmpp:sid:0}stanza-id").get("by") == THEIRS
    await alice.send(f"<message type='groupchat' id='g' to='{THEIRS}'><body>hello all</body></message>")
    assert [body(m) for m in juliet.got("message")] == ["hello all"] == [body(m) for m in alice.got("message")]
    await juliet.send(f"<message type='chat' to='{THEIRS}/Ali'><body>just you</body></message>")
    (private,) = alice.got("message")
    assert private.get("from") == f"{THEIRS}/Jule" and private.find(f"{{{USER}}}x") is not None
    await alice.send(f"<message type='chat' to='{THEIRS}/Jule'><body>and you</body></message>")
    assert [body(m) for m in juliet.got("message")] == ["and you"]
    assert ours.front_end.immcu.of(ALICE) == []
    juliet.got()
    await alice.send(f"<presence to='{THEIRS}/Alice'/>")
    assert 303 in codes(juliet.got("presence", type="unavailable")[0])
    await alice.goes()
    (gone,) = juliet.got("presence", type="unavailable")
    assert nick(gone) == "Alice"


async def test_our_archive_of_their_room_is_theirs(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET)
    await enters(juliet, THEIRS, "Jule")
    await alice.send(JOIN.format(f"{THEIRS}/Ali"))
    await juliet.send(f"<message type='groupchat' to='{THEIRS}'><body>kept</body></message>")
    alice.got()
    await alice.send(f"<iq type='set' id='a' to='{THEIRS}'><query xmlns='urn:xmpp:mam:2' queryid='f'/></iq>")
    came = alice.got()
    assert [e.tag.rpartition("}")[2] for e in came] == ["message", "iq"] and came[1].get("type") == "result"
    assert came[0].find("{urn:xmpp:mam:2}result") is not None


async def test_a_client_that_is_put_out_of_their_room_is_out(ours):
    house, road = ours
    alice = await house.client(ALICE)
    await alice.send(JOIN.format(f"{THEIRS}/Ali"))
    road.took(), alice.got()
    await house.heard(
        f"<presence type='unavailable' from='{THEIRS}/Ali' to='{alice.jid}'><x xmlns='{USER}'>"
        "<item role='none' affiliation='none'/><status code='307'/><status code='110'/></x></presence>"
    )
    assert codes(alice.got("presence")[0]) == {307, 110}
    await alice.goes()
    assert road.took("presence") == []


async def test_a_client_that_is_gone_is_reported_to_their_room(ours):
    house, road = ours
    await house.client(ALICE)
    await house.heard(f"<message type='groupchat' from='{THEIRS}/Jule' to='{ALICE}/desk2'><body>hm</body></message>")
    (error,) = road.took("message")
    assert error.type == "error" and condition(error.tree)[1] == "service-unavailable"


async def test_the_wish_to_enter_a_room_nowhere_fails(house):
    alice = await house.client(ALICE)
    alice.got()
    await alice.send(JOIN.format("x@conference.nowhere.example/Ali"))
    (error,) = alice.got("presence", type="error")
    assert condition(error) == ("cancel", "remote-server-not-found")


# ---- invitations


INVITED = (
    "<message from='{room}' to='alice@example.test'><x xmlns='http://jabber.org/protocol/muc#user'>"
    "<invite from='juliet@capulet.example'><reason>come</reason></invite></x></message>"
)


async def test_an_invitation_to_a_room_of_theirs(ours):
    house, _ = ours
    alice = await house.client(ALICE)
    alice.got()
    await house.heard(INVITED.format(room=THEIRS))
    (invited,) = alice.got("message")
    assert invited.get("from") == THEIRS and invited.find(f"{{{USER}}}x/{{{USER}}}invite") is not None


async def test_an_invitation_waits_for_who_is_away(ours):
    house, _ = ours
    await house.heard(INVITED.format(room=THEIRS))
    alice = await house.client(ALICE)
    (invited,) = [m for m in alice.got("message") if m.find(f"{{{USER}}}x") is not None]
    assert invited.get("from") == THEIRS and invited.find(f"{{{USER}}}x/{{{USER}}}invite") is not None


async def test_our_client_invites_one_of_theirs(domains):
    ours, theirs = domains
    alice, juliet = await ours.client(ALICE), await theirs.client(JULIET)
    await enters(alice)
    juliet.got()
    await alice.send(f"<message to='{ROOM}'><x xmlns='{USER}'><invite to='{JULIET}'/></x></message>")
    (invited,) = juliet.got("message")
    assert invited.get("from") == ROOM
    assert invited.find(f"{{{USER}}}x/{{{USER}}}invite").get("from") in (str(ALICE), alice.jid)
    await juliet.send(JOIN.format(f"{ROOM}/Jule"))
    assert "Jule" in [nick(p) for p in alice.got("presence")]
    await juliet.send(f"<presence type='unavailable' to='{ROOM}/Jule'/>")
    await juliet.send(f"<message to='{ROOM}'><x xmlns='{USER}'><decline to='{ALICE}'/></x></message>")
    assert any(m.find(f"{{{USER}}}x/{{{USER}}}decline") is not None for m in alice.got("message"))


# ---- a talk that grows


async def grown(ours, alice, juliet):
    """Alice and Juliet talk, and Alice brings Bob in."""
    await alice.send(f"<message type='chat' to='{JULIET}'><body>Romeo is here</body></message>")
    talk = await ours.front_end.immcu.between(ALICE, JULIET)
    juliet.got(), alice.got()
    await ours.front_end.immcu.add(talk, BOB, by=ALICE)
    await ours.quiet()
    return talk


async def test_a_talk_becomes_a_conference_and_the_guest_enters(domains):
    ours, theirs = domains
    alice, bob = await ours.client(ALICE), await ours.client(BOB)
    juliet = await theirs.client(JULIET)
    talk = await grown(ours, alice, juliet)
    room = str(talk.address)
    (invited,) = juliet.got("message")
    assert invited.get("from") == room and invited.find("{jabber:x:conference}x").get("jid") == room
    assert invited.find(f"{{{USER}}}x/{{{USER}}}invite") is not None
    for client, name in ((alice, "Alice"), (bob, "Bob"), (juliet, "Jule")):
        await client.send(JOIN.format(f"{room}/{name}"))
    for client in (alice, bob, juliet):
        client.got()
    await juliet.send(f"<message type='groupchat' to='{room}'><body>three of us</body></message>")
    for client in (alice, bob, juliet):
        assert [body(m) for m in client.got("message")] == ["three of us"]
    await bob.send(f"<message type='groupchat' to='{room}'><body>indeed</body></message>")
    assert [body(m) for m in juliet.got("message")] == ["indeed"]


async def test_a_guest_that_does_not_enter_hears_and_speaks_as_chat(domains, monkeypatch):
    monkeypatch.setattr(reception, "JOIN_GRACE", 0.05)
    ours, theirs = domains
    alice, bob = await ours.client(ALICE), await ours.client(BOB)
    juliet = await theirs.client(JULIET)
    talk = await grown(ours, alice, juliet)
    room = str(talk.address)
    for client, name in ((alice, "Alice"), (bob, "Bob")):
        await client.send(JOIN.format(f"{room}/{name}"))
    juliet.got(), alice.got()
    await bob.send(f"<message type='groupchat' to='{room}'><body>do you hear?</body></message>")
    heard = []
    async with asyncio.timeout(20):
        while not heard:
            await asyncio.sleep(0.02)
            await ours.quiet()
            heard = juliet.got("message", type="chat")
    assert [body(m) for m in heard] == ["Bob: do you hear?"] and heard[0].get("from") == room
    alice.got()
    await juliet.send(f"<message type='chat' to='{room}'><body>I do</body></message>")
    assert [body(m) for m in alice.got("message", type="groupchat")] == ["I do"]


async def test_a_guest_brings_a_third_of_ours_in(domains):
    ours, theirs = domains
    alice, bob = await ours.client(ALICE), await ours.client(BOB)
    juliet, carol = await theirs.client(JULIET), await ours.client(CAROL)
    talk = await grown(ours, alice, juliet)
    room = str(talk.address)
    await juliet.send(JOIN.format(f"{room}/Jule"))
    carol.got()
    await juliet.send(f"<message to='{room}'><x xmlns='{USER}'><invite to='{CAROL}'/></x></message>")
    assert CAROL in talk.participants
    assert any(m.find("{jabber:x:conference}x") is not None for m in carol.got("message"))
    assert bob is not None and at(CAROL)
