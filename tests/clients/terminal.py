"""Full-screen terminal clients in a pty: typed into, and looked at."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pexpect
import pyte

from .program import until


class Terminal:
    """A program on a screen of 140 by 40."""

    def __init__(self, command: str, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        places = {"HOME": home, "XDG_CONFIG_HOME": home / "config", "XDG_DATA_HOME": home / "data"}
        environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
        environment.update({name: str(place) for name, place in places.items()})
        self._child = pexpect.spawn("/bin/sh", ["-c", command], env=environment, dimensions=(40, 140), encoding=None)
        self._screen = pyte.Screen(140, 40)
        self._stream = pyte.ByteStream(self._screen)
        # Read whether or not anybody looks: a program that draws more than the pty holds would wait for us.
        asyncio.get_running_loop().add_reader(self._child.child_fd, self._drawn)

    def _drawn(self) -> None:
        try:
            self._stream.feed(self._child.read_nonblocking(65536, timeout=0))
        except pexpect.TIMEOUT:
            pass
        except pexpect.EOF:
            asyncio.get_running_loop().remove_reader(self._child.child_fd)

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self._screen.display if line.strip())

    async def shows(self, *texts: str) -> None:
        try:
            await until(lambda: any(text in self.text for text in texts), f"the screen to show one of {texts}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.text}") from None

    async def type(self, line: str) -> None:
        await self.key(line + "\r")

    async def key(self, keys: str) -> None:
        self._child.send(keys.encode())
        await asyncio.sleep(0.2)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._child.child_fd)
        self._child.close(force=True)
