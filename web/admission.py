"""How much one address may ask for: open connections, new connections and requests.  Pure; time is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

MAX_CONNECTIONS = 20
"""Open connections of one address."""
MAX_KEYS = 10_000
"""Addresses that are remembered; beyond, the ones that asked longest ago are forgotten."""


class Rate(NamedTuple):
    """So many a second in the long run, and so many at once."""

    per_second: float
    burst: float


NEW_CONNECTIONS = Rate(10, 60)
"""Connections one address may open; a page opens six at once, and so does its neighbour's behind the same router."""
ANONYMOUS_REQUESTS = Rate(60, 600)
"""Presence requests of one address whose viewer is unknown; a page may hold several hundred badges."""
ANONYMOUS_STREAMS = Rate(5 / 60, 10)
"""Event streams one address may open while its viewer is unknown."""


class Buckets:
    """Token buckets, one for each key."""

    def __init__(self, rate: Rate, keys: int = MAX_KEYS) -> None:
        self._rate = rate
        self._keys = keys
        self._levels: dict[str, tuple[float, float]] = {}

    def take(self, key: str, now: float, cost: float = 1.0) -> float:
        """Take from the key's bucket.  Returns 0, or the seconds to wait when there is not enough in it."""
        level, at = self._levels.pop(key, (self._rate.burst, now))
        level = min(self._rate.burst, level + (now - at) * self._rate.per_second)
        taken = level >= cost
        self._levels[key] = (level - cost if taken else level, now)
        if len(self._levels) > self._keys:
            del self._levels[next(iter(self._levels))]
        return 0.0 if taken else (cost - level) / self._rate.per_second


class Doorkeeper:
    """Counts the connections of each address.  ``shared`` addresses (a router, a reverse proxy) are not counted."""

    def __init__(self, shared: Iterable[str] = ()) -> None:
        self._shared = frozenset(shared)
        self._open: dict[str, int] = {}
        self._new = Buckets(NEW_CONNECTIONS)

    def admits(self, address: str, now: float) -> bool:
        """Whether one more connection may come in; if so it is counted until it has left."""
        if address in self._shared:
            return True
        key = prefix_of(address)
        if self._open.get(key, 0) >= MAX_CONNECTIONS or self._new.take(key, now):
            return False
        self._open[key] = self._open.get(key, 0) + 1
        return True

    def left(self, address: str) -> None:
        """A connection that was let in is gone."""
        if address in self._shared:
            return
        key = prefix_of(address)
        remaining = self._open.get(key, 0) - 1
        if remaining > 0:
            self._open[key] = remaining
        else:
            self._open.pop(key, None)

    def exempt(self, address: str) -> bool:
        """Whether many people come from this address."""
        return address in self._shared


@lru_cache(maxsize=4096)
def prefix_of(address: str) -> str:
    """What counts as one address: itself, or the /64 network of an IPv6 address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else address
