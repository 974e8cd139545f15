"""Lamps: who sees that somebody is on the phone, who sees with whom, and what a phone can make of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from lxml import etree

from .....core.access import AccessLevel
from .....core.call import CANCELLED, HUNG_UP, Call, Party
from .....core.hooks import hookimpl
from .....core.identity import Identity
from .....plugins.sip.events.subscription import MAX_DATAGRAM
from .....plugins.sip.options import SipOptions
from .....plugins.sip.plugin import SipTransport
from .....plugins.sip.syntax.message import Request, Response
from ....people import ALICE, BOB, CAROL, DAVE, Clock
from ....stage import front_end_in
from ..conftest import Exchange
from ..phone import Phone
from .test_dialog_info import read
from .test_subscriptions import again, state

EVENT = [("Event", "dialog"), ("Accept", "application/dialog-info+xml")]
ALICES = f"sip:{ALICE}"


class Nearness:
    """A site's rule: who is how near to whom."""

    def __init__(self) -> None:
        self.levels: dict[Identity, AccessLevel] = {}

    @hookimpl
    def access(self, watcher: Identity, presentity: Identity) -> AccessLevel | None:
        return self.levels.get(watcher)


@pytest.fixture
def nearness() -> Nearness:
    return Nearness()


@pytest.fixture
async def exchange(tmp_path: Path, nearness: Nearness) -> AsyncIterator[Exchange]:
    """Alice and Bob are friends, and Bob belongs to Alice's workgroup."""
    nearness.levels[BOB] = AccessLevel.WORKGROUP
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=None, tcp_port=0, udp_port=0, notify_pause=0.0))
    clock = Clock()
    async with front_end_in(tmp_path, sip, nearness, clock=clock) as front_end:
        served = Exchange(front_end, sip, clock)
        await served.friends(ALICE, BOB)
        yield served
        for phone in served.phones:
            await phone.close()


async def lamp(exchange: Exchange, watcher: Identity, of: str = ALICES) -> tuple[Phone, Response]:
    """A phone with a lamp that has been dark once."""
    phone = await exchange.phone(watcher)
    response = await phone.subscribe(of, headers=EVENT)
    assert response.status == 200
    await phone.hears("NOTIFY")
    return phone, response


async def calling(exchange: Exchange, caller: Identity | str = CAROL, callee: Identity | str = ALICE) -> Call:
    native = {"call_id": "c1@host", "from_tag": "from", "to_tag": "to"}
    call = await exchange.front_end.calls.begin(Party(caller, "Carol C."), Party(callee), native=native)
    await exchange.front_end.calls.ringing(call, Party(callee, instance="phone"))
    return call


def shown(request: Request) -> list[etree._Element]:
    return list(read(request.body))


def states(phone: Phone) -> list[list[str]]:
    return [[dialog[0].text or "" for dialog in shown(request)] for request in phone.heard("NOTIFY")]


async def sees(phone: Phone, *wanted: str) -> Request:
    """The NOTIFY with exactly these states."""
    return await phone.hears("NOTIFY", lambda r: [dialog[0].text for dialog in shown(r)] == list(wanted))


async def test_a_lamp_is_dark_blinks_shines_and_is_dark_again(exchange: Exchange) -> None:
    bob, _ = await lamp(exchange, BOB)
    call = await calling(exchange)
    rings = await sees(bob, "early")
    await exchange.front_end.calls.answered(call, Party(ALICE))
    await sees(bob, "confirmed")
    await exchange.front_end.calls.ended(call, HUNG_UP, Party(CAROL))
    await sees(bob, "terminated")
    assert states(bob) == [[], ["early"], ["confirmed"], ["terminated"]]
    assert [read(r.body).get("version") for r in bob.heard("NOTIFY")] == ["0", "1", "2", "3"]
    assert {read(r.body).get("state") for r in bob.heard("NOTIFY")} == {"full"}
    assert (read(rings.body).get("entity"), rings.first("Event")) == (ALICES, "dialog")
    assert (state(rings), rings.first("Content-Type")) == ("active", "application/dialog-info+xml")


async def test_the_workgroup_sees_who_calls_and_can_take_the_call_over(exchange: Exchange) -> None:
    bob, _ = await lamp(exchange, BOB)
    await calling(exchange)
    (dialog,) = shown(await sees(bob, "early"))
    assert {name: dialog.get(name) for name in ("direction", "call-id", "local-tag", "remote-tag")} == {
        "direction": "recipient",
        "call-id": "c1@host",
        "local-tag": "to",
        "remote-tag": "from",
    }
    identity, target = dialog[1]
    assert (identity.text, identity.get("display"), target.get("uri")) == (f"sip:{CAROL}", "Carol C.", f"sip:{CAROL}")


