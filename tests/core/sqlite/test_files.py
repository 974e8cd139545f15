"""The database file: locked, private, durable, brought up to date, or one sentence that says why not."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlite_utils import Database

from ....core.errors import HereaboutsError
from ....core.sqlite.files import Lock, connected, prepare, savepoint, transaction
from ....core.sqlite.schema import MIGRATIONS
from ....core.sqlite.store import SqliteStore
from ...people import Clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


async def opening(path: Path) -> str:
    """The one sentence with which the store refuses to open."""
    with pytest.raises(HereaboutsError) as refused:
        async with SqliteStore(path, clock=Clock()):
            pass
    sentence = str(refused.value)
    assert str(path) in sentence and "\n" not in sentence
    return sentence


# ---- one process at a time


async def test_a_second_store_on_the_same_file_is_refused_and_told_who_has_it(path):
    async with SqliteStore(path, clock=Clock()):
        sentence = await opening(path)
    assert f"process {os.getpid()} " in sentence and "stop" in sentence


async def test_when_the_first_is_closed_the_second_may(path):
    for _ in range(2):
        async with SqliteStore(str(path), clock=Clock()):
            pass


async def test_a_failed_opening_leaves_no_lock(path):
    path.write_bytes(b"no database" * 1000)
    await opening(path)
    path.unlink()
    async with SqliteStore(path, clock=Clock()):
        pass


def test_a_process_that_dies_leaves_no_lock(path):
    holder = "import fcntl, os, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); f.write('x'); print(1)"
    subprocess.run([sys.executable, "-c", holder, f"{path}.lock"], check=True, capture_output=True)
    Lock(path).release()


def test_a_lock_holds_where_there_is_no_room_for_a_number(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    lock = Lock(path)
    with pytest.raises(HereaboutsError, match="process unknown"):
        Lock(path)
    lock.release()


def test_the_lock_names_its_holder(path):
    lock = Lock(path)
    assert Path(f"{path}.lock").read_text() == f"{os.getpid()}\n"
    lock.release()


# ---- what cannot be opened


async def test_a_folder_that_is_not_there(tmp_path):
    assert "make its folder" in await opening(tmp_path / "nowhere" / "store.db")


async def test_a_folder_instead_of_a_file(path):
    path.mkdir()
    assert "cannot be opened" in await opening(path)


@pytest.mark.parametrize(
    "content", [b"this is a letter, not a database" * 200, b"SQLite format 3\x00" + b"\xff" * 5000]
)
async def test_a_file_that_is_no_database(path, content):
    path.write_bytes(content)
    assert "damaged or no database" in await opening(path)
    assert path.read_bytes() == content


async def test_a_database_whose_pages_are_damaged(path):
    async with SqliteStore(path, clock=Clock()):
        pass
    kept = bytearray(path.read_bytes())
    kept[100:] = b"\xaa" * (len(kept) - 100)
    path.write_bytes(kept)
    assert "restore a backup" in await opening(path)


async def test_a_database_of_a_newer_version(path):
    prepare(path)
    connection = connected(path)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('hereabouts', 'm999_teleports', '')"
    )
    connection.close()
    sentence = await opening(path)
    assert "newer version" in sentence and "m999_teleports" in sentence


async def test_migrations_of_others_in_the_same_file_are_theirs(path):
    prepare(path)
    connection = connected(path)
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('a plugin', 'm001', '')"
    )
    connection.close()
    async with SqliteStore(path, clock=Clock()):
        pass


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (sqlite3.SQLITE_FULL, "free some space"),
        (sqlite3.SQLITE_IOERR, "has room"),
        (sqlite3.SQLITE_CORRUPT, "restore a backup"),
    ],
)
async def test_what_the_disk_says_is_told_with_advice(path, monkeypatch, code, advice):
    def fails(db: Database) -> None:
        error = sqlite3.OperationalError("something is wrong")
        error.sqlite_errorcode = code
        raise error

    monkeypatch.setattr(MIGRATIONS, "apply", fails)
    assert advice in await opening(path)


# ---- how it is made


def test_every_table_of_ours_is_strict(path):
    prepare(path)
    db = Database(connected(path), execute_plugins=False)
    tables = [table for table in db.tables if table.name != "_sqlite_migrations"]
    assert len(tables) == 13 and all(table.strict for table in tables)


def test_migrations_are_applied_once_and_the_incarnation_stays(path):
    incarnation = prepare(path)
    assert prepare(path) == incarnation and len(incarnation) == 16
    db = Database(connected(path), execute_plugins=False)
    assert len(MIGRATIONS.applied(db)) == 7 and not MIGRATIONS.pending(db)


async def test_a_database_from_before_calls_is_brought_up_to_date(path):
    """Records closed then are read, and conversations open then go on."""
    before = next(migration for migration in MIGRATIONS.pending(Database(memory=True)) if "calls" in migration.name)
    db = Database(connected(path), execute_plugins=False)
    MIGRATIONS.apply(db, stop_before=before.name)
    db.execute(
        "INSERT INTO conversations (id, shape, subject, moderators, open_door, keeps_seats, continues, started_at)"
        " VALUES ('c1', 'two-party', '', '[]', 0, 1, '', 1000000)"
    )
    old = {"conversation": "c0", "shape": "two-party", "started_at": "2024-05-06T07:08:09Z", "ended_at": None}
    rest = {"reason": "", "address": "", "subject": "", "continues": "", "seats": [], "endpoints": {}, "messages": {}}
    db.execute("INSERT INTO records VALUES (1, 'c0', ?)", [json.dumps(old | rest)])
    db.conn.close()
    async with SqliteStore(path, clock=Clock()) as store:
        assert [(c.id, c.shape.value) for c in await store.open_conversations()] == [("c1", "two-party")]
        assert [(r.conversation, r.call) for r in await store.records()] == [("c0", None)]


def test_two_databases_have_two_incarnations(tmp_path):
    assert prepare(tmp_path / "one.db") != prepare(tmp_path / "two.db")


async def test_only_its_owner_may_read_it(path):
    """It holds keys and conversations, whatever the umask says."""
    before = os.umask(0)
    try:
        async with SqliteStore(path, clock=Clock()) as store:
            await store.put_document("kind", "key", b"body")
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert set(modes) == {"store.db", "store.db-wal", "store.db-shm", "store.db.lock"}
    assert set(modes.values()) == {0o600}


def test_commits_are_durable(path):
    connection = connected(path)
    pragmas = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}


def test_a_reading_connection_does_not_write(path):
    prepare(path)
    with pytest.raises(sqlite3.OperationalError):
        connected(path, reading=True).execute("DELETE FROM people")


async def test_after_closing_one_file_holds_everything(path):
    async with SqliteStore(path, clock=Clock()) as store:
        await store.put_document("kind", "key", b"body")
    assert {file.name for file in path.parent.iterdir()} == {"store.db", "store.db.lock"}


# ---- all or nothing


@pytest.fixture
def db(path):
    connection = connected(path)
    connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    yield connection
    connection.close()


def numbers(db: sqlite3.Connection) -> list[int]:
    return [n for (n,) in db.execute("SELECT n FROM t ORDER BY n")]


def test_a_transaction_is_all_or_nothing(db):
    with transaction(db):
        db.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(ZeroDivisionError), transaction(db):
        db.execute("INSERT INTO t VALUES (2)")
        raise ZeroDivisionError
    assert numbers(db) == [1] and not db.in_transaction


def test_a_savepoint_undoes_its_own_part_only(db):
    with transaction(db):
        db.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(ZeroDivisionError), savepoint(db):
            db.execute("INSERT INTO t VALUES (2)")
            raise ZeroDivisionError
        with savepoint(db):
            db.execute("INSERT INTO t VALUES (3)")
    assert numbers(db) == [1, 3]


def test_a_transaction_that_sqlite_has_ended_itself_is_over(db):
    with pytest.raises(sqlite3.IntegrityError), transaction(db):
        db.execute("INSERT INTO t VALUES (1)")
        with savepoint(db):
            db.execute("INSERT OR ROLLBACK INTO t VALUES (1)")
    assert numbers(db) == [] and not db.in_transaction
