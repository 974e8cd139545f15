"""Budgets: how much may come in what time, and from where.  Pure: time is an argument."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import NamedTuple

MAX_REMEMBERED = 20_000
"""Addresses whose new connections are counted; beyond, those that would have been forgotten soonest are."""


class Bucket:
    """Fills at a rate up to a burst.  What is spent beyond is a debt, and time pays it."""

    __slots__ = ("_at", "_burst", "_level", "_rate")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = self._level = burst
        self._at = now

    def spend(self, amount: float, now: float) -> float:
        """Take the amount out.  Seconds until the debt is paid; 0 when there is none."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate) - amount
        self._at = now
        return max(0.0, -self._level / self._rate)

    def has(self, amount: float, now: float) -> bool:
        """Whether the amount is there."""
        return self._level + (now - self._at) * self._rate >= amount

    def is_full(self, now: float) -> bool:
        """Whether forgetting it makes no difference."""
        return self.has(self._burst, now)


class Pace(NamedTuple):
    """What one connection may send: stanzas a second, at once, bytes a second, at once."""

    stanzas: float
    stanza_burst: float
    bytes: float
    byte_burst: float


class Share(NamedTuple):
    """What one address may do: connections that have not signed in, new ones a second, new ones at once."""

    unknown: int
    rate: float
    burst: float


class Door:
    """Who may come in, before anything is spent on them; and how many are inside."""

    def __init__(self, share: Share, shared_share: Share, shared: tuple[str, ...], total: int) -> None:
        self._share = share
        self._shared_share = shared_share
        self._shared = [ip_network(text, strict=False) for text in shared]
        self._total = total
        self._unknown: dict[str, int] = {}
        self._new: dict[str, Bucket] = {}
        self.inside = 0

    def admit(self, address: str, now: float) -> str:
        """Why not; "" for those who may.  They are let out by ``leave``, once."""
        place, share = place_of(address), self._share_of(address)
        if self.inside >= self._total:
            return "too many connections in all"
        if self._unknown.get(place, 0) >= share.unknown:
            return "too many connections from there that have not signed in"
        bucket = self._new.get(place)
        if bucket is None:
            self._forget(now)
            bucket = self._new[place] = Bucket(share.rate, share.burst, now)
        if not bucket.has(1, now):
            return "too many new connections from there"
        bucket.spend(1, now)
        self._unknown[place] = self._unknown.get(place, 0) + 1
        self.inside += 1
        return ""

    def know(self, address: str) -> None:
        """One of those from there has signed in: from now on it counts for its account, not for its address."""
        place = place_of(address)
        self._unknown[place] -= 1
        if not self._unknown[place]:
            del self._unknown[place]

    def leave(self, address: str, *, known: bool) -> None:
        """A connection is over."""
        self.inside -= 1
        if not known:
            self.know(address)

    def _share_of(self, address: str) -> Share:
        if not self._shared:
            return self._share
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return self._share
        return self._shared_share if any(parsed in network for network in self._shared) else self._share

    def _forget(self, now: float) -> None:
        if len(self._new) < MAX_REMEMBERED:
            return
        self._new = {place: bucket for place, bucket in self._new.items() if not bucket.is_full(now)}
        for place in list(self._new)[: max(0, len(self._new) - MAX_REMEMBERED * 9 // 10)]:
            del self._new[place]


def place_of(address: str) -> str:
    """What counts as one address: an IPv4 address, or an IPv6 /64, which is one customer's line."""
    if ":" not in address:
        return address
    parsed = IPv6Address(address.partition("%")[0])
    return str(parsed.ipv4_mapped) if parsed.ipv4_mapped else parsed.exploded[:19]
