"""Failed sign-ins: who waits how long, who does not wait for others, and what is forgotten."""

import pytest

from ...core.failures import MAX_TRACKED, MAX_WAIT, PER_ADDRESS, PER_PERSON, Failures, network
from ...core.identity import Identity

ALICE, BOB = Identity("alice", "example.test"), Identity("bob", "example.test")
HERE, THERE = "192.0.2.7", "198.51.100.1"


def test_nobody_waits_who_has_not_failed():
    assert Failures().wait(HERE, ALICE, 0.0) == 0.0
    assert Failures().wait(HERE, None, 0.0) == 0.0


def test_a_few_mistakes_are_free():
    failures = Failures()
    for second in range(PER_ADDRESS - 1):
        failures.failed(HERE, ALICE, float(second))
        assert failures.wait(HERE, ALICE, float(second)) == 0.0


def test_then_every_mistake_doubles_the_wait_up_to_eight_seconds_and_no_further():
    failures, waits = Failures(), []
    for _ in range(PER_ADDRESS + 6):
        failures.failed(HERE, ALICE, 100.0)
        waits.append(failures.wait(HERE, ALICE, 100.0))
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 8, 8, 8]
    assert MAX_WAIT == 8.0


def test_who_has_waited_may_try():
    failures = Failures()
    for _ in range(PER_ADDRESS):
        failures.failed(HERE, ALICE, 100.0)
    assert failures.wait(HERE, ALICE, 100.4) == pytest.approx(0.6)
    assert failures.wait(HERE, ALICE, 101.0) == 0.0


def test_after_a_minute_of_quiet_an_address_begins_anew():
    failures = Failures()
    for _ in range(PER_ADDRESS + 3):
        failures.failed(HERE, None, 100.0)
    assert failures.wait(HERE, None, 100.0) == 8.0
    failures.failed(HERE, None, 160.0)
    assert failures.wait(HERE, None, 160.0) == 0.0


def test_another_address_does_not_wait():
    """So nobody can lock somebody else out: the real Alice is elsewhere."""
    failures = Failures()
    for _ in range(1000):
        failures.failed(HERE, ALICE, 100.0)
    assert failures.wait(THERE, ALICE, 100.0) == 0.0


def test_slow_guessing_at_one_person_is_slowed_down_too():
    """Below the limit of the address, and above that of one person's door."""
    failures = Failures()
    for minute in range(PER_PERSON + 3):
        failures.failed(HERE, ALICE, minute * 60.0)
    assert failures.wait(HERE, ALICE, (PER_PERSON + 2) * 60.0) == 8.0
    assert failures.wait(HERE, BOB, (PER_PERSON + 2) * 60.0) == 0.0


def test_trying_many_names_from_one_address_is_slowed_down():
    failures = Failures()
    for number in range(PER_ADDRESS + 1):
        failures.failed(HERE, Identity(f"guess{number}", "example.test"), 100.0)
    assert failures.wait(HERE, Identity("another", "example.test"), 100.0) == 2.0


def test_signing_in_forgives_the_persons_own_mistakes():
    failures = Failures()
    for minute in range(PER_PERSON + 3):
        failures.failed(HERE, ALICE, minute * 60.0)
    failures.succeeded(HERE, ALICE)
    assert failures.wait(HERE, ALICE, (PER_PERSON + 2) * 60.0) == 0.0


def test_signing_in_does_not_pay_for_guessing_at_others():
    """An attacker with an account of their own signs in between the guesses."""
    failures = Failures()
    for _ in range(PER_ADDRESS + 3):
        failures.failed(HERE, ALICE, 100.0)
        failures.succeeded(HERE, BOB)
    assert failures.wait(HERE, ALICE, 100.0) == 8.0


def test_an_office_behind_one_address_does_not_wait_for_one_forgotten_phone():
    failures = Failures()
    failures.succeeded(HERE, BOB)
    for _ in range(50):
        failures.failed(HERE, ALICE, 100.0)
    assert failures.wait(HERE, ALICE, 100.0) == 8.0
    assert failures.wait(HERE, BOB, 100.0) == 0.0


def test_even_who_is_welcome_has_only_so_many_tries_at_their_own_door():
    failures = Failures()
    failures.succeeded(HERE, ALICE)
    for _ in range(PER_PERSON + 3):
        failures.failed(HERE, ALICE, 100.0)
    assert failures.wait(HERE, ALICE, 100.0) == 8.0


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("192.0.2.7", " 192.0.2.7 "),
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("2001:db8:1:2::1", "[2001:0DB8:1:2::9]"),
        ("fe80::1%eth0", "fe80::2"),
        ("unix socket", "unix socket"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_what_is_one_address(one, same):
    assert network(one) == network(same)


@pytest.mark.parametrize(
    ("one", "other"), [("192.0.2.7", "192.0.2.8"), ("2001:db8:1:2::1", "2001:db8:1:3::1"), ("", "0.0.0.0")]
)
def test_what_are_two_addresses(one, other):
    assert network(one) != network(other)


def test_a_clock_that_is_set_back_makes_nobody_wait_for_longer():
    failures = Failures()
    for _ in range(PER_ADDRESS + 9):
        failures.failed(HERE, ALICE, 1_000_000.0)
    assert failures.wait(HERE, ALICE, 1_000.0) == 0.0
    for _ in range(PER_ADDRESS + 9):
        failures.failed(HERE, ALICE, 1_000.0)
    assert failures.wait(HERE, ALICE, 1_000.0) <= MAX_WAIT


def test_memory_is_bounded_and_the_newest_are_kept():
    failures = Failures()
    for number in range(MAX_TRACKED + 500):
        failures.failed(f"host{number}", ALICE, 100.0)
        failures.succeeded(f"host{number}", BOB)
    assert len(failures._failed) <= MAX_TRACKED
    assert len(failures._welcome) <= MAX_TRACKED
    for _ in range(PER_ADDRESS - 1):
        failures.failed(f"host{MAX_TRACKED + 499}", ALICE, 100.0)
    assert failures.wait(f"host{MAX_TRACKED + 499}", ALICE, 100.0) == 1.0
