"""The four people of the demo: made on the first start, each on the others' contact lists."""

from __future__ import annotations

import asyncio
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ..durable_file import write_whole
from ..errors import HereaboutsError
from ..identity import Identity
from .user import new_password

if TYPE_CHECKING:
    from ..front_end import FrontEnd

KEPT = "demo.json"
"""The file in the state folder that remembers the password."""


class Part(NamedTuple):
    """One of them: name, what they do, and the group they are in on the others' lists."""

    name: str
    title: str
    group: str


CAST = {
    "alice": Part("Alice Adler", "Head of Sales", "Sales"),
    "bob": Part("Bob Berger", "Engineer", "Engineering"),
    "carol": Part("Carol Christ", "Support", "Support"),
    "dave": Part("Dave Dorn", "Accountant", "Finance"),
}


async def cast_of(front_end: FrontEnd) -> dict[str, str]:
    """Address and password of each; whoever is missing is made."""
    from ..administration import perform

    domain = front_end.domains[0]
    password = _password(front_end.state / KEPT)
    people = {f"{user}@{domain}": part for user, part in CAST.items()}
    exists = await asyncio.gather(*(front_end.accounts.exists(Identity.parse(who)) for who in people))
    new = {who for who, there in zip(people, exists, strict=True) if not there}
    await asyncio.gather(
        *(
            perform(front_end, "add_person", address=who, password=password, name=part.name, title=part.title, mail=who)
            for who, part in people.items()
            if who in new
        )
    )
    for who, other in permutations(people, 2):
        if who in new or other in new:
            part = people[other]
            await perform(
                front_end, "put_contact", who=who, address=other, name=part.name, groups=[part.group], mutual=True
            )
    return dict.fromkeys(people, password)


def _password(path: Path) -> str:
    """The same at every start.  Raises HereaboutsError."""
    try:
        return str(msgspec.json.decode(path.read_bytes(), type=dict[str, str])["password"])
    except FileNotFoundError:
        password = new_password()
        write_whole(path, msgspec.json.encode({"password": password}), 0o600)
        return password
    except (msgspec.MsgspecError, KeyError):
        raise HereaboutsError(
            f"{path} does not hold the demo's password any more: remove it, and its accounts"
        ) from None
