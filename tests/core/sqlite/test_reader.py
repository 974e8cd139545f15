"""The reader: one moment for each question, bounds, and a disk that cannot be read."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from ....core.errors import Busy, HereaboutsError
from ....core.sqlite import reader as sqlite_reader
from ....core.sqlite.files import connected
from ....core.sqlite.reads import spans
from ....core.sqlite.store import SqliteStore
from ....core.store import Mode
from ...people import ALICE, BOB, Clock
from ..contract.acts import inbox, say, talk


@pytest.fixture
async def store(tmp_path):
    async with SqliteStore(tmp_path / "store.db", clock=Clock()) as store:
        yield store


async def test_a_question_sees_one_moment_of_the_database(store, tmp_path):
    await talk(store)
    await say(store, "c1", ALICE, "one")
    looked, written = threading.Event(), threading.Event()

    def twice(db: sqlite3.Connection) -> list[int]:
        seen = db.execute("SELECT count(*) FROM messages").fetchone()
        looked.set()
        assert written.wait(30)
        return [*seen, *db.execute("SELECT count(*) FROM messages").fetchone()]

    question = asyncio.ensure_future(store._reader.ask(twice))
    assert await asyncio.to_thread(looked.wait, 30)
    await say(store, "c1", ALICE, "two")
    written.set()
    assert await question == [1, 1]
    assert len(await store.read("c1")) == 2


async def test_reading_goes_on_while_the_writer_is_held(store):
    await talk(store)
    await say(store, "c1", ALICE, "one")
    go = threading.Event()
    work = store._writer.run(lambda db, appends: go.wait(30))
    assert await inbox(store, BOB) == ["one"]
    go.set()
    await work


async def test_questions_that_wait_have_a_limit(store, monkeypatch):
    monkeypatch.setattr(sqlite_reader, "MAX_WAITING", 3)
    go = threading.Event()
    held = asyncio.ensure_future(store._reader.ask(lambda db: go.wait(30)))
    waiting = [asyncio.ensure_future(store.person(ALICE)) for _ in range(4)]
    await asyncio.sleep(0)
    assert [question.done() for question in waiting] == [False, False, True, True]
    assert isinstance(waiting[2].exception(), Busy) and isinstance(waiting[3].exception(), Busy)
    go.set()
    assert await asyncio.gather(held, *waiting[:2]) == [True, None, None]
    assert await store.person(ALICE) is None


async def test_a_storage_that_cannot_be_read_is_down_until_it_can(store, caplog):
    def unreadable(db: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    for _ in range(3):
        with pytest.raises(Busy, match="cannot be read"):
            await store._reader.ask(unreadable)
    assert store.mode is Mode.DOWN
    assert caplog.text.count("the storage cannot be read") == 1
    assert await store.person(ALICE) is None
    assert store.mode is Mode.WRITE


async def test_what_is_no_text_is_refused_and_the_storage_is_well(store):
    with pytest.raises(HereaboutsError, match="Unicode"):
        await store.document("kind", "\ud83d")
    assert store.mode is Mode.WRITE


async def test_a_mistake_in_a_question_is_the_askers(store):
    with pytest.raises(ZeroDivisionError):
        await store._reader.ask(lambda db: 1 // 0)
    assert store.mode is Mode.WRITE and await store.person(ALICE) is None


async def test_closing_answers_what_was_asked(tmp_path):
    store = SqliteStore(tmp_path / "store.db", clock=Clock())
    await store.__aenter__()
    await talk(store)
    asked = asyncio.ensure_future(store.conversation("c1"))
    await asyncio.sleep(0)
    await store.__aexit__(None, None, None)
    assert (await asked).id == "c1"
    with pytest.raises(Busy):
        await store.conversation("c1")


@pytest.mark.parametrize(
    ("seats", "joined"),
    [
        ([], []),
        ([(0, 5)], [(0, 5)]),
        ([(0, 5), (7, 9)], [(0, 5), (7, 9)]),
        ([(0, 5), (5, 9)], [(0, 9)]),
        ([(0, 9), (3, 5)], [(0, 9)]),
        ([(0, 5), (0, 9)], [(0, 9)]),
        ([(0, 2), (1, 4), (3, 6), (8, 9)], [(0, 6), (8, 9)]),
        ([(5, 5)], [(5, 5)]),
    ],
)
def test_what_seats_cover_together(seats, joined):
    assert spans(seats) == joined


def test_the_reader_has_its_own_connection_in_write_ahead_mode(tmp_path):
    """Else it would wait for every commit."""
    writing, reading = connected(tmp_path / "x.db"), connected(tmp_path / "x.db", reading=True)
    writing.execute("CREATE TABLE t (n INTEGER)")
    writing.execute("BEGIN IMMEDIATE")
    writing.execute("INSERT INTO t VALUES (1)")
    assert reading.execute("SELECT count(*) FROM t").fetchone() == (0,)
    writing.execute("COMMIT")
    assert reading.execute("SELECT count(*) FROM t").fetchone() == (1,)
