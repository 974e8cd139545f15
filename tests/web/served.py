"""A web server to ask: a front end with the cast in it, its pages, and a way to see answers byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from ...core.front_end import FrontEnd
from ...core.identity import Identity
from ...core.people import Person
from ...core.presence import Availability, Publication, Source
from ...core.settings import FrontEndSettings
from ...plugins.presence_icons import PresenceIcons
from ...plugins.presence_page import PresencePage
from ...web import WebServer
from ..people import ALICE, BOB, CAROL, DAVE, NOON, Clock
from ..plugged import hooks_of

PATIENCE = 20.0


class Raw(NamedTuple):
    """An answer as it came over the wire; the Date, which says nothing about anybody, is left out."""

    status: int
    head: bytes
    body: bytes

    def header(self, name: str) -> str:
        """One header field, empty when it is not there."""
        for line in self.head.split(b"\r\n")[1:]:
            field, _, value = line.partition(b": ")
            if field.lower() == name.lower().encode():
                return value.decode("latin-1")
        return ""


class Served:
    """The running server, and what a test does with it."""

    def __init__(self, front_end: FrontEnd, web: WebServer, session: aiohttp.ClientSession) -> None:
        self.front_end, self.web, self.session = front_end, web, session
        ((self.scheme, self.port),) = web.ports.items()
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"

    def token(self, who: Identity, **ends: float) -> str:
        """A viewer token; three hours unless said otherwise."""
        assert self.web.site is not None
        return self.web.site.token(who, NOON + timedelta(**(ends or {"hours": 3})))

    async def publish(self, who: Identity, availability: Availability = Availability.AVAILABLE, **more: Any) -> None:
        """A desk's claim about somebody."""
        claim = {"since": NOON, "instance": "desk", **more}
        await self.front_end.presence.publish(
            who,
            Publication("test/desk", Source.MACHINE, availability, **claim),  # type: ignore[arg-type]
        )

    async def get(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Raw:
        """One request on a connection of its own; header names in Python spelling (``if_none_match``)."""
        named = {name.replace("_", "-").title(): value for name, value in headers.items()}
        if body:
            named["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in named.items()]
        return await self.say("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    async def say(self, request: bytes) -> Raw:
        """Bytes in, bytes out, until the server closes the connection."""
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(request)
                whole = await reader.read(-1)
            finally:
                writer.close()
        if not whole:
            return Raw(0, b"", b"")
        head, _, body = whole.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"date:")]
        return Raw(int(head.split()[1]), b"\r\n".join(lines), body)


@asynccontextmanager
async def served(
    state: Path, *, icons: dict[str, Any] | None = None, page: dict[str, Any] | None = None, **more: Any
) -> AsyncIterator[Served]:
    """A server with its badges and its page on any free port.  ``more`` are options of [web] and of [front_end].

    The cast is in the directory; nobody has a password, since no page asks for one.
    """
    front_end_options = {"same_domain": "everyone"} | {k: more.pop(k) for k in ("same_domain", "domains") if k in more}
    clock = more.pop("clock", None) or Clock()
    plugins = (
        WebServer(WebServer.Options(**{"port": 0, "time_zone": "UTC", "shared_addresses": ["127.0.0.1"], **more})),
        PresenceIcons(PresenceIcons.Options(**(icons or {}))),
        PresencePage(PresencePage.Options(**(page or {}))),
    )
    front_end = FrontEnd(
        FrontEndSettings(**front_end_options),
        hooks_of(*plugins),
        {type(plugin).__name__: plugin for plugin in plugins},
        state,
        clock=clock,
    )
    async with front_end, aiohttp.ClientSession() as session:
        for person, name in ((ALICE, "Alice Lindqvist"), (BOB, "Bob Okafor"), (CAROL, "Carol Hess"), (DAVE, "Dave")):
            await front_end.store.put_person(person, Person(str(person), name, mail=str(person)))
        yield Served(front_end, plugins[0], session)
