"""The web scenarios: badges as pages ask for them, and streams of events."""

from __future__ import annotations

from datetime import timedelta

from ..core.front_end import utc_now
from ..web.tokens import key_of, sign_token
from . import web_scenes
from .bench import Bench, measured, throughput
from .crew import Crew
from .hereabouts import Hereabouts
from .people import star, who
from .server import Server

SERVERS: tuple[type[Server], ...] = (Hereabouts,)

PEOPLE = 20
"""Of those asked about, so many are there; the others are offline."""
STREAMS = 5000
KINDS = {
    "svg": "badge, icon",
    "304": "badge, icon known already (304)",
    "json": "badge, JSON",
    "batch": "badge, batch of 100",
}
EVENTS = "event streams"


def badges(bench: Bench, kind: type[Server]) -> None:
    """Icons, icons that have not changed, documents, and a hundred people at once."""
    server = bench.standing(kind)
    given = {"port": server.ports["web"], "xmpp": server.ports["xmpp"], "kinds": list(KINDS)}
    with Crew(web_scenes.badges, [{"users": range(PEOPLE)}], seconds=bench.seconds, **given) as crew:
        crew.facts()
        for scenario in KINDS.values():
            step = measured(crew, server)
            result = throughput(scenario, kind.name, "requests", step)
            result.remarks.append("answered " + " ".join(step.facts[0]["statuses"]))
            if lost := step.total("lost"):
                result.remarks.append(f"{lost:.0f} connections were lost")
            bench.add(result)
            crew.go()
            crew.facts()


def streams(bench: Bench, kind: type[Server]) -> None:
    """A change of one person on the way to many open pages."""
    count = STREAMS // 10 if bench.quick else STREAMS
    with bench.server(kind, 2, star(1)) as server:
        assert isinstance(server, Hereabouts)
        secret = (server.state / "secret").read_bytes()
        given = {
            "port": server.ports["web"],
            "xmpp": server.ports["xmpp"],
            "token": sign_token(key_of(secret), who(1), utc_now() + timedelta(hours=1)),
            "seconds": bench.seconds,
        }
        each = [{"users": range(n, n + 1), "watching": count // bench.processes} for n in range(bench.processes)]
        with Crew(web_scenes.streams, each, **given) as crew:
            crew.facts()
            empty = server.processes.memory()
            crew.go()
            crew.facts()
            used = server.processes.memory() - empty
            step = measured(crew, server)
            result = throughput(EVENTS, kind.name, "events", step)
            result.memory, result.memory_unit = used / count, "KiB each"
            wanted = step.total("changes") * (count // bench.processes * bench.processes)
            result.remarks.append(f"{count} streams, a change every {web_scenes.CHANGE_EVERY} s")
            if step.total("got") < wanted:
                result.remarks.append(f"{wanted - step.total('got'):.0f} of {wanted:.0f} events not seen")
            if lost := step.total("lost"):
                result.remarks.append(f"{lost:.0f} streams were lost")
            bench.add(result)
