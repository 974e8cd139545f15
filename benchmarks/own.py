"""The scenarios that no peer has a part in: durable accepts, and how fast the server is there."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from statistics import median
from typing import Any

from ..core.front_end import utc_now
from ..core.sqlite import SqliteStore
from .bench import Bench
from .crew import Crew, Stage
from .ejabberd import Ejabberd
from .hereabouts import Hereabouts
from .kamailio import Kamailio
from .marks import quantile
from .prosody import Prosody
from .results import Result
from .server import Server
from .store import Run, begin, offered, shown_after

ACCEPTED = 5000.0
CONVERSATIONS = 200
STARTS = 3
SETTLED = 1.0
"""Seconds after the start at which memory is read."""

STORE: tuple[type[Server], ...] = (Hereabouts,)
SERVERS: tuple[type[Server], ...] = (Hereabouts, Prosody, Ejabberd, Kamailio)


def accept(bench: Bench, kind: type[Server]) -> None:
    """The store alone: how long until a message is on the disk, while so many come each second."""
    with Crew(_accept, [{}], folder=bench.folder, seconds=bench.seconds) as crew:
        crew.facts()
        crew.go()
        (fact,) = crew.facts()
    result = Result(f"durable accept, {ACCEPTED:.0f}/s", kind.name, fact["rate"], "messages")
    result.p50, result.p99 = quantile(fact["late"], 0.5), quantile(fact["late"], 0.99)
    result.cores, result.per_cpu = fact["cpu"] / fact["wall"], fact["rate"] * fact["wall"] / fact["cpu"]
    result.remarks.append("the store in a process of its own, with what offers the messages")
    bench.add(result)


async def _accept(stage: Stage, *, folder: Path, seconds: float) -> dict[str, Any]:
    run = Run("accept")
    place = folder / "accept"
    place.mkdir()
    async with SqliteStore(place / "store.db", clock=utc_now) as store:
        await begin(store, CONVERSATIONS)
        append = shown_after(store)
        await offered(Run("warming up"), append, 500, 0.5, CONVERSATIONS, 1 << 40)
        await stage.step()
        before, began = time.process_time(), time.perf_counter()
        await offered(run, append, ACCEPTED, seconds, CONVERSATIONS, 0)
        run.wall, run.cpu = time.perf_counter() - began, time.process_time() - before
    await asyncio.sleep(0)
    late = [1000 * latency for latency in run.latencies]
    return {"late": late, "rate": len(late) / run.wall, "cpu": run.cpu, "wall": run.wall}


def start(bench: Bench, kind: type[Server]) -> None:
    """From the command to open ports, and what the server takes while nobody is there."""
    took, used, spent = [], [], []
    starts = 1 if bench.quick else STARTS
    for _ in range(starts):
        with bench.server(kind, 10) as server:
            took.append(1000 * server.took)
            time.sleep(SETTLED)
            used.append(server.processes.memory() / 1024)
            spent.append(server.processes.cpu())
    remarks = [f"median of {starts}; {median(spent):.2f} CPU-seconds"]
    bench.add(Result("start to serving", kind.name, p50=median(took), remarks=remarks))
    bench.add(Result("idle server", kind.name, memory=median(used), memory_unit="MiB"))
