"""Budgets: how often, how many, from where.  Time is an argument."""

from __future__ import annotations

from ipaddress import IPv6Address

from .limits import MAX_NETWORKS, Limits


class Bucket:
    """Fills at a rate up to a burst; every message takes one out."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def wait(self, now: float, amount: float = 1) -> float:
        """Seconds until the amount is there, 0 when it is."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        return 0.0 if self._level >= amount else (amount - self._level) / self._rate

    def take(self, now: float, amount: float = 1) -> bool:
        """Take the amount out, when it is there."""
        if self.wait(now, amount) > 0:
            return False
        self._level -= amount
        return True

    def refilled(self, rate: float, burst: float, now: float) -> Bucket:
        """The same peer under another rule; what it has spent stays spent."""
        spent = self._burst - self._level
        new = Bucket(rate, burst, now)
        new._level = max(0.0, burst - spent)
        return new

    def is_full(self, now: float) -> bool:
        """Whether forgetting it makes no difference."""
        return self.wait(now, self._burst) == 0


class Rates:
    """A bucket for each network, made when it is first heard of and forgotten when full."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: dict[str, Bucket] = {}

    def take(self, network: str, now: float) -> bool:
        """One more from there; False when it is one too many."""
        bucket = self._buckets.get(network)
        if bucket is None:
            if len(self._buckets) >= MAX_NETWORKS:
                self._forget(now)
            bucket = self._buckets[network] = Bucket(self._rate, self._burst, now)
        return bucket.take(now)

    def __len__(self) -> int:
        return len(self._buckets)

    def _forget(self, now: float) -> None:
        """Those that are full; when none is, the oldest tenth, so that a flood from everywhere costs no memory."""
        kept = {network: bucket for network, bucket in self._buckets.items() if not bucket.is_full(now)}
        surplus = max(0, len(kept) - MAX_NETWORKS * 9 // 10)
        self._buckets = dict(list(kept.items())[surplus:])


class Doorkeeper:
    """Who may open a connection: so many at a time, so many a second, from one address, and so many in all."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[str, int] = {}
        self._new = Rates(limits.new_per_second, limits.new_burst)
        self._all = 0

    def admit(self, host: str, now: float) -> str:
        """Why not, "" when welcome.  Who was let in is let out with ``release``."""
        network = network_of(host, whole=True)
        if self._all >= self._limits.max_flows:
            return "too many connections in all"
        if self._open.get(network, 0) >= self._limits.open_per_address:
            return "too many connections from there"
        if not self._new.take(network, now):
            return "too many new connections from there"
        self._open[network] = self._open.get(network, 0) + 1
        self._all += 1
        return ""

    def release(self, host: str) -> None:
        """A connection is over."""
        network = network_of(host, whole=True)
        self._all -= 1
        self._open[network] -= 1
        if not self._open[network]:
            del self._open[network]

    def __len__(self) -> int:
        return self._all


def network_of(host: str, *, whole: bool = False) -> str:
    """The IPv4 /24 (``whole``: the address itself) or IPv6 /64 an address belongs to."""
    if ":" not in host:
        return host if whole else host.rpartition(".")[0]
    return IPv6Address(host).exploded[:19]
