"""message-summary: the lamp on a phone is lit while something waits for its person."""

from __future__ import annotations

from .....plugins.sip.events import mailbox
from ....people import ALICE, BOB, at
from ....stage import say, sit
from ..conftest import Exchange
from ..phone import Phone

ALICES = f"sip:{ALICE}"
LAMP = [("Event", "message-summary"), ("Accept", "application/simple-message-summary")]


async def shows(phone: Phone, *lines: str, since: int = 0) -> None:
    await phone.hears("NOTIFY", lambda r: all(line in r.body.decode().split("\r\n") for line in lines), since)


async def lamp(exchange: Exchange) -> Phone:
    """A phone that is not signed in and so takes no messages: all it has is the lamp."""
    phone = await exchange.phone(ALICE, registered=False)
    assert (await phone.subscribe(ALICES, headers=LAMP)).status == 200
    return phone


async def test_a_lamp_goes_on_and_off(exchange: Exchange) -> None:
    phone = await lamp(exchange)
    first = await phone.hears("NOTIFY")
    assert first.first("Content-Type") == "application/simple-message-summary"
    assert first.body == mailbox.write(ALICES, 0)
    await say(exchange.front_end, BOB, ALICE, "are you there?")
    await shows(phone, "Messages-Waiting: yes", "Text-Message: 1/0 (0/0)")
    await say(exchange.front_end, BOB, ALICE, "it can wait")
    await shows(phone, "Text-Message: 2/0 (0/0)")
    since = len(phone.received)
    desk = sit(exchange.front_end, ALICE)
    await exchange.front_end.fan_out.catch_up(at(ALICE))
    assert desk.texts == ["are you there?", "it can wait"]
    await shows(phone, "Messages-Waiting: no", "Text-Message: 0/0 (0/0)", since=since)


async def test_what_waited_before_is_seen_at_once(exchange: Exchange) -> None:
    await say(exchange.front_end, BOB, ALICE, "before you came")
    await shows(await lamp(exchange), "Messages-Waiting: yes", f"Message-Account: {ALICES}")


async def test_what_is_shown_at_once_lights_no_lamp(exchange: Exchange) -> None:
    phone = await lamp(exchange)
    await phone.hears("NOTIFY")
    desk = sit(exchange.front_end, ALICE)
    await say(exchange.front_end, BOB, ALICE, "hello")
    await say(exchange.front_end, BOB, ALICE, "again")
    assert desk.texts == ["hello", "again"] and await exchange.front_end.fan_out.unseen(ALICE) == 0
    desk.mood = "refuses"
    await say(exchange.front_end, BOB, ALICE, "not taken")
    await shows(phone, "Text-Message: 1/0 (0/0)")
    assert len(phone.heard("NOTIFY")) == 2


async def test_nobody_sees_somebody_elses_lamp(exchange: Exchange) -> None:
    bob = await exchange.phone(BOB)
    assert (await bob.subscribe(ALICES, headers=LAMP)).status == 403


async def test_counting_has_an_end(exchange: Exchange) -> None:
    for number in range(4):
        await say(exchange.front_end, BOB, ALICE, str(number))
    assert await exchange.front_end.fan_out.unseen(ALICE, limit=3) == 3
