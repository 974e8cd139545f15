"""How long a stream may take and be silent.  Pure: time is an argument."""

from __future__ import annotations

import enum

from .limits import FORM_TIME, REST_TIME, SIGN_IN_TIME, STEP_TIME
from .states import State


class Verdict(enum.Enum):
    """What the time that has passed asks for."""

    LATE = "the client took too long to sign in"
    REST = "nothing has come for a while"
    ASK = "is the client still there?"
    DEAD = "the client did not answer"


class Patience:
    """Before a resource is bound each step has its time, and all of them; after, silence has."""

    __slots__ = ("_answer_time", "_asked", "_began", "_form", "_heard", "_idle_time", "_rested", "_since", "_thought")

    def __init__(self, now: float, idle_time: float, answer_time: float) -> None:
        self._began = self._since = self._heard = now
        self._idle_time = idle_time
        self._answer_time = answer_time
        self._asked: float | None = None
        self._rested = False
        self._thought = False
        self._form = now

    def heard(self, now: float) -> None:
        """Something came, be it white space (RFC 6120 section 11.7)."""
        self._heard = now
        self._asked = None
        self._rested = False

    def stepped(self, now: float) -> None:
        """The negotiation went a step further."""
        self._since = now

    def think(self, now: float) -> None:
        """Somebody has to fill something in: once, that gets a time of its own."""
        if not self._thought:
            self._thought = True
            self._began = now + FORM_TIME - SIGN_IN_TIME
            self._form = now + FORM_TIME

    def due(self, state: State) -> float | None:
        """When there will be a verdict."""
        if state is State.ENDED:
            return None
        if state is State.BOUND:
            if self._asked is not None:
                return self._asked + self._answer_time
            return self._heard + (self._idle_time if self._rested else min(REST_TIME, self._idle_time))
        all_steps = self._began + SIGN_IN_TIME
        # what is being checked is not the client's delay, but ours
        return all_steps if state is State.CHECKING else min(all_steps, max(self._since + STEP_TIME, self._form))

    def verdict(self, state: State, now: float) -> Verdict | None:
        """What is to be done now, if anything."""
        due = self.due(state)
        if due is None or now < due:
            return None
        if state is not State.BOUND:
            return Verdict.LATE
        if self._asked is not None:
            return Verdict.DEAD
        if now >= self._heard + self._idle_time:
            self._asked = now
            return Verdict.ASK
        self._rested = True
        return Verdict.REST
