"""The writer: batches, bounds, one wake-up a batch, positions that wait for company, and a disk that is full."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from contextlib import contextmanager

import pytest

from ....core.errors import Busy, Conflict
from ....core.message import Native
from ....core.sqlite import appends as sqlite_appends
from ....core.sqlite import writer as sqlite_writer
from ....core.sqlite.reads import unseen
from ....core.sqlite.store import SqliteStore
from ....core.store import Mode, Shown
from ...people import ALICE, BOB, NOON, Clock, at
from ..contract.acts import appended, inbox, later, say, talk, texts, words


@pytest.fixture
async def store(tmp_path):
    async with SqliteStore(tmp_path / "store.db", clock=Clock()) as store:
        yield store


@contextmanager
def held(store):
    """The writer's thread is busy until this is left: what is asked meanwhile gathers."""
    go, busy = threading.Event(), threading.Event()

    def hold(*_):
        busy.set()
        go.wait(30)

    work = store._writer.run(hold)
    store._writer._hand_over()
    assert busy.wait(30)
    try:
        yield work
    finally:
        go.set()


async def sql(store, statement: str) -> list[tuple]:
    """Ask the writer's own connection."""
    return await store._writer.run(lambda db, appends: db.execute(statement).fetchall())


@contextmanager
def commits(store):
    """Counts them: each ends with COMMIT."""
    seen: list[str] = []
    store._writer._connection.set_trace_callback(lambda statement: seen.append(statement))
    try:
        yield lambda: seen.count("COMMIT")
    finally:
        store._writer._connection.set_trace_callback(None)


# ---- natural group commit


async def test_what_comes_in_one_turn_is_one_commit(store):
    await talk(store)
    with commits(store) as count:
        await asyncio.gather(*(store.append(words("c1", ALICE, str(n))) for n in range(100)))
        assert count() == 1


async def test_while_one_commits_the_next_gathers(store):
    await talk(store)
    with commits(store) as count:
        with held(store):
            appends = []
            for n in range(50):
                appends.append(asyncio.ensure_future(store.append(words("c1", ALICE, str(n)))))
                await asyncio.sleep(0)
            await asyncio.sleep(0.01)  # the last one is handed over
        await asyncio.gather(*appends)
        assert count() == 2


async def test_a_batch_has_a_limit(store, monkeypatch):
    monkeypatch.setattr(sqlite_writer, "MAX_BATCH", 20)
    await talk(store)
    with commits(store) as count:
        with held(store):
            appends = [asyncio.ensure_future(store.append(words("c1", ALICE, str(n)))) for n in range(50)]
            await asyncio.sleep(0)
        accepted = await asyncio.gather(*appends)
        assert count() == 1 + 3
    assert [a.message.seq for a in accepted] == list(range(1, 51))


async def test_the_loop_is_woken_once_a_batch(store, monkeypatch):
    await talk(store)
    woken = []
    loop = store._writer._loop
    wake = loop.call_soon_threadsafe
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda call, *given: (woken.append(call), wake(call, *given))[1])
    await asyncio.gather(*(store.append(words("c1", ALICE, str(n))) for n in range(100)))
    assert woken == [store._writer._settle]


async def test_whoever_stops_waiting_harms_nobody(store):
    await talk(store)
    with held(store):
        impatient = asyncio.ensure_future(store.append(words("c1", ALICE, "one")))
        patient = asyncio.ensure_future(store.append(words("c1", ALICE, "two")))
        await asyncio.sleep(0)
        impatient.cancel()
    assert (await patient).message.seq == 2
    assert texts(await store.read("c1")) == ["one", "two"]


async def test_jobs_and_messages_keep_their_order(store):
    conversations = [await talk(store, f"c{n}") for n in range(3)]
    outcomes = await asyncio.gather(
        *(
            job
            for c in conversations
            for job in (
                appended(store, words(c, ALICE, "in time")),
                store.change(c, c.end(later(1), "idle")),
                appended(store, words(c, ALICE, "too late")),
            )
        ),
        return_exceptions=True,
    )
    assert [type(o).__name__ for o in outcomes] == ["Accepted", "CallDetailRecord", "Gone"] * 3


