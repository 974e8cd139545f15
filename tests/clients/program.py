"""A client as a child process: lines of commands in, lines of JSON events out."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 40.0
"""Seconds to wait for something that must happen; a slow machine needs no more."""


def needs(*programs: str, files: tuple[str, ...] = ()) -> None:
    """Skip where a client is not installed; in CI it must be."""
    lacks([p for p in programs if shutil.which(p) is None] + [f for f in files if not _library(f)])


def lacks(missing: Sequence[str]) -> None:
    """Skip where anything is missing; in CI nothing may be."""
    if missing and os.environ.get("CI"):
        pytest.fail(f"{', '.join(missing)} must be installed in CI")
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")


def _library(name: str) -> bool:
    return any(Path(folder).glob(f"**/{name}") for folder in ("/usr/lib/x86_64-linux-gnu", "/usr/lib", "/usr/lib64"))


async def until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Wait until the condition gives something true, and return it."""
    try:
        async with asyncio.timeout(patience):
            while not (found := condition()):
                await asyncio.sleep(0.05)
            return found
    except TimeoutError:
        raise AssertionError(f"waited {patience:.0f} s for {what}") from None


class Program:
    """A running driver.  ``events`` is all it has reported; ``mark`` and ``since`` tell older from newer ones."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.events: list[dict[str, Any]] = []

    async def start(self, *argv: str, env: dict[str, str] | None = None) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            try:
                self.events.append(json.loads(line))
            except ValueError:
                self.events.append({"ev": "line", "text": line.decode(errors="replace").rstrip()})

    def do(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(command.encode() + b"\n")

    @property
    def mark(self) -> int:
        return len(self.events)

    def seen(self, event: str, since: int = 0, **match: Any) -> dict[str, Any] | None:
        for found in self.events[since:]:
            if found.get("ev") == event and all(found.get(key) == value for key, value in match.items()):
                return found
        return None

    async def wait(self, event: str, since: int = 0, **match: Any) -> dict[str, Any]:
        try:
            found: dict[str, Any] = await until(lambda: self.seen(event, since, **match), f"{event} {match}")
        except AssertionError as late:
            raise AssertionError(f"{self.name}: {late}; it reported {self.events[-12:]}") from None
        return found

    def kill(self) -> None:
        """As if the machine lost its power."""
        if self.process.returncode is None:
            self.process.kill()

    async def close(self) -> None:
        if self.process.returncode is None:
            try:
                self.do("quit")
                await asyncio.wait_for(self.process.wait(), 10)
            except (TimeoutError, ConnectionError):
                self.process.kill()
        await self.process.wait()
        self._reading.cancel()
