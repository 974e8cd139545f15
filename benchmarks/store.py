"""What a durable accept costs: latency at offered rates, and the event loop's share of every message.

    python -m hereabouts.benchmarks.store          from the folder that holds the checkout

An append counts from the moment it was due, so a stall is not hidden by the messages that were not sent meanwhile.
``loop us`` is the time the event loop was not waiting for something to happen (its own work, and waiting for the
interpreter's lock), per message; ``bare us`` is the same with a store that does nothing, the price of the measuring.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import selectors
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.conversation import Conversation
from ..core.identity import Endpoint, Identity
from ..core.message import Message, Native
from ..core.sqlite import SqliteStore
from ..core.store import Accepted, Shown

ALICE, BOB = Identity("alice", "example.test"), Identity("bob", "example.test")
TEXT = "What do you think of the second paragraph? " * 3
PAYLOAD = Native("xmpp", b"<body>" + TEXT.encode() + b"</body><origin-id xmlns='urn:xmpp:sid:0' id='x'/>")

Append = Callable[[Message], Awaitable[Any]]


class Watch(selectors.DefaultSelector):
    """A selector that knows how long the loop has waited in it."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> Any:
        began = time.perf_counter()
        try:
            return super().select(timeout)
        finally:
            self.waited += time.perf_counter() - began


@dataclass
class Run:
    """One measurement."""

    name: str
    latencies: list[float] = field(default_factory=list)
    wall: float = 0.0
    cpu: float = 0.0
    loop: float = 0.0
    bare: float = 0.0

    def row(self) -> str:
        spread = statistics.quantiles(self.latencies, n=1000)
        count = len(self.latencies)
        times = [1000 * seconds for seconds in (spread[499], spread[989], spread[998], max(self.latencies))]
        costs = [1e6 * seconds / count for seconds in (self.loop, self.bare * count, self.cpu)]
        return f"{self.name:<18}{count / self.wall:>10.0f}" + "".join(f"{n:>10.2f}" for n in [*times, *costs])


COLUMNS = ("per s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "loop us", "bare us", "cpu us")


class Bare:
    """A store that says yes: what the measuring costs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    async def append(self, message: Message) -> Accepted:
        done = self._loop.create_future()
        self._loop.call_soon(done.set_result, Accepted(message))
        return await done  # type: ignore[no-any-return]


def message(n: int, conversations: int) -> Message:
    return Message(
        f"{n:032x}",
        f"conversation {n % conversations}",
        ALICE,
        TEXT,
        datetime.now(UTC),
        endpoint="desk",
        origin=f"origin {n}",
        client="a client 1.0",
        native=PAYLOAD,
    )


async def offered(run: Run, append: Append, rate: float, seconds: float, conversations: int, first: int) -> None:
    """Messages are due at a steady pace, whatever happens to those before."""
    began = time.perf_counter()
    pending: set[asyncio.Task[None]] = set()

    async def one(n: int, due: float) -> None:
        await append(message(n, conversations))
        run.latencies.append(time.perf_counter() - due)

    for n in range(int(rate * seconds)):
        due = began + n / rate
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        task = asyncio.ensure_future(one(first + n, due))
        pending.add(task)
        task.add_done_callback(pending.discard)
    while pending:
        await asyncio.wait(pending)


async def closed(run: Run, append: Append, speakers: int, seconds: float, conversations: int, first: int) -> None:
    """Everybody says the next thing as soon as the last one is accepted."""
    end = time.perf_counter() + seconds
    numbers = iter(range(first, 1 << 60))

    async def speaker() -> None:
        while (began := time.perf_counter()) < end:
            await append(message(next(numbers), conversations))
            run.latencies.append(time.perf_counter() - began)

    await asyncio.gather(*(speaker() for _ in range(speakers)))


async def measured(run: Run, watch: Watch, going: Awaitable[None]) -> Run:
    before = resource.getrusage(resource.RUSAGE_SELF)
    began, waited = time.perf_counter(), watch.waited
    await going
    run.wall = time.perf_counter() - began
    run.loop = run.wall - (watch.waited - waited)
    after = resource.getrusage(resource.RUSAGE_SELF)
    run.cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return run


async def benchmark(options: argparse.Namespace, folder: Path, watch: Watch) -> None:
    cases: list[tuple[str, Any, float]] = [(f"{rate:.0f}/s offered", offered, rate) for rate in options.rate]
    cases += [(f"{speakers} speakers", closed, speakers) for speakers in options.speakers]
    bare = Bare(asyncio.get_running_loop())
    print(" " * 18 + "".join(f"{column:>10}" for column in COLUMNS))
    async with SqliteStore(folder / "store.db", clock=lambda: datetime.now(UTC)) as store:
        await begin(store, options.conversations)
        append = shown_after(store) if options.shown else store.append
        for case, (name, pattern, measure) in enumerate(cases):
            first = case << 40
            idle = Run(name)
            await measured(idle, watch, pattern(idle, bare.append, measure, 1, options.conversations, 0))
            run = Run(name, bare=idle.loop / len(idle.latencies))
            await measured(run, watch, pattern(run, append, measure, options.seconds, options.conversations, first))
            print(run.row(), flush=True)


async def begin(store: SqliteStore, conversations: int) -> None:
    for n in range(conversations):
        now = datetime.now(UTC)
        conversation = Conversation(f"conversation {n}", now)
        await store.begin(conversation, conversation.join(ALICE, now) + conversation.join(BOB, now))


def shown_after(store: SqliteStore) -> Append:
    """As in the server: what was accepted is shown to the other, whose position moves."""

    async def append(message: Message) -> None:
        accepted = (await store.append(message)).message
        store.shown(Shown(Endpoint(BOB, "phone"), accepted.conversation, accepted.seq, "", accepted.sent_at))

    return append


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, nargs="*", default=[500, 2000, 5000], help="messages offered per second")
    parser.add_argument("--speakers", type=int, nargs="*", default=[1, 32, 256], help="closed loop: how many at once")
    parser.add_argument("--seconds", type=float, default=10, help="for each measurement")
    parser.add_argument("--conversations", type=int, default=200, help="over which the messages are spread")
    parser.add_argument("--shown", action="store_true", help="note a position for every message, as the server does")
    parser.add_argument("--folder", type=Path, help="where to put the database; its disk is what is measured")
    options = parser.parse_args()
    watch = Watch()
    loop = asyncio.SelectorEventLoop(watch)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder, asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(benchmark(options, Path(folder), watch))


if __name__ == "__main__":
    main()
