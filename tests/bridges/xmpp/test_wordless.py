"""Messages without text: what is kept for those who are away and for the archive, and what is not."""

from __future__ import annotations

import pytest

from ...people import ALICE, BOB, CAROL
from ...stage import sit
from .house import ROOM, body
from .test_archive import read
from .test_rooms import enter, room_with, speak

REACTION = "<reactions xmlns='urn:xmpp:reactions:0' id='m1'><reaction>+</reaction></reactions>"
READ = "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>"
ARRIVED = "<received xmlns='urn:xmpp:receipts' id='m1'/>"
RETRACTION = "urn:xmpp:message-retract:1"
HINTS = "urn:xmpp:hints"
STRANGE = "<x xmlns='urn:example:x'/>"


def chat(inner, to="bob@example.test", id="w1"):
    return f"<message type='chat' id='{id}' to='{to}'>{inner}</message>"


def taking_back(id):
    return f"<message type='groupchat' id='r1' to='{ROOM}'><retract xmlns='{RETRACTION}' id='{id}'/></message>"


def tags(messages):
    return [m[0].tag.rpartition("}")[2] for m in messages]


@pytest.mark.parametrize(
    "inner, name",
    [
        (REACTION, "reactions"),
        (READ, "displayed"),
        (ARRIVED, "received"),
        (f"<retract xmlns='{RETRACTION}' id='m1'/>", "retract"),
        (STRANGE + f"<store xmlns='{HINTS}'/>", "x"),
    ],
)
async def test_who_is_away_finds_it_later_and_both_archives_have_it(house, inner, name):
    alice = await house.client(ALICE)
    await alice.send(chat(inner))
    bob = await house.client(BOB)
    (late,) = bob.got("message")
    assert tags([late]) == [name] and late.get("id") == "w1" and late.get("from") == alice.jid
    assert late.find("{urn:xmpp:delay}delay") is not None
    for client in (alice, bob):
        said, _, _ = await read(client)
        assert tags(said) == [name]


@pytest.mark.parametrize("hint", ["no-store", "no-permanent-store"])
async def test_what_is_not_to_be_kept_goes_to_those_who_are_there(house, hint):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    await alice.send(chat(REACTION + f"<{hint} xmlns='{HINTS}'/>"))
    assert tags(bob.got("message")) == ["reactions"]
    assert (await read(bob))[0] == []


