"""What a server costs, all its processes together, as /proc tells it: processor seconds and memory."""

from __future__ import annotations

import ctypes
import os
import signal
from pathlib import Path
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
ZOMBIE = "Z"
PDEATHSIG = 1
"""The number of that request in prctl(2)."""

# Loaded here, because nothing may be loaded between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True)


class Processes(NamedTuple):
    """The processes of one session, which a server and all its children share."""

    session: int

    def pids(self) -> list[int]:
        """Those that are alive."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._has(entry)]

    def cpu(self) -> float:
        """Processor seconds used so far, of user and system together."""
        spent = 0
        for pid in self.pids():
            fields = _stat(Path(f"/proc/{pid}"))
            if fields:
                spent += int(fields[11]) + int(fields[12])
        return spent / TICKS

    def memory(self) -> int:
        """KiB in use; what several processes share is counted once (proportional set size)."""
        return sum(_pss(pid) for pid in self.pids())

    def _has(self, entry: Path) -> bool:
        fields = _stat(entry)
        return bool(fields) and int(fields[3]) == self.session and fields[0] != ZOMBIE


def kill_with_parent() -> None:
    """Called in a child: it does not outlive its parent, however that ends."""
    _libc.prctl(PDEATHSIG, signal.SIGKILL)


def end_with_parent() -> None:
    """The same for a server, which must have time to end its own children."""
    _libc.prctl(PDEATHSIG, signal.SIGTERM)


def _stat(entry: Path) -> list[str]:
    """The fields after the program's name (proc(5)): state, parent, group, session, …; empty when it has gone."""
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _pss(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0
