"""The web server: one aiohttp application made of every plugin's routes, with the limits that hold for all of them."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import tzinfo
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from aiohttp import web

from ..core.errors import SettingsError
from ..core.front_end import secret_of
from ..core.hooks import hookimpl
from .admission import Doorkeeper
from .answers import DATA, NOSNIFF
from .bodies import is_read_before
from .problems import Problem, answer_to, explain
from .site import Site
from .tokens import key_of
from .visits import MAX_HEAD, Door, Porch

if TYPE_CHECKING:
    from ..core.front_end import FrontEnd

log = logging.getLogger(__name__)
Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]

MAX_BODY = 64 * 1024
"""Bytes of a request's body."""
BODY_WITHIN = 20.0
"""Seconds for a request's body to arrive."""
GRACE = 2.0
"""Seconds that requests under way may take when the server stops."""
BACKLOG = 1024
"""Connections the operating system holds until they are let in."""
Goodbyes = set[Callable[[], None]]
GOODBYES = web.AppKey("goodbyes", Goodbyes)
"""What a visit that lasts, such as a WebSocket, has put here is called when the server stops."""


class WebServer:
    """Pages, badges and the HTTP API: ``[web]``."""

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """The table [web]."""

        listen: str = "127.0.0.1"
        """The address to listen on; this machine alone unless you say otherwise."""
        port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
        """The port; 0 takes any free one."""
        tls: bool = False
        """Whether to speak HTTPS with the front end's certificate.  Without it, put a reverse proxy in front."""
        public_url: str = ""
        """How browsers reach the server, such as "https://presence.example.com"; empty for where it listens."""
        time_zone: str = ""
        """The zone of times in texts, such as "Europe/Berlin"; empty for the server's own."""
        shared_addresses: list[str] = []
        """Addresses that many people come from (a reverse proxy, a router): no limit for each address there."""

        def __post_init__(self) -> None:
            for address in (self.listen, *self.shared_addresses):
                try:
                    ip_address(address)
                except ValueError:
                    raise ValueError(f'{address!r} is no IP address, such as "127.0.0.1"') from None
            if self.public_url and not self.public_url.startswith(("http://", "https://")):
                raise ValueError('public_url must begin with "https://" or "http://"')
            zone_of(self.time_zone)

    def __init__(self, options: Options) -> None:
        self._options = options
        self._keeper = Doorkeeper(options.shared_addresses)
        self.ports: dict[str, int] = {}
        self.site: Site | None = None

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, front_end: FrontEnd) -> AsyncIterator[None]:
        """Listen while the server runs; on leaving, end event streams first, then let requests finish."""
        key = key_of(secret_of(front_end.state / "secret"))
        self.site = Site(key, front_end, zone_of(self._options.time_zone), self._keeper)
        runner = web.AppRunner(self._application(front_end))
        await runner.setup()
        beating = asyncio.create_task(self.site.streams.beat())
        try:
            async with self._listening(runner, front_end):
                yield
        finally:
            beating.cancel()
            await runner.cleanup()
            self.site = None

    @asynccontextmanager
    async def _listening(self, runner: web.AppRunner, front_end: FrontEnd) -> AsyncIterator[None]:
        assert runner.server is not None
        assert self.site is not None
        options, loop = self._options, asyncio.get_running_loop()
        door = Door(runner.server, self._keeper, loop.time)
        try:
            family = socket.AF_INET6 if ":" in options.listen else socket.AF_INET
            listening = socket.create_server((options.listen, options.port), family=family, backlog=BACKLOG)
        except OSError as error:
            raise _cannot_listen(options, error) from None
        self.ports = {"https" if options.tls else "http": listening.getsockname()[1]}
        porch = Porch(door, front_end.certificate(), listening) if options.tls else None
        server = None if porch else await loop.create_server(door, sock=listening)
        self.site.public_url = self._url()
        if not options.tls and not ip_address(options.listen).is_loopback:
            log.warning(
                "the web server speaks plain HTTP on %s: put a reverse proxy with TLS before it", options.listen
            )
        try:
            yield
        finally:
            if server is not None:
                server.close()
            if porch is not None:
                await porch.close()
            self.site.streams.close()
            await shut(runner.app, door)

    @hookimpl
    def addresses(self) -> Sequence[tuple[str, str]]:
        """Where browsers go."""
        return [("Web pages", self._url() + "/")]

    def _url(self) -> str:
        if self._options.public_url:
            return self._options.public_url.rstrip("/")
        host = f"[{self._options.listen}]" if ":" in self._options.listen else self._options.listen
        (scheme, port) = next(iter(self.ports.items()), ("http", self._options.port))
        return f"{scheme}://{host}:{port}"

    def _application(self, front_end: FrontEnd) -> web.Application:
        assert self.site is not None
        app = application(self.site.static.routes())
        app.add_routes([web.get("/problems/{kind}", explain), web.get("/healthz", Health(front_end).answer)])
        for routes in front_end.hooks.routes(front_end=front_end):
            app.add_routes(routes)
        return app


def application(routes: Iterable[web.AbstractRouteDef]) -> web.Application:
    """Routes, with the limits that hold for all."""
    app = web.Application(middlewares=[guarded], client_max_size=MAX_BODY)
    app.on_response_prepare.append(harden)
    app[GOODBYES] = Goodbyes()
    app.add_routes(routes)
    return app


async def shut(app: web.Application, door: Door) -> None:
    """Say goodbye to those who stay, and let requests finish."""
    goodbyes = app[GOODBYES]
    for goodbye in list(goodbyes):
        goodbye()
    door.pre_shutdown()
    await door.shutdown(GRACE)


class Health:
    """Whether the front end serves: for load balancers, without secrets."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end

    async def answer(self, request: web.Request) -> web.Response:
        """200 while it does, 503 when it is stopping."""
        if self._front_end.stopping:
            raise Problem("busy", "the server is stopping", retry_after=5)
        return web.json_response({"status": "ok"}, headers=DATA | {"Cache-Control": "no-store"})


@web.middleware
async def guarded(request: web.Request, handler: Reply) -> web.StreamResponse:
    """What holds for every request: limits that the parser does not see, and an answer whatever happens."""
    try:
        if sum([len(name) + len(value) for name, value in request.raw_headers]) > MAX_HEAD:
            raise Problem("head-too-large")
        if request.body_exists and is_read_before(request):
            async with asyncio.timeout(BODY_WITHIN):
                await request.read()
        return await handler(request)
    except (web.HTTPRedirection, ConnectionError):
        raise
    except Exception as error:
        return answer_to(error, request)


async def harden(request: web.Request, response: web.StreamResponse) -> None:
    """Headers that every answer has; the name of our software is none of them."""
    response.headers.popall("Server", None)
    for name, value in NOSNIFF.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", DATA["Content-Security-Policy"])
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")


def zone_of(name: str) -> tzinfo | None:
    """A time zone by name; None for the server's own.  Raises ValueError."""
    if not name:
        return None
    with suppress(ZoneInfoNotFoundError, ValueError):
        return ZoneInfo(name)
    raise ValueError(f'time_zone {name!r} is no zone such as "Europe/Berlin"')


def _cannot_listen(options: WebServer.Options, error: OSError) -> SettingsError:
    why = os.strerror(error.errno).lower() if error.errno else str(error)
    return SettingsError([f"[web] cannot listen on {options.listen} port {options.port}: {why}; choose another port"])
