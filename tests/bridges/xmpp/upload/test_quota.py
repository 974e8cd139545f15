"""Quotas: so much a day for each, so much for all; what was promised counts, and time gives it back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from .....bridges.xmpp.upload.quota import DAY, Quota
from .....bridges.xmpp.upload.shelf import Kept
from .....bridges.xmpp.upload.slot import Slot

ALICE, BOB = "alice@example.test", "bob@example.test"


def slot(id: str, size: int, owner: str = ALICE, until: float = 300.0) -> Slot:
    return Slot(id, "x", size, "", owner, until)


def kept(id: str, size: int, owner: str = ALICE, at: float = 0.0) -> Kept:
    return Kept(id, "x", size, "", owner, at)


def test_bytes_of_a_day():
    quota = Quota(per_day=100, files_per_day=10, total=1000)
    assert quota.wait(ALICE, 100, 0) == 0
    quota.promise(slot("1", 60), 0)
    quota.promise(slot("2", 30), 100)
    assert quota.wait(ALICE, 10, 200) == 0
    assert quota.wait(ALICE, 11, 200) == DAY - 200
    assert quota.wait(ALICE, 80, 200) == DAY + 100 - 200
    assert quota.wait(BOB, 100, 200) == 0
    assert quota.wait(ALICE, 11, DAY + 1) == 0


def test_files_of_a_day():
    quota = Quota(per_day=100, files_per_day=2, total=1000)
    quota.promise(slot("1", 1), 0)
    quota.promise(slot("2", 1), 10)
    assert quota.wait(ALICE, 1, 20) == DAY - 20
    assert quota.wait(ALICE, 1, DAY) == 0


def test_room_for_all():
    quota = Quota(per_day=100, files_per_day=10, total=100)
    quota.promise(slot("1", 60), 0)
    assert quota.has_room(40, 0) and not quota.has_room(41, 0)
    quota.came(kept("1", 60))
    assert quota.has_room(40, 1000) and not quota.has_room(41, 1000)
    quota.went(kept("1", 60))
    assert quota.has_room(100, 1000)


def test_room_that_is_not_used_is_given_back():
    quota = Quota(per_day=100, files_per_day=10, total=100)
    quota.promise(slot("1", 60), 0)
    assert not quota.has_room(50, 300) and quota.has_room(50, 301)


def test_files_from_before_count():
    quota = Quota(per_day=100, files_per_day=10, total=200)
    quota.found([kept("2", 50, at=50.0), kept("1", 50, at=0.0), kept("3", 50, BOB)])
    assert quota.held == 150 and not quota.has_room(51, 0)
    assert quota.wait(ALICE, 50, 60) == DAY - 60 and quota.wait(BOB, 50, 60) == 0


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(0, 2 * DAY)), max_size=40))
def test_nobody_ever_has_more_than_their_day(wishes):
    quota, granted, now = Quota(per_day=100, files_per_day=4, total=10_000), [], 0.0
    for number, (size, later) in enumerate(wishes):
        now += later
        if not (wait := quota.wait(ALICE, size, now)):
            quota.promise(slot(str(number), size, until=now + 300), now)
            granted.append((now, size))
        else:
            assert 0 < wait <= DAY
        today = [bytes for at, bytes in granted if at > now - DAY]
        assert sum(today) <= 100 and len(today) <= 4
