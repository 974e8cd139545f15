"""Budgets: what is spent beyond is a debt that time pays; an address has its share, however it is spelled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ....bridges.xmpp.stream import budget
from ....bridges.xmpp.stream.budget import Bucket, Door, Share, place_of


def test_a_bucket_fills_at_its_rate_up_to_its_burst():
    bucket = Bucket(10, 50, now=0)
    assert bucket.spend(50, 0) == 0
    assert bucket.spend(1, 0) == 0.1
    assert not bucket.has(1, 0.1) and bucket.has(1, 0.2)
    assert bucket.spend(1, 1000) == 0
    assert not bucket.is_full(1000) and bucket.is_full(1000.1)


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 100)), max_size=50))
def test_nobody_gets_more_than_burst_and_rate_whatever_they_do(spending):
    """A client that waits as long as it is told never had more than its rate allows."""
    bucket, now, spent = Bucket(10, 50, 0), 0.0, 0.0
    for pause, amount in spending:
        now += pause
        spent += amount
        now += bucket.spend(amount, now)
        assert spent <= 50 + 10 * now + 1e-6


def door(unknown: int = 2, rate: float = 1, burst: float = 3, shared: tuple[str, ...] = (), total: int = 100) -> Door:
    return Door(Share(unknown, rate, burst), Share(50, 50, 50), shared, total)


def test_an_address_has_so_many_that_have_not_signed_in():
    house = door()
    assert house.admit("192.0.2.1", 0) == "" and house.admit("192.0.2.1", 0) == ""
    assert "not signed in" in house.admit("192.0.2.1", 0)
    assert house.admit("192.0.2.2", 0) == ""
    house.know("192.0.2.1")
    assert house.admit("192.0.2.1", 0) == ""
    house.leave("192.0.2.1", known=False)
    house.leave("192.0.2.1", known=True)
    assert house.inside == 2


def test_an_address_opens_so_many_in_a_second():
    house = door(unknown=100)
    assert [house.admit("192.0.2.1", 0) == "" for _ in range(5)] == [True, True, True, False, False]
    assert house.admit("192.0.2.1", 1) == "" and "new" in house.admit("192.0.2.1", 1)


def test_all_together_are_so_many():
    house = door(total=3)
    assert [house.admit(f"192.0.2.{i}", 0) == "" for i in range(5)] == [True, True, True, False, False]
    house.leave("192.0.2.0", known=False)
    assert house.admit("192.0.2.9", 0) == ""


@pytest.mark.parametrize("shared", ["192.0.2.0/24", "192.0.2.1", "2001:db8::/32"])
def test_an_office_may_have_more(shared):
    house = door(shared=(shared,))
    address = "2001:db8::1" if ":" in shared else "192.0.2.1"
    assert all(house.admit(address, 0) == "" for _ in range(40))
    assert house.admit("198.51.100.1", 0) == house.admit("198.51.100.1", 0) == ""
    assert house.admit("198.51.100.1", 0)
    assert house.admit("not an address", 0) == ""


@pytest.mark.parametrize(
    "one, other, same",
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8:0:1::1", "2001:db8::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::1%eth1", True),
    ],
)
def test_what_counts_as_one_address(one, other, same):
    assert (place_of(one) == place_of(other)) is same


def test_a_flood_from_everywhere_is_not_remembered_for_ever(monkeypatch):
    monkeypatch.setattr(budget, "MAX_REMEMBERED", 100)
    house = door(total=1_000_000)
    for i in range(1000):
        house.admit(f"10.0.{i // 250}.{i % 250}", i * 0.001)
        house.leave(f"10.0.{i // 250}.{i % 250}", known=False)
    assert len(house._new) <= 100 and house._unknown == {} and house.inside == 0
