"""The program as a process of its own, started and stopped as an administrator would."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0


class Program:
    """One process; its output is kept."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self._process, self._folder = process, folder
        self.out = self.log = ""
        self._reading = [
            asyncio.create_task(self._read(process.stdout, "out")),
            asyncio.create_task(self._read(process.stderr, "log")),
        ]

    async def _read(self, stream: asyncio.StreamReader | None, name: str) -> None:
        assert stream is not None
        while part := await stream.read(4096):
            setattr(self, name, getattr(self, name) + part.decode())

    async def ready(self) -> dict[str, Any]:
        """What it says of itself when it serves."""
        found: dict[str, Any] = {}

        def there() -> bool:
            assert self._process.returncode is None, f"it ended with {self._process.returncode}: {self.log}"
            try:
                found.update(json.loads((self._folder / "var" / "ready.json").read_text()))
            except FileNotFoundError:
                return False
            return True

        await until(there)
        return found

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def end(self) -> int:
        """Its exit code."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._reading)
            return await self._process.wait()

    async def until_logged(self, text: str) -> None:
        await until(lambda: text in self.log)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def started(folder: Path, *argv: str, **environment: str) -> AsyncIterator[Program]:
    """Start a command in a folder; it is killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        ROOT.name,
        *argv,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT.parent), "LC_ALL": "C.UTF-8", "NO_COLOR": "1", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    program = Program(process, folder)
    try:
        yield program
    finally:
        if process.returncode is None:
            process.kill()
        await program.end()
