"""Calls that are forwarded, with handsets that ring, are busy, or are not there."""

from .....core.forwarding import Forwarding, keep_forwarding
from ....people import ALICE, BOB, CAROL
from .conftest import Exchange
from .handset import Handset, Line


async def wants(exchange: Exchange, who, **wanted) -> None:
    await keep_forwarding(exchange.front_end.store, who, Forwarding(**wanted))


async def test_when_busy_the_next_one_rings_and_the_call_tells_its_way(
    exchange: Exchange, alice: Handset, bob: Handset, carol: Handset
) -> None:
    await wants(exchange, BOB, busy=str(CAROL))
    invite = await alice.call(bob.uri)
    bob.answer(await bob.rung(), 486)
    ringing = await carol.rung()
    assert ringing.all("History-Info")[-1].startswith("<sip:carol@example.test;cause=486>")
    assert ringing.first("Diversion") == "<sip:bob@example.test>;reason=user-busy;counter=1"
    assert str(ringing.to.uri) == bob.uri, "To stays whom the caller called"
    carol.answer(ringing, 200)
    answer = await alice.final(invite)
    assert answer.status == 200
    line = Line(alice, invite, answer, calling=True)
    line.send("ACK")
    assert (await line.ask("BYE")).status == 200
    record = await exchange.recorded()
    assert record.call is not None and record.call.outcome == "answered"


async def test_who_declines_is_not_looked_for_elsewhere(
    exchange: Exchange, alice: Handset, bob: Handset, carol: Handset
) -> None:
    await wants(exchange, BOB, busy=str(CAROL), unanswered=str(CAROL), offline=str(CAROL))
    invite = await alice.call(bob.uri)
    bob.answer(await bob.rung(), 603)
    assert (await alice.final(invite)).status == 603 and not carol.heard("INVITE")


async def test_who_is_not_there_forwards(exchange: Exchange, alice: Handset, carol: Handset) -> None:
    await wants(exchange, BOB, offline=str(CAROL))
    invite = await alice.call(f"sip:{BOB}")
    carol.answer(await carol.rung(), 486)
    assert (await alice.final(invite)).status == 486


async def test_what_rings_along_rings_at_once_and_stops_when_somebody_answers(
    exchange: Exchange, alice: Handset, bob: Handset, carol: Handset
) -> None:
    await wants(exchange, BOB, also=[str(CAROL)])
    invite = await alice.call(bob.uri)
    ringing = await bob.rung()
    elsewhere = await carol.rung()
    bob.answer(ringing, 180)
    carol.answer(elsewhere, 180)
    carol.answer(elsewhere, 200)
    assert (await alice.final(invite)).status == 200
    await exchange.until(lambda: bob.heard("CANCEL"), "the CANCEL")


async def test_a_circle_rings_nobody(exchange: Exchange, alice: Handset, bob: Handset, carol: Handset) -> None:
    await wants(exchange, BOB, always=str(CAROL))
    await wants(exchange, CAROL, always=str(BOB))
    assert (await alice.final(await alice.call(bob.uri))).status == 480
    assert not bob.heard("INVITE") and not carol.heard("INVITE")


async def test_a_number_of_somebody_here_stays_here(exchange: Exchange, alice: Handset, bob: Handset) -> None:
    from .....core.people import Person

    await exchange.front_end.store.put_person(BOB, Person(str(BOB), "Bob", phones=["+49 30 4711"]))
    invite = await alice.call("tel:+49-30-4711")
    bob.answer(await bob.rung(), 486)
    assert (await alice.final(invite)).status == 486


async def test_what_would_happen_is_what_happens(exchange: Exchange, alice: Handset, bob: Handset) -> None:
    await wants(exchange, BOB, unanswered=str(CAROL), also=["0301"])
    steps = await exchange.front_end.hooks.why_call(caller=ALICE, callee="bob")
    assert steps is not None
    assert [(step.stage, step.rings) for step in steps if step.stage] == [(1, str(BOB)), (2, str(CAROL))]
    assert "0301 does not ring along: calls to the outside are switched off" in [step.why for step in steps]
