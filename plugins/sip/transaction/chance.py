"""Random names that nobody outside can foresee, without asking the system for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from secrets import token_hex

AT_ONCE = 512
"""Names made of one portion of the system's randomness."""


def chances(octets: int) -> Callable[[], str]:
    """A function that gives another name, of so many random octets in hexadecimal digits, each time."""
    return _names(octets).__next__


def _names(octets: int) -> Iterator[str]:
    while True:
        portion = token_hex(octets * AT_ONCE)
        for start in range(0, len(portion), 2 * octets):
            yield portion[start : start + 2 * octets]
