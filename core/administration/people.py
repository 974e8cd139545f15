"""Deeds about people: who has an account, what the directory says of them, and their passwords."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from ..errors import NotFound
from ..front_end import FrontEnd
from ..people import Person
from .addresses import existing, named, ours

MAX_PEOPLE = 100_000
"""People given at once."""


async def people(
    front_end: FrontEnd, query: str = "", limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_PEOPLE)] = 1000
) -> Sequence[Person]:
    """Everybody with an account, or those whose name, address, mail or phone contains ``query``."""
    return await front_end.store.people(query, limit)


async def person(front_end: FrontEnd, who: str) -> Person:
    """What the directory says of one person."""
    found = await front_end.accounts.person(named(front_end, who))
    if found is None:
        raise NotFound(f"nobody is called {named(front_end, who)}")
    return found


async def add_person(
    front_end: FrontEnd,
    address: str,
    password: str | None = None,
    name: str = "",
    mail: str = "",
    phones: list[str] = [],  # noqa: B006
    title: str = "",
    time_zone: str = "",
    language: str = "",
) -> Person:
    """A new account.  Without a password a plugin must say who signs in as them."""
    who = ours(front_end, address)
    new = Person(str(who), name, mail, list(phones), title, time_zone, language)
    await front_end.accounts.add(who, password, new)
    return new


async def change_person(
    front_end: FrontEnd,
    who: str,
    name: str | None = None,
    mail: str | None = None,
    phones: list[str] | None = None,
    title: str | None = None,
    time_zone: str | None = None,
    language: str | None = None,
) -> Person:
    """Change what the directory says of somebody; what is not given stays."""
    given = {"name": name, "mail": mail, "phones": phones, "title": title, "time_zone": time_zone, "language": language}
    before = await person(front_end, who)
    after = msgspec.structs.replace(before, **{key: value for key, value in given.items() if value is not None})
    await front_end.store.put_person(named(front_end, who), after)
    return after


async def set_password(front_end: FrontEnd, who: str, password: str) -> None:
    """A new password; the old one is good for nothing from now on."""
    await front_end.accounts.set_password(await existing(front_end, who), password)


async def remove_person(front_end: FrontEnd, who: str) -> None:
    """Remove an account with its contact list; conversations and records stay."""
    await front_end.accounts.remove(await existing(front_end, who))
