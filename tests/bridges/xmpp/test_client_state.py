"""Client state indication (XEP-0352): what can wait while nobody looks at the client."""

from __future__ import annotations

import pytest

from ...people import ALICE, BOB
from .house import body

INACTIVE, ACTIVE = (f"<{state} xmlns='urn:xmpp:csi:0'/>" for state in ("inactive", "active"))


@pytest.fixture
async def friends(house):
    await house.friends(ALICE, BOB)
    alice, bob = await house.client(ALICE), await house.client(BOB)
    alice.got()
    return alice, bob


async def test_presence_waits_and_only_the_newest_is_shown(friends):
    alice, bob = friends
    await alice.send(INACTIVE)
    for show in ("away", "xa", "dnd"):
        await bob.send(f"<presence><show>{show}</show></presence>")
    assert alice.got("presence") == []
    await alice.send(ACTIVE)
    (seen,) = alice.got("presence")
    assert seen.findtext("{jabber:client}show") == "dnd"
    await bob.send("<presence/>")
    assert len(alice.got("presence")) == 1, "and from then on as before"


async def test_what_came_back_to_where_it_was_is_not_worth_a_word(friends):
    alice, bob = friends
    await alice.send(INACTIVE)
    await bob.send("<presence><show>away</show></presence>")
    await bob.send("<presence/>")
    await alice.send(ACTIVE)
    assert alice.got("presence") == []


async def test_messages_are_shown_at_once_and_typing_is_not(friends):
    alice, bob = friends
    await bob.send(f"<message to='{ALICE}' type='chat'><body>first</body></message>")
    alice.got()
    await alice.send(INACTIVE)
    await bob.send(
        f"<message to='{ALICE}' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    await bob.send(f"<message to='{ALICE}' type='chat'><body>second</body></message>")
    assert [body(m) for m in alice.got("message")] == ["second"]


async def test_who_goes_while_nobody_looks_is_gone(friends):
    alice, bob = friends
    await alice.send(INACTIVE)
    await bob.goes()
    await alice.send(ACTIVE)
    (seen,) = alice.got("presence")
    assert seen.get("type") == "unavailable" and seen.get("from") == bob.jid
