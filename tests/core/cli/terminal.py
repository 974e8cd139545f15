"""A terminal to type commands into: in this process, beside a server that may run in it too."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from ....core.cli import main


class Terminal:
    """Types commands about one state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self._runner = CliRunner()

    async def __call__(self, *argv: str, answer: str = "", exit: int = 0, **environment: str) -> str:
        """What a command prints; it must end with this exit code."""
        result = await asyncio.to_thread(self._type, [*argv, "--state", str(self.state)], answer, environment)
        assert result.exit_code == exit, f"{argv}: {result.exit_code}\n{result.output}\n{result.exc_info}"
        return result.output

    async def json(self, *argv: str, answer: str = "", exit: int = 0) -> Any:
        """What it prints with --json."""
        return json.loads(await self(*argv, "--json", answer=answer, exit=exit))

    def _type(self, argv: list[str], answer: str, environment: dict[str, str]) -> Result:
        return self._runner.invoke(main, argv, input=answer, env={"HEREABOUTS_CONFIG": None, **environment})
