"""One transaction: a run through one of the four machines.  Time is an argument, what follows is returned."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ..syntax.message import Request, Response
from ..transport.flow import Flow
from .machine import Deed, Event, Machine, State
from .machines import INVITE_CLIENT, INVITE_SERVER, OTHER_CLIENT, OTHER_SERVER


class Send(NamedTuple):
    """Bytes for the wire."""

    data: bytes


class PassUp(NamedTuple):
    """A message for the transaction user."""

    message: Request | Response


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The other side did not answer in time."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The transport could not."""


Action: TypeAlias = Send | PassUp | TimedOut | Failed


Key: TypeAlias = tuple[Hashable, ...]


class Course:
    """Where one run through a machine stands: its state, and the timers of that state."""

    __slots__ = ("_machine", "_reliable", "_running", "next_timer", "state")

    def __init__(self, machine: Machine, reliable: bool, now: float) -> None:
        self._machine = machine
        self._reliable = reliable
        self._running: dict[Event, tuple[float, float]] = {}
        self.next_timer: float | None = None
        """When ``tick`` has something to do, None when nothing runs."""
        self.state = machine.start
        self._start_timers(None, now)

    def happens(self, event: Event, now: float) -> tuple[Deed, ...]:
        """Follow the arrow of this event; no arrow, nothing happens."""
        step = self._machine.table[self.state].get(event)
        if step is None:
            return ()
        if step.to is not self.state:
            before, self.state = self.state, step.to
            self._start_timers(before, now)
        return step.deeds

    def tick(self, now: float) -> list[Deed]:
        """The deeds of every timer that is due, in the order in which they were due."""
        deeds: list[Deed] = []
        while self._running:
            event, (due, interval) = min(self._running.items(), key=lambda running: running[1])
            if due > now:
                break
            del self._running[event]
            deeds += self.happens(event, now)
            next_interval = self._machine.again(event, interval, self.state)
            if next_interval is not None:
                self._running[event] = (due + next_interval, next_interval)
        self._look_ahead()
        return deeds

    def _start_timers(self, before: State | None, now: float) -> None:
        at_once, starting, running_on = self._machine.plan(before, self.state, self._reliable)
        if running_on:
            self._running = {event: running for event, running in self._running.items() if event in running_on}
        else:
            self._running = {}
        for event, value in starting:
            self._running[event] = (now + value, value)
        self._look_ahead()
        if at_once is not None:
            self.happens(at_once, now)

    def _look_ahead(self) -> None:
        self.next_timer = min(self._running.values())[0] if self._running else None


class ClientTransaction:
    """RFC 3261 section 17.1.  ``send`` once, then ``receive`` what matches."""

    __slots__ = ("_course", "_data", "armed", "flow", "key", "request", "user", "vias")

    def __init__(self, request: Request, flow: Flow, now: float, key: Key = ()) -> None:
        self.request = request
        self.flow = flow
        self.key = key
        self.armed: float | None = None
        self.user: object = None
        self.vias = len(request.all("Via"))
        """How many its response has, too."""
        self._data = bytes(request)
        self._course = Course(INVITE_CLIENT if request.method == "INVITE" else OTHER_CLIENT, flow.reliable, now)

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._course.state

    @property
    def next_timer(self) -> float | None:
        """When ``tick`` is due."""
        return self._course.next_timer

    def send(self) -> list[Action]:
        """The request, the first time."""
        return [Send(self._data)]

    def receive(self, response: Response, now: float) -> list[Action]:
        """A response that matches this transaction."""
        return self._do(self._course.happens(_class_of(response.status), now), response)

    def transport_error(self, now: float) -> list[Action]:
        """The flow is gone."""
        return self._do(self._course.happens(Event.TRANSPORT_ERROR, now), None)

    def tick(self, now: float) -> list[Action]:
        """What the due timers demand."""
        return self._do(self._course.tick(now), None)

    def _do(self, deeds: tuple[Deed, ...] | list[Deed], response: Response | None) -> list[Action]:
        actions: list[Action] = []
        for deed in deeds:
            match deed:
                case Deed.SEND:
                    actions.append(Send(self._data))
                case Deed.ACKNOWLEDGE if response is not None:
                    actions.append(Send(bytes(self._ack(response))))
                case Deed.PASS_UP if response is not None:
                    actions.append(PassUp(response))
                case Deed.TIMED_OUT:
                    actions.append(TimedOut())
                case Deed.FAILED:
                    actions.append(Failed())
        return actions

    def _ack(self, response: Response) -> Request:
        """RFC 3261 section 17.1.1.3: the ACK for a response that is no 2xx."""
        invite = self.request
        ack = Request("ACK", invite.uri, [("Via", invite.all("Via")[0])])
        for route in invite.all("Route"):
            ack.add("Route", route)
        ack.add("Max-Forwards", 70)
        ack.add("From", invite.first("From") or "")
        ack.add("To", response.first("To") or "")
        ack.add("Call-ID", invite.call_id)
        ack.add("CSeq", f"{invite.cseq.number} ACK")
        return ack


