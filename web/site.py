"""What every page and badge of one web server shares: who is asking, the bodies, the streams, the limits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from ..core.identity import Identity
from .admission import ANONYMOUS_REQUESTS, ANONYMOUS_STREAMS, Buckets, Doorkeeper, prefix_of
from .problems import Problem
from .renderings import Renderings
from .static_files import StaticFiles
from .streams import Streams
from .tokens import ANYBODY, Viewer, sign_token, verify

if TYPE_CHECKING:
    from ..core.front_end import FrontEnd

MAX_KNOWN = 4096
"""Tokens whose proof is remembered, so that a page full of badges costs one check."""
SCHEMES = ("Bearer ", "Embed ")
"""How a token stands in an Authorization header."""


class Site:
    """Made by the web server before it asks plugins for their routes."""

    def __init__(self, key: bytes, front_end: FrontEnd, zone: tzinfo | None, keeper: Doorkeeper) -> None:
        self.renderings = Renderings(front_end.clock, zone)
        self.streams = Streams(front_end.presence, self.renderings)
        self.static = StaticFiles()
        self.keeper = keeper
        self.public_url = ""
        self._key = key
        self._clock = front_end.clock
        self._known: dict[str, Viewer] = {}
        self._requests = Buckets(ANONYMOUS_REQUESTS)
        self._new_streams = Buckets(ANONYMOUS_STREAMS)

    def viewer(self, token: str | None) -> Viewer:
        """Who is looking, as far as the token proves it.  A bad token proves nothing, and that is no error."""
        if not token:
            return ANYBODY
        viewer = self._known.get(token)
        now = self._clock()
        if viewer is None:
            viewer = verify(self._key, token, now)
            if viewer is None:
                return ANYBODY
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[token] = viewer
        return viewer if viewer.expires > now.timestamp() else ANYBODY

    def token(self, watcher: Identity, expires: datetime) -> str:
        """A token for somebody's eyes."""
        return sign_token(self._key, watcher, expires)

    def link(self, path: str, watcher: Identity | None = None, hours: float = 12, **query: str) -> str:
        """The whole address of a page, with a token when it is to be seen with somebody's eyes."""
        if watcher is not None:
            query["t"] = self.token(watcher, self._clock() + timedelta(hours=hours))
        return f"{self.public_url}{path}{'?' + urlencode(query) if query else ''}"

    def admit(self, request: web.Request, viewer: Viewer, cost: float = 1.0) -> None:
        """Count a presence request of an unknown viewer.  Raises Problem when the address has asked too often."""
        self._count(self._requests, request, viewer, cost)

    def admit_stream(self, request: web.Request, viewer: Viewer) -> None:
        """The same for an event stream."""
        self._count(self._new_streams, request, viewer, 1.0)

    def _count(self, buckets: Buckets, request: web.Request, viewer: Viewer, cost: float) -> None:
        if viewer.identity is not None:
            return
        address = request.remote or ""
        if self.keeper.exempt(address):
            return
        wait = buckets.take(prefix_of(address), asyncio.get_running_loop().time(), cost)
        if wait:
            raise Problem("too-many", retry_after=wait)


def token_in(query: Mapping[str, str], headers: Mapping[str, str]) -> str | None:
    """The token of a request: ``?t=``, for pictures and streams, which have no headers; or Authorization."""
    token = query.get("t")
    if token is not None:
        return token
    stated = headers.get("Authorization", "")
    for scheme in SCHEMES:
        if stated[: len(scheme)].lower() == scheme.lower():
            return stated[len(scheme) :].strip()
    return None


def site_of(front_end: FrontEnd) -> Site:
    """The site of the running web server, for plugins that have routes on it."""
    for plugin in front_end.plugins.values():
        site = getattr(plugin, "site", None)
        if isinstance(site, Site):
            return site
    raise LookupError("no web server is running")
