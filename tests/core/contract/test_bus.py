"""Contract of Bus: what one front end sends reaches the others, unless it is lost, and never itself."""

from __future__ import annotations

import asyncio

from ....core.store import Frame


async def all_of(bus) -> list[Frame]:
    """Everything until it is closed."""
    return [frame async for frame in bus.frames()]


async def test_the_others_hear_it_and_the_sender_does_not(buses):
    sender, *others = buses
    frame = Frame("presence", {"who": "alice@example.test", "devices": [{"n": 1}], "note": None})
    hearing = [asyncio.ensure_future(all_of(bus)) for bus in buses]
    sender.send(frame)
    for bus in buses:
        bus.close()
    heard = await asyncio.gather(*hearing)
    assert heard == [[], *([frame] for _ in others)]


async def test_what_was_sent_cannot_be_changed_afterwards(buses):
    sender, *others = buses
    body = {"n": 1}
    sender.send(Frame("kind", body))
    body["n"] = 2
    for bus in buses:
        bus.close()
    assert [await all_of(bus) for bus in others] == [[Frame("kind", {"n": 1})] for _ in others]


async def test_nobody_waits_for_somebody_who_does_not_listen(buses):
    sender, *_ = buses
    for n in range(10_000):
        sender.send(Frame("kind", {"n": n}))


async def test_a_closed_bus_has_no_frames_and_sending_on_it_harms_nobody(buses):
    for bus in buses:
        bus.close()
    buses[0].send(Frame("kind", {}))
    assert [await asyncio.wait_for(all_of(bus), 5) for bus in buses] == [[] for _ in buses]
