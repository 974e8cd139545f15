"""The SIP scenarios: sign-in, messages end to end, presence to watchers, memory; against Kamailio."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from . import sip_call_scene, sip_scenes
from .bench import Bench, measured, throughput
from .crew import Crew, shares
from .hereabouts import Hereabouts
from .kamailio import Kamailio
from .people import rings, star
from .results import Result
from .server import Server

SERVERS: tuple[type[Server], ...] = (Hereabouts, Kamailio)
TRANSPORTS = ("udp", "tcp", "tls")

WRITING = 300
"""Enough that nobody comes to the 50 messages a second which hereabouts takes from one phone."""
WINDOW = {"udp": 1, "tcp": 2, "tls": 2}
"""Messages each one has under way; over UDP few, for what the system's buffers cannot hold is lost."""
REGISTERING = 200
WATCHED = 1000
"""With ten watchers each: 10,000 subscriptions."""
WATCHING = 1000
"""Watchers of one person."""
CALLING = 200
IDLE = 600
WITH_DIGEST = "Kamailio, digest"

MEMORY = {"tls": "SIP idle session, TLS", "udp": "SIP registration, UDP"}
FAN_OUT, SUBSCRIBED = "SIP presence, 10 watchers each", "SIP subscriptions"


def messages(transport: str) -> str:
    """The scenario's name."""
    return f"SIP MESSAGE, {transport.upper()}"


def registrations(transport: str) -> str:
    """The scenario's name."""
    return f"SIP REGISTER, {transport.upper()}"


def calls(transport: str) -> str:
    """The scenario's name."""
    return f"SIP call, {transport.upper()}"


def crowds(transport: str) -> str:
    """The scenario's name."""
    return f"SIP presence, 1000 watchers, {transport.upper()}"


def register(bench: Bench, kind: type[Server]) -> None:
    """Challenge and proof, again and again."""
    for transport in ("udp",) if bench.quick else ("udp", "tls"):
        with (
            bench.server(kind, REGISTERING) as server,
            _crew(bench, sip_scenes.register, server, REGISTERING, transport, seconds=bench.seconds) as crew,
        ):
            crew.facts()
            _finish(bench, crew, registrations(transport), server, "sign-ins")


def message(bench: Bench, kind: type[Server]) -> None:
    """From one phone to another; hereabouts asks for a proof of every message, Kamailio is measured both ways."""
    for transport in TRANSPORTS[:2] if bench.quick else TRANSPORTS:
        for proves in (True,) if kind is Hereabouts else (False,) if bench.quick else (False, True):
            given = {"seconds": bench.seconds, "window": WINDOW[transport], "proves": proves}
            # A new server each time: one that knows the phones of the last time would send to those, too.
            with (
                bench.server(kind, WRITING) as server,
                _crew(bench, sip_scenes.message, server, WRITING, transport, **given) as crew,
            ):
                crew.facts()
                name = WITH_DIGEST if proves and kind is Kamailio else kind.name
                _finish(bench, crew, messages(transport), server, "messages", name)


def fan_out(bench: Bench, kind: type[Server]) -> None:
    """PUBLISH, and a NOTIFY to every watcher, over TCP."""
    people = WATCHED // 5 if bench.quick else WATCHED
    crowds = [share["users"] for share in shares(people, bench.processes)]
    given: dict[str, Any] = {"seconds": bench.seconds, "watchers": 10, "proves": kind is Hereabouts}
    with (
        bench.server(kind, people, rings(crowds)) as server,
        _crew(bench, sip_scenes.fan_out, server, people, "tcp", **given) as crew,
    ):
        crew.facts()
        before = server.processes.memory()
        step = measured(crew, server)
        used, count = server.processes.memory(), 10 * people
        result = Result(SUBSCRIBED, kind.name, count / step.seconds, "subscriptions")
        result.cores, result.per_cpu = step.cpu / step.seconds, count / step.cpu
        result.memory, result.memory_unit = used / 1024, "MiB in all"
        result.remarks.append(f"{count} subscriptions, {(used - before) / count:.1f} KiB each; {people} phones")
        bench.add(result)
        crew.go()
        crew.facts()
        _finish(bench, crew, FAN_OUT, server, "NOTIFY")


def watched(bench: Bench, kind: type[Server]) -> None:
    """PUBLISH, and a NOTIFY to each of 1,000 watchers of one person."""
    people = 1 + (WATCHING // 5 if bench.quick else WATCHING)
    for transport in ("udp", "tls"):
        given = {"seconds": bench.seconds, "proves": kind is Hereabouts}
        with (
            bench.server(kind, people, star(people - 1)) as server,
            Crew(
                sip_scenes.star,
                [{"users": range(people)}],
                port=server.ports[f"sip_{transport}"],
                transport=transport,
                **given,
            ) as crew,
        ):
            crew.facts()
            crew.go()
            crew.facts()
            _finish(bench, crew, crowds(transport), server, "NOTIFY")


def call(bench: Bench, kind: type[Server]) -> None:
    """From INVITE to the answer to BYE, each pair of phones one call after another."""
    for transport in ("udp",) if bench.quick else ("udp", "tls"):
        given = {"seconds": bench.seconds, "proves": kind is Hereabouts}
        with (
            bench.server(kind, CALLING) as server,
            _crew(bench, sip_call_scene.call, server, CALLING, transport, **given) as crew,
        ):
            crew.facts()
            _finish(bench, crew, calls(transport), server, "calls")


def memory(bench: Bench, kind: type[Server]) -> None:
    """What a phone costs while it does nothing, by a connection and by UDP."""
    people = IDLE // 4 if bench.quick else IDLE
    for transport, scenario in MEMORY.items():
        with bench.server(kind, people) as server:
            empty = server.processes.memory()
            with _crew(bench, sip_scenes.idle, server, people, transport, seconds=1.5) as crew:
                crew.facts()
                crew.go()
                crew.facts()
                each, told = (server.processes.memory() - empty) / people, [f"{people} phones"]
                bench.add(Result(scenario, kind.name, memory=each, memory_unit="KiB each", remarks=told))


def _crew(bench: Bench, scene: Callable[..., Any], server: Server, people: int, transport: str, **given: Any) -> Crew:
    together = 2 if scene in (sip_scenes.message, sip_call_scene.call) else 1
    port = server.ports[f"sip_{transport}"]
    return Crew(scene, shares(people, bench.processes, together=together), port=port, transport=transport, **given)


def _finish(bench: Bench, crew: Crew, scenario: str, server: Server, unit: str, name: str = "") -> None:
    result = throughput(scenario, name or server.name, unit, measured(crew, server))
    crew.go()
    ends = crew.facts()
    result.remarks += _remarks(ends)
    bench.add(result)


def _remarks(ends: Iterable[dict[str, Any]]) -> list[str]:
    again, missing, wrong = 0, 0, Counter[int]()
    for end in ends:
        again += end["again"]
        missing += end.get("missing", 0)
        wrong.update(end["wrong"])
    found = [f"{count} answered {status}" for status, count in wrong.items()]
    if again:
        found.append(f"{again} sent again")
    if missing > 0:
        found.append(f"{missing} answered but not delivered")
    return found
