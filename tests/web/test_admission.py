"""Limits of an address: so many connections, so many new ones, so many requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ...web.admission import MAX_CONNECTIONS, NEW_CONNECTIONS, Buckets, Doorkeeper, Rate, prefix_of


def test_a_bucket_gives_its_burst_and_then_its_rate():
    buckets = Buckets(Rate(per_second=2, burst=3))
    assert [buckets.take("a", now=0) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a", now=0) == pytest.approx(0.5)
    assert buckets.take("a", now=0.5) == 0
    assert buckets.take("a", now=0.5) > 0
    assert buckets.take("b", now=0) == 0, "another address has its own"
    assert [buckets.take("a", now=100) for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a", now=100) > 0, "waiting for long saves up no more than the burst"


def test_what_is_refused_costs_nothing():
    buckets = Buckets(Rate(per_second=1, burst=10))
    assert buckets.take("a", 0, cost=11) > 0
    assert buckets.take("a", 0, cost=10) == 0


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 4)), max_size=60))
def test_no_more_is_taken_than_burst_and_rate_allow(asks: list[tuple[float, int]]):
    buckets, now, taken = Buckets(Rate(per_second=3, burst=7)), 0.0, 0
    for pause, cost in asks:
        now += pause
        if buckets.take("a", now, cost) == 0:
            taken += cost
        assert taken <= 7 + 3 * now + 1e-6


def test_the_table_of_addresses_is_bounded():
    buckets = Buckets(Rate(1, 1), keys=100)
    for number in range(1000):
        buckets.take(str(number), now=number)
    assert len(buckets._levels) == 100


def test_an_address_has_so_many_connections():
    keeper = Doorkeeper()
    admitted = [keeper.admits("192.0.2.1", now=number) for number in range(MAX_CONNECTIONS + 1)]
    assert admitted == [True] * MAX_CONNECTIONS + [False]
    assert keeper.admits("192.0.2.2", now=30)
    keeper.left("192.0.2.1")
    assert keeper.admits("192.0.2.1", now=30)


def test_connections_come_no_faster_than_the_rate():
    keeper, admitted = Doorkeeper(), 0
    for _ in range(1000):
        if keeper.admits("192.0.2.1", now=0):
            admitted += 1
            keeper.left("192.0.2.1")
    assert admitted == NEW_CONNECTIONS.burst


def test_a_shared_address_is_not_counted():
    keeper = Doorkeeper(["192.0.2.9"])
    assert all(keeper.admits("192.0.2.9", now=0) for _ in range(1000))
    assert keeper.exempt("192.0.2.9") and not keeper.exempt("192.0.2.1")
    keeper.left("192.0.2.9")


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::7", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("local", "local"),
        ("", ""),
    ],
)
def test_a_network_of_version_six_counts_as_one_address(address: str, prefix: str):
    assert prefix_of(address) == prefix
