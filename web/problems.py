"""Errors as the web says them: problem+json (RFC 9457) in the reader's language, one table for all of them."""

from __future__ import annotations

import logging
import math
import secrets
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from ..core.errors import (
    Absent,
    BadAddress,
    BadRequest,
    Busy,
    Conflict,
    Gone,
    HereaboutsError,
    NotAllowed,
    NotFound,
    Refused,
    SettingsError,
    TooLarge,
)
from .answers import DATA, Answer, head
from .languages import Language, chosen

log = logging.getLogger(__name__)


class Kind(NamedTuple):
    """One kind of problem: its status code and its title in English and German."""

    status: int
    english: str
    german: str


KINDS: dict[str, Kind] = {
    "malformed": Kind(400, "The request is malformed", "Die Anfrage ist fehlerhaft"),
    "bad-address": Kind(400, "This is no address of a person", "Das ist keine Adresse einer Person"),
    "bad-parameter": Kind(400, "A parameter has a wrong value", "Ein Parameter hat einen falschen Wert"),
    "not-signed-in": Kind(401, "Sign in first", "Bitte zuerst anmelden"),
    "refused": Kind(403, "This is not allowed", "Das ist nicht erlaubt"),
    "link-ended": Kind(403, "This link is not valid, or no longer", "Dieser Link gilt nicht oder nicht mehr"),
    "not-found": Kind(404, "There is nothing here", "Hier ist nichts"),
    "wrong-method": Kind(405, "This address does not take this method", "Diese Adresse kennt diese Methode nicht"),
    "conflict": Kind(409, "Somebody else was faster", "Jemand anderes war schneller"),
    "gone": Kind(410, "It has ended", "Es ist beendet"),
    "too-large": Kind(413, "This is too large", "Das ist zu groß"),
    "wrong-type": Kind(415, "This content type is not taken", "Dieser Inhaltstyp wird nicht angenommen"),
    "line-too-long": Kind(414, "The address is too long", "Die Adresse ist zu lang"),
    "head-too-large": Kind(431, "The header fields are too large", "Die Kopfzeilen sind zu groß"),
    "bad-settings": Kind(422, "The configuration has mistakes", "Die Konfiguration hat Fehler"),
    "too-many": Kind(429, "Too many requests", "Zu viele Anfragen"),
    "failed": Kind(500, "The server made a mistake", "Dem Server ist ein Fehler unterlaufen"),
    "busy": Kind(503, "Not now", "Gerade nicht"),
    "too-slow": Kind(408, "The request took too long", "Die Anfrage hat zu lange gedauert"),
}

# The first that fits counts.
KIND_OF: tuple[tuple[type[HereaboutsError], str], ...] = (
    (BadAddress, "bad-address"),
    (BadRequest, "malformed"),
    (BadRequest, "bad-parameter"),
    (SettingsError, "bad-settings"),
    (NotAllowed, "refused"),
    (Refused, "refused"),
    (NotFound, "not-found"),
    (Absent, "not-found"),
    (Gone, "gone"),
    (Conflict, "conflict"),
    (TooLarge, "too-large"),
    (Busy, "busy"),
)
ENDING = {"head-too-large", "too-large", "too-slow"}
"""After these the connection ends: what is still to come on it is unwanted."""
STATUS_KIND = {
    400: "malformed",
    401: "not-signed-in",
    403: "refused",
    404: "not-found",
    405: "wrong-method",
    408: "too-slow",
    413: "too-large",
    415: "wrong-type",
}


class Problem(Exception):
    """Something a request is answered with instead of what it asked for.  ``errors`` points into the request's body."""

    def __init__(
        self, kind: str, detail: str = "", *, retry_after: float = 0.0, errors: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(detail or kind)
        self.kind, self.detail, self.retry_after, self.errors = kind, detail, retry_after, errors or []
        self.headers: dict[str, str] = {}


def problem_of(error: BaseException) -> Problem | None:
    """What a request that raised this is answered with; None for a mistake of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HereaboutsError):
        for kind, name in KIND_OF:
            if isinstance(error, kind):
                return Problem(name, str(error), retry_after=getattr(error, "retry_after", 0.0))
    if isinstance(error, web.HTTPException) and error.status in STATUS_KIND:
        problem = Problem(STATUS_KIND[error.status])
        if "Allow" in error.headers:
            problem.headers["Allow"] = error.headers["Allow"]
        return problem
    return Problem("too-slow") if isinstance(error, TimeoutError) else None


def problem_answer(problem: Problem, language: Language, *, close: bool = False) -> Answer:
    """The problem, ready to send."""
    kind = KINDS[problem.kind]
    document: dict[str, Any] = {
        "type": f"/problems/{problem.kind}",
        "title": kind.german if language is Language.GERMAN else kind.english,
        "status": kind.status,
    }
    if problem.detail:
        document["detail"] = problem.detail
    if problem.errors:
        document["errors"] = problem.errors
    content = encoded(document)
    headers = {
        "Content-Type": "application/problem+json",
        "Content-Language": language.value,
        "Content-Length": str(len(content)),
        "Cache-Control": "no-store",
        "Access-Control-Allow-Origin": "*",
        **DATA,
        **problem.headers,
    }
    if problem.retry_after:
        headers["Retry-After"] = str(math.ceil(problem.retry_after))
    return Answer(head(kind.status, headers), content, kind.status, close=close)


def encoded(document: Any) -> bytes:
    """JSON that may stand inside a page: no character in it opens a tag."""
    return msgspec.json.encode(document).replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")


def answer_to(error: Exception, request: web.Request) -> Answer:
    """What a request gets whose answering raised this.  A mistake of ours is logged, and answered without details."""
    problem = problem_of(error)
    if problem is None:
        number = secrets.token_hex(4)
        log.error("request %s failed: %s %s", number, request.method, request.path[:200], exc_info=error)
        problem = Problem("failed", f"request {number}")
    return problem_answer(problem, language_of(request), close=problem.kind in ENDING)


def language_of(request: web.BaseRequest) -> Language:
    """The reader's language, whatever is wrong with the request."""
    try:
        return chosen(request.query, request.headers).language
    except ValueError:
        return Language.ENGLISH


async def explain(request: web.Request) -> web.Response:
    """What a problem's type says when somebody looks it up."""
    kind = KINDS.get(request.match_info["kind"])
    if kind is None:
        raise Problem("not-found")
    german = language_of(request) is Language.GERMAN
    return web.Response(text=f"{kind.status}: {kind.german if german else kind.english}.\n", headers=DATA)