async def test_the_caller_is_the_initiator_and_the_tags_are_the_other_way_round(exchange: Exchange) -> None:
    bob, _ = await lamp(exchange, BOB)
    call = await exchange.front_end.calls.begin(
        Party(ALICE), Party("+4930123"), native={"from_tag": "f", "to_tag": "t"}
    )
    (dialog,) = shown(await sees(bob, "trying"))
    assert (dialog.get("direction"), dialog[1][0].text) == ("initiator", "sip:+4930123@example.test")
    await exchange.front_end.calls.answered(call, Party("+4930123"))
    (dialog,) = shown(await sees(bob, "confirmed"))
    assert "call-id" not in dialog.attrib


async def test_colleagues_see_that_there_is_a_call_and_nothing_else(exchange: Exchange, nearness: Nearness) -> None:
    nearness.levels[BOB] = AccessLevel.COLLEAGUES
    bob, _ = await lamp(exchange, BOB)
    call = await calling(exchange)
    (dialog,) = shown(await sees(bob, "early"))
    assert set(dialog.attrib) == {"id", "direction"} and len(dialog) == 1
    body = (await sees(bob, "early")).body
    assert not any(word in body for word in (b"carol", b"Carol", b"c1@host", call.id.encode()))


async def test_two_lamps_do_not_tell_who_talks_with_whom(exchange: Exchange, nearness: Nearness) -> None:
    nearness.levels[DAVE] = AccessLevel.COLLEAGUES
    one, _ = await lamp(exchange, DAVE)
    other, _ = await lamp(exchange, DAVE, f"sip:{CAROL}")
    await calling(exchange)
    await sees(one, "early")
    await sees(other, "early")
    ids = {dialog.get("id") for phone in (one, other) for r in phone.heard("NOTIFY") for dialog in shown(r)}
    assert len(ids) == 2


@pytest.mark.parametrize("level", [AccessLevel.BLOCKED, AccessLevel.STRANGER, AccessLevel.EXTERNAL])
async def test_nobody_else_sees_anything(exchange: Exchange, nearness: Nearness, level: AccessLevel) -> None:
    nearness.levels[DAVE] = level
    dave, response = await lamp(exchange, DAVE)
    nobody, _ = await lamp(exchange, DAVE, "sip:nobody@example.test")
    bob, _ = await lamp(exchange, BOB)
    await calling(exchange)
    await sees(bob, "early")
    await again(dave, response, 300, Event="dialog")
    await dave.hears("NOTIFY", lambda r: "expires=300" in (r.first("Subscription-State") or ""))
    assert states(dave) == [[], []] and {state(r) for r in dave.heard("NOTIFY")} == {"pending"}
    assert {state(r) for r in nobody.heard("NOTIFY")} == {"pending"}


async def test_whoever_is_blocked_in_a_call_sees_no_more_of_it(exchange: Exchange, nearness: Nearness) -> None:
    bob, _ = await lamp(exchange, BOB)
    call = await calling(exchange)
    await exchange.front_end.calls.answered(call, Party(ALICE))
    await sees(bob, "confirmed")
    nearness.levels[BOB] = AccessLevel.BLOCKED
    await exchange.front_end.presence.access_changed(ALICE, [BOB])
    await sees(bob, "terminated")
    await exchange.front_end.calls.changed(call, held=True)
    await calling(exchange, DAVE)
    other, _ = await lamp(exchange, BOB)
    assert states(other) == [[]] and states(bob)[-1] == ["terminated"]


async def test_whoever_may_look_all_at_once_looks(exchange: Exchange, nearness: Nearness) -> None:
    nearness.levels[DAVE] = AccessLevel.STRANGER
    dave, _ = await lamp(exchange, DAVE)
    await calling(exchange, ALICE, CAROL)
    nearness.levels[DAVE] = AccessLevel.COLLEAGUES
    await exchange.front_end.presence.access_changed(ALICE, [DAVE])
    assert state(await sees(dave, "early")) == "active"


async def test_ones_own_lamp_shows_everything(exchange: Exchange) -> None:
    alice, _ = await lamp(exchange, ALICE)
    await calling(exchange, ALICE, ALICE)
    await sees(alice, "early", "early")
    assert f"sip:{ALICE}" in alice.heard("NOTIFY")[-1].body.decode()


async def test_a_call_that_somebody_else_takes_is_over_here(exchange: Exchange) -> None:
    bob, _ = await lamp(exchange, BOB)
    call = await calling(exchange)
    await sees(bob, "early")
    await exchange.front_end.calls.answered(call, Party(DAVE))
    await sees(bob, "terminated")


