"""The server under test: `demo` in a folder of its own, on free ports, as a child process like any other program."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from .program import until

ROOT = Path(__file__).parents[2]


class Server:
    """A demo front end; ``ready`` is what it says of itself when it serves: ports, accounts, addresses."""

    def __init__(self, state: Path, offset: int) -> None:
        self.state, self.offset = state, offset
        self.ready: dict[str, Any] = {}

    async def start(self, *options: str) -> None:
        """Start, and wait until it serves."""
        (self.state / "ready.json").unlink(missing_ok=True)
        self.state.mkdir(parents=True, exist_ok=True)
        self._log = (self.state / "server.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", ROOT.name, "demo", *options,
            "--state", str(self.state), "--port-offset", str(self.offset),
            cwd=ROOT.parent, stdout=self._log, stderr=self._log,
            env={**os.environ, "LANG": "en_US.UTF-8", "NO_COLOR": "1"},
        )  # fmt: skip
        await until(self._serves, f"the server to serve; see {self.state}/server.log")

    def _serves(self) -> bool:
        if self.process.returncode is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log[-3000:]}")
        with suppress(OSError, ValueError):
            self.ready = json.loads((self.state / "ready.json").read_text())
        return bool(self.ready)

    @property
    def log(self) -> str:
        return (self.state / "server.log").read_text(errors="replace")

    @property
    def ports(self) -> dict[str, int]:
        return dict(self.ready["ports"])

    async def cli(self, *argv: str) -> Any:
        """Run a command of the product against this server, and read its JSON."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", ROOT.name, *argv, "--json", "--state", str(self.state),
            cwd=ROOT.parent, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return json.loads(out) if out.strip() else None

    async def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        await self.process.wait()
        self.ready = {}

    async def stop(self) -> None:
        """As an administrator stops it."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 30)
            except TimeoutError:
                self.process.kill()
                raise AssertionError(f"the server did not stop:\n{self.log[-3000:]}") from None
        self._log.close()
        self.ready = {}
