"""What must not happen: loops, floods, and requests that go round."""

from __future__ import annotations

import asyncio

from .....core import calls
from .....plugins.sip.calls import proxy
from ....people import ALICE, BOB
from .conftest import Exchange
from .handset import Handset, Line, connected, sdp


async def test_the_same_invite_by_another_way_is_a_loop(exchange: Exchange, alice: Handset, bob: Handset) -> None:
    invite = await alice.call(bob.uri)
    rung = await bob.rung()
    looped = await exchange.phone(ALICE)
    again = looped.request("INVITE", bob.uri, call=invite.call_id, tag=invite.from_.tag, body=sdp())
    again.set("CSeq", str(invite.cseq))
    looped.send(again)
    assert (await looped.final(again)).status == 482
    spiral = looped.request("INVITE", "sip:carol@example.test", call=invite.call_id, tag=invite.from_.tag, body=sdp())
    spiral.set("CSeq", str(invite.cseq))
    looped.send(spiral)
    refused = await looped.hear(lambda r: r.status == 401 and r.call_id == invite.call_id, "a challenge: no loop")
    assert refused.cseq == invite.cseq
    bob.answer(rung, 486)
    await alice.final(invite)


async def test_no_hops_left(exchange: Exchange, alice: Handset, bob: Handset) -> None:
    alices, _ = await connected(alice, bob)
    tired = alices.request("INFO")
    tired.set("Max-Forwards", 0)
    alice.send(tired)
    assert (await alice.final(tired)).status == 483 and not bob.heard("INFO")


async def test_how_many_places_may_ring_is_shared_out(exchange: Exchange, alice: Handset) -> None:
    phones = [await exchange.phone(BOB) for _ in range(3)]
    await alice.call(f"sip:{BOB}", headers=[("Max-Breadth", 7)])
    assert {(await phone.rung()).first("Max-Breadth") for phone in phones} == {"2"}


async def test_one_phone_waits_for_so_many_answers_and_no_more(
    exchange: Exchange, alice: Handset, bob: Handset, monkeypatch: object
) -> None:
    monkeypatch.setattr(proxy, "MAX_SETUPS_ON_ONE", 2)  # type: ignore[attr-defined]
    waiting = [await alice.call(bob.uri) for _ in range(2)]
    await exchange.until(lambda: len(bob.heard("INVITE")) == len(waiting), "both to ring")
    refused = await alice.final(await alice.call(bob.uri))
    assert refused.status == 503 and refused.first("Retry-After")


async def test_a_2xx_over_udp_is_repeated_by_the_phone_alone(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE, "UDP"), await exchange.phone(BOB, "UDP")
    invite = await alice.call(bob.uri)
    rung = await bob.rung()
    bob.answer(rung, 200, sdp())
    await alice.hears_status(invite, 200)
    alice.send(invite)
    bob.answer(rung, 200, sdp())
    await exchange.until(lambda: alice.statuses(invite).count(200) == 2, "the 2xx that came again")
    await asyncio.sleep(1.2)
    assert alice.statuses(invite).count(200) == 2, "we repeat nothing, nor for an INVITE that comes again"
    line = Line(alice, invite, await alice.hears_status(invite, 200), calling=True)
    line.send("ACK")
    line.send("ACK")
    await exchange.until(lambda: len(bob.heard("ACK")) == 2, "each ACK to go through")
    assert len(bob.heard("INVITE")) == 1


async def test_who_calls_themselves_rings_elsewhere(exchange: Exchange, alice: Handset) -> None:
    other = await exchange.phone(ALICE)
    invite = await alice.call(alice.uri)
    other.answer(await other.rung(), 200, sdp())
    await alice.hears_status(invite, 200)
    assert not alice.heard("INVITE")


async def test_an_offer_that_comes_later_is_a_call_too(exchange: Exchange, alice: Handset, bob: Handset) -> None:
    invite = await alice.call(bob.uri, b"")
    rung = await bob.rung()
    bob.answer(rung, 200, sdp("audio", "video"))
    heard = await alice.hears_status(invite, 200)
    Line(alice, invite, heard, calling=True).send("ACK", body=sdp("audio", "video"))
    assert (await bob.hears("ACK")).body == sdp("audio", "video")
    await exchange.until(lambda: exchange.calls[0].media == {"audio", "video"}, "both media")


async def test_a_phone_cannot_claim_to_be_anybody(exchange: Exchange, alice: Handset, bob: Handset) -> None:
    claims = [("P-Asserted-Identity", "<sip:boss@example.test>"), ("Remote-Party-ID", "<sip:boss@example.test>")]
    alices, _ = await connected(alice, bob, headers=claims)
    await alices.ask("UPDATE", claims)
    for heard in (bob.heard("INVITE")[0], bob.heard("UPDATE")[0]):
        assert [heard.first(name) for name, _ in claims] == [None, None]


async def test_a_sips_call_rings_where_it_is_encrypted_and_nowhere_else(exchange: Exchange) -> None:
    alice, bob = await exchange.phone(ALICE, "TLS"), await exchange.phone(BOB, "TCP")
    invite = await alice.call(f"sips:{BOB}")
    assert (await alice.final(invite)).status == 480 and not bob.heard("INVITE")
    secure = await exchange.phone(BOB, "TLS")
    invite = await alice.call(f"sips:{BOB}")
    secure.answer(await secure.rung(), 200, sdp())
    await alice.hears_status(invite, 200)
    assert not bob.heard("INVITE")


async def test_who_is_in_too_many_calls_begins_no_other(
    exchange: Exchange, alice: Handset, bob: Handset, monkeypatch: object
) -> None:
    monkeypatch.setattr(calls, "MAX_CALLS_OF_ONE", 1)  # type: ignore[attr-defined]
    await connected(alice, bob)
    refused = await alice.final(await alice.call(bob.uri))
    assert refused.status == 503 and refused.first("Retry-After")
