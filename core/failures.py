"""Failed sign-ins, counted by address and by person at an address, and how long the next try has to wait.

Nobody is ever locked out: the wait grows to MAX_WAIT and no further.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque
from functools import lru_cache

from .identity import Identity

PER_ADDRESS, ADDRESS_WINDOW = 5, 60.0
"""Failures an address has free, and within how many seconds."""
PER_PERSON, PERSON_WINDOW = 10, 3600.0
"""Failures at one person's door an address has free, and within how many seconds."""
MAX_WAIT = 8.0
"""Seconds the next try waits at most; the first beyond what is free waits one, the next two, then four."""
MAX_TRACKED = 20_000
"""Addresses, and people at addresses, that are remembered; those quiet for longest are forgotten first."""
MAX_ADDRESS = 64
"""Characters of an address that count."""

Key = tuple[str, Identity | None]


class Failures:
    """Pure: ``now`` is an argument, in seconds of any clock."""

    def __init__(self) -> None:
        self._failed: OrderedDict[Key, deque[float]] = OrderedDict()
        self._welcome: OrderedDict[Key, None] = OrderedDict()

    def wait(self, address: str, who: Identity | None, now: float) -> float:
        """Seconds until the next try; 0 when it may come at once.

        Who has signed in from an address before does not wait for what others do there: a whole office may share it.
        """
        place = network(address)
        waits = [0.0]
        if who is None or (place, who) not in self._welcome:
            waits.append(self._wait((place, None), PER_ADDRESS, ADDRESS_WINDOW, now))
        if who is not None:
            waits.append(self._wait((place, who), PER_PERSON, PERSON_WINDOW, now))
        return max(waits)

    def failed(self, address: str, who: Identity | None, now: float) -> None:
        """A wrong password, a bad proof, or a name that nobody has."""
        place = network(address)
        self._count((place, None), PER_ADDRESS, ADDRESS_WINDOW, now)
        if who is not None:
            self._count((place, who), PER_PERSON, PERSON_WINDOW, now)

    def succeeded(self, address: str, who: Identity) -> None:
        """The person's own failures here are forgiven; the address's are not, or an attacker would pay with an account
        of their own."""
        key = (network(address), who)
        self._failed.pop(key, None)
        self._welcome[key] = None
        self._welcome.move_to_end(key)
        if len(self._welcome) > MAX_TRACKED:
            self._welcome.popitem(last=False)

    def _count(self, key: Key, free: int, window: float, now: float) -> None:
        times = self._failed.get(key)
        if times is None:
            # four beyond what is free is as far as the wait grows
            times = self._failed[key] = deque(maxlen=free + 4)
        times.append(now)
        self._failed.move_to_end(key)
        if len(self._failed) > MAX_TRACKED:
            self._failed.popitem(last=False)

    def _wait(self, key: Key, free: int, window: float, now: float) -> float:
        times = self._failed.get(key)
        if not times:
            return 0.0
        beyond = sum(now - window < at <= now for at in times) - free
        return max(0.0, times[-1] + min(MAX_WAIT, 2.0**beyond) - now) if beyond >= 0 else 0.0


@lru_cache(maxsize=4096)
def network(address: str) -> str:
    """What counts as one address: an IPv4 address, an IPv6 /64 (one customer's line), or the text as it is."""
    text = address.strip().strip("[]").partition("%")[0][:MAX_ADDRESS]
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
        parsed = parsed.ipv4_mapped
    return str(parsed)
