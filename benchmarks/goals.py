"""What we want to reach, and whether a run did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from .results import Result

OURS = "hereabouts"


class Ratio(NamedTuple):
    """At least so many times what a peer does, for each processor second of the server."""

    scenario: str
    peer: str
    at_least: float


class Limit(NamedTuple):
    """A figure that is to stay below, or above, a bound."""

    scenario: str
    figure: str
    """A field of Result."""
    unit: str
    at_most: float | None = None
    at_least: float | None = None


Goal = Ratio | Limit

GOALS: Sequence[Goal] = (
    Ratio("XMPP sign-in, TLS and SCRAM", "ejabberd", 1.5),
    Ratio("XMPP chat, 100 users", "ejabberd", 3),
    Limit("XMPP chat, paced 500/s", "p50", "ms p50", at_most=5),
    Limit("XMPP chat, paced 500/s", "p99", "ms p99", at_most=25),
    Ratio("XMPP presence, 300 watchers", "ejabberd", 2),
    Ratio("XMPP room of 100", "ejabberd", 5),
    Limit("XMPP idle session, TLS", "memory", "KiB", at_most=45),
    Ratio("SIP MESSAGE, UDP", "Kamailio", 0.5),
    Ratio("SIP MESSAGE, TCP", "Kamailio", 1),
    Ratio("SIP MESSAGE, TLS", "Kamailio", 1),
    Ratio("SIP presence, 10 watchers each", "Kamailio", 1),
    Ratio("SIP presence, 1000 watchers, UDP", "Kamailio", 1),
    Ratio("SIP presence, 1000 watchers, TLS", "Kamailio", 1),
    Ratio("SIP call, UDP", "Kamailio", 0.5),
    Ratio("SIP call, TLS", "Kamailio", 0.5),
    Ratio("SIP REGISTER, UDP", "Kamailio", 0.5),
    Ratio("SIP REGISTER, TLS", "Kamailio", 0.5),
    Limit("SIP subscriptions", "memory", "MiB", at_most=130),
    Limit("SIP idle session, TLS", "memory", "KiB", at_most=40),
    Limit("badge, icon", "per_cpu", "per CPU-s", at_least=7000),
    Limit("badge, icon known already (304)", "per_cpu", "per CPU-s", at_least=7000),
    Limit("badge, JSON", "per_cpu", "per CPU-s", at_least=7000),
    Limit("badge, batch of 100", "per_cpu", "per CPU-s", at_least=2000),
    Limit("event streams", "p99", "ms p99", at_most=500),
    Limit("event streams", "memory", "KiB each", at_most=16),
    Limit("durable accept, 5000/s", "p50", "ms p50", at_most=5),
    Limit("start to serving", "p50", "ms", at_most=2000),
    Limit("idle server", "memory", "MiB", at_most=120),
)


def judged(goals: Iterable[Goal], results: Sequence[Result]) -> Iterator[tuple[str, str, str]]:
    """For every goal: what it says, what was measured, and yes, no, or that there is nothing to say."""
    by_name = {(result.scenario, result.server): result for result in results}
    for goal in goals:
        ours = by_name.get((goal.scenario, OURS))
        if isinstance(goal, Ratio):
            yield _compared(goal, ours, by_name.get((goal.scenario, goal.peer)))
        else:
            yield _bounded(goal, ours)


def _compared(goal: Ratio, ours: Result | None, theirs: Result | None) -> tuple[str, str, str]:
    text = f"{goal.scenario}: at least {goal.at_least:g} × {goal.peer}"
    if ours is None or theirs is None or not ours.per_cpu or not theirs.per_cpu:
        return text, "", "not measured"
    ratio = ours.per_cpu / theirs.per_cpu
    clock = ours.rate / theirs.rate if ours.rate and theirs.rate else 0.0
    reached = "yes" if ratio >= goal.at_least else "only by the clock" if clock >= goal.at_least else "no"
    return text, f"{ratio:.2f} × ({clock:.2f} ×)", reached


def _bounded(goal: Limit, ours: Result | None) -> tuple[str, str, str]:
    bound = f"at most {goal.at_most:,g}" if goal.at_most is not None else f"at least {goal.at_least:,g}"
    text = f"{goal.scenario}: {bound} {goal.unit}"
    value: float | None = getattr(ours, goal.figure) if ours is not None else None
    if value is None:
        return text, "", "not measured"
    low_enough = goal.at_most is None or value <= goal.at_most
    high_enough = goal.at_least is None or value >= goal.at_least
    return text, f"{value:,.1f}", "yes" if low_enough and high_enough else "no"
