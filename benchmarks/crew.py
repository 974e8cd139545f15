"""Load comes from processes of its own, so that it does not share the server's event loop; they go step by step."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import time
import traceback
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import pairwise
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from .costs import kill_with_parent

PATIENCE = 120.0
"""Seconds a step may take, whatever happens: a benchmark ends."""
FAILED = "failed"


class BenchmarkFailed(Exception):
    """A measurement that could not be made, in one sentence."""


class Stage:
    """What a scene knows of the others: it tells a fact, and waits until everybody has told theirs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def step(self, fact: Any = None) -> None:
        """We have come so far; go on when all have."""
        self._connection.send(("fact", fact))
        await asyncio.get_running_loop().run_in_executor(None, self._connection.recv)


Scene = Callable[..., Coroutine[Any, Any, Any]]
"""Takes a Stage and what is given as keywords; what it returns is its last fact."""


class Crew:
    """Some processes that play the same scene, each with its own share.  ``with Crew(…) as crew``."""

    def __init__(self, scene: Scene, shares: list[dict[str, Any]], **given: Any) -> None:
        context = multiprocessing.get_context("fork")
        self._connections: list[Connection] = []
        self._processes = []
        for share in shares:
            ours, theirs = context.Pipe()
            process = context.Process(target=_play, args=(theirs, scene, given | share), daemon=True)
            process.start()
            theirs.close()
            self._connections.append(ours)
            self._processes.append(process)

    def facts(self, within: float = PATIENCE) -> list[Any]:
        """Everybody's next fact.  Raises BenchmarkFailed."""
        until, found = time.monotonic() + within, []
        for connection in self._connections:
            if not connection.poll(max(0.0, until - time.monotonic())):
                raise BenchmarkFailed(f"nothing came of it in {within:.0f} s")
            try:
                kind, fact = connection.recv()
            except EOFError:
                raise BenchmarkFailed("a process of the load ended by itself") from None
            if kind == FAILED:
                raise BenchmarkFailed(fact)
            found.append(fact)
        return found

    def go(self) -> None:
        """Let everybody go on."""
        for connection in self._connections:
            connection.send(None)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.kill()
            process.join()


def shares(people: int, processes: int, *, together: int = 1) -> list[dict[str, Any]]:
    """Everybody's number, dealt to the processes in runs; ``together`` of them always go to the same one."""
    groups = people // together
    cuts = [together * (groups * k // processes) for k in range(processes + 1)]
    return [{"users": range(first, last)} for first, last in pairwise(cuts) if last > first]


def _play(connection: Connection, scene: Scene, given: dict[str, Any]) -> None:
    kill_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears Ctrl-C, and ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            fact = runner.run(scene(Stage(connection), **given))
    except EOFError:
        return
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__} {error} ({last.filename.rpartition('/')[2]}:{last.lineno})"
        with suppress(OSError):
            connection.send((FAILED, text))
        return
    connection.send(("fact", fact))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
