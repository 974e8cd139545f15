"""What the load is recognised by: every message carries a mark with its time and number; counting marks is cheap."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

PATTERN = re.compile(rb"T(\d+)\.(\d+)E")
LONGEST = 48
"""Bytes in the longest mark."""


class Seen(NamedTuple):
    """A mark that came: how many milliseconds after it was due, and its number."""

    late: float
    number: int


def mark(number: int, due: int | None = None) -> str:
    """A mark for something that is due now, or was at ``due`` (nanoseconds of the monotonic clock)."""
    return f"T{time.monotonic_ns() if due is None else due}.{number}E"


class Reader:
    """Finds the marks in one connection's bytes, also those that two reads cut in two."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def read(self, data: bytes) -> list[Seen]:
        """The marks that are complete by now."""
        if self._rest:
            data = self._rest + data
        now, found, end = time.monotonic_ns(), [], 0
        for match in PATTERN.finditer(data):
            found.append(Seen((now - int(match[1])) / 1e6, int(match[2])))
            end = match.end()
        self._rest = data[max(end, len(data) - LONGEST) :]
        return found


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which this part of all lies; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


async def until(done: Callable[[], bool], patience: float) -> bool:
    """Wait for a condition, or until there is no more hope.  Whether it came."""
    end = time.monotonic() + patience
    while not done():
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.01)
    return True