async def test_the_log_is_folded_into_the_database_when_nobody_waits(store, monkeypatch):
    monkeypatch.setattr(sqlite_writer, "FOLD_AFTER", 10)
    await talk(store)
    statements = []
    store._writer._connection.set_trace_callback(statements.append)
    await asyncio.gather(*(store.append(words("c1", ALICE, str(n))) for n in range(8)))
    await say(store, "c1", ALICE, "the tenth job")

    async def folded():
        return "checkpoint" in statements[-1]

    await until(folded)
    await say(store, "c1", ALICE, "the eleventh")
    assert sum("checkpoint" in statement for statement in statements) == 1
    store._writer._connection.set_trace_callback(None)


async def test_a_log_that_cannot_be_folded_harms_nobody(store, monkeypatch, caplog):
    monkeypatch.setattr(sqlite_writer, "FOLD_AFTER", 1)
    await talk(store)
    connection = store._writer._connection

    class Stubborn:
        def __getattr__(self, name):
            return getattr(connection, name)

        def execute(self, statement, *given):
            if "checkpoint" in statement:
                raise sqlite3.OperationalError("disk I/O error")
            return connection.execute(statement, *given)

    monkeypatch.setattr(store._writer, "_connection", Stubborn())
    accepted = await say(store, "c1", ALICE, "1", "2", "3")
    assert [a.message.seq for a in accepted] == [1, 2, 3] and store.mode is Mode.WRITE

    async def told():
        return "stays as it is" in caplog.text

    await until(told)


# ---- bounds


async def test_a_full_queue_is_busy_and_says_when_to_come_back(store, monkeypatch):
    monkeypatch.setattr(sqlite_writer, "MAX_QUEUED", 10)
    await talk(store)
    with held(store):
        appends = [asyncio.ensure_future(store.append(words("c1", ALICE, str(n)))) for n in range(12)]
        await asyncio.sleep(0)
        refused = [append for append in appends if append.done()]
        assert len(refused) == 3  # the work that holds the writer waits, too
        assert all(isinstance(append.exception(), Busy) for append in refused)
        assert refused[0].exception().retry_after == sqlite_writer.RETRY_QUEUED
    outcomes = await asyncio.gather(*appends, return_exceptions=True)
    assert [o.message.seq for o in outcomes if not isinstance(o, Busy)] == list(range(1, 10))
    assert (await say(store, "c1", ALICE, "there is room again"))[0].message.seq == 10


async def test_large_messages_fill_the_queue_sooner(store, monkeypatch):
    monkeypatch.setattr(sqlite_writer, "MAX_QUEUED_SIZE", 1000)
    await talk(store)
    given = [
        words("c1", ALICE, "x" * 600),
        words("c1", ALICE, "small", native=Native("xmpp", b"x" * 500)),
        words("c1", ALICE, "x"),
    ]
    outcomes = await asyncio.gather(*map(store.append, given), return_exceptions=True)
    assert [isinstance(outcome, Busy) for outcome in outcomes] == [False, False, True]
    assert store._writer._queued_size == 0 == store._writer._queued
    assert (await say(store, "c1", ALICE, "y"))[0].message.seq == 3


async def test_tails_of_few_conversations_are_remembered(store, monkeypatch):
    monkeypatch.setattr(sqlite_appends, "MAX_REMEMBERED", 3)
    for n in range(6):
        await talk(store, f"c{n}")
        await say(store, f"c{n}", ALICE, "one")
    assert len(store._writer._appends._tails) == 3
    for n in range(6):
        (two,) = await say(store, f"c{n}", ALICE, "two")
        assert two.message.seq == 2


async def test_ended_conversations_are_not_remembered(store):
    conversation = await talk(store)
    await say(store, conversation, ALICE, "one")
    await store.change(conversation, conversation.end(NOON, "idle"))
    assert store._writer._appends._tails == {}