async def test_what_says_nothing_that_lasts_is_not_kept(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    bob.got()
    await alice.send(chat(STRANGE))
    assert tags(bob.got("message")) == ["x"] and (await read(bob))[0] == []


async def test_it_counts_as_nothing_said_and_other_worlds_do_not_see_it(house):
    alice = await house.client(ALICE)
    phone = sit(house.front_end, BOB, "phone")
    await alice.send(chat("<body>hello</body>") + chat(REACTION, id="w2"))
    (conversation,) = house.front_end.immcu.of(ALICE)
    record = await house.front_end.store.record(conversation.id)
    assert record.messages == {"alice@example.test": 1}
    assert [d.message.wordless for d in phone.shown] == [False, True]
    assert [m.text for m in await house.front_end.immcu.history(conversation, BOB)] == ["hello"]


async def test_it_wakes_nobody(house):
    alice = await house.client(ALICE)
    await alice.send(chat("<body>hello</body>") + chat(REACTION, id="w2"))
    assert await house.front_end.fan_out.unseen(BOB) == 1


async def test_a_receipt_is_shown_once_and_other_worlds_hear_of_it(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    phone = sit(house.front_end, ALICE, "phone")
    await alice.send(chat("<body>hello</body><request xmlns='urn:xmpp:receipts'/>", id="m1"))
    alice.got()
    await bob.send(chat(ARRIVED, to="alice@example.test/desk"))
    assert tags(alice.got("message")) == ["received"]
    assert [(news.origin, news.displayed, news.kept) for news in phone.news] == [("m1", False, True)]


async def test_the_readers_other_clients_hear_what_was_read(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    laptop = await house.client(BOB, "laptop")
    await laptop.ask("<enable xmlns='urn:xmpp:carbons:2'/>", type="set")
    await alice.send(chat("<body>hello</body>", id="m1"))
    laptop.got()
    await bob.send(chat(READ, to="alice@example.test"))
    (copy,) = laptop.got("message")
    assert copy.find(".//{urn:xmpp:chat-markers:0}displayed") is not None
    assert copy[0].tag == "{urn:xmpp:carbons:2}sent"


async def test_nobody_learns_from_it_who_exists_or_blocks(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await house.front_end.contacts.block(BOB, ALICE)
    bob.got(), alice.got()
    await alice.send(chat(REACTION) + chat(REACTION, to="nobody@example.test"))
    assert alice.got("message") == [] and bob.got("message") == []


# ---- taken back (XEP-0424)


@pytest.mark.parametrize("said_as", ["id='m1'", "id='other'"])
async def test_what_somebody_takes_back_is_a_tombstone_in_the_archive(house, said_as):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    origin = "<origin-id xmlns='urn:xmpp:sid:0' id='m1'/>" if "other" in said_as else ""
    await alice.send(f"<message type='chat' {said_as} to='bob@example.test'><body>oh no</body>{origin}</message>")
    await alice.send(chat(f"<retract xmlns='{RETRACTION}' id='m1'/>", id="r1"))
    for client in (alice, bob):
        (stone, retraction), _, _ = await read(client)
        retracted = stone.find(f"{{{RETRACTION}}}retracted")
        assert retracted.get("id") == "r1" and retracted.get("stamp") and body(stone) is None
        assert tags([retraction]) == ["retract"]


async def test_a_fallback_is_shown_and_the_tombstone_stands_all_the_same(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await alice.send(chat("<body>oh no</body>", id="m1"))
    bob.got()
    await alice.send(chat(f"<retract xmlns='{RETRACTION}' id='m1'/><body>/me takes something back</body>", id="r1"))
    assert [body(m) for m in bob.got("message")] == ["/me takes something back"]
    (stone, _), _, _ = await read(bob)
    assert tags([stone]) == ["retracted"]


async def test_nobody_takes_back_what_others_said(house):
    alice, bob = await house.client(ALICE), await house.client(BOB)
    await alice.send(chat("<body>mine</body>", id="m1"))
    await bob.send(chat(f"<retract xmlns='{RETRACTION}' id='m1'/>", to="alice@example.test", id="r1"))
    (said, _), _, _ = await read(bob)
    assert body(said) == "mine"


async def test_the_archive_says_that_it_has_tombstones(house):
    alice = await house.client(ALICE)
    answer = await alice.ask("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="alice@example.test")
    assert f"{RETRACTION}#tombstone" in {e.get("var") for e in answer[0]}


# ---- in rooms


async def test_a_reaction_in_a_room_is_in_its_archive_and_not_in_the_history_of_who_comes(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await speak(alice, "hello", id="m1")
    await bob.send(f"<message type='groupchat' id='w1' to='{ROOM}'>{REACTION}</message>")
    assert "reactions" in tags(alice.got("message")) and "reactions" in tags(bob.got("message"))
    said, _, _ = await read(alice, to=ROOM)
    assert tags(said)[-1] == "reactions" and said[-1].get("from") == f"{ROOM}/bob"
    carol = await house.client(CAROL)
    await enter(carol, "carol")
    assert "reactions" not in tags(m for m in carol.got("message") if len(m))


async def test_who_takes_back_in_a_room_what_they_said_leaves_a_tombstone(house):
    alice, bob = await room_with(house, ALICE, BOB)
    await speak(bob, "oh no", id="m1")
    _, ids, _ = await read(bob, to=ROOM)
    alice.got(), bob.got()
    await bob.send(
        f"<message type='groupchat' id='r1' to='{ROOM}'><retract xmlns='{RETRACTION}' id='{ids[-1]}'/></message>"
    )
    assert tags(alice.got("message")) == ["retract"]
    said, again, _ = await read(alice, to=ROOM)
    assert again[:-1][-1] == ids[-1] and tags(said)[-2:] == ["retracted", "retract"]
    await alice.send(
        f"<message type='groupchat' id='r2' to='{ROOM}'><retract xmlns='{RETRACTION}' id='{again[-1]}'/></message>"
    )
    said, _, _ = await read(alice, to=ROOM)
    assert "retract" in tags(said)[-2:]
