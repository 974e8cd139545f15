"""kill -9 while people telephone: every call that had begun has one record, which says how far it had come."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

from ..people import ALICE, BOB
from ..stage import front_end_in

ROOT = Path(__file__).parents[2]
LIVES = 4
SEED = 20261124


def one_life(state: Path, dice: random.Random) -> list[list[str]]:
    """A process puts calls through and is killed in the middle of it; the lines it could still write."""
    child = subprocess.Popen(
        [sys.executable, "-m", f"{ROOT.name}.tests.core.calls_child", str(state)],
        cwd=ROOT.parent,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(dice.randint(20, 300))]
    child.send_signal(signal.SIGKILL)
    lines += child.stdout.readlines()
    child.stdout.close()
    assert child.wait() == -signal.SIGKILL
    return [line.split() for line in lines if line.endswith("\n")]


async def test_killed_at_any_moment_no_call_is_lost_and_nobody_stays_on_the_phone(tmp_path):
    dice = random.Random(SEED)
    told = [line for _ in range(LIVES) for line in one_life(tmp_path, dice)]
    begun, answered, ended = ({id for verb, id in told if verb == word} for word in ("begun", "answered", "ended"))
    assert len(begun) > LIVES * 5, "too few telephoned for this to prove anything"
    async with front_end_in(tmp_path) as front_end:
        records = await front_end.store.records(limit=10**6)
        assert await front_end.store.open_conversations() == []
        assert front_end.presence.publications(ALICE) == front_end.presence.publications(BOB) == []
    assert [record.number for record in records] == list(range(1, len(records) + 1))
    kept = {record.conversation: record for record in records}
    assert len(kept) == len(records) and begun <= set(kept)
    assert all(kept[id].call.outcome == "answered" for id in answered)
    for id in ended:
        assert kept[id].reason in (f"{BOB} hung up", "declined")
    cut_off = [record for record in records if record.reason == "server restart"]
    assert cut_off, "no life was ended in the middle of a call"
    assert all(record.call.outcome in ("answered", "unanswered") for record in cut_off)
