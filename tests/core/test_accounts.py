"""Accounts: who exists, whose password it is, and that strangers cannot tell who exists."""

import asyncio
import logging
import threading

import pytest

from ...core.accounts import MAX_HASHING, Accounts
from ...core.credentials import ITERATIONS, ha1
from ...core.errors import Conflict, NotFound, Refused, TooLarge
from ...core.hooks import hookimpl
from ...core.identity import Identity
from ...core.people import Person
from ...core.sqlite import SqliteStore
from ..people import ALICE, BOB, Clock
from ..plugged import hooks_of

NOBODY = Identity("nobody", "example.test")
SECRET = b"the server's own secret"


@pytest.fixture
async def store(tmp_path):
    async with SqliteStore(tmp_path / "accounts.db", clock=Clock()) as store:
        yield store


def accounts_on(store, *plugins, **more):
    return Accounts(store, hooks_of(*plugins), Clock(), secret=SECRET, **more)


@pytest.fixture
async def accounts(store):
    """Alice exists, and her password is "secret"."""
    accounts = accounts_on(store)
    await accounts.add(ALICE, "secret", Person(str(ALICE), "Alice"))
    return accounts


# ---- people


async def test_somebody_who_was_added_exists(accounts):
    assert await accounts.exists(ALICE)
    assert (await accounts.person(ALICE)).name == "Alice"
    assert not await accounts.exists(NOBODY)
    assert await accounts.person(NOBODY) is None


async def test_nobody_is_added_twice(accounts):
    with pytest.raises(Conflict):
        await accounts.add(ALICE, "another", Person(str(ALICE), "An impostor"))
    assert (await accounts.person(ALICE)).name == "Alice"
    assert await accounts.check_password(ALICE, "secret")


async def test_of_two_who_add_the_same_person_at_once_one_wins(accounts):
    tries = await asyncio.gather(
        accounts.add(BOB, "first", Person(str(BOB), "One")),
        accounts.add(BOB, "second", Person(str(BOB), "Other")),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in tries) == ["Conflict", "NoneType"]
    right = [await accounts.check_password(BOB, word) for word in ("first", "second")]
    assert sorted(right) == [False, True]


@pytest.mark.parametrize(("password", "error"), [("", Refused), ("bell\a", Refused), ("x" * 5000, TooLarge)])
async def test_a_bad_password_adds_nobody(accounts, password, error):
    with pytest.raises(error):
        await accounts.add(BOB, password, Person(str(BOB)))
    assert not await accounts.exists(BOB)
    with pytest.raises(error):
        await accounts.set_password(ALICE, password)
    assert await accounts.check_password(ALICE, "secret")


async def test_a_new_password_replaces_the_old_one_everywhere(accounts):
    before = await accounts.scram(ALICE, "sha-256"), await accounts.digest_ha1(ALICE, "SHA-256")
    await accounts.set_password(ALICE, "new")
    assert await accounts.check_password(ALICE, "new")
    assert not await accounts.check_password(ALICE, "secret")
    assert (await accounts.scram(ALICE, "sha-256"), await accounts.digest_ha1(ALICE, "SHA-256")) != before
    assert await accounts.digest_ha1(ALICE, "SHA-256") == ha1(ALICE, "new", "SHA-256")


async def test_nobody_has_no_password_to_change_and_cannot_be_removed(accounts):
    with pytest.raises(NotFound):
        await accounts.set_password(NOBODY, "new")
    with pytest.raises(NotFound):
        await accounts.remove(NOBODY)


async def test_somebody_removed_is_gone_after_those_who_must_know_were_told(accounts):
    heard = []

    async def leaving(who):
        heard.append((who, await accounts.exists(who)))

    accounts.leaving.append(leaving)
    await accounts.remove(ALICE)
    assert heard == [(ALICE, True)]
    assert not await accounts.exists(ALICE)
    assert not await accounts.check_password(ALICE, "secret")
    assert not (await accounts.scram(ALICE, "sha-256")).real


# ---- passwords


async def test_the_right_password_and_no_other(accounts):
    assert await accounts.check_password(ALICE, "secret")
    for wrong in ("Secret", "secret ", "", "\0", "x" * 100_000):
        assert not await accounts.check_password(ALICE, wrong)
    assert not await accounts.check_password(NOBODY, "secret")


