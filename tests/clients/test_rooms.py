"""A room's life at slixmpp: made as its owner wants it, moderated, left by everybody, found again, and ended."""

from __future__ import annotations

import pytest
from slixmpp import JID
from slixmpp.exceptions import IqError, PresenceError

from .conftest import DOMAIN, Visitors
from .program import until
from .xmpp import Slix

pytestmark = [pytest.mark.client, pytest.mark.timeout(300)]

ALICE, BOB, CAROL = (f"{name}@{DOMAIN}" for name in ("alice", "bob", "carol"))


async def make(client: Slix, room: str, **wishes: str | bool) -> None:
    """Come in first, and say what the room is to be."""
    rooms = client.plugin["xep_0045"]
    await rooms.join_muc_wait(JID(room), "Alice", timeout=40)
    form = await rooms.get_room_config(JID(room))
    form["type"] = "submit"
    for name, value in wishes.items():
        form.get_fields()[f"muc#roomconfig_{name}"]["value"] = value
    await rooms.set_room_config(JID(room), form)


def role(client: Slix, room: str, nick: str) -> str:
    return str(client.plugin["xep_0045"].get_jid_property(JID(room), nick, "role"))


async def test_a_moderated_room(visitors: Visitors) -> None:
    room = f"coven@conference.{DOMAIN}"
    alice, bob, carol = await visitors.slix("alice"), await visitors.slix("bob"), await visitors.slix("carol")
    await make(alice, room, roomname="The Coven", moderatedroom=True, persistentroom=True)
    await bob.join(room, "Bob")
    await carol.join(room, "Carol")
    assert role(bob, room, "Bob") == "visitor"
    bob.send_message(room, "may I?", mtype="groupchat")
    await until(lambda: "forbidden" in bob.errors, "bob to hear that he may not speak")
    rooms = alice.plugin["xep_0045"]
    await rooms.set_role(JID(room), "Bob", "participant")
    await until(lambda: role(bob, room, "Bob") == "participant", "bob to have voice")
    bob.send_message(room, "thank you", mtype="groupchat")
    await carol.room_hears("Bob", "thank you")

    with pytest.raises(IqError) as refused:
        await bob.plugin["xep_0045"].set_role(JID(room), "Carol", "none")
    assert refused.value.condition == "forbidden"
    await rooms.set_affiliation(JID(room), "outcast", jid=CAROL, reason="enough")
    assert [str(jid) for jid in await rooms.get_affiliation_list(JID(room), "outcast")] == [CAROL]
    with pytest.raises(PresenceError) as banned:
        await carol.plugin["xep_0045"].join_muc_wait(JID(room), "Carol", timeout=40)
    assert banned.value.condition == "forbidden"

    for client, nick in ((alice, "Alice"), (bob, "Bob")):
        client.plugin["xep_0045"].leave_muc(JID(room), nick)
    listed = await bob.plugin["xep_0030"].get_items(JID(f"conference.{DOMAIN}"))
    assert (room, None, "The Coven") in listed["disco_items"]["items"]
    bob.rooms_said.clear()
    await bob.join(room, "Bob")
    assert ("Bob", "thank you") in bob.rooms_said and role(bob, room, "Bob") == "visitor"

    shown_out: list[str] = []
    bob.add_event_handler("groupchat_presence", lambda presence: shown_out.append(presence["type"]))
    await rooms.destroy(JID(room), reason="dawn")
    await until(lambda: "unavailable" in shown_out, f"bob to be shown out, not {shown_out}")
    with pytest.raises(IqError) as gone:
        await bob.plugin["xep_0030"].get_info(JID(room))
    assert gone.value.condition == "item-not-found"


async def test_a_room_with_a_password(visitors: Visitors) -> None:
    room = f"vault@conference.{DOMAIN}"
    alice, bob = await visitors.slix("alice"), await visitors.slix("bob")
    await make(alice, room, passwordprotectedroom=True, roomsecret="moon")
    with pytest.raises(PresenceError) as refused:
        await bob.plugin["xep_0045"].join_muc_wait(JID(room), "Bob", timeout=40)
    assert refused.value.condition == "not-authorized"
    await bob.plugin["xep_0045"].join_muc_wait(JID(room), "Bob", password="moon", timeout=40)
    alice.send_message(room, "nobody hears us", mtype="groupchat")
    await bob.room_hears("Alice", "nobody hears us")
