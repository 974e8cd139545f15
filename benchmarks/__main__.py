"""The command: which scenarios, which servers, how long; progress on the way, tables at the end."""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from . import own, sip, web, xmpp
from .bench import Bench
from .crew import BenchmarkFailed
from .report import RESULTS, Report
from .server import Server

FILES = 20_000
"""Open files wanted: every connection is one, on either side."""
SECONDS, QUICK_SECONDS = 5.0, 1.5
LEFT_OUT = "Prosody"
"""By the quick run: no goal compares us with it."""


class Scenario(NamedTuple):
    """One thing to measure, and on whom."""

    run: Callable[[Bench, type[Server]], None]
    servers: Sequence[type[Server]]

    @property
    def says(self) -> str:
        """What it measures."""
        return (self.run.__doc__ or "").strip()


SCENARIOS = {
    "start": Scenario(own.start, own.SERVERS),
    "accept": Scenario(own.accept, own.STORE),
    "sign-in": Scenario(xmpp.sign_in, xmpp.SERVERS),
    "chat": Scenario(xmpp.chat, xmpp.SERVERS),
    "presence": Scenario(xmpp.presence, xmpp.SERVERS),
    "room": Scenario(xmpp.room, xmpp.SERVERS),
    "sip-register": Scenario(sip.register, sip.SERVERS),
    "sip-message": Scenario(sip.message, sip.SERVERS),
    "sip-presence": Scenario(sip.fan_out, sip.SERVERS),
    "sip-watched": Scenario(sip.watched, sip.SERVERS),
    "sip-call": Scenario(sip.call, sip.SERVERS),
    "sip-memory": Scenario(sip.memory, sip.SERVERS),
    "badges": Scenario(web.badges, web.SERVERS),
    "streams": Scenario(web.streams, web.SERVERS),
}
KINDS = {kind.name: kind for scenario in SCENARIOS.values() for kind in scenario.servers}


def main() -> int:
    """Measure, and say where the tables are."""
    options = _options()
    signal.signal(signal.SIGTERM, _terminated)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard) if hard > 0 else FILES, hard))
    seconds = options.seconds or (QUICK_SECONDS if options.quick else SECONDS)
    told = {"seconds for each": seconds, "processes of load": options.processes, "quick": options.quick}
    report = Report(told)
    began = time.monotonic()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="bench-", dir=options.folder) as folder,
            Bench(report, Path(folder), seconds, options.processes, options.quick) as bench,
        ):
            run(bench, options.scenario, options.server or _usual(options.quick))
    except KeyboardInterrupt:
        print("stopped; what was measured so far:", file=sys.stderr)
    report.options["took"] = f"{time.monotonic() - began:.0f} s"
    if not report.results:
        print("\n".join(report.failures), file=sys.stderr)
        return 1
    print(report.markdown())
    print(f"Kept as {report.write(options.results)} (and .json)", file=sys.stderr)
    return 0


def run(bench: Bench, scenarios: Sequence[str], servers: Sequence[str]) -> None:
    """Every scenario on every server that is wanted and installed."""
    missing = {name for name in servers if not KINDS[name].installed()}
    bench.report.failures += [f"{name}: not installed here" for name in sorted(missing)]
    for name in scenarios:
        print(f"{name}: {SCENARIOS[name].says}", file=sys.stderr, flush=True)
        for kind in SCENARIOS[name].servers:
            if kind.name in missing or kind.name not in servers:
                continue
            bench.report.versions.setdefault(kind.name, kind.version())
            bench.report.keeps[kind.name] = kind.keeps
            try:
                SCENARIOS[name].run(bench, kind)
            except (BenchmarkFailed, OSError) as why:
                bench.report.failures.append(f"{name} of {kind.name}: {why}")
                print(f"  {kind.name}: {why}", file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    listed = "\n".join(f"  {name:<14}{scenario.says}" for name, scenario in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="bench",
        description=f"{__doc__}\n\nscenarios:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "scenario", nargs="*", default=list(SCENARIOS), metavar="SCENARIO", choices=[*SCENARIOS, list(SCENARIOS)]
    )
    parser.add_argument("--server", nargs="+", choices=list(KINDS), help="only these")
    parser.add_argument("--seconds", type=float, help=f"of each measurement  [{SECONDS:g}; quick: {QUICK_SECONDS:g}]")
    parser.add_argument(
        "--quick", action="store_true", help="smaller, shorter, without Prosody: rough figures in two minutes"
    )
    parser.add_argument("--processes", type=int, default=2, help="that make the load  [2]")
    parser.add_argument("--folder", type=Path, help="where the servers' data goes; its disk is what is measured")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the tables go  [benchmarks/results]")
    return parser.parse_args()


def _usual(quick: bool) -> list[str]:
    return [name for name in KINDS if not (quick and name == LEFT_OUT)]


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
