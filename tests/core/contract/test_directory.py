"""Contract of Directory: who is where, and how often something happened."""

from __future__ import annotations

import pytest

from ....core.store import Whereabouts
from ...people import ALICE, BOB, CAROL, at

DESK, PHONE = at(ALICE, "desk"), at(ALICE, "phone")


async def test_whoever_signed_in_is_there(directory):
    await directory.bind(DESK, "one")
    await directory.bind(PHONE, "two")
    await directory.bind(at(BOB), "one")
    found = await directory.where([ALICE, BOB, CAROL])
    assert {who: set(places) for who, places in found.items() if places} == {
        ALICE: {Whereabouts(DESK, "one"), Whereabouts(PHONE, "two")},
        BOB: {Whereabouts(at(BOB), "one")},
    }


async def test_nobody_is_anywhere_at_first(directory):
    assert not (await directory.where([ALICE])).get(ALICE)
    assert await directory.where([]) == {}


async def test_signing_in_again_is_once(directory):
    await directory.bind(DESK, "one")
    await directory.bind(DESK, "one")
    assert list((await directory.where([ALICE]))[ALICE]) == [Whereabouts(DESK, "one")]


async def test_whoever_signed_out_is_gone(directory):
    await directory.bind(DESK, "one")
    await directory.bind(PHONE, "one")
    await directory.unbind(DESK, "one")
    assert list((await directory.where([ALICE]))[ALICE]) == [Whereabouts(PHONE, "one")]
    await directory.unbind(PHONE, "one")
    assert not (await directory.where([ALICE])).get(ALICE)


async def test_an_old_front_end_does_not_sign_out_what_has_moved_to_another(directory):
    await directory.bind(DESK, "one")
    await directory.bind(DESK, "two")
    await directory.unbind(DESK, "one")
    assert list((await directory.where([ALICE]))[ALICE]) == [Whereabouts(DESK, "two")]


async def test_signing_out_of_nowhere_harms_nothing(directory):
    await directory.unbind(DESK, "one")
    await directory.bind(DESK, "one")
    await directory.unbind(PHONE, "one")
    assert list((await directory.where([ALICE]))[ALICE]) == [Whereabouts(DESK, "one")]


async def test_a_count_includes_this_one(directory):
    assert [await directory.count("a", 60) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert await directory.count("b", 60) == 1


async def test_what_is_older_than_the_window_is_not_counted(directory, seconds):
    for _ in range(3):
        await directory.count("a", 60)
    seconds.now += 30
    assert await directory.count("a", 60) == 4
    seconds.now += 31
    assert await directory.count("a", 60) == 2
    seconds.now += 1000
    assert await directory.count("a", 60) == 1


@pytest.mark.parametrize("window", [1, 60, 3600])
async def test_at_a_steady_pace_the_count_is_right_within_a_few_percent(directory, seconds, window):
    counts = []
    for _ in range(5000):
        seconds.now += window / 1000
        counts.append(await directory.count("a", window))
    assert counts[500] == 501
    assert all(1000 <= count <= 1040 for count in counts[1200:])
