"""One stream, without a network: what it writes, what it keeps, and when it lets its reader go."""

from __future__ import annotations

import asyncio
import json

import pytest

from ...core.access import AccessLevel
from ...core.presence import Availability, PresenceDocument
from ...core.presence_registry import View
from ...web.answers import MAX_UNSENT
from ...web.languages import Language
from ...web.renderings import Renderings
from ...web.streams import BEAT, GONE, MOVE, STUCK, Stream, Streams
from ...web.tokens import ANYBODY
from ..people import ALICE, BOB, Clock


class Pipe(asyncio.Transport):
    """A reader that takes what it is given, or does not."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.unread = 0
        self.aborted = False

    def write(self, data) -> None:
        self.written.append(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self.unread

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


class Nobody:
    """A registry with nobody to watch."""

    async def watch(self, who, watcher) -> None: ...

    def unwatch(self, who, watcher) -> None: ...


def view(availability: Availability, who=ALICE, note: str = "") -> View:
    return View(PresenceDocument(who, availability, note=note), AccessLevel.COLLEAGUES, 1)


@pytest.fixture
async def streams():
    return Streams(Nobody(), Renderings(Clock(), None))


@pytest.fixture
async def begun(streams):
    """A stream whose reader has the snapshot, and its pipe."""
    pipe = Pipe()
    stream = Stream(streams, ANYBODY, Language.ENGLISH, pipe)
    stream.notify(view(Availability.AVAILABLE), None)
    stream.begin("", float("inf"))
    return stream, pipe


async def test_nothing_is_written_before_the_head(streams):
    pipe = Pipe()
    stream = Stream(streams, ANYBODY, Language.ENGLISH, pipe)
    stream.notify(view(Availability.AVAILABLE), None)
    streams._write()
    assert pipe.written == []
    stream.begin("", float("inf"))
    assert len(pipe.written) == 1
    assert pipe.written[0].startswith(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream")
    assert b'event: snapshot\ndata: {"value":[{"id":"alice@example.test"' in pipe.written[0]


async def test_of_several_changes_one_write_has_the_newest_of_each(begun):
    stream, pipe = begun
    first, second = view(Availability.AVAILABLE), view(Availability.AWAY)
    stream.notify(second, first)
    stream.notify(view(Availability.BUSY), second)
    stream.notify(view(Availability.AWAY, BOB), None)
    stream.flush(now=1)
    assert len(pipe.written) == 2
    events = [json.loads(line[6:]) for line in pipe.written[1].split(b"\n") if line.startswith(b"data: ")]
    assert [(e["id"], e["availability"]) for e in events] == [(str(ALICE), "busy"), (str(BOB), "away")]


async def test_a_stuck_reader_costs_one_view_for_each_person(begun):
    stream, pipe = begun
    pipe.unread = MAX_UNSENT + 1
    before = view(Availability.AVAILABLE)
    for number in range(1000):
        after = view(Availability.BUSY, note=str(number))
        stream.notify(after, before)
        stream.flush(now=number / 1000)
        before = after
    assert len(pipe.written) == 1 and len(stream._pending) == 1
    pipe.unread = 0
    stream.flush(now=2)
    assert b'"note":"999"' in pipe.written[1]


async def test_a_reader_that_is_stuck_for_too_long_is_let_go(begun):
    stream, pipe = begun
    pipe.unread = MAX_UNSENT + 1
    stream.beat(now=10)
    stream.beat(now=10 + STUCK)
    assert not pipe.aborted
    stream.beat(now=10 + STUCK + 1)
    assert pipe.aborted


async def test_a_reader_that_catches_up_in_time_stays(begun):
    stream, pipe = begun
    pipe.unread = MAX_UNSENT + 1
    stream.beat(now=10)
    pipe.unread = 0
    stream.beat(now=20)
    pipe.unread = MAX_UNSENT + 1
    stream.beat(now=10 + STUCK + 1)
    assert not pipe.aborted and pipe.written[-1] == BEAT


async def test_equal_states_have_equal_ids_however_they_came_about(streams):
    def stream_of(*views: View) -> str:
        stream = Stream(streams, ANYBODY, Language.ENGLISH, Pipe())
        before: dict = {}
        for one in views:
            stream.notify(one, before.get(one.document.identity))
            before[one.document.identity] = one
        return stream.id

    away, busy, bob = view(Availability.AWAY), view(Availability.BUSY), view(Availability.AWAY, BOB)
    assert stream_of(away, bob, busy) == stream_of(bob, busy) == stream_of(busy, away, busy, bob)
    assert stream_of(away, bob) != stream_of(busy, bob)


async def test_a_reader_with_the_same_state_gets_no_snapshot(streams, begun):
    stream, _ = begun
    pipe = Pipe()
    again = Stream(streams, ANYBODY, Language.ENGLISH, pipe)
    again.notify(view(Availability.AVAILABLE), None)
    again.begin(stream.id, float("inf"))
    assert b"snapshot" not in pipe.written[0] and f"id: {stream.id}".encode() in pipe.written[0]


async def test_farewells(begun):
    stream, pipe = begun
    stream.end(MOVE)
    stream.end(GONE)
    assert stream.ended.done() and pipe.written[-1] == MOVE
    stream.notify(view(Availability.BUSY), None)
    stream.flush(now=1)
    stream.beat(now=2)
    assert pipe.written[-1] == MOVE, "nothing follows the goodbye"


async def test_a_stream_that_fails_ends_alone(streams, caplog):
    class Broken(Pipe):
        def get_write_buffer_size(self) -> int:
            raise RuntimeError("broken pipe")

    pipes = [Pipe(), Broken(), Pipe()]
    several = [Stream(streams, ANYBODY, Language.ENGLISH, pipe) for pipe in pipes]
    for stream in several:
        stream.notify(view(Availability.AVAILABLE), None)
        stream.begin("", float("inf"))
        stream.notify(view(Availability.BUSY), view(Availability.AVAILABLE))
    streams._write()
    assert [len(pipe.written) for pipe in pipes] == [2, 1, 2]
    assert several[1].ended.done() and not several[0].ended.done()
    assert "an event stream failed" in caplog.text


async def test_texts_that_look_like_events_stay_inside_their_data(streams):
    pipe = Pipe()
    stream = Stream(streams, ANYBODY, Language.ENGLISH, pipe)
    stream.notify(view(Availability.BUSY, note="x\n\nevent: gone\ndata: {}\n\n\r\rdata: y"), None)
    stream.begin("", float("inf"))
    body = pipe.written[0].partition(b"\r\n\r\n")[2]
    assert [line.split(b":")[0] for line in body.splitlines() if line] == [b"retry", b"event", b"data", b"id"]
