"""The XMPP scenarios: sign-in and memory, chat, presence, a room; the same for every server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import xmpp_scenes
from .bench import PEOPLE, Bench, measured, throughput
from .crew import Crew, shares
from .ejabberd import Ejabberd
from .hereabouts import Hereabouts
from .marks import quantile
from .prosody import Prosody
from .results import Result
from .server import Server
from .xmpp_session import Place

SERVERS: tuple[type[Server], ...] = (Hereabouts, Prosody, Ejabberd)

CHATTING = 100
WINDOW = 4
PACE = 500.0
WATCHING = PEOPLE - 1
IN_ROOM = 100
SIGNING_IN = 600
IDLE = 22.0
"""Seconds of silence before memory is read: a server may give back then what it only needs while somebody talks."""

SIGN_IN, MEMORY = "XMPP sign-in, TLS and SCRAM", "XMPP idle session, TLS"
CHAT, PACED = f"XMPP chat, {CHATTING} users", f"XMPP chat, paced {PACE:.0f}/s"
PRESENCE, ROOM = f"XMPP presence, {WATCHING} watchers", f"XMPP room of {IN_ROOM}"


def sign_in(bench: Bench, kind: type[Server]) -> None:
    """How many people a second can come in, and what each costs while they do nothing."""
    people = SIGNING_IN // 4 if bench.quick else SIGNING_IN
    idle = 2.0 if bench.quick else IDLE
    with bench.server(kind, people) as server:
        empty = server.processes.memory()
        with _crew(bench, xmpp_scenes.sign_in, server, people, idle=idle) as crew:
            crew.facts()
            step = measured(crew, server)
            took = step.all("took")
            seconds = max(fact["seconds"] for fact in step.facts)
            result = Result(SIGN_IN, kind.name, people / seconds, "sign-ins")
            result.p50, result.p99 = quantile(took, 0.5), quantile(took, 0.99)
            result.cores, result.per_cpu = step.cpu / step.seconds, people / step.cpu
            bench.add(result)
            crew.go()
            crew.facts()
            each = (server.processes.memory() - empty) / people
            remarks = [f"{people} sessions, after {idle:.0f} s of silence"]
            crew.go()
            if lost := sum(fact["lost"] for fact in crew.facts()):
                remarks.append(f"{lost} sessions were lost")
            bench.add(Result(MEMORY, kind.name, memory=each, memory_unit="KiB each", remarks=remarks))


def chat(bench: Bench, kind: type[Server]) -> None:
    """Pairs that answer as fast as they can, and pairs that talk at a steady pace."""
    server = bench.standing(kind)
    loops: list[tuple[str, float]] = [(CHAT, 0.0), (PACED, PACE / bench.processes)]
    for scenario, rate in loops:
        given = {"seconds": bench.seconds, "window": WINDOW, "rate": rate}
        with _crew(bench, xmpp_scenes.chat, server, CHATTING, **given) as crew:
            crew.facts()
            _finish(bench, crew, scenario, server, "messages")


def presence(bench: Bench, kind: type[Server]) -> None:
    """One person changes, many see it."""
    server = bench.standing(kind)
    with _crew(bench, xmpp_scenes.presence, server, WATCHING + 1, seconds=bench.seconds) as crew:
        crew.facts()
        _finish(bench, crew, PRESENCE, server, "deliveries")


def room(bench: Bench, kind: type[Server]) -> None:
    """One person talks, many hear it."""
    server = bench.standing(kind)
    with _crew(bench, xmpp_scenes.room, server, IN_ROOM, seconds=bench.seconds) as crew:
        for _ in ("signed in", "the room is open", "everybody is in"):
            crew.facts()
            crew.go()
        crew.facts()
        _finish(bench, crew, ROOM, server, "deliveries")


def _crew(bench: Bench, scene: Callable[..., Any], server: Server, people: int, **given: Any) -> Crew:
    together = 2 if scene is xmpp_scenes.chat else 1
    place = Place(server.ports["xmpp"])
    return Crew(scene, shares(people, bench.processes, together=together), place=place, **given)


def _finish(bench: Bench, crew: Crew, scenario: str, server: Server, unit: str) -> None:
    step = measured(crew, server)
    result = throughput(scenario, server.name, unit, step)
    crew.go()
    ends = crew.facts()
    for what in ("missing", "wrong"):
        if count := sum(end[what] for end in ends):
            result.remarks.append(f"{count} {what}")
    bench.add(result)
