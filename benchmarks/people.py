"""The people of a benchmark, written into every server's own store before it starts: same names, same keys."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..core.contacts import Contact, Subscription
from ..core.credentials import DIGESTS, SCRAMS, ScramKey, ha1
from ..core.front_end import utc_now
from ..core.identity import Identity
from ..core.people import Person
from ..core.sqlite import SqliteStore

DOMAIN = "bench.test"
PASSWORD = "correct horse battery staple"
SALT = b"salt of everyone"
"""The same for everybody and on every server, so that a client derives its keys once: clients are not what is
measured."""
WATCHERS = 10
"""How many people each person of the ring is watched by, and watches."""

KEYS = {algorithm: ScramKey.derive(algorithm, PASSWORD, SALT) for algorithm in SCRAMS}
Pair = tuple[int, int]
"""Two people by number: the second sees the first."""


def who(number: int) -> Identity:
    """A person by number."""
    return Identity(f"load{number}", DOMAIN)


def star(watchers: int) -> list[Pair]:
    """Person 0 is seen by all the others."""
    return [(0, number) for number in range(1, watchers + 1)]


def rings(crowds: Iterable[range]) -> list[Pair]:
    """Everybody of a crowd is seen by the ten after them; the last ones by the first."""
    return [
        (crowd[place], crowd[(place + step) % len(crowd)])
        for crowd in crowds
        for place in range(len(crowd))
        for step in range(1, min(WATCHERS, len(crowd) - 1) + 1)
    ]


# ---- hereabouts


def fill_store(path: Path, people: int, pairs: Iterable[Pair]) -> None:
    """Into the database of hereabouts."""
    asyncio.run(_fill(path, people, list(pairs)))


async def _fill(path: Path, people: int, pairs: list[Pair]) -> None:
    scram = {kind: str(KEYS[algorithm]) for algorithm, kind in SCRAMS.items()}
    async with SqliteStore(path, clock=utc_now) as store:
        for first in range(0, people, 200):
            some = [who(number) for number in range(first, min(people, first + 200))]
            await asyncio.gather(*(store.put_person(one, Person(str(one))) for one in some))
            digests = {
                one: {kind: ha1(one, PASSWORD, algorithm) for algorithm, kind in DIGESTS.items()} for one in some
            }
            await asyncio.gather(*(store.put_credentials(one, scram | digests[one]) for one in some))
        await store.put_contacts(contacts(pairs))


def _digests(one: Identity) -> dict[str, str]:
    return {kind: ha1(one, PASSWORD, algorithm) for algorithm, kind in DIGESTS.items()}


def contacts(pairs: list[Pair]) -> Iterator[Contact]:
    """The entries of everybody's contact lists, on both sides."""
    seen = set(pairs)
    for owner, other in {pair for pair in pairs} | {(watcher, one) for one, watcher in pairs}:
        sees, shown = (other, owner) in seen, (owner, other) in seen
        kind = Subscription.BOTH if sees and shown else Subscription.TO if sees else Subscription.FROM
        yield Contact(who(owner), who(other), subscription=kind)


# ---- Prosody


def fill_prosody(folder: Path, people: int, pairs: Iterable[Pair]) -> None:
    """Into the files of Prosody's internal storage, which are tables in Lua."""
    home = folder / DOMAIN.replace(".", "%2e")
    key = KEYS["sha-1"]
    account = (
        f'return {{ ["stored_key"] = "{key.stored_key.hex()}"; ["server_key"] = "{key.server_key.hex()}";'
        f' ["iteration_count"] = {key.iterations}; ["salt"] = "{SALT.decode()}"; }};'
    )
    (home / "accounts").mkdir(parents=True)
    (home / "roster").mkdir()
    for number in range(people):
        (home / "accounts" / f"{who(number).user}.dat").write_bytes(account.encode())
    entries: dict[int, list[str]] = {}
    for contact in contacts(list(pairs)):
        owner = int(contact.owner.user.removeprefix("load"))
        entry = f'["{contact.address}"] = {{ ["subscription"] = "{contact.subscription}"; ["groups"] = {{}}; }};'
        entries.setdefault(owner, []).append(entry)
    for owner, lines in entries.items():
        text = f'return {{ [false] = {{ ["version"] = 1; ["pending"] = {{}}; }}; {" ".join(lines)} }};'
        (home / "roster" / f"{who(owner).user}.dat").write_text(text)


# ---- ejabberd


def fill_ejabberd(path: Path, people: int, pairs: Iterable[Pair]) -> None:
    """As rows of ejabberd's Mnesia tables, for file:consult/1."""
    key = KEYS["sha-1"]
    keys = ",".join(f'<<"{_text(part)}">>' for part in (key.stored_key, key.server_key, SALT))
    rows = [f"{{passwd,{_pair(who(number))},{{scram,{keys},sha,{key.iterations}}}}}." for number in range(people)]
    for contact in contacts(list(pairs)):
        owner, other = _pair(contact.owner), f'{{<<"{contact.address.user}">>,<<"{contact.address.domain}">>,<<>>}}'
        whose = f"{owner[:-1]},{other}}}"
        rows.append(f"{{roster,{whose},{owner},{other},<<>>,{contact.subscription},none,[],<<>>,[]}}.")
    path.write_text("\n".join(rows))


def _pair(person: Identity) -> str:
    return f'{{<<"{person.user}">>,<<"{person.domain}">>}}'


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