async def test_a_password_typed_in_another_spelling_is_the_same(accounts):
    await accounts.set_password(ALICE, "p\u00e4ss word")
    assert await accounts.check_password(ALICE, "pa\u0308ss\u00a0word")


async def test_somebody_without_a_password_signs_in_with_none(accounts):
    await accounts.add(BOB, None, Person(str(BOB)))
    for word in ("", "secret", "None"):
        assert not await accounts.check_password(BOB, word)
    assert not (await accounts.scram(BOB, "sha-1")).real


async def test_hashing_happens_beside_the_loop_and_not_all_at_once(accounts, monkeypatch):
    running, most, lock = 0, 0, threading.Lock()
    threads = set()

    def slow(*_):
        nonlocal running, most
        threads.add(threading.current_thread())
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(0.02)
        with lock:
            running -= 1
        return False

    gate = threading.Event()
    monkeypatch.setattr(f"{Accounts.__module__}.matches", slow)
    await asyncio.gather(*(accounts.check_password(ALICE, "guess") for _ in range(12)))
    assert 1 <= most <= MAX_HASHING
    assert threading.main_thread() not in threads


async def test_an_unreadable_key_is_a_refusal_and_one_line_in_the_log(accounts, store, caplog):
    await store.put_credentials(ALICE, {"scrypt": "nonsense", "scram-sha-256": "nonsense"})
    with caplog.at_level(logging.ERROR):
        assert not await accounts.check_password(ALICE, "secret")
        assert not (await accounts.scram(ALICE, "sha-256")).real
    assert len(caplog.records) == 2
    assert "nonsense" not in caplog.text
    assert "secret" not in caplog.text


async def test_the_log_names_people_and_never_passwords(store, caplog):
    with caplog.at_level(logging.DEBUG):
        accounts = accounts_on(store)
        await accounts.add(ALICE, "canary-1", Person(str(ALICE)))
        await accounts.set_password(ALICE, "canary-2")
        await accounts.check_password(ALICE, "canary-3")
        await accounts.remove(ALICE)
    assert str(ALICE) in caplog.text
    assert "canary" not in caplog.text


# ---- plugins that know passwords


class Ldap:
    """Knows Bob and says no to Alice; has no opinion about others."""

    def __init__(self):
        self.asked = []

    @hookimpl
    async def authenticate(self, identity, password):
        self.asked.append(identity)
        return {BOB: password == "directory", ALICE: False}.get(identity)


async def test_a_plugin_that_answers_decides(store):
    ldap = Ldap()
    accounts = accounts_on(store, ldap)
    await accounts.add(ALICE, "secret", Person(str(ALICE)))
    assert await accounts.check_password(BOB, "directory")
    assert not await accounts.check_password(BOB, "wrong")
    assert not await accounts.check_password(ALICE, "secret")
    assert ldap.asked == [BOB, BOB, ALICE]


async def test_where_plugins_have_no_answer_the_stored_keys_decide(store):
    accounts = accounts_on(store, Ldap())
    carol = Identity("carol", "example.test")
    await accounts.add(carol, "secret", Person(str(carol)))
    assert await accounts.check_password(carol, "secret")
    assert not await accounts.check_password(carol, "wrong")


class Broken:
    @hookimpl
    def authenticate(self, identity, password):
        raise RuntimeError("the directory is down")


async def test_a_plugin_that_breaks_lets_nobody_in_and_nobody_down(store):
    accounts = accounts_on(store, Broken())
    await accounts.add(ALICE, "secret", Person(str(ALICE)))
    assert await accounts.check_password(ALICE, "secret")
    assert not await accounts.check_password(ALICE, "wrong")


# ---- keys for protocols


async def test_the_keys_for_scram_are_those_of_the_password(accounts):
    for algorithm in ("sha-256", "sha-1"):
        key = await accounts.scram(ALICE, algorithm)
        assert key.real
        assert key.iterations == ITERATIONS


async def test_the_key_for_digest_is_h_of_user_realm_password(accounts):
    for algorithm in ("MD5", "SHA-256"):
        assert await accounts.digest_ha1(ALICE, algorithm) == ha1(ALICE, "secret", algorithm)