async def test_a_beginning_that_fails_is_not_remembered(store):
    await talk(store)
    with pytest.raises(Conflict):
        await talk(store)
    (one,) = await say(store, "c1", ALICE, "one")
    assert one.message.seq == 1


# ---- positions


def shown(person=BOB, seq: int = 1, conversation: str = "c1", instance: str = "desk") -> Shown:
    return Shown(at(person, instance), conversation, seq, "a client", NOON)


async def position(store, person=BOB) -> int:
    """As it is on the disk, without waiting for what was noted."""
    return await store._reader.ask(
        lambda db: db.execute("SELECT position FROM seats WHERE who = ?", [str(person)]).fetchone()[0]
    )


async def until(condition) -> None:
    for _ in range(1000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen in ten seconds")


async def test_positions_go_with_the_next_commit(store):
    await talk(store)
    await say(store, "c1", ALICE, "1", "2", "3")
    with commits(store) as count:
        for seq in (1, 2, 3):
            store.shown(shown(seq=seq))
        assert await position(store) == 0
        await say(store, "c1", ALICE, "4")
        assert (await position(store), count()) == (3, 1)


async def test_positions_go_alone_when_nothing_else_does(store, monkeypatch):
    monkeypatch.setattr(sqlite_writer, "SHOWN_DELAY", 0.02)
    await talk(store)
    await say(store, "c1", ALICE, "1")
    store.shown(shown())

    async def written():
        return await position(store) == 1

    await until(written)


async def test_many_positions_are_one_row(store):
    await talk(store)
    await say(store, "c1", ALICE, *map(str, range(50)))
    for seq in (*range(1, 51), 7):
        store.shown(shown(seq=seq))
        store.shown(shown(seq=seq, instance="phone"))
    assert len(store._writer._shown) == 2
    updates = []
    store._writer._connection.set_trace_callback(lambda s: updates.append(s) if "UPDATE seats" in s else None)
    await store._writer.flush()
    store._writer._connection.set_trace_callback(None)
    assert len(updates) == 1 and await position(store) == 50


async def test_whoever_asks_for_their_inbox_is_not_shown_again_what_they_just_saw(store):
    """Signing out and in within a second."""
    await talk(store)
    await say(store, "c1", ALICE, "1", "2")
    store.shown(shown(seq=1))
    assert await inbox(store, BOB) == ["2"]


async def test_nor_what_is_just_being_written(store):
    await talk(store)
    await say(store, "c1", ALICE, "1", "2")
    with held(store):
        store.shown(shown(seq=1))
        saying = asyncio.ensure_future(say(store, "c1", ALICE, "3"))
        await asyncio.sleep(0.01)  # it has taken the position with it
        assert store._writer._shown == {}
        asking = asyncio.ensure_future(inbox(store, BOB))
        await asyncio.sleep(0.01)
    await saying
    assert await asking == ["2", "3"]
    assert store._writer._moving == 0


async def test_the_first_time_an_endpoint_was_shown_something_is_kept(store):
    await talk(store)
    await say(store, "c1", ALICE, "1", "2", endpoint="")
    store.shown(Shown(at(BOB), "c1", 1, "", later(1)))
    store.shown(Shown(at(BOB), "c1", 2, "Dino", later(2)))
    await store._writer.flush()
    (attendance,) = (await store.record("c1")).endpoints[str(BOB)]
    assert (attendance.first_at, attendance.client) == (later(1), "Dino")


async def test_positions_that_wait_have_a_limit(store, monkeypatch):
    monkeypatch.setattr(sqlite_writer, "MAX_SHOWN", 2)
    for n in range(4):
        store.shown(shown(conversation=f"c{n}"))
    store.shown(shown(conversation="c0", seq=5))
    assert [what.seq for what in store._writer._shown.values()] == [5, 1]


async def test_a_position_that_cannot_be_written_costs_nobody_anything(store, caplog):
    await talk(store)
    store.shown(Shown(at(BOB), "c1 \ud83d", 1, "", NOON))
    with caplog.at_level(logging.ERROR):
        (one,) = await say(store, "c1", ALICE, "1")
    assert one.message.seq == 1 and store.mode is Mode.WRITE
    assert "positions" in caplog.text


async def test_an_endpoint_whose_attending_was_undone_is_noted_the_next_time(store, monkeypatch):
    await talk(store)
    await say(store, "c1", ALICE, "1", endpoint="")

    def broken(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(store._writer._appends, "attend", broken)
        store.shown(shown(seq=1))
        await store._writer.flush()
    assert (await store.record("c1")).endpoints == {}
    store.shown(shown(seq=1))
    await store._writer.flush()
    assert list((await store.record("c1")).endpoints) == [str(BOB)]


# ---- settled seats


async def unsettled(store) -> list[str]:
    return [who for (who,) in await sql(store, "SELECT who FROM seats WHERE settled = 0 ORDER BY who")]


async def test_seats_settle_when_nothing_is_left_to_be_shown(store):
    conversation = await talk(store)
    await say(store, "c1", ALICE, "1", "2")
    await say(store, "c1", BOB, "3")
    store.shown(shown(BOB, 2))
    store.shown(shown(ALICE, 1))
    await store._writer.flush()
    assert await unsettled(store) == [str(ALICE), str(BOB)]  # it goes on
    await store.change(conversation, conversation.end(NOON, "idle"))
    assert await unsettled(store) == [str(ALICE)]  # "3" is Bob's own, and Alice has not seen it
    store.shown(shown(ALICE, 3))
    await store._writer.flush()
    assert await unsettled(store) == []


async def test_a_seat_that_was_left_settles_while_the_conversation_goes_on(store):
    conversation = await talk(store)
    await store.change(conversation, [])
    conversation.shape = "conference"
    await say(store, "c1", ALICE, "1")
    await store.change(conversation, conversation.leave(BOB, NOON))
    assert str(BOB) in await unsettled(store)
    store.shown(shown(BOB, 1))
    await store._writer.flush()
    assert await unsettled(store) == [str(ALICE)]


async def test_after_years_the_inbox_does_not_look_at_what_is_over(store):
    """20,000 conversations that have ended, and one that has not: the plan says what is looked at."""

    def years(db: sqlite3.Connection, appends) -> None:
        rows = [(f"old{n}", n) for n in range(20_000)]
        db.executemany(
            "INSERT INTO conversations (id, shape, subject, moderators, open_door, keeps_seats, continues, started_at,"
            " ended_at) VALUES (?1, 'two-party', '', '[]', 0, 1, '', ?2, ?2 + 1)",
            rows,
        )
        db.executemany(
            "INSERT INTO seats (conversation, who, history, joined_at, first, last, position, settled)"
            f" VALUES (?1, '{BOB}', 'none', ?2, 1, 1, 1, 1)",
            rows,
        )
        db.executemany(
            "INSERT INTO messages (id, conversation, seq, sender, text, sent_at, endpoint, content_type, origin,"
            f" target, client) VALUES (?1, ?1, 1, '{ALICE}', '', ?2, '', '', '', '', '')",
            rows,
        )

    await store._writer.run(years)
    await talk(store)
    await say(store, "c1", ALICE, "new")
    plans = []

    def traced(db: sqlite3.Connection) -> list[str]:
        statements: list[str] = []
        db.set_trace_callback(statements.append)
        found = [message.text for message in unseen(db, BOB, 1000)]
        db.set_trace_callback(None)
        for statement in statements:
            plans.extend(row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}"))
        return found

    assert await store._reader.ask(traced) == ["new"]
    looked_at = [plan for plan in plans if plan.startswith(("SCAN", "SEARCH"))]
    assert "SEARCH s USING INDEX seats_unsettled (who=?)" in looked_at
    assert "SEARCH messages USING INDEX messages_seq (conversation=? AND seq>? AND seq<?)" in looked_at
    assert not any(plan.startswith("SCAN") for plan in looked_at)


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (sqlite_appends.KNOWN, "messages_origin (sender=? AND origin=?)"),
        (sqlite_appends.LAST, "messages_seq (conversation=? AND seq=?)"),
        (sqlite_appends.ATTENDANCE, "sqlite_autoindex_attendance_1 (conversation=?)"),
    ],
)
async def test_what_the_writer_asks_is_answered_by_an_index(store, statement, index):
    plan = [row[3] for row in await sql(store, f"EXPLAIN QUERY PLAN {statement.replace('?', '1')}")]
    assert any(index in step for step in plan) and not any(step.startswith("SCAN") for step in plan)