async def test_a_call_that_does_not_ring_here_is_none_here(exchange: Exchange) -> None:
    bob, _ = await lamp(exchange, BOB)
    call = await exchange.front_end.calls.begin(Party(CAROL), Party(ALICE))
    await exchange.front_end.calls.ringing(call, Party(DAVE))
    await exchange.front_end.calls.ended(call, CANCELLED)
    await calling(exchange, ALICE, DAVE)
    await sees(bob, "early")
    assert states(bob) == [[], ["early"]] or states(bob) == [[], ["trying"], ["early"]]


async def test_several_calls(exchange: Exchange) -> None:
    bob, response = await lamp(exchange, BOB)
    call = await calling(exchange)
    await exchange.front_end.calls.answered(call, Party(ALICE))
    await calling(exchange, DAVE)
    await sees(bob, "early", "confirmed")
    await exchange.front_end.calls.ended(call, HUNG_UP, Party(ALICE))
    await sees(bob, "early", "terminated")
    since = len(bob.received)
    await again(bob, response, 300, Event="dialog")
    refreshed = await bob.hears("NOTIFY", since=since)
    assert [dialog[0].text for dialog in shown(refreshed)] == ["early"]


async def test_hold_and_video_are_no_news_for_a_lamp(exchange: Exchange) -> None:
    bob, _ = await lamp(exchange, BOB)
    call = await calling(exchange)
    await exchange.front_end.calls.answered(call, Party(ALICE))
    await sees(bob, "confirmed")
    count = len(bob.heard("NOTIFY"))
    await exchange.front_end.calls.changed(call, held=True, media={"audio", "video"})
    await exchange.front_end.calls.ended(call, HUNG_UP, Party(ALICE))
    await sees(bob, "terminated")
    assert len(bob.heard("NOTIFY")) == count + 1


async def test_one_call_alone(exchange: Exchange) -> None:
    phone = await exchange.phone(BOB)
    await phone.subscribe(ALICES, headers=[("Event", "dialog;call-id=other@host")])
    bob, _ = await lamp(exchange, BOB)
    await calling(exchange)
    await sees(bob, "early")
    assert states(phone) == [[]]


async def test_who_hangs_up_the_lamp_hears_no_more(exchange: Exchange) -> None:
    bob, response = await lamp(exchange, BOB)
    assert (await again(bob, response, 0, Event="dialog")).status == 200
    await bob.hears("NOTIFY", lambda r: state(r) == "terminated")
    count = len(bob.heard("NOTIFY"))
    await calling(exchange)
    assert len(bob.heard("NOTIFY")) == count
    assert exchange.front_end.calls._watchers == {}


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("sip:alice@elsewhere.example", EVENT, 404),
        (ALICES, [("Event", "dialog;sla")], 489),
        (ALICES, [("Event", "dialog;ma")], 489),
        (ALICES, [("Event", "dialog"), ("Accept", "application/pidf+xml")], 406),
    ],
)
async def test_what_is_no_lamp(exchange: Exchange, target: str, headers: list[tuple[str, str]], status: int) -> None:
    phone = await exchange.phone(BOB)
    assert (await phone.subscribe(target, headers=headers)).status == status


async def test_dialog_is_among_the_events(exchange: Exchange) -> None:
    phone = await exchange.phone(BOB)
    refused = await phone.subscribe(ALICES, headers=[("Event", "no-such-event")])
    assert refused.status == 489 and "dialog" in refused.all("Allow-Events")


async def test_a_watcher_of_presence_sees_the_call_as_well(exchange: Exchange) -> None:
    bob = await exchange.phone(BOB)
    await bob.subscribe(ALICES)
    await exchange.phone(ALICE)
    await bob.sees("<basic>open</basic>")
    call = await calling(exchange)
    await exchange.front_end.calls.answered(call, Party(ALICE))
    await bob.sees("<rpid:busy/>", "<rpid:on-the-phone/>")
    since = len(bob.received)
    await exchange.front_end.calls.ended(call, HUNG_UP, Party(ALICE))
    after = await bob.hears("NOTIFY", since=since)
    assert b"on-the-phone" not in after.body


async def test_a_notify_about_many_calls_fits_into_a_datagram(exchange: Exchange) -> None:
    bob, _ = await lamp(exchange, BOB)
    for number in range(6):
        native = {"call_id": f"{number}-{'c' * 100}", "from_tag": "f" * 60, "to_tag": "t" * 60}
        caller = Party(f"+49301234567{number}", "A Caller With A Long Name " * 4)
        call = await exchange.front_end.calls.begin(caller, Party(ALICE), native=native)
        await exchange.front_end.calls.ringing(call, Party(ALICE, instance="phone"))
    await bob.hears("NOTIFY", lambda r: len(shown(r)) >= 3)
    assert max(len(bytes(request)) for request in bob.heard("NOTIFY")) <= MAX_DATAGRAM
