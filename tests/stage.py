"""A front end to play on: the cast has accounts, and signs in at desks that remember what they were shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from ..core.front_end import FrontEnd
from ..core.identity import Identity
from ..core.message import Message, Utterance
from ..core.people import Person
from ..core.registrar import Binding
from ..core.settings import FrontEndSettings
from .people import ALICE, BOB, CAROL, DAVE, Clock, Desk, at
from .plugged import hooks_of

PASSWORD = "correct horse"
KEYS: dict[Identity, Mapping[str, str]] = {}
"""What the store keeps of the cast's password."""


@asynccontextmanager
async def front_end_in(
    state: Path, *plugins: object, clock: Clock | None = None, **settings: object
) -> AsyncIterator[FrontEnd]:
    """A running front end whose state is in a folder; the cast is made the first time."""
    running = FrontEnd(
        FrontEndSettings(**settings),  # type: ignore[arg-type]
        hooks_of(*plugins),
        {type(plugin).__name__: plugin for plugin in plugins},
        state,
        clock=clock or Clock(),
    )
    async with running:
        for person, name in ((ALICE, "Alice"), (BOB, "Bob"), (CAROL, "Carol"), (DAVE, "Dave")):
            if not await running.accounts.exists(person):
                await enrol(running, person, name)
        yield running


async def enrol(front_end: FrontEnd, person: Identity, name: str) -> None:
    """Give somebody an account.  Keys are slow to derive on purpose, so a person's are derived once for all tests."""
    if person not in KEYS:
        await front_end.accounts.add(person, PASSWORD, Person(str(person), name))
        KEYS[person] = await front_end.store.credentials(person)
    else:
        await front_end.store.put_person(person, Person(str(person), name))
        await front_end.store.put_credentials(person, KEYS[person])


def sit(front_end: FrontEnd, person: Identity, instance: str = "desk", **more: object) -> Desk:
    """Sign a person in at a desk."""
    desk = Desk(**more)  # type: ignore[arg-type]
    front_end.registrar.bind(Binding(at(person, instance), desk, client="a test's desk"))
    return desk


async def say(front_end: FrontEnd, person: Identity, to: Identity, text: str, **more: object) -> Message:
    """Say something to a person or a conference."""
    return await front_end.immcu.send(Utterance(at(person), text, **more), to)  # type: ignore[arg-type]
