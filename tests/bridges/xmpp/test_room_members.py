"""Members of rooms: registering, nicknames that are kept, invitations, cards and pictures, ghosts."""

from __future__ import annotations

import base64
import hashlib

import pytest

from ...people import ALICE, BOB, CAROL, DAVE
from .house import MUC, ROOM, USER, codes, condition, nick
from .rooms_scene import ADDRESS, admin, ask_owner, enter, filled, lists, room_with, shown

REGISTER = "<query xmlns='jabber:iq:register'>%s</query>"
INFO = "<query xmlns='http://jabber.org/protocol/disco#info'%s/>"
PIXEL = base64.b64encode(b"a picture of a cauldron").decode()


def named(nickname):
    head = f"<field var='FORM_TYPE'><value>{MUC}#register</value></field>"
    field = f"<field var='muc#register_roomnick'><value>{nickname}</value></field>"
    return REGISTER % f"<x xmlns='jabber:x:data' type='submit'>{head}{field}</x>"


# ---- registering (section 7.10)


async def test_who_registers_is_a_member_whose_nickname_nobody_else_takes(house):
    alice, bob = await room_with(house, ALICE, BOB)
    carol = await house.client(CAROL)
    form = await carol.ask(REGISTER % "", to=ROOM)
    asked = {f.get("var") for f in form.iter("{jabber:x:data}field")}
    assert asked == {"FORM_TYPE", "muc#register_roomnick"}
    assert (await carol.ask(named("hecate"), ROOM, "set")).get("type") == "result"
    (listed,) = (await lists(alice, "affiliation='member'"))[0]
    assert (listed.get("jid"), listed.get("nick")) == ("carol@example.test", "hecate")
    known = await carol.ask(REGISTER % "", to=ROOM)
    assert known[0].find("{jabber:iq:register}registered") is not None
    assert known[0].findtext("{jabber:iq:register}username") == "hecate"
    own = await carol.ask(INFO % " node='x-roomuser-item'", to=ROOM)
    assert own[0][0].get("name") == "hecate"
    await bob.send(f"<presence to='{ROOM}/hecate'/>")
    assert condition(bob.got("presence")[0]) == ("cancel", "conflict")
    dave = await house.client(DAVE)
    assert condition((await enter(dave, "hecate"))[0]) == ("cancel", "conflict")
    assert condition(await dave.ask(named("hecate"), ROOM, "set")) == ("cancel", "conflict")
    assert condition(await dave.ask(named("alice"), ROOM, "set")) == ("cancel", "conflict")
    assert shown(await enter(carol, "hecate"))[-1][:2] == ("hecate", "member")


