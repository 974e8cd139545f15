"""A server under test: a program in a private folder on ports of its own, ended with all its children."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar

from .costs import Processes, end_with_parent
from .crew import BenchmarkFailed
from .people import Pair

HOST = "127.0.0.1"
FIRST_PORT = 21000
LAST_PORT = 30000
"""Below those that the system gives to clients."""
READY_WITHIN = 30.0
GOODBYE = 8.0
"""Seconds a server has to end by itself."""


class Server:
    """What all servers have in common.  ``with Kind(folder, people, pairs) as server``: it serves."""

    name: ClassVar[str]
    program: ClassVar[str]
    """What must be installed."""
    package: ClassVar[str] = ""
    keeps: ClassVar[str] = ""
    """What the server does about durability and records while it is measured."""

    def __init__(self, folder: Path, people: int = 0, pairs: Iterable[Pair] = ()) -> None:
        self.folder = folder
        self.ports: dict[str, int] = {}
        """By service: xmpp, sip_udp, sip_tcp, sip_tls, web."""
        self.took = 0.0
        """Seconds from the command to the open ports."""
        folder.mkdir(parents=True)
        self.prepare(people, pairs)

    # ---- what each kind says

    def prepare(self, people: int, pairs: Iterable[Pair]) -> None:
        """Write the configuration, and the people to where the server finds them."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """How it is started."""
        raise NotImplementedError

    def surroundings(self) -> dict[str, str]:
        """Its environment, besides ours."""
        return {}

    def ready(self) -> bool:
        """Whether it serves."""
        raise NotImplementedError

    @classmethod
    def installed(cls) -> bool:
        """Whether it can be measured here."""
        return shutil.which(cls.program) is not None

    @classmethod
    def version(cls) -> str:
        """Of Debian's package."""
        asked = ["dpkg-query", "--show", "--showformat", "${Version}", cls.package or cls.program]
        try:
            return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return "unknown"

    # ---- its life

    def __enter__(self) -> Server:
        began = time.monotonic()
        self.start()
        try:
            while not self.ready():
                if self._process.poll() is not None:
                    raise BenchmarkFailed(f"{self.name} ended with {self._process.returncode}: {self.last_words()}")
                if time.monotonic() - began > READY_WITHIN:
                    raise BenchmarkFailed(f"{self.name} did not serve within {READY_WITHIN:.0f} s: {self.last_words()}")
                time.sleep(0.005)
        except BaseException:
            self.stop()
            raise
        self.took = time.monotonic() - began
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start the program, as the head of a session in which all its children are."""
        self._log: IO[bytes] = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            self.command(),
            cwd=self.folder,
            env={**os.environ, **self.surroundings()},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        self.processes = Processes(self._process.pid)

    def stop(self) -> None:
        """End the program and whatever it has started."""
        self._process.terminate()
        try:
            self._process.wait(GOODBYE)
        except subprocess.TimeoutExpired:
            pass
        for pid in self.processes.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()
        until = time.monotonic() + GOODBYE
        while self.processes.pids() and time.monotonic() < until:  # killed, which takes them a moment
            time.sleep(0.01)
        self._log.close()

    @property
    def alive(self) -> bool:
        """Whether it has not ended by itself."""
        return self._process.poll() is None

    def last_words(self) -> str:
        """The end of its log."""
        return (self.folder / "log").read_text(errors="replace")[-600:].strip()


def answers(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


_next_port = FIRST_PORT + os.getpid() % 80 * 100


def free_port() -> int:
    """A port that nobody uses, neither by TCP nor by UDP, and that was not given before."""
    global _next_port
    while _next_port < LAST_PORT:
        _next_port += 1
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(type=kind) as probe:
                    probe.bind((HOST, _next_port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        return _next_port
    raise BenchmarkFailed(f"no port is free up to {LAST_PORT}")
