"""A command: who may have it done, what it asks, what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from ....core.identity import Identity
from ..forms import Answers, Field


class Stage(NamedTuple):
    """What is asked at once."""

    title: str
    instructions: str
    fields: tuple[Field, ...]


class Outcome(NamedTuple):
    """What came of it: words for who asked, and a form or a table (forms.py) that reports."""

    note: str = ""
    report: bytes = b""


Ask = Callable[[Answers], Awaitable[Stage]]
"""Makes a stage from what was answered in those before."""
May = Callable[[Identity], bool]
"""Whether somebody may have it done."""
Do = Callable[[Identity, Answers], Awaitable[Outcome]]
"""Does it for somebody, with what was answered in all stages.  Raises a HereaboutsError where it cannot be done."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command.  Without stages it is done at once."""

    node: str
    """Its name for programs."""
    name: str
    """Its name for people."""
    do: Do
    may: May
    stages: tuple[Ask, ...] = ()
    form_type: str = ""


def asks(title: str, instructions: str, *fields: Field) -> Ask:
    """A stage that is always the same."""
    stage = Stage(title, instructions, fields)

    async def ask(answers: Answers) -> Stage:
        return stage

    return ask


class Commands:
    """All there are; a plugin adds its own in its ``lifespan``."""

    def __init__(self) -> None:
        self._commands: dict[str, Command] = {}

    def add(self, command: Command) -> None:
        """One more; each node is one command, the one that was added last."""
        self._commands[command.node] = command

    def remove(self, node: str) -> None:
        """It can be asked for no more."""
        self._commands.pop(node, None)

    def at(self, node: str) -> Command | None:
        """The command of this name."""
        return self._commands.get(node)

    def of(self, who: Identity) -> list[Command]:
        """What somebody may ask for, in order of the names that people see."""
        return sorted((one for one in self._commands.values() if one.may(who)), key=lambda one: one.name)