# ---- a full disk


async def fill(store) -> None:
    """From now on the database must not grow; what would make it grow fails as on a full disk."""
    (((pages,)),) = await sql(store, "PRAGMA page_count")
    await sql(store, f"PRAGMA max_page_count = {pages}")


async def make_room(store) -> None:
    """By the writer's connection, but not through the store, which must find out by itself."""
    await asyncio.to_thread(lambda: store._writer._connection.execute("PRAGMA max_page_count = 1000000"))


BIG = "x" * 60_000


async def test_a_full_disk_refuses_what_is_new_and_shows_what_is_there(store, caplog):
    await talk(store)
    await say(store, "c1", ALICE, "one")
    await fill(store)
    for _ in range(3):
        with pytest.raises(Busy, match="the storage is full") as refused:
            await say(store, "c1", ALICE, BIG)
    assert refused.value.retry_after == sqlite_writer.RETRY_STORAGE
    assert store.mode is Mode.READ
    assert await inbox(store, BOB) == ["one"]
    assert caplog.text.count("the storage is full") == 1


async def test_when_there_is_room_again_it_goes_on_where_it_was(store, caplog):
    await talk(store)
    await say(store, "c1", ALICE, "one", origin="o1")
    await fill(store)
    with pytest.raises(Busy):
        await say(store, "c1", ALICE, BIG, origin="o2")
    await make_room(store)
    (two,) = await say(store, "c1", ALICE, BIG, origin="o2")
    assert (two.message.seq, two.duplicate, store.mode) == (2, False, Mode.WRITE)
    assert "takes writes again" in caplog.text