async def test_a_site_that_turns_md5_off_uses_no_md5_that_is_still_stored(accounts, store):
    strict = accounts_on(store, digest_md5=False)
    assert await strict.digest_ha1(ALICE, "SHA-256") == ha1(ALICE, "secret", "SHA-256")
    assert await strict.digest_ha1(ALICE, "MD5") != ha1(ALICE, "secret", "MD5")
    await strict.set_password(ALICE, "new")
    assert "digest-md5" not in await store.credentials(ALICE)


async def test_people_who_do_not_exist_look_like_people_who_do(accounts):
    real, fake = await accounts.scram(ALICE, "sha-256"), await accounts.scram(NOBODY, "sha-256")
    assert (len(fake.salt), fake.iterations, len(fake.stored_key)) == (
        len(real.salt),
        real.iterations,
        len(real.stored_key),
    )
    assert not fake.real
    assert fake == await accounts.scram(NOBODY, "sha-256")
    assert len(await accounts.digest_ha1(NOBODY, "MD5")) == len(await accounts.digest_ha1(ALICE, "MD5"))
    assert await accounts.digest_ha1(NOBODY, "MD5") == await accounts.digest_ha1(NOBODY, "MD5")


async def test_a_restart_changes_no_fake(accounts, store):
    """A salt that changes gives away that there is nobody."""
    again = accounts_on(store)
    assert await again.scram(NOBODY, "sha-1") == await accounts.scram(NOBODY, "sha-1")
    assert await again.digest_ha1(NOBODY, "SHA-256") == await accounts.digest_ha1(NOBODY, "SHA-256")


async def test_an_unknown_person_costs_the_same_hash(accounts, monkeypatch):
    """The same work, counted in calls and their cost parameters rather than in milliseconds."""
    asked = []
    module = ScryptSpy(asked)
    monkeypatch.setattr("hashlib.scrypt", module)
    await accounts.check_password(ALICE, "guess")
    await accounts.check_password(NOBODY, "guess")
    assert len(asked) == 2
    assert asked[0] == asked[1]


class ScryptSpy:
    """Notes the cost of every scrypt, and the lengths that go in."""

    def __init__(self, asked):
        self.asked = asked

    def __call__(self, password, *, salt, n, r, p, maxmem, dklen):
        self.asked.append((len(password), len(salt), n, r, p, maxmem, dklen))
        return bytes(dklen)


# ---- failures


async def test_too_many_failures_make_an_address_wait_by_the_servers_clock(store):
    clock = Clock()
    accounts = Accounts(store, hooks_of(), clock, secret=SECRET)
    for _ in range(8):
        accounts.failed("192.0.2.7", ALICE)
    assert accounts.limited("192.0.2.7", ALICE) == 8.0
    assert accounts.limited("192.0.2.8", ALICE) == 0.0
    clock.turn(seconds=5)
    assert accounts.limited("192.0.2.7", ALICE) == 3.0
    clock.turn(seconds=5)
    assert accounts.limited("192.0.2.7", None) == 0.0


async def test_signing_in_is_remembered(store):
    accounts = Accounts(store, hooks_of(), Clock(), secret=SECRET)
    accounts.succeeded("192.0.2.7", BOB)
    for _ in range(8):
        accounts.failed("192.0.2.7", ALICE)
    assert accounts.limited("192.0.2.7", BOB) == 0.0
    assert accounts.limited("192.0.2.7", None) == 8.0


async def test_a_new_password_counts_at_once_although_keys_are_held_in_memory(front_end):
    accounts = front_end.accounts
    before = await accounts.digest_ha1(ALICE, "SHA-256")
    assert await accounts.digest_ha1(ALICE, "SHA-256") == before
    await accounts.set_password(ALICE, "quite another one")
    assert await accounts.digest_ha1(ALICE, "SHA-256") != before
    assert await accounts.check_password(ALICE, "quite another one")
    await accounts.remove(ALICE)
    assert not (await accounts.scram(ALICE, "sha-256")).real


async def test_a_key_read_while_the_password_changes_is_not_held(front_end):
    accounts = front_end.accounts
    reading = asyncio.ensure_future(accounts.digest_ha1(BOB, "SHA-256"))
    await accounts.set_password(BOB, "quite another one")
    await reading
    store = await front_end.store.credentials(BOB)
    assert await accounts.digest_ha1(BOB, "SHA-256") == store["digest-sha-256"]
