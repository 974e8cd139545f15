"""Tokens in place of passwords: who holds one, for how long, and what ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from ...core import tokens
from ...core.accounts import Accounts
from ...core.people import Person
from ...core.sqlite import SqliteStore
from ...core.tokens import KIND, LIFETIME, ROTATE_AFTER
from ..people import ALICE, BOB, Clock
from ..plugged import hooks_of

HT = "HT-SHA-256-NONE"
PHONE, LAPTOP = "d4565fa7-4d72-4749-b3d3-740edbf87770", "laptop"


@pytest.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[Accounts]:
    clock = Clock()
    async with SqliteStore(tmp_path / "db", clock=clock) as store:
        accounts = Accounts(store, hooks_of(), clock, secret=b"of the server")
        for who in (ALICE, BOB):
            await accounts.add(who, "secret", Person(str(who)))
        yield accounts


async def shown(accounts: Accounts, who=ALICE, client: str = PHONE, mechanism: str = HT) -> list[str]:
    """The tokens that would be taken now."""
    return [c.secret.decode() for c in await accounts.tokens.candidates(who, client, mechanism) if not c.expired]


async def use(accounts: Accounts, secret: str) -> bool:
    (found,) = [c for c in await accounts.tokens.candidates(ALICE, PHONE, HT) if c.secret.decode() == secret]
    return await accounts.tokens.used(ALICE, PHONE, found.number)


async def test_a_token_is_one_persons_one_clients_and_one_mechanisms(accounts):
    token = await accounts.tokens.issue(ALICE, PHONE, HT)
    assert await shown(accounts) == [token.secret] and len(token.secret) >= 40
    assert await shown(accounts, BOB) == await shown(accounts, client=LAPTOP) == []
    assert await shown(accounts, mechanism="HT-SHA-256-ENDP") == []
    await accounts.tokens.issue(BOB, PHONE, HT)
    assert await shown(accounts, BOB) != [token.secret]


async def test_the_store_holds_none(accounts):
    token = await accounts.tokens.issue(ALICE, PHONE, HT)
    (kept,) = (await accounts._store.documents(KIND)).values()
    assert token.secret.encode() not in kept
    other = Accounts(accounts._store, hooks_of(), accounts._clock, secret=b"of another server")
    assert token.secret not in await shown(other)
    again = Accounts(accounts._store, hooks_of(), accounts._clock, secret=b"of the server")
    assert token.secret in await shown(again), "it outlives a restart"


async def test_a_token_ends(accounts):
    token = await accounts.tokens.issue(ALICE, PHONE, HT)
    assert token.expires == accounts._clock() + LIFETIME
    accounts._clock.turn(seconds=LIFETIME.total_seconds() - 1)
    assert await shown(accounts) == [token.secret]
    accounts._clock.turn(seconds=1)
    (candidate,) = await accounts.tokens.candidates(ALICE, PHONE, HT)
    assert candidate.expired and candidate.secret.decode() == token.secret


async def test_a_new_password_ends_all(accounts):
    old = [await accounts.tokens.issue(ALICE, client, HT) for client in (PHONE, LAPTOP)]
    await accounts.set_password(ALICE, "another")
    for token, client in zip(old, (PHONE, LAPTOP)):
        assert token.secret not in await shown(accounts, client=client)
    new = await accounts.tokens.issue(ALICE, PHONE, HT)
    assert new.secret in await shown(accounts)


async def test_a_removed_person_leaves_none(accounts):
    await accounts.tokens.issue(ALICE, PHONE, HT)
    await accounts.remove(ALICE)
    assert await accounts._store.documents(KIND) == {}
    await accounts.add(ALICE, "secret", Person(str(ALICE)))
    assert await shown(accounts) == []


async def test_the_next_one_replaces_the_last_when_it_is_used(accounts):
    first = await accounts.tokens.issue(ALICE, PHONE, HT)
    assert not await use(accounts, first.secret), "it is young"
    accounts._clock.turn(seconds=ROTATE_AFTER.total_seconds())
    assert await use(accounts, first.secret)
    second = await accounts.tokens.issue(ALICE, PHONE, HT)
    assert await shown(accounts) == [second.secret, first.secret], "the answer may have been lost"
    assert await use(accounts, first.secret), "it is still time for another"
    third = await accounts.tokens.issue(ALICE, PHONE, HT)
    assert await shown(accounts) == [third.secret, first.secret], "who gets a third has not seen the second"
    assert not await use(accounts, third.secret)
    assert await shown(accounts) == [third.secret]


async def test_what_was_never_used_is_replaced(accounts):
    first = await accounts.tokens.issue(ALICE, PHONE, HT)
    second = await accounts.tokens.issue(ALICE, PHONE, HT)
    assert await shown(accounts) == [second.secret] and first.secret != second.secret


async def test_a_client_that_chooses_another_mechanism_begins_anew(accounts):
    first = await accounts.tokens.issue(ALICE, PHONE, HT)
    await use(accounts, first.secret)
    second = await accounts.tokens.issue(ALICE, PHONE, "HT-SHA-256-ENDP")
    assert await shown(accounts) == []
    assert await shown(accounts, mechanism="HT-SHA-256-ENDP") == [second.secret]


async def test_a_token_is_given_back(accounts):
    await accounts.tokens.issue(ALICE, PHONE, HT)
    await accounts.tokens.issue(ALICE, LAPTOP, HT)
    await accounts.tokens.forget(ALICE, PHONE)
    assert await shown(accounts) == [] and await shown(accounts, client=LAPTOP) != []
    assert not await accounts.tokens.used(ALICE, PHONE, "gone meanwhile")
    assert not await accounts.tokens.used(ALICE, LAPTOP, "another's")


async def test_all_of_a_person_are_forgotten_and_nobody_elses(accounts):
    for who, client in ((ALICE, PHONE), (ALICE, LAPTOP), (BOB, PHONE)):
        await accounts.tokens.issue(who, client, HT)
    assert await accounts.tokens.forget_all(ALICE) == 2 and await accounts.tokens.forget_all(ALICE) == 0
    assert await shown(accounts) == await shown(accounts, client=LAPTOP) == []
    assert len(await shown(accounts, BOB)) == 1


async def test_a_person_has_so_many(accounts, monkeypatch):
    monkeypatch.setattr(tokens, "MAX_CLIENTS", 3)
    for number in range(5):
        await accounts.tokens.issue(ALICE, f"client {number}", HT)
        accounts._clock.turn(minutes=1)
    await accounts.tokens.issue(BOB, PHONE, HT)
    kept = await accounts._store.documents(KIND, f"{ALICE}/")
    assert sorted(kept) == [f"{ALICE}/client {number}" for number in (2, 3, 4)]
    accounts._clock.turn(seconds=(LIFETIME + timedelta(minutes=9)).total_seconds())
    await accounts.tokens.issue(ALICE, PHONE, HT)
    assert list(await accounts._store.documents(KIND, f"{ALICE}/")) == [f"{ALICE}/{PHONE}"]


async def test_a_client_has_one_name_for_others_that_tells_nothing(accounts):
    alias = accounts.tokens.alias(ALICE, PHONE)
    assert alias == accounts.tokens.alias(ALICE, PHONE) and len(alias) == 12
    assert len({alias, accounts.tokens.alias(BOB, PHONE), accounts.tokens.alias(ALICE, LAPTOP)}) == 3


async def test_nothing_secret_is_shown(accounts):
    token = await accounts.tokens.issue(ALICE, PHONE, HT)
    (candidate,) = await accounts.tokens.candidates(ALICE, PHONE, HT)
    assert token.secret not in repr(candidate)
