"""Moderators take back what others said (XEP-0425 over XEP-0424): nobody gets it any more, the journal keeps it."""

from __future__ import annotations

import pytest

from ....core.identity import Identity
from ...people import ALICE, BOB, CAROL
from .house import ROOM, body, condition
from .rooms_scene import ADDRESS, enter, room_with, speak

SID = "{urn:xmpp:sid:0}stanza-id"
NEW = "urn:xmpp:message-moderate:1"
RETRACT = "urn:xmpp:message-retract:1"
MAM = "<query xmlns='urn:xmpp:mam:2'/>"


def moderate(id, reason="rude"):
    return f"<moderate xmlns='{NEW}' id='{id}'><retract xmlns='{RETRACT}'/><reason>{reason}</reason></moderate>"


def moderate_old(id):
    inside = "<retract xmlns='urn:xmpp:message-retract:0'/><reason>rude</reason>"
    moderate = f"<moderate xmlns='urn:xmpp:message-moderate:0'>{inside}</moderate>"
    return f"<apply-to xmlns='urn:xmpp:fasten:0' id='{id}'>{moderate}</apply-to>"


async def said(house):
    """Alice moderates; Bob has said something that he should not have."""
    alice, bob = await room_with(house, ALICE, BOB)
    await speak(bob, "hello")
    await speak(bob, "you toad")
    ids = [m.find(SID).get("id") for m in alice.got("message")]
    bob.got()
    return alice, bob, ids


@pytest.mark.parametrize("wish", [moderate, moderate_old])
async def test_everybody_in_the_room_is_told(house, wish):
    alice, bob, (_, rude) = await said(house)
    assert (await alice.ask(wish(rude), ROOM, "set")).get("type") == "result"
    (told,) = bob.got("message")
    assert told.get("from") == ROOM and told.get("type") == "groupchat"
    retract = told.find(f"{{{RETRACT}}}retract")
    assert retract.get("id") == rude and retract.findtext(f"{{{RETRACT}}}reason") == "rude"
    moderated = retract.find(f"{{{NEW}}}moderated")
    assert moderated.get("by") == f"{ROOM}/alice"
    assert moderated.find("{urn:xmpp:occupant-id:0}occupant-id") is not None
    assert told.find("{urn:xmpp:fasten:0}apply-to").get("id") == rude


async def test_nobody_gets_it_any_more_and_the_journal_keeps_it(house):
    alice, bob, (_, rude) = await said(house)
    await alice.ask(moderate(rude), ROOM, "set")
    carol = await house.client(CAROL)
    assert [body(m) for m in await enter(carol, "carol") if body(m)] == ["hello"]
    bob.got()
    await bob.send(f"<iq type='set' id='a' to='{ROOM}'>{MAM}</iq>")
    first, second = (m.find(".//{urn:xmpp:forward:0}forwarded")[1] for m in bob.got("message"))
    assert body(first) == "hello" and body(second) is None
    assert second.get("from") == f"{ROOM}/bob" and second.find(SID).get("id") == rude
    retracted = second.find(f"{{{RETRACT}}}retracted")
    assert retracted.get("stamp") and retracted.find(f"{{{NEW}}}moderated").get("by") == f"{ROOM}/alice"
    assert retracted.findtext(f"{{{RETRACT}}}reason") == "rude"
    conversation = await house.front_end.immcu.at(ADDRESS)
    assert [m.text for m in await house.front_end.store.read(conversation.id)] == ["hello", "you toad"]


async def test_who_has_not_been_shown_it_yet_is_not(house):
    alice, bob = await room_with(house, ALICE, BOB)
    conversation = await house.front_end.immcu.open_room(
        Identity("attic", "conference.example.test"), ALICE, keeps_seats=True
    )
    await house.front_end.immcu.add(conversation, CAROL, by=ALICE)
    for client in (alice, bob):
        client.got()
    await enter(alice, "alice", room="attic@conference.example.test")
    await speak(alice, "oops", room="attic@conference.example.test")
    (mine,) = [m for m in alice.got("message") if body(m)]
    await alice.ask(moderate(mine.find(SID).get("id")), "attic@conference.example.test", "set")
    assert await house.front_end.store.unseen(CAROL) == []


@pytest.mark.parametrize(
    "wish, why",
    [
        (moderate("nothing"), ("cancel", "item-not-found")),
        (f"<moderate xmlns='{NEW}' id='x'/>", ("modify", "bad-request")),
        ("<apply-to xmlns='urn:xmpp:fasten:0' id='x'/>", ("modify", "bad-request")),
    ],
)
async def test_what_cannot_be_taken_back(house, wish, why):
    alice, *_ = await said(house)
    assert condition(await alice.ask(wish, ROOM, "set")) == why


async def test_only_moderators_take_back(house):
    alice, bob, (_, rude) = await said(house)
    assert condition(await bob.ask(moderate(rude), ROOM, "set")) == ("auth", "forbidden")
    await alice.ask(moderate(rude), ROOM, "set")
    assert (await alice.ask(moderate(rude), ROOM, "set")).get("type") == "result"
