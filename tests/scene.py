"""Scenes: small plays that people can read and the server must perform.  One line, one step."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from ..core.call import CANCELLED, DECLINED, HUNG_UP, NOT_ANSWERED, Call, Party
from ..core.conversation import Conversation, History
from ..core.errors import HereaboutsError
from ..core.front_end import FrontEnd
from ..core.housekeeping import end_idle
from ..core.identity import Endpoint, Identity
from ..core.message import Utterance
from ..core.presence import Activity, Availability, Publication, Source
from ..core.presence_registry import View
from .people import Clock, Desk, at, who
from .stage import front_end_in, sit

STEPS: list[tuple[re.Pattern[str], Callable[..., Awaitable[None]]]] = []


def step(pattern: str) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """The decorated method performs every line that matches."""

    def mark(function: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        STEPS.append((re.compile(pattern), function))
        return function

    return mark


class Onlooker:
    """Somebody's eye on somebody: the newest view."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.view: View | None = None

    def notify(self, view: View, before: View | None) -> None:
        self.view = view


class Stage:
    """What stands on the stage: the front end, the desks, who watches whom, and the last refusal."""

    def __init__(self, state: Path) -> None:
        self.state, self.clock = state, Clock()
        self.running = AsyncExitStack()
        self.desks: dict[Endpoint, Desk] = {}
        self.eyes: dict[tuple[str, str], Onlooker] = {}
        self.refusals: list[str] = []
        self.talk: Conversation | None = None
        self.call: Call | None = None

    async def begin(self) -> None:
        self.front_end: FrontEnd = await self.running.enter_async_context(front_end_in(self.state, clock=self.clock))

    @step(r"(\w+) signs in(?: at (?:his|her) (\w+))?")
    async def sign_in(self, name: str, instance: str | None) -> None:
        endpoint = at(who(name), instance or "desk")
        self.desks[endpoint] = sit(self.front_end, who(name), endpoint.instance)
        await self.front_end.fan_out.catch_up(endpoint)

    @step(r"(\w+) signs out")
    async def sign_out(self, name: str) -> None:
        self.front_end.registrar.unbind(at(who(name)))
        await self.front_end.presence.depart(who(name), "desk")

    @step(r"(\w+) (?:to (\w+)): (.*)")
    async def say(self, name: str, to: str, text: str) -> None:
        utterance = Utterance(at(who(name)), text)
        assert to != "all" or (self.talk and self.talk.address), "there is no conference yet"
        address = self.talk.address if to == "all" and self.talk else who(to)
        assert address is not None
        try:
            message = await self.front_end.immcu.send(utterance, address)
        except HereaboutsError as refusal:
            self.refusals.append(type(refusal).__name__)
        else:
            self.talk = self.front_end.immcu.conversations[message.conversation]

    @step(r"(\w+) adds (\w+) and shows (none|now|all)")
    async def add(self, name: str, other: str, history: str) -> None:
        assert self.talk is not None
        await self.front_end.immcu.add(self.talk, who(other), by=who(name), history=History(history))

    @step(r"(\w+) leaves")
    async def leave(self, name: str) -> None:
        assert self.talk is not None
        await self.front_end.immcu.leave(self.talk, who(name))

    @step(r"(\w+) hears (\w+)(?: at (?:his|her) (\w+))?(, late)?: (.*)")
    async def hear(self, name: str, speaker: str, instance: str | None, late: str | None, text: str) -> None:
        delivery = self.desks[at(who(name), instance or "desk")].shown.pop(0)
        assert (delivery.message.sender, delivery.message.text) == (who(speaker), text), delivery.message
        if late:
            assert delivery.delayed

    @step(r"(\w+) hears nothing more")
    async def silence(self, name: str) -> None:
        assert self.desks[at(who(name))].texts == []

    @step(r"(\w+) is told: (\w+)")
    async def told(self, _: str, refusal: str) -> None:
        assert self.refusals.pop() == refusal

    @step(r"(\w+) blocks (\w+)")
    async def block(self, name: str, other: str) -> None:
        await self.front_end.contacts.block(who(name), who(other))

    @step(r"(\w+) unblocks (\w+)")
    async def unblock(self, name: str, other: str) -> None:
        await self.front_end.contacts.unblock(who(name), who(other))

    @step(r"(\w+) and (\w+) are contacts")
    async def befriend(self, one: str, other: str) -> None:
        for name, contact in ((one, other), (other, one)):
            await self.front_end.contacts.ask(who(name), who(contact))
        for name, contact in ((one, other), (other, one)):
            await self.front_end.contacts.grant(who(name), who(contact))

    @step(r"(\w+) watches (\w+)")
    async def watch(self, name: str, other: str) -> None:
        eye = self.eyes[name, other] = Onlooker(who(name))
        await self.front_end.presence.watch(who(other), eye)

    @step(r"(\w+) looks away from (\w+)")
    async def unwatch(self, name: str, other: str) -> None:
        self.front_end.presence.unwatch(who(other), self.eyes.pop((name, other)))

    @step(r"(nobody|[\w, ]+) watch(?:es)? (\w+) now")
    async def watchers(self, names: str, other: str) -> None:
        expected = set() if names == "nobody" else {who(name) for name in names.split(", ")}
        assert self.front_end.presence.watchers(who(other)) == expected

    @step(r"(\w+) asks to see (\w+)")
    async def ask(self, name: str, other: str) -> None:
        await self.front_end.contacts.ask(who(name), who(other))

    @step(r"(\w+) says (yes|no) to (\w+)")
    async def answer(self, name: str, word: str, other: str) -> None:
        contacts = self.front_end.contacts
        await (contacts.grant if word == "yes" else contacts.revoke)(who(name), who(other))

    @step(r"(\w+) is asked by (nobody|[\w, ]+)")
    async def asked(self, name: str, names: str) -> None:
        questions = [question.address for question in await self.front_end.contacts.questions(who(name))]
        assert questions == ([] if names == "nobody" else [who(other) for other in names.split(", ")])

    @step(r"(\d+) messages? waits? for (\w+)")
    async def waiting(self, count: str, name: str) -> None:
        assert await self.front_end.fan_out.unseen(who(name)) == int(count)

    @step(r"(\w+) is (available|busy|away)(?: with ([\w-]+))?")
    async def publish(self, name: str, word: str, activity: str | None) -> None:
        claim = Publication(
            "test/desk",
            Source.MACHINE,
            Availability[word.upper()],
            self.clock(),
            activity=Activity(activity or ""),
            instance="desk",
        )
        await self.front_end.presence.publish(who(name), claim)

    @step(r"(\w+) sees (\w+) ([\w-]+?)(?:, ([\w-]+))?")
    async def see(self, name: str, other: str, word: str, activity: str | None) -> None:
        view = self.eyes[name, other].view
        assert view is not None
        assert (view.document.availability.word, view.document.activity) == (word, activity or "")

    @step(r"(\w+|\+\d+) calls (\w+|\+\d+)")
    async def dial(self, caller: str, callee: str) -> None:
        self.call = await self.front_end.calls.begin(party(caller), party(callee))

    @step(r"it rings at (\w+|\+\d+)")
    async def ring(self, name: str) -> None:
        assert self.call is not None
        await self.front_end.calls.ringing(self.call, party(name))

    @step(r"(\w+|\+\d+) answers")
    async def answer_call(self, name: str) -> None:
        assert self.call is not None
        await self.front_end.calls.answered(self.call, party(name))

    @step(r"(\w+|\+\d+) (hangs up|declines|gives up|does not answer)")
    async def hang_up(self, name: str, how: str) -> None:
        assert self.call is not None
        await self.front_end.calls.ended(self.call, ENDS[how], party(name))

    @step(r"the record says: (\S+) called (\S+); (\w+), (\d+) seconds; (.*)")
    async def record_of_the_call(self, caller: str, callee: str, outcome: str, seconds: str, reason: str) -> None:
        [record] = await self.front_end.store.records(last=True, limit=1)
        assert record.call is not None
        names = tuple(str(party(name).seat("example.test")) for name in (caller, callee))
        assert (record.call.caller, record.call.callee) == names, record
        assert (record.call.outcome, record.talked) == (outcome, float(seconds)), record
        assert record.reason in (reason, f"{who(reason.split()[0])} {reason.partition(' ')[2]}")

    @step(r"(\d+) minutes and (\d+) seconds pass")
    async def wait(self, minutes: str, seconds: str) -> None:
        self.clock.turn(minutes=int(minutes), seconds=int(seconds))
        await end_idle(self.front_end.immcu, self.front_end.settings, self.clock())

    @step(r"the power fails")
    async def crash(self) -> None:
        """Nothing of a clean stop happens but the closing of the files: what the journal holds is all there is."""
        self.front_end.immcu.conversations.clear()
        self.front_end.calls.open.clear()
        await self.running.aclose()
        await self.begin()

    @step(r"the record says: (conference|two-party) of (.*); (\d+) messages?; (.*)")
    async def record(self, shape: str, names: str, count: str, reason: str) -> None:
        [record] = await self.front_end.store.records(last=True, limit=1)
        assert (record.shape, record.said) == (shape, int(count)), record
        assert record.participants == [str(who(name)) for name in names.split(", ")]
        assert record.reason in (reason, f"{who(reason.split()[0])} {reason.partition(' ')[2]}")


ENDS = {
    "hangs up": HUNG_UP,
    "declines": DECLINED,
    "gives up": CANCELLED,
    "does not answer": NOT_ANSWERED,
}
"""What people do, and the reason of the end."""


def party(name: str) -> Party:
    """Somebody of the cast, or a number."""
    return Party(name if name.startswith("+") else who(name))


async def perform(scene: Path, state: Path) -> None:
    """Play a scene; a step that fails, or that nobody knows, is named by file and line."""
    stage = Stage(state)
    await stage.begin()
    async with stage.running:
        for number, line in enumerate(scene.read_text().splitlines(), 1):
            if line and not line.startswith("#"):
                await _perform_line(stage, f"{scene.name}:{number}", line)


async def _perform_line(stage: Stage, place: str, line: str) -> Any:
    for pattern, function in STEPS:
        if match := pattern.fullmatch(line):
            try:
                return await function(stage, *match.groups())
            except Exception as problem:
                raise AssertionError(f"{place}: {line!r} failed: {problem!r}") from problem
    raise AssertionError(f"{place}: nobody knows how to perform {line!r}")
