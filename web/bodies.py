"""Who reads a request's body: as a rule the server does, before the handler is called, within its limits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_MARK = "reads_its_body"


def reads_its_body(handler: Handler) -> Handler:
    """Marks a handler that takes what comes piece by piece, and sets the limits itself."""
    handler.__dict__[_MARK] = True
    return handler


def is_read_before(request: web.Request) -> bool:
    """Whether the server reads the body of this request."""
    return _MARK not in getattr(request.match_info.handler, "__dict__", {})