async def test_a_batch_that_fails_fails_wholly(store):
    """What was accepted before in the same batch must not be told to be on the disk."""
    conversation = await talk(store)
    await fill(store)
    outcomes = await asyncio.gather(
        appended(store, words("c1", ALICE, "small")),
        store.change(conversation, conversation.name("Lunch?", ALICE, NOON)),
        appended(store, words("c1", ALICE, BIG)),
        appended(store, words("c1", ALICE, "small")),
        return_exceptions=True,
    )
    assert all(isinstance(outcome, Busy) for outcome in outcomes)
    assert len({id(outcome) for outcome in outcomes}) == 4  # a shared exception would gather everybody's traceback
    assert await store.read("c1") == [] and (await store.conversation("c1")).subject == ""
    await make_room(store)
    (one,) = await say(store, "c1", ALICE, "small")
    assert one.message.seq == 1


async def test_it_finds_out_by_itself_when_there_is_room_again(store, monkeypatch):
    """A front end that is told READ may stop to ask."""
    monkeypatch.setattr(sqlite_writer, "PROBE_DELAY", 0.02)
    await talk(store)
    await fill(store)
    with pytest.raises(Busy):
        await say(store, "c1", ALICE, BIG)
    await make_room(store)

    async def writes():
        return store.mode is Mode.WRITE

    await until(writes)


async def test_positions_wait_for_room(store, monkeypatch):
    monkeypatch.setattr(sqlite_writer, "SHOWN_DELAY", 0.02)
    await talk(store)
    await say(store, "c1", ALICE, "1", "2")
    await fill(store)
    store.shown(shown(seq=1))
    with pytest.raises(Busy):
        await say(store, "c1", ALICE, BIG)  # it takes the position with it, and brings it back
    store.shown(shown(seq=2))
    await make_room(store)

    async def written():
        return await position(store) == 2

    await until(written)


