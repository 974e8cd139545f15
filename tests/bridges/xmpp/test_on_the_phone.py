"""Somebody who telephones, by whatever protocol, is on the phone for their XMPP contacts."""

from __future__ import annotations

from ....core.call import HUNG_UP, Party
from ...people import ALICE, BOB, CAROL
from .test_presence import show, status


async def test_a_contact_sees_in_a_call_while_it_lasts(house):
    await house.friends(ALICE, BOB)
    bob = await house.client(BOB)
    alice = await house.client(ALICE)
    bob.got()
    calls = house.front_end.calls
    call = await calls.begin(Party(ALICE), Party("+4930123456"))
    await calls.ringing(call, Party("+4930123456"))
    await house.quiet()
    (seen,) = bob.got("presence")
    assert (seen.get("from"), show(seen), status(seen)) == (alice.jid, "dnd", "In a call")
    await calls.answered(call, Party("+4930123456"))
    await house.quiet()
    assert bob.got("presence") == []
    await calls.ended(call, HUNG_UP, Party(ALICE))
    await house.quiet()
    (seen,) = bob.got("presence")
    assert (show(seen), status(seen)) == (None, None)


async def test_strangers_see_no_call(house):
    carol = await house.client(CAROL)
    await house.client(ALICE)
    carol.got()
    await house.front_end.calls.ringing(await house.front_end.calls.begin(Party(ALICE), Party(BOB)), Party(BOB))
    await house.quiet()
    assert carol.got("presence") == []


async def test_somebody_on_the_phone_without_a_client_is_busy_and_there(house):
    await house.friends(ALICE, BOB)
    bob = await house.client(BOB)
    bob.got()
    call = await house.front_end.calls.begin(Party(ALICE, instance="phone"), Party(BOB))
    await house.front_end.calls.ringing(call, Party(BOB))
    await house.quiet()
    (seen,) = bob.got("presence")
    assert (seen.get("type"), show(seen)) == (None, "dnd")
    await house.front_end.calls.ended(call, "busy")
    await house.quiet()
    (gone,) = bob.got("presence")
    assert gone.get("type") == "unavailable"
