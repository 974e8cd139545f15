"""What a state machine of RFC 3261 section 17 is made of: states, events, deeds, arrows and timers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class State(StrEnum):
    """The states of figures 5 to 8, and Accepted of RFC 6026."""

    CALLING = "calling"
    TRYING = "trying"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


class Event(StrEnum):
    """What the figures write beside their arrows."""

    REQUEST = "request"
    ACK = "ACK"
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    TRANSPORT_ERROR = "transport error"
    TIMER_A = "timer A"
    TIMER_B = "timer B"
    TIMER_D = "timer D"
    TIMER_E = "timer E"
    TIMER_F = "timer F"
    TIMER_G = "timer G"
    TIMER_H = "timer H"
    TIMER_I = "timer I"
    TIMER_J = "timer J"
    TIMER_K = "timer K"
    TIMER_L = "timer L"
    TIMER_M = "timer M"
    SLOW = "no answer yet"
    TOO_LATE = "no answer ever"


class Deed(StrEnum):
    """What the figures write below the line."""

    SEND = "send"
    RESEND = "send the last response again"
    TRYING = "send 100 unless something was sent"
    ACKNOWLEDGE = "send ACK"
    PASS_UP = "pass to the TU"
    TIMED_OUT = "inform the TU of the timeout"
    FAILED = "inform the TU of the transport error"


class Step(NamedTuple):
    """Where an arrow leads, and what is done on the way."""

    to: State
    deeds: tuple[Deed, ...] = ()


class Timer(NamedTuple):
    """Runs in some states.  ``reliable`` is its value over a reliable transport, None when it does not run there."""

    event: Event
    states: frozenset[State]
    value: float
    reliable: float | None
    again: Callable[[float, State], float] | None = None


Table = Mapping[State, Mapping[Event, Step]]


class Plan(NamedTuple):
    """What happens to the timers on the way from one state to another."""

    at_once: Event | None
    starting: tuple[tuple[Event, float], ...]
    running_on: frozenset[Event]


@dataclass(frozen=True, eq=False)
class Machine:
    """One figure."""

    name: str
    start: State
    table: Table
    timers: tuple[Timer, ...]

    @lru_cache(maxsize=256)  # noqa: B019 - there are four machines, and they live as long as the program
    def plan(self, before: State | None, state: State, reliable: bool) -> Plan:
        """The timers of a state, seen from the one before: those that start, and those that run on."""
        starting: list[tuple[Event, float]] = []
        running_on: set[Event] = set()
        for timer in self.timers:
            value = timer.reliable if reliable else timer.value
            if state not in timer.states or value is None:
                continue
            if before in timer.states:
                running_on.add(timer.event)
            elif value == 0:
                return Plan(timer.event, (), frozenset())
            else:
                starting.append((timer.event, value))
        return Plan(None, tuple(starting), frozenset(running_on))

    def again(self, event: Event, interval: float, state: State) -> float | None:
        """The next interval of a timer that went off, None when it does not go off again."""
        timer = next(timer for timer in self.timers if timer.event is event)
        return None if timer.again is None or state not in timer.states else timer.again(interval, state)
