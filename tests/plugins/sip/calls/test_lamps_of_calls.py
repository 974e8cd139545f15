"""Lamps, presence and the administrator beside real calls: what the proxy carries is what they show and end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .....core.access import AccessLevel
from .....core.administration import perform
from .....core.hooks import hookimpl
from .....core.identity import Identity
from .....core.presence import Activity
from .....plugins.sip.options import SipOptions
from .....plugins.sip.plugin import SipTransport
from ....people import ALICE, BOB, CAROL
from ....stage import front_end_in
from ..events.test_dialog_info import read
from .conftest import Exchange, Records
from .handset import Handset, Line, connected, sdp

LAMP = [("Event", "dialog")]


class Workgroup:
    """Everybody is near."""

    @hookimpl
    def access(self, watcher: Identity, presentity: Identity) -> AccessLevel:
        return AccessLevel.WORKGROUP


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    """One workgroup; nobody is signed in yet."""
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, udp_port=0, notify_pause=0.0))
    records = Records()
    async with front_end_in(tmp_path, sip, records, Workgroup()) as front_end:
        served = Exchange(front_end, sip, records)
        yield served
        for phone in served.phones:
            await phone.close()


async def shows(phone: Handset, state: str, since: int = 0) -> dict[str, str]:
    """The attributes of the call that the lamp shows in this state, its other side with them."""
    notify = await phone.hears("NOTIFY", lambda r: f"<state>{state}</state>".encode() in r.body, since)
    (dialog,) = read(notify.body)
    target = dialog.find(".//{*}target")
    return {
        **{str(name): str(value) for name, value in dialog.attrib.items()},
        "target": "" if target is None else str(target.get("uri")),
    }


@pytest.mark.parametrize("transport", ["TCP", "UDP"])
async def test_a_lamp_follows_a_call(exchange: Exchange, alice: Handset, carol: Handset, transport: str) -> None:
    bob = await exchange.phone(BOB, transport)
    await bob.subscribe(f"sip:{ALICE}", headers=LAMP)
    carols, alices = await connected(carol, alice)
    rang, talks = await shows(bob, "early"), await shows(bob, "confirmed")
    assert (rang["direction"], rang["target"], rang["call-id"]) == ("recipient", f"sip:{CAROL}", carols.call_id)
    assert (rang["local-tag"], rang["remote-tag"]) == (alices.mine.tag, alices.theirs.tag)
    assert talks["id"] == rang["id"]
    assert exchange.front_end.presence.of(ALICE).activity is Activity.IN_A_CALL
    assert (await alices.ask("BYE")).status == 200
    await shows(bob, "terminated")
    await exchange.until(
        lambda: exchange.front_end.presence.of(CAROL).activity is Activity.NONE, "the phone to be free"
    )


async def test_a_call_that_rings_is_taken_over_by_what_the_lamp_says(
    exchange: Exchange, alice: Handset, bob: Handset, carol: Handset
) -> None:
    await bob.subscribe(f"sip:{ALICE}", headers=LAMP)
    first = await carol.call(alice.uri)
    rung = await alice.rung()
    alice.answer(rung, 180)
    await carol.hears_status(first, 180)
    call = await shows(bob, "early")
    replaces = f"{call['call-id']};to-tag={call['remote-tag']};from-tag={call['local-tag']};early-only"
    taking = await bob.call(call["target"], headers=[("Replaces", replaces), ("Require", "replaces")])
    asked = await carol.rung()
    assert asked.first("Replaces") == replaces, "carol's phone finds its own dialog by it"
    assert (
        replaces == f"{first.call_id};to-tag={first.from_.tag};from-tag={rung.to.tag or call['local-tag']};early-only"
    )
    carol.answer(asked, 200, sdp())
    heard = await bob.hears_status(taking, 200)
    line = Line(bob, taking, heard, calling=True)
    line.send("ACK")
    carol.cancel(first)
    await alice.hears("CANCEL")
    alice.answer(rung, 487)
    await carol.hears_status(first, 487)
    await shows(bob, "terminated")
    assert (await line.ask("BYE")).status == 200
    await exchange.until(lambda: len(exchange.records.closed) == 2, "two records")
    missed, taken = exchange.records.closed
    assert missed.call is not None and missed.call.outcome == "cancelled" and missed.call.callee == str(ALICE)
    assert taken.call is not None and (taken.call.caller, taken.call.outcome) == (str(BOB), "answered")
    assert taken.continues == missed.conversation


async def test_an_administrator_sees_a_call_and_ends_it(exchange: Exchange, alice: Handset, carol: Handset) -> None:
    await connected(carol, alice)
    (shown,) = await perform(exchange.front_end, "calls")
    assert (shown.caller, shown.answered_by, shown.state) == (str(CAROL), str(ALICE), "confirmed")
    ended = await perform(exchange.front_end, "end_call", call=shown.id[:8])
    assert (await alice.hears("BYE")).call_id == (await carol.hears("BYE")).call_id
    assert (ended.reason, ended.call.outcome) == ("ended by an administrator", "answered")
    assert await perform(exchange.front_end, "calls") == []


async def test_an_administrator_ends_a_call_that_rings(exchange: Exchange, alice: Handset, carol: Handset) -> None:
    invite = await carol.call(alice.uri)
    alice.answer(await alice.rung(), 180)
    await carol.hears_status(invite, 180)
    (shown,) = await perform(exchange.front_end, "calls", who="carol")
    await perform(exchange.front_end, "end_call", call=shown.id)
    await alice.hears("CANCEL")
    assert (await carol.final(invite)).status >= 400
    assert (await exchange.recorded()).reason == "ended by an administrator"