async def test_registering_ends_by_oneself_or_by_a_ban(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await bob.ask(named("bob"), ROOM, "set")
    assert shown(alice.got("presence")) == [("bob", "member", "participant", set())]
    assert (await bob.ask(REGISTER % "<remove/>", ROOM, "set")).get("type") == "result"
    assert len((await lists(alice, "affiliation='member'"))[0]) == 0
    await bob.ask(named("bob"), ROOM, "set")
    await admin(alice, "<item affiliation='outcast' jid='bob@example.test'/>")
    assert len((await lists(alice, "affiliation='member'"))[0]) == 0
    assert condition(await bob.ask(named("bob"), ROOM, "set")) == ("auth", "forbidden")


@pytest.mark.parametrize(
    "query, why",
    [
        (REGISTER % "", ("modify", "bad-request")),
        (REGISTER % "<x xmlns='jabber:x:data' type='submit'/>", ("modify", "bad-request")),
        (named(" "), ("modify", "jid-malformed")),
    ],
)
async def test_registering_without_a_nickname(house, query, why):
    _, bob = await room_with(house, ALICE, BOB)
    assert condition(await bob.ask(query, ROOM, "set")) == why


async def test_a_room_for_members_does_not_let_people_register(house):
    (alice,) = await room_with(house, ALICE)
    await ask_owner(alice, filled(membersonly="1"))
    bob = await house.client(BOB)
    assert condition(await bob.ask(named("bob"), ROOM, "set")) == ("cancel", "not-allowed")
    assert condition(await bob.ask(named("x"), "none@conference.example.test", "set")) == ("cancel", "item-not-found")


# ---- invitations (sections 7.8.2 and 9.5)

INVITE = f"<message to='{ROOM}' id='i'><x xmlns='{USER}'><invite to='%s'><reason>come</reason></invite></x></message>"


async def test_to_a_room_for_members_admins_invite_and_whoever_is_invited_is_one(house):
    alice, bob, carol = [await house.client(person) for person in (ALICE, BOB, CAROL)]
    await enter(alice, "alice")
    await ask_owner(alice, filled(membersonly="1", passwordprotectedroom="1", roomsecret="broom"))
    carol.got()
    await alice.send(INVITE % "bob@example.test")
    (invited,) = bob.got("message")
    assert invited.findtext(f"{{{USER}}}x/{{{USER}}}password") == "broom"
    assert shown(await enter(bob, "bob", "<password>broom</password>"))[-1][:2] == ("bob", "member")
    await bob.send(INVITE % "carol@example.test")
    assert condition(bob.got("message", id="i")[0]) == ("auth", "forbidden") and not carol.got("message")
    await ask_owner(alice, filled(allowinvites="1"))
    await bob.send(INVITE % "carol@example.test")
    assert len(carol.got("message")) == 1
    await bob.send(INVITE % "nobody@example.test")
    assert condition(bob.got("message", id="i")[0]) == ("cancel", "item-not-found")
    await admin(alice, "<item affiliation='outcast' jid='dave@example.test'/>")
    alice.got()
    await alice.send(INVITE % "dave@example.test")
    assert condition(alice.got("message", id="i")[0]) == ("auth", "forbidden")


async def test_to_an_open_room_an_invitation_makes_nobody_a_member(house):
    alice, bob = await room_with(house, ALICE, BOB)
    carol = await house.client(CAROL)
    carol.got()
    await bob.send(INVITE % "carol@example.test")
    assert len(carol.got("message")) == 1
    assert len((await lists(alice, "affiliation='member'"))[0]) == 0


# ---- the room's card and picture (XEP-0486)


async def test_the_owner_gives_the_room_a_picture(house):
    alice, bob = await room_with(house, ALICE, BOB)
    card = f"<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>{PIXEL}</BINVAL></PHOTO></vCard>"
    assert condition(await bob.ask(card, ROOM, "set")) == ("auth", "forbidden")
    assert (await alice.ask(card, ROOM, "set")).get("type") == "result"
    told, pictured = bob.got()
    assert codes(told) == {104} and pictured.get("from") == ROOM
    digest = hashlib.sha1(b"a picture of a cauldron").hexdigest()
    assert pictured.findtext("{vcard-temp:x:update}x/{vcard-temp:x:update}photo") == digest
    read = await bob.ask("<vCard xmlns='vcard-temp'/>", to=ROOM)
    assert read[0].findtext("{vcard-temp}PHOTO/{vcard-temp}BINVAL") == PIXEL
    info = await bob.ask(INFO % "", to=ROOM)
    fields = {f.get("var"): f.findtext("{jabber:x:data}value") for f in info.iter("{jabber:x:data}field")}
    assert fields["muc#roominfo_avatarhash"] == digest
    carol = await house.client(CAROL)
    assert (await enter(carol, "carol"))[0].get("from") == ROOM
    await alice.ask("<vCard xmlns='vcard-temp'/>", ROOM, "set")
    read = await bob.ask("<vCard xmlns='vcard-temp'/>", to=ROOM)
    assert len(read[0]) == 0
    info = await bob.ask(INFO % "", to=ROOM)
    assert "muc#roominfo_avatarhash" not in {f.get("var") for f in info.iter("{jabber:x:data}field")}


# ---- ghosts (section 17.6), and questions to occupants (section 6.6)


@pytest.mark.parametrize("kind", ["message", "presence"])
async def test_whose_stanzas_come_back_is_not_in_the_room_any_more(house, kind):
    alice, bob = await room_with(house, ALICE, BOB)
    bounce = "<error type='wait'><%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    await bob.send(f"<{kind} type='error' to='{ROOM}/alice'>{bounce % 'undefined-condition'}</{kind}>")
    assert alice.got("presence") == []
    await bob.send(f"<{kind} type='error' to='{ROOM}/alice'>{bounce % 'recipient-unavailable'}</{kind}>")
    (gone,) = alice.got("presence")
    assert shown([gone]) == [("bob", "none", "none", {307, 333})] and gone.get("type") == "unavailable"
    assert (await house.front_end.immcu.at(ADDRESS)).participants == [ALICE]
    await bob.send(f"<{kind} type='error' to='{ROOM}/alice'>{bounce % 'recipient-unavailable'}</{kind}>")
    assert alice.got("presence") == []


async def test_who_is_outside_asks_nothing_of_occupants(house):
    alice, bob = await room_with(house, ALICE, BOB)
    carol = await house.client(CAROL)
    assert condition(await carol.ask(INFO % "", to=f"{ROOM}/bob")) == ("modify", "bad-request")
    await alice.send(f"<iq type='get' id='d' to='{ROOM}/bob'>{INFO % ''}</iq>")
    (passed,) = bob.got("iq")
    assert nick(passed) == "alice"
