"""The outbox: every record reaches the exporter's file in order, whatever goes wrong in between."""

import asyncio
import logging
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...core import outbox as module
from ...core.errors import Busy, HereaboutsError
from ...core.outbox import BATCH, MAX_LINE, Outbox, append_lines
from ..records import Records, record


class Paper:
    """Where an exporter writes, and what it was told to fail with."""

    def __init__(self):
        self.numbers = []
        self.troubles = []

    def __call__(self, records):
        if self.troubles:
            raise self.troubles.pop()
        self.numbers += [r.number for r in records]


@pytest.fixture
def paper():
    return Paper()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(module, "TRY_AGAIN", (0.0,))


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


async def test_it_catches_up_at_the_start(paper):
    store = Records(*map(record, range(1, 2 * BATCH + 8)))
    store.acknowledged["paper"] = 5
    async with Outbox(store, "paper", paper).running():
        await until(lambda: store.acknowledged["paper"] == 2 * BATCH + 7)
    assert paper.numbers == list(range(6, 2 * BATCH + 8))


async def test_it_writes_what_comes_when_woken(paper):
    store = Records()
    outbox = Outbox(store, "paper", paper)
    async with outbox.running():
        for number in (1, 2, 3):
            store.closed.append(record(number))
            outbox.wake()
            await until(lambda number=number: store.acknowledged.get("paper") == number)
    assert paper.numbers == [1, 2, 3]


async def test_what_is_left_at_stop_is_written_at_stop(paper):
    store = Records()
    async with Outbox(store, "paper", paper).running():
        await asyncio.sleep(0)
        store.closed.append(record(1))
    assert paper.numbers == [1] and store.acknowledged == {"paper": 1}


@pytest.mark.parametrize(
    "trouble", [OSError(28, "No space left on device"), HereaboutsError("not mine"), Busy("later")]
)
async def test_a_failure_is_told_once_and_tried_again_until_it_works(paper, caplog, trouble):
    store = Records(record(1), record(2))
    paper.troubles = [trouble] * 4
    with caplog.at_level(logging.INFO):
        async with Outbox(store, "paper", paper).running():
            await until(lambda: "paper" in store.acknowledged)
            await until(lambda: "writes again" in caplog.text)
    assert paper.numbers == [1, 2]
    assert caplog.text.count("cannot write") == 1


async def test_nothing_is_acknowledged_that_was_not_written(paper, caplog):
    store = Records(record(1))
    paper.troubles = [OSError(28, "No space left on device")] * 10_000
    async with Outbox(store, "paper", paper).running():
        await until(lambda: len(paper.troubles) < 9_990)
    assert store.acknowledged == {} and "paper is behind" in caplog.text


async def test_a_store_that_is_busy_costs_nothing(paper):
    store = Records(record(1))
    store.trouble = Busy("the disk is full")
    async with Outbox(store, "paper", paper).running():
        await asyncio.sleep(0.01)
        store.trouble = None
    assert paper.numbers == [1]


# ---- the file


def test_lines_are_added_after_the_header(tmp_path):
    path = tmp_path / "deep" / "records"
    append_lines(path, b"one\n", b"head\n")
    append_lines(path, b"two\n", b"head\n")
    assert path.read_bytes() == b"head\none\ntwo\n"


def test_a_file_moved_away_begins_anew(tmp_path):
    path = tmp_path / "records"
    append_lines(path, b"one\n", b"head\n")
    path.rename(tmp_path / "records.1")
    append_lines(path, b"two\n", b"head\n")
    assert path.read_bytes() == b"head\ntwo\n"


@given(st.integers(0, 12), st.binary(max_size=4).filter(lambda tail: b"\n" not in tail))
def test_a_line_that_a_crash_left_unfinished_is_cut_off(tmp_path_factory, cut, tail):
    path = tmp_path_factory.mktemp("crash") / "records"
    whole = b"head\none\ntwo\n"[:cut]
    path.write_bytes(whole + tail)
    append_lines(path, b"next\n", b"head\n")
    kept = whole[: whole.rfind(b"\n") + 1]
    assert path.read_bytes() == (kept or b"head\n") + b"next\n"


def test_a_file_that_is_none_of_ours_is_left_alone(tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(b"x" * (MAX_LINE + 1))
    with pytest.raises(HereaboutsError, match="another program's file"):
        append_lines(path, b"one\n")
    assert path.stat().st_size == MAX_LINE + 1


def test_it_is_synced(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    append_lines(tmp_path / "records", b"one\n")
    assert synced == [4]
