"""The server under test as an administrator runs it: `run` with a plugins.toml, as a child process."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from ..stage import front_end_in
from .program import until
from .server import ROOT, Server


class Configured(Server):
    """The cast has accounts, with the password of the stage."""

    def __init__(self, state: Path, text: str) -> None:
        super().__init__(state, 0)
        self.configuration = state.parent / "plugins.toml"
        self.configuration.write_text(
            f'[front_end]\ndomains = ["example.test"]\nstate = "{state}"\n\n[admin]\n\n{text}'
        )
        self._settled = False

    async def start(self, *options: str) -> None:
        """Start, and wait until it serves."""
        if not self._settled:
            async with front_end_in(self.state):
                self._settled = True
        (self.state / "ready.json").unlink(missing_ok=True)
        self._log = (self.state / "server.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", ROOT.name, "run", "--config", str(self.configuration), *options,
            cwd=ROOT.parent, stdout=self._log, stderr=self._log, env={**os.environ, "LANG": "en_US.UTF-8"},
        )  # fmt: skip
        await until(self._serves, f"the server to serve; see {self.state}/server.log")
