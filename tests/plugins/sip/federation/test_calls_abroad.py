"""Calls between two domains: ringing, talking and hanging up pass both proxies."""

from __future__ import annotations

from ..calls.handset import Handset, connected
from .houses import ALICE, BOB, THERE, House, Town, until


async def handset(house: House, who: object) -> Handset:
    phone = await Handset(who, house.plugin.ports["tcp"], transport="TCP").connect()  # type: ignore[arg-type]
    house.phones.append(phone)
    assert (await phone.register()).status == 200
    return phone


async def test_a_call_to_another_domain_rings_is_answered_and_ends(town: Town) -> None:
    alice, bob = await handset(town.here, ALICE), await handset(town.there, BOB)
    alices, bobs = await connected(alice, bob)
    assert len(town.here.front_end.calls.open) == len(town.there.front_end.calls.open) == 1, "each has its record"
    assert (await bobs.ask("INFO")).status == 200
    await alice.hears("INFO")
    assert (await alices.ask("BYE")).status == 200
    await bob.hears("BYE")
    for house in (town.here, town.there):
        await until(lambda house=house: not house.front_end.calls.open, "the call to be over")


async def test_a_caller_who_gives_up_stops_the_ringing_elsewhere(town: Town) -> None:
    alice, bob = await handset(town.here, ALICE), await handset(town.there, BOB)
    invite = await alice.call(bob.uri)
    rung = await bob.rung()
    bob.answer(rung, 180)
    await alice.hears_status(invite, 180)
    alice.cancel(invite)
    await bob.hears("CANCEL")
    bob.answer(rung, 487)
    await alice.hears_status(invite, 487)


async def test_nobody_there_is_not_found_and_strangers_do_not_call_through_us(town: Town) -> None:
    alice = await handset(town.here, ALICE)
    assert (await alice.final(await alice.call(f"sip:nobody@{THERE}"))).status == 404
    assert (await alice.final(await alice.call("sip:eve@third.example"))).status == 404