class ServerTransaction:
    """RFC 3261 section 17.2.  Made by a request; ``receive`` takes its repetitions and the ACK."""

    __slots__ = ("_course", "_last", "armed", "flow", "key", "merge_key", "request", "user")

    def __init__(self, request: Request, flow: Flow, now: float, key: Key = ()) -> None:
        self.request = request
        self.flow = flow
        self.key = key
        self.merge_key: Key = ()
        self.armed: float | None = None
        self.user: object = None
        self._last = b""
        self._course = Course(INVITE_SERVER if request.method == "INVITE" else OTHER_SERVER, flow.reliable, now)

    @property
    def state(self) -> State:
        """Where it stands."""
        return self._course.state

    @property
    def next_timer(self) -> float | None:
        """When ``tick`` is due."""
        return self._course.next_timer

    @property
    def answered(self) -> bool:
        """Whether a final response was given."""
        return self._course.state not in (State.TRYING, State.PROCEEDING)

    def receive(self, request: Request, now: float) -> list[Action]:
        """The same request again, or the ACK for the final response."""
        event = Event.ACK if request.method == "ACK" else Event.REQUEST
        return self._do(self._course.happens(event, now), request)

    def respond(self, response: Response, now: float) -> list[Action]:
        """A response from the transaction user.  One that comes too late, or after another final one, goes nowhere.

        RFC 4320 sections 4.1 and 4.2: what is no INVITE gets no provisional response but 100, and never a 408.
        """
        if self.request.method != "INVITE":
            if 100 < response.status < 200:
                raise ValueError(f"a {response.status} to a {self.request.method}")
            if response.status == 408:
                return self._do(self._course.happens(Event.TOO_LATE, now), None)
        return self._do(self._course.happens(_class_of(response.status), now), response)

    def transport_error(self, now: float) -> list[Action]:
        """The flow is gone."""
        return self._do(self._course.happens(Event.TRANSPORT_ERROR, now), None)

    def tick(self, now: float) -> list[Action]:
        """What the due timers demand."""
        return self._do(self._course.tick(now), None)

    def _do(self, deeds: tuple[Deed, ...] | list[Deed], message: Request | Response | None) -> list[Action]:
        actions: list[Action] = []
        for deed in deeds:
            match deed:
                case Deed.SEND if message is not None:
                    self._last = bytes(message)
                    actions.append(Send(self._last))
                case Deed.TRYING if not self._last:
                    self._last = bytes(self.request.reply(100))
                    actions.append(Send(self._last))
                case Deed.RESEND if self._last:
                    actions.append(Send(self._last))
                case Deed.PASS_UP if message is not None:
                    actions.append(PassUp(message))
                case Deed.TIMED_OUT:
                    actions.append(TimedOut())
                case Deed.FAILED:
                    actions.append(Failed())
        return actions


def _class_of(status: int) -> Event:
    return Event.PROVISIONAL if status < 200 else Event.SUCCESS if status < 300 else Event.FAILURE
