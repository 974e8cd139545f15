"""Transfers pass through untouched, and the records say who was sent to whom."""

from __future__ import annotations

import pytest

from .....core.call import Party
from .....plugins.sip.calls.transfers import party_of
from ....people import ALICE, BOB, CAROL, who
from .conftest import Exchange
from .handset import Handset, connected, sdp

SIPFRAG = [("Event", "refer"), ("Subscription-State", "active;expires=60"), ("Content-Type", "message/sipfrag")]


async def test_a_blind_transfer(exchange: Exchange, alice: Handset, bob: Handset, carol: Handset) -> None:
    alices, bobs = await connected(alice, bob)
    bob.answers["REFER"] = 202
    refer = [("Refer-To", f"<{carol.uri}>"), ("Referred-By", f"<{alice.uri}>"), ("X-Kept", "1")]
    assert (await alices.ask("REFER", refer)).status == 202
    heard = await bob.hears("REFER")
    assert heard.first("Refer-To") == f"<{carol.uri}>" and heard.first("Referred-By") and heard.first("X-Kept") == "1"
    new = await connected(bob, carol, headers=[("Referred-By", f"<{alice.uri}>")])
    assert carol.heard("INVITE")[0].first("Referred-By") == f"<{alice.uri}>"
    notify = bobs.request("NOTIFY", SIPFRAG)
    notify.body = b"SIP/2.0 200 OK\r\n"
    bob.send(notify)
    assert (await bob.final(notify)).status == 200
    assert (await alice.hears("NOTIFY")).body == notify.body
    assert (await alices.ask("BYE")).status == 200
    await exchange.until(lambda: len(exchange.records.closed) == 1, "the first record")
    first = exchange.records.closed[0]
    assert first.call is not None and first.call.transferred_to == [str(CAROL)]
    assert (await new[0].ask("BYE")).status == 200
    second = await exchange.recorded(2)
    assert second.continues == first.conversation and second.call is not None
    assert (second.call.caller, second.call.callee) == (str(BOB), str(CAROL))


@pytest.mark.parametrize("fragment", [b"SIP/2.0 100 Trying", b"SIP/2.0 486 Busy Here", b"nothing", b""])
async def test_a_transfer_that_leads_nowhere_is_none(
    exchange: Exchange, alice: Handset, bob: Handset, fragment: bytes
) -> None:
    alices, bobs = await connected(alice, bob)
    assert (await alices.ask("REFER", [("Refer-To", f"<sip:{CAROL}>")])).status == 200
    notify = bobs.request("NOTIFY", SIPFRAG)
    notify.body = fragment
    bob.send(notify)
    await alice.hears("NOTIFY")
    assert (await alices.ask("BYE")).status == 200
    record = await exchange.recorded()
    assert record.call is not None and record.call.transferred_to == []


@pytest.mark.parametrize("leaves_first", [False, True])
async def test_one_call_takes_the_place_of_another(
    exchange: Exchange, alice: Handset, bob: Handset, carol: Handset, leaves_first: bool
) -> None:
    """Carol's phone may say BYE to alice before or after it answers bob."""
    alices, carols = await connected(alice, carol)
    replaces = f"{alices.call_id};to-tag={alices.theirs.tag};from-tag={alices.mine.tag}"
    since = len(carol.received)
    invite = await bob.call(carol.uri, headers=[("Replaces", replaces), ("Require", "replaces")])
    rung = await carol.rung(since)
    assert rung.first("Replaces") == replaces and rung.first("Require") == "replaces"
    if leaves_first:
        assert (await carols.ask("BYE")).status == 200
    carol.answer(rung, 200, sdp())
    await bob.hears_status(invite, 200)
    if not leaves_first:
        assert (await carols.ask("BYE")).status == 200
    await exchange.until(lambda: exchange.records.closed, "the record of the call that was replaced")
    replaced = exchange.records.closed[0]
    assert replaced.call is not None and replaced.call.transferred_to == [str(BOB)]
    assert exchange.calls[0].conversation.continues == replaced.conversation


async def test_a_call_that_was_not_replaced_after_all(
    exchange: Exchange, alice: Handset, bob: Handset, carol: Handset
) -> None:
    alices, _ = await connected(alice, carol)
    replaces = f"{alices.call_id};to-tag={alices.theirs.tag};from-tag={alices.mine.tag}"
    since = len(carol.received)
    invite = await bob.call(carol.uri, headers=[("Replaces", replaces)])
    carol.answer(await carol.rung(since), 486)
    assert (await bob.final(invite)).status == 486
    assert (await alices.ask("BYE")).status == 200
    await exchange.until(lambda: len(exchange.records.closed) == 2, "both records")
    assert all(record.call is not None and not record.call.transferred_to for record in exchange.records.closed)


async def test_a_ringing_call_is_picked_up_by_a_colleague(
    exchange: Exchange, alice: Handset, bob: Handset, carol: Handset
) -> None:
    """Carol's INVITE with Replaces reaches alice, whose phone takes it for the early call to bob (RFC 3891)."""
    invite = await alice.call(bob.uri)
    bob.answer(await bob.rung(), 180)
    early = await alice.hears_status(invite, 180)
    call = exchange.calls[0]
    assert call.native == {"call_id": invite.call_id, "from_tag": invite.from_.tag, "to_tag": early.to.tag}
    replaces = f"{invite.call_id};to-tag={invite.from_.tag};from-tag={early.to.tag};early-only"
    pick_up = await carol.call(f"sip:{ALICE}", headers=[("Replaces", replaces)])
    alice.answer(await alice.rung(), 200, sdp())
    await carol.hears_status(pick_up, 200)
    alice.cancel(invite)
    assert (await alice.final(invite)).status == 487
    await bob.hears("CANCEL")
    await exchange.until(lambda: len(exchange.records.closed) == 1, "the record of the call that was picked up")
    record = exchange.records.closed[0]
    assert record.call is not None and record.call.transferred_to == [str(CAROL)]


def test_whom_a_refer_to_names() -> None:
    assert party_of(f"<sip:{CAROL}?Replaces=x>") == Party(who("carol"))
    assert party_of("tel:+4930123456") == Party("+4930123456")
    assert party_of("<sip:carol") is None
