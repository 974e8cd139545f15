"""Answers whose bytes were made beforehand: a body with its validator and head, written to the connection at once."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time

MAX_UNSENT = 64 * 1024
"""Bytes that may wait for one reader before we wait for it."""

NOSNIFF = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
"""What every answer says."""
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *; sandbox"
"""Policy of a picture: even opened by itself it runs nothing and loads nothing."""
NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""Policy of data: it is no page."""
PICTURE = NOSNIFF | {"Content-Security-Policy": SANDBOX, "Cross-Origin-Resource-Policy": "cross-origin"}
DATA = NOSNIFF | {"Content-Security-Policy": NOTHING, "Cross-Origin-Resource-Policy": "same-origin"}
OPEN_DATA = DATA | {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
"""Data that pages of other sites may read: what it shows depends on the token in the request, never on a cookie."""

ASKED_BY_SOMEBODY = {"Cache-Control": "private, no-cache"}
ASKED_BY_ANYBODY = {"Cache-Control": "public, max-age=5, s-maxage=5, stale-while-revalidate=25, stale-if-error=60"}


@dataclass(frozen=True, slots=True)
class Body:
    """Bytes to answer with, their strong validator (RFC 9110 section 8.8.3), and the head they go out under."""

    content: bytes
    etag: str = field(default="")
    whole: bytes = field(default=b"", repr=False)
    """Status line and headers of a 200."""
    same: bytes = field(default=b"", repr=False)
    """Status line and headers of a 304."""


def body_of(content: bytes, content_type: str, headers: Mapping[str, str]) -> Body:
    """A body that is served many times.  Its validator is a hash of the bytes and of nothing else."""
    etag = f'"{base64.urlsafe_b64encode(hashlib.sha256(content).digest()[:15]).decode()}"'
    common = {"ETag": etag, **headers}
    whole = {"Content-Type": content_type, "Content-Length": str(len(content)), **common}
    return Body(content, etag, head(200, whole), head(304, common))


def head(status: int, headers: Mapping[str, str]) -> bytes:
    """A status line and headers, without the empty line that ends them."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header has a line break")
    return ("\r\n".join(lines) + "\r\n").encode("latin-1")


def fields(headers: Mapping[str, str]) -> bytes:
    """Headers to put after a head."""
    return head(200, headers).partition(b"\r\n")[2]


class Answer(web.StreamResponse):
    """A whole answer as bytes; aiohttp sees a response, the connection one write."""

    def __init__(self, start: bytes, content: bytes, status: int = 200, *, close: bool = False) -> None:
        super().__init__(status=status)
        self._top, self._content, self._ends = start, content, close

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write it.  Raises ConnectionResetError when nobody is there any more."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the reader has gone")
        self._keep_alive = request.keep_alive and not self._ends
        end = b"\r\n\r\n" if self._keep_alive else b"\r\nConnection: close\r\n\r\n"
        content = b"" if request.method == "HEAD" or self._status in (204, 304) else self._content
        transport.write(b"%bDate: %b%b%b" % (self._top, rfc822_formatted_time().encode(), end, content))
        self._eof_sent = True
        self._body_length = len(content)
        if transport.get_write_buffer_size() > MAX_UNSENT:
            await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """It is written already."""


class Written(web.StreamResponse):
    """The end of an answer that was written to the connection by hand."""

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing to write; the connection has served its purpose."""
        self._keep_alive = False

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing to write."""


def answer(request: web.Request, body: Body, more: bytes = b"") -> Answer:
    """The body, or 304 when the reader has it.  ``more`` are headers of this request alone (``fields``)."""
    seen = request.headers.get("If-None-Match")
    if seen is not None and matches(seen, body.etag):
        return Answer(body.same + more, b"", 304)
    return Answer(body.whole + more, body.content)


def matches(header: str, etag: str) -> bool:
    """Whether an If-None-Match names the validator: a list, weak ones too, or ``*`` (RFC 9110 section 13.1.2)."""
    if header in (etag, "*"):
        return True
    return any(item.strip().removeprefix("W/") == etag for item in header.split(","))