async def test_whatever_is_written_finds_the_disk_full(store):
    await fill(store)
    with pytest.raises(Busy, match="the storage is full"):
        await store.put_document("kind", "key", BIG.encode())
    assert store.mode is Mode.READ and await store.document("kind", "key") is None


async def test_an_inbox_is_read_even_when_positions_cannot_be_written(store, monkeypatch):
    await talk(store)
    await say(store, "c1", ALICE, "1", "2")

    def full(*_):
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    store.shown(shown(seq=1))
    with monkeypatch.context() as patch:
        patch.setattr(sqlite_writer, "move", full)
        assert await inbox(store, BOB) == ["1", "2"]
        assert store.mode is Mode.READ
    assert await inbox(store, BOB) == ["2"]
    assert store.mode is Mode.WRITE


async def test_another_program_that_locks_the_database_is_named(store):
    await talk(store)
    other = sqlite3.connect(store._path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    await asyncio.to_thread(lambda: store._writer._connection.execute("PRAGMA busy_timeout = 1"))
    with pytest.raises(Busy, match="locked by another program"):
        await say(store, "c1", ALICE, "one")
    other.execute("ROLLBACK")
    assert (await say(store, "c1", ALICE, "one"))[0].message.seq == 1
    other.close()


async def test_what_nobody_has_thought_of_fails_the_batch_and_not_the_writer(store, monkeypatch, caplog):
    await talk(store)
    await say(store, "c1", ALICE, "one")

    def broken(*_):
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(store._writer._appends, "accept", broken)
        with pytest.raises(Busy):
            await say(store, "c1", ALICE, "two")
    assert "ZeroDivisionError" in caplog.text
    assert (await say(store, "c1", ALICE, "two"))[0].message.seq == 2


# ---- the end


async def test_closing_commits_what_was_promised_and_refuses_what_comes_later(tmp_path):
    store = SqliteStore(tmp_path / "store.db", clock=Clock())
    await store.__aenter__()
    await talk(store)
    with held(store):
        appends = [asyncio.ensure_future(store.append(words("c1", ALICE, str(n)))) for n in range(20)]
        await asyncio.sleep(0)
        store.shown(shown(seq=1))
        closing = asyncio.ensure_future(store.__aexit__(None, None, None))
        while store._writer.mode is not Mode.DOWN:
            await asyncio.sleep(0.001)
        with pytest.raises(Busy, match="stopping"):
            await store.append(words("c1", ALICE, "too late"))
    await closing
    assert [a.message.seq for a in await asyncio.gather(*appends)] == list(range(1, 21))
    assert store.mode is Mode.DOWN
    store.shown(shown(seq=2))
    for late in (store.append(words("c1", ALICE, "later")), store.read("c1"), store.unseen(BOB)):
        with pytest.raises(Busy, match="stopping"):
            await late
    async with SqliteStore(tmp_path / "store.db", clock=Clock()) as store:
        assert len(await store.read("c1")) == 20 and await position(store) == 1


async def test_closing_twice_is_closing_once(store):
    await store._writer.close()
    await store._writer.close()


def test_it_is_down_before_it_is_opened(tmp_path):
    assert SqliteStore(tmp_path / "store.db", clock=Clock()).mode is Mode.DOWN


async def test_a_loop_that_ends_before_the_store_takes_the_writer_with_it(tmp_path):
    go = threading.Event()

    async def careless() -> SqliteStore:
        store = await SqliteStore(tmp_path / "store.db", clock=Clock()).__aenter__()
        store._writer.run(lambda db, appends: go.wait(30)).cancel()
        await asyncio.sleep(0)
        return store

    store = await asyncio.to_thread(asyncio.run, careless())
    go.set()
    await asyncio.to_thread(store._writer._thread.join, 30)
    assert not store._writer._thread.is_alive()
