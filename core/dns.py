"""What DNS says: the records that lead to other servers, remembered as long as they may be."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Literal, NamedTuple, TypeAlias

import aiodns

from .errors import Undeliverable

log = logging.getLogger(__name__)

ANSWER_WITHIN = 2.0
"""Seconds for a name server to answer before it is asked again."""
TRIES = 2
"""How often each name server is asked."""
MAX_REMEMBERED = 5_000
"""Answers of the DNS that are remembered."""
MAX_LOOKUPS = 200
"""Questions to the DNS under way at a time."""
MAX_RECORDS = 20
"""Records of one answer that are looked at."""
MAX_TTL = 3600
"""The longest time in seconds an answer is remembered, whatever it says itself."""
MIN_TTL = 5
"""The shortest one: a name that changes with each question is not asked for with each request."""
NOTHING_TTL = 30
"""Seconds for which it is remembered that there is no such record."""

Kind = Literal["NAPTR", "SRV", "ADDRESS"]


class Naptr(NamedTuple):
    """Which transport of a domain is found under which name (RFC 3403); of it, what RFC 3263 uses."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """A host and port that serve a domain (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str


Record: TypeAlias = Naptr | Srv | str


class Found(NamedTuple):
    """The records of an answer, none when there are none, and how long they hold in seconds."""

    records: Sequence[Record]
    ttl: float


Lookup = Callable[[Kind, str], Awaitable[Found]]
"""Asks the DNS; raises Undeliverable when it does not answer."""


class NameServers:
    """Those of the machine, or the ones given ("127.0.0.1:5300"), asked by aiodns; /etc/hosts counts for addresses."""

    def __init__(self, servers: Sequence[str] = ()) -> None:
        self._servers = servers
        self._resolver: aiodns.DNSResolver | None = None

    async def __call__(self, kind: Kind, name: str) -> Found:
        """One question."""
        resolver = self._started()
        try:
            if kind == "ADDRESS":
                return _addresses(await resolver.getaddrinfo(name, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM))
            return _records(kind, await resolver.query_dns(name, kind))
        except aiodns.error.DNSError as why:
            if why.args and why.args[0] in (aiodns.error.ARES_ENODATA, aiodns.error.ARES_ENOTFOUND):
                return Found((), NOTHING_TTL)
            raise Undeliverable(f"the DNS does not say where {name} is: {why.args[-1]}") from None
        except (UnicodeError, ValueError):
            raise Undeliverable(f"{name[:80]!r} is no name for the DNS") from None

    async def close(self) -> None:
        """Stop asking."""
        if self._resolver is not None:
            await self._resolver.close()

    def _started(self) -> aiodns.DNSResolver:
        """Made with the first question: it has a thread and sockets of its own."""
        if self._resolver is None:
            self._resolver = aiodns.DNSResolver(timeout=ANSWER_WITHIN, tries=TRIES)
            if self._servers:
                self._resolver.nameservers = self._servers
        return self._resolver


class Remembered:
    """Answers, each for its time; whoever asks the same meanwhile waits for the same answer."""

    def __init__(self, lookup: Lookup, clock: Callable[[], float] | None = None) -> None:
        self._lookup = lookup
        self._clock = clock or asyncio.get_running_loop().time
        self._known: OrderedDict[tuple[Kind, str], tuple[float, Sequence[Record]]] = OrderedDict()
        self._under_way: dict[tuple[Kind, str], asyncio.Task[Sequence[Record]]] = {}

    async def records(self, kind: Kind, name: str) -> Sequence[Record]:
        """The records of a name, none when there are none.  Raises Undeliverable when that cannot be found out."""
        key = kind, name.lower().rstrip(".")
        until, found = self._known.get(key, (0.0, ()))
        if until > self._clock():
            return found
        asking = self._under_way.get(key)
        if asking is None:
            if len(self._under_way) >= MAX_LOOKUPS:
                raise Undeliverable("too many names are being looked up")
            asking = self._under_way[key] = asyncio.ensure_future(self._ask(key))
        return await asyncio.shield(asking)

    def close(self) -> None:
        """Wait for no answer any more."""
        for asking in list(self._under_way.values()):
            asking.cancel()

    async def _ask(self, key: tuple[Kind, str]) -> Sequence[Record]:
        try:
            found = await self._lookup(*key)
        except asyncio.CancelledError:  # by close() alone: who waits for it is shielded
            raise Undeliverable("the server is stopping") from None
        finally:
            del self._under_way[key]
        records = tuple(found.records[:MAX_RECORDS])
        ttl = max(MIN_TTL, min(found.ttl, MAX_TTL)) if records else NOTHING_TTL
        self._known[key] = self._clock() + ttl, records
        self._known.move_to_end(key)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
        return records


def in_order(records: Iterable[Srv], chance: Callable[[], float] = random.random) -> list[Srv]:
    """RFC 2782: by priority; among equal ones by chance, the heavier the likelier first."""
    ordered: list[Srv] = []
    for _, equals in groupby(sorted(records, key=lambda record: record.priority), lambda record: record.priority):
        left = sorted(equals, key=lambda record: record.weight)
        while left:
            mark = chance() * sum(record.weight for record in left)
            for record in left:
                mark -= record.weight
                if mark <= 0:
                    break
            left.remove(record)
            ordered.append(record)
    return ordered


def _addresses(result: Any) -> Found:
    hosts = dict.fromkeys(node.addr[0].decode() for node in result.nodes)
    return Found(tuple(hosts), min((node.ttl for node in result.nodes), default=NOTHING_TTL))


def _records(kind: Kind, result: Any) -> Found:
    """Of an answer, the records that were asked for: a CNAME that led there is not one of them."""
    records: list[Record] = []
    ttl = MAX_TTL
    for record in result.answer:
        said = record.data
        if kind == "NAPTR" and hasattr(said, "replacement"):
            records.append(Naptr(said.order, said.preference, said.flags, said.service, said.replacement))
        elif kind == "SRV" and hasattr(said, "target") and hasattr(said, "weight"):
            records.append(Srv(said.priority, said.weight, said.port, said.target))
        ttl = min(ttl, record.ttl)
    return Found(records, ttl)
