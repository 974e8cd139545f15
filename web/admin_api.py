"""The administrator's HTTP API: every deed of core/administration as a route, JSON in and out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from ..core.administration import DEEDS, Deed
from ..core.errors import BadRequest
from ..core.front_end import FrontEnd
from .problems import KINDS, problem_of

MAX_BODY = 64 * 1024 * 1024
"""Bytes of a request; an import of all data is the largest."""

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


def admin_application(front_end: FrontEnd) -> web.Application:
    """All of it, for a listener that only the administrator reaches."""
    application = web.Application(client_max_size=MAX_BODY, middlewares=[_as_problem])
    application.add_routes([web.route(d.method, d.path, _doing(front_end, d)) for d in DEEDS.values()])
    return application


def _doing(front_end: FrontEnd, deed: Deed) -> Reply:
    async def reply(request: web.Request) -> web.StreamResponse:
        body = await _body_of(request)
        given = {**(request.query if body is None else body), **request.match_info}
        result = await deed.function(front_end, **deed.checked(given, texts=body is None))
        if result is None:
            return web.Response(status=204)
        if isinstance(result, AsyncIterator):
            return await _streamed(request, result)
        return web.Response(body=msgspec.json.encode(result), content_type="application/json")

    return reply


async def _streamed(request: web.Request, lines: AsyncIterator[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    async for line in lines:
        await response.write(line)
    await response.write_eof()
    return response


async def _body_of(request: web.Request) -> dict[str, Any] | None:
    """The JSON object that came with a request; None when nothing came."""
    raw = await request.read()
    if not raw:
        return None
    try:
        body = msgspec.json.decode(raw)
    except msgspec.DecodeError as wrong:
        raise BadRequest(f"the request is no JSON: {wrong}") from None
    if not isinstance(body, dict):
        raise BadRequest("the request is no JSON object")
    return body


@web.middleware
async def _as_problem(request: web.Request, handler: Reply) -> web.StreamResponse:
    """Problem details (RFC 9457) for whatever goes wrong on purpose; anything else is a mistake of ours."""
    try:
        return await handler(request)
    except Exception as error:
        problem = problem_of(error)
        if problem is None:
            raise
        kind = KINDS[problem.kind]
        document: dict[str, Any] = {"type": f"/problems/{problem.kind}", "title": kind.english, "status": kind.status}
        if problem.detail:
            document["detail"] = problem.detail
        if mistakes := getattr(error, "mistakes", None):
            document["mistakes"] = mistakes
        headers = {"Retry-After": str(round(problem.retry_after))} if problem.retry_after else {}
        return web.Response(
            status=kind.status,
            body=msgspec.json.encode(document),
            content_type="application/problem+json",
            headers=headers | problem.headers,
        )
