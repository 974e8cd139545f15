"""Event streams: a snapshot, then changes, the newest first of all; and nobody is harmed by somebody else's reader."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from ...core.presence import Availability
from ...web.streams import MAX_STREAMS_PER_TOKEN, MAX_WATCHED
from ..people import ALICE, BOB, CAROL, NOON
from ..web.events import Events, events_of
from ..web.served import PATIENCE, Served, served


@pytest.fixture
async def site(tmp_path):
    async with served(tmp_path) as running:
        yield running


async def test_a_stream_begins_with_everybody_and_goes_on_with_changes(site: Served):
    await site.publish(ALICE)
    async with await events_of(site, ALICE, CAROL, token=site.token(BOB)) as answer:
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store, no-transform"
        events = Events(answer)
        kind, data = await events.next()
        assert kind == "snapshot"
        assert {one["id"]: one["availability"] for one in data["value"]} == {
            str(ALICE): "available",
            str(CAROL): "offline",
        }
        await site.publish(CAROL, Availability.AWAY, note="lunch")
        kind, data = await events.next()
        assert (kind, data["id"], data["availability"], data["note"]) == ("presence", str(CAROL), "away", "lunch")


async def test_of_many_quick_changes_the_newest_is_told(site: Served):
    async with await events_of(site, ALICE, token=site.token(BOB)) as answer:
        events = Events(answer)
        await events.next("snapshot")
        for number in range(50):
            await site.publish(ALICE, Availability.BUSY if number % 2 else Availability.AWAY, note=str(number))
        told = []
        while not told or told[-1] != "49":
            told.append((await events.next("presence"))[1]["note"])
        assert len(told) < 10


async def test_a_reader_that_has_it_all_is_sent_nothing_again(site: Served):
    await site.publish(ALICE)
    token = site.token(BOB)
    async with await events_of(site, ALICE, token=token) as answer:
        events = Events(answer)
        await events.next("snapshot")
        await site.publish(ALICE, Availability.AWAY)
        await events.next("presence")
        seen = {"Last-Event-ID": await events.position()}
    async with await events_of(site, ALICE, token=token, **seen) as answer:
        events = Events(answer)
        assert {"Last-Event-ID": await events.position()} == seen
        await site.publish(ALICE, Availability.BUSY)
        assert (await events.next())[0] == "presence", "a snapshot would say again what the reader knows"
    async with await events_of(site, ALICE, token=token, **seen) as answer:
        assert (await Events(answer).next())[0] == "snapshot", "the reader missed a change"


async def test_a_stream_ends_with_its_token(site: Served):
    token = site.web.site.token(BOB, NOON + timedelta(seconds=1))
    async with await events_of(site, ALICE, token=token) as answer:
        events = Events(answer)
        assert (await events.next())[0] == "snapshot"
        assert (await events.next())[0] == "gone"
        assert (await events.next())[0] == "end"


async def test_a_viewer_who_is_blocked_sees_the_person_go_offline(site: Served):
    await site.publish(ALICE)
    async with await events_of(site, ALICE, token=site.token(BOB)) as answer:
        events = Events(answer)
        await events.next("snapshot")
        await site.front_end.contacts.block(ALICE, BOB)
        assert (await events.next("presence"))[1]["availability"] == "offline"
        await site.publish(ALICE, Availability.BUSY)
        await site.front_end.contacts.unblock(ALICE, BOB)
        assert (await events.next("presence"))[1]["availability"] == "busy"


async def test_one_closing_reader_harms_no_other(site: Served):
    tokens = [site.token(BOB, hours=1 + number) for number in range(10)]
    streams = [await events_of(site, ALICE, token=token) for token in tokens for _ in range(3)]
    for stream in streams:
        await Events(stream).next("snapshot")
    for stream in streams[::2]:
        stream.close()
    await site.publish(ALICE, Availability.BUSY)
    for stream in streams[1::2]:
        assert (await Events(stream).next("presence"))[1]["availability"] == "busy"
        stream.close()


async def test_closed_streams_leave_nothing_behind(site: Served):
    async with await events_of(site, ALICE, CAROL, token=site.token(BOB)) as answer:
        await Events(answer).next("snapshot")
        assert len(site.web.site.streams) == 1
        answer.close()
    async with asyncio.timeout(PATIENCE):
        while len(site.web.site.streams):
            await asyncio.sleep(0.01)


async def test_a_token_has_so_many_streams(tmp_path):
    async with served(tmp_path, shared_addresses=[]) as site:
        token = site.token(BOB)
        streams = [await events_of(site, ALICE, token=token) for _ in range(MAX_STREAMS_PER_TOKEN)]
        assert {stream.status for stream in streams} == {200}
        async with await events_of(site, ALICE, token=token) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        async with await events_of(site, ALICE, token=site.token(CAROL)) as answer:
            assert answer.status == 200
        for stream in streams:
            stream.close()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("ids=", 400),
        ("ids=nonsense", 400),
        ("ids=a@b.test&lang=%3C", 400),
        ("ids=" + ",".join(f"p{n}@b.t" for n in range(MAX_WATCHED + 1)), 413),
    ],
)
async def test_a_wrong_stream_is_a_problem(site: Served, query: str, status: int):
    assert (await site.get(f"/presence/events?{query}")).status == status


async def test_streams_are_told_when_the_server_goes(tmp_path):
    async with served(tmp_path) as site:
        answer = await events_of(site, ALICE, token=site.token(BOB))
        events = Events(answer)
        await events.next("snapshot")
        site.web.site.streams.close()
        assert await events.next() == ("move", {"after_ms": 3000})
        assert (await events.next())[0] == "end"
