"""Commands under way: each is one client's, has a name that is never used again, and ends by itself.  Pure: time is
an argument."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from ..forms import Answers
from .command import Command, Stage

EXECUTION_TIME = 600.0
"""Seconds a command waits for the next form."""
PER_CLIENT = 10
"""Commands one client may have under way; the oldest ends for one more."""
MAX_EXECUTIONS = 1000
"""Commands under way in all; the oldest ends for one more."""
MAX_ENDED = 2000
"""Executions that have ended and are remembered, so that who goes on with one learns that it is over."""


@dataclass(slots=True, eq=False)
class Execution:
    """One command under way (section 3.3).  ``stage`` is being asked; ``answers`` are those of the stages before."""

    id: str
    command: Command
    client: str
    due: float
    stage: Stage | None = None
    answers: list[Answers] = field(default_factory=list)

    @property
    def is_last(self) -> bool:
        """Whether the command is done with the answer to what is being asked."""
        return len(self.answers) + 1 >= len(self.command.stages)

    def all_answers(self, last: Answers | None = None) -> Answers:
        """Those of all stages, as one."""
        together: dict[str, tuple[str, ...]] = {}
        for answers in [*self.answers, *([last] if last is not None else [])]:
            together.update(answers)
        return Answers(together)


class Executions:
    """Those under way, the one that was touched last at the end."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Execution] = OrderedDict()
        self._ended: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, command: Command, client: str, now: float) -> Execution:
        """A new one."""
        self._expire(now)
        theirs = [one for one in self._open.values() if one.client == client]
        if len(theirs) >= PER_CLIENT:
            self.end(theirs[0])
        elif len(self._open) >= MAX_EXECUTIONS:
            self.end(next(iter(self._open.values())))
        execution = Execution(secrets.token_urlsafe(12), command, client, now + EXECUTION_TIME)
        self._open[execution.id] = execution
        return execution

    def find(self, id: str, client: str, now: float) -> Execution | None:
        """The client's own of this name; it has its time again."""
        self._expire(now)
        execution = self._open.get(id)
        if execution is None or execution.client != client:
            return None
        execution.due = now + EXECUTION_TIME
        self._open.move_to_end(id)
        return execution

    def has_ended(self, id: str, client: str) -> bool:
        """Whether it was the client's, and is over."""
        return self._ended.get(id) == client

    def end(self, execution: Execution) -> None:
        """It is over."""
        if self._open.pop(execution.id, None) is None:
            return
        self._ended[execution.id] = execution.client
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)

    def _expire(self, now: float) -> None:
        while self._open and (oldest := next(iter(self._open.values()))).due <= now:
            self.end(oldest)
