"""Killed at any moment, the store has everything it ever said it had: once, in order, numbered without gaps."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from ....core.cdr import CallDetailRecord
from ....core.conversation import ConversationEnded
from ....core.sqlite.store import SqliteStore
from ...people import NOON, Clock

ROOT = Path(__file__).parents[3]
LIVES = 12
SEED = 20261124


def one_life(path: Path, life: int, dice: random.Random) -> list[list[str]]:
    """A process appends and is killed in the middle of it; the lines it could still write."""
    child = subprocess.Popen(
        [sys.executable, "-m", f"{ROOT.name}.tests.core.sqlite.crash_child", str(path), f"life{life}"],
        cwd=ROOT.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(dice.randint(1, 600))]
    time.sleep(dice.uniform(0, 0.02))  # the moment must not depend on what was written last
    child.send_signal(signal.SIGKILL)
    lines += child.stdout.readlines()
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    return [line.split() for line in lines if line.endswith("\n")]


async def test_killed_at_any_moment_it_loses_nothing_it_has_acknowledged(tmp_path):
    path, dice = tmp_path / "store.db", random.Random(SEED)
    told = [line for life in range(LIVES) for line in one_life(path, life, dice)]
    said = {(conversation, int(seq)): id for verb, conversation, seq, id in told if verb == "said"}
    ended = {conversation: (int(number), int(count)) for verb, conversation, number, count in told if verb == "ended"}
    assert len(said) > LIVES * 20, "too little was said for this to prove anything"

    async with SqliteStore(path, clock=Clock()) as store:
        orphans = await store.open_conversations()
        assert orphans, "the last life was not killed in the middle of anything"
        for orphan in orphans:
            await store.change(orphan, [ConversationEnded(orphan.id, NOON, "server restart")])
        assert await store.open_conversations() == []
        records = await store.records(limit=10**6)
        kept = {record.conversation: await store.read(record.conversation, limit=10**6) for record in records}
        places = {(id, message.seq): message.id for id, messages in kept.items() for message in messages}

    assert said.items() <= places.items(), "something acknowledged is not there, or elsewhere"
    assert len(set(places.values())) == len(places), "something is there twice"
    for id, messages in kept.items():
        assert [message.seq for message in messages] == list(range(1, len(messages) + 1)), f"{id} has gaps"
    check_records(records, ended, kept)


def check_records(records: list[CallDetailRecord], ended: dict[str, tuple[int, int]], kept: dict[str, list]) -> None:
    assert [record.number for record in records] == list(range(1, len(records) + 1))
    assert ended.items() <= {record.conversation: (record.number, record.said) for record in records}.items()
    assert all(record.said == len(kept[record.conversation]) for record in records)


def test_a_store_that_nobody_closed_does_not_keep_the_process(tmp_path):
    forgetful = (
        f"import asyncio; from {ROOT.name}.core.sqlite.store import SqliteStore; from datetime import datetime, UTC\n"
        "async def main(): await SqliteStore('store.db', clock=lambda: datetime.now(UTC)).__aenter__()\n"
        "asyncio.run(main())"
    )
    code = f"import sys; sys.path.insert(0, {str(ROOT.parent)!r})\n{forgetful}"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
