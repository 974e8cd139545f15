"""The files themselves, by HTTP: put where room was promised, and got by whoever knows the address (XEP-0363)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import BinaryIO
from urllib.parse import quote

from aiohttp import web

from ....core.errors import Busy, Conflict, HereaboutsError, NotFound, TooLarge
from ....web.bodies import reads_its_body
from ....web.problems import Problem
from .slot import ANY_TYPE, Slot, content_type
from .uploads import PATH, Uploads

log = logging.getLogger(__name__)

CHUNK = 256 * 1024
"""Bytes written to the disk at once."""
MAX_COMING = 50
"""Files that may be on their way to us at once."""
MAX_STALL = 30.0
"""Seconds without a byte of a file, after which it is given up."""
FILE_WITHIN = 3600.0
"""Seconds for a whole file."""

SHOWN = frozenset(
    {"image/avif", "image/bmp", "image/gif", "image/jpeg", "image/png", "image/webp", "text/plain", "video/mp4"}
    | {"audio/aac", "audio/flac", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "video/ogg", "video/webm"}
)
"""Content types that a browser shows by itself and that run nothing; all else it offers to save."""
POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
)
"""What somebody's file may do in a browser: show itself (section 10.1)."""
SHARED = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Pages of any site may put and get: the address is the key (section 8)."""
ASKED_BEFORE = SHARED | {
    "Access-Control-Allow-Methods": "OPTIONS, HEAD, GET, PUT",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "7200",
}


class Transfers:
    """The HTTP side of shared files."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self._coming: set[str] = set()

    async def put(self, request: web.Request) -> web.Response:
        """A file comes (section 7).  Raises Problem or a HereaboutsError for one that was not promised room."""
        slot = self._slot(request)
        if slot.id in self._uploads.files or slot.id in self._coming:
            raise Conflict("this file is here already")
        if len(self._coming) >= MAX_COMING:
            raise Busy("too many files are coming at once", 10)
        self._coming.add(slot.id)
        try:
            await self._receive(request, slot)
        except OSError as why:
            if isinstance(why, ConnectionError):
                raise
            log.error("a shared file of %s could not be kept: %s", slot.owner, why)
            raise Problem("busy", "there is no room for files at the moment", retry_after=600) from None
        finally:
            self._coming.discard(slot.id)
        log.info("%s shared a file of %d bytes", slot.owner, slot.size)
        return web.Response(status=201, headers=SHARED | {"Location": f"{PATH}/{slot.path}"})

    async def get(self, request: web.Request) -> web.StreamResponse:
        """A file goes; part of one where a part is asked for.  Raises NotFound."""
        kept = self._uploads.files.get(request.match_info["id"])
        if kept is None or kept.name != request.match_info["name"]:
            raise NotFound("there is no such file, or not any more")
        kind = kept.type or ANY_TYPE
        shown = "inline" if kind in SHOWN else "attachment"
        headers = SHARED | {
            "Content-Type": kind,
            "Content-Disposition": f"{shown}; filename*=UTF-8''{quote(kept.name, safe='')}",
            "Content-Security-Policy": POLICY,
            "Cache-Control": "private, max-age=86400, immutable",
        }
        return web.FileResponse(self._uploads.shelf.path(kept.id), chunk_size=CHUNK, headers=headers)

    async def options(self, request: web.Request) -> web.Response:
        """A browser asks whether pages may."""
        return web.Response(status=204, headers=ASKED_BEFORE)

    def _slot(self, request: web.Request) -> Slot:
        slot = self._uploads.opened(request.query.get("slot", ""))
        if (slot.id, slot.name) != (request.match_info["id"], request.match_info["name"]):
            raise Problem("refused", "this address was not given out here")
        if request.content_length is None:
            raise Problem("malformed", "the request has no Content-Length")
        if request.content_length > slot.size:
            raise TooLarge(f"room was promised for {slot.size} bytes")
        if request.content_length != slot.size:
            raise Problem("malformed", f"room was promised for {slot.size} bytes")
        announced = request.headers.get("Content-Type")
        if slot.type and announced is not None and content_type(announced) != slot.type:
            raise Problem("wrong-type", f"{slot.type} was announced")
        return slot

    async def _receive(self, request: web.Request, slot: Slot) -> None:
        """Raises OSError, and Problem where the file does not come as it should."""
        shelf = self._uploads.shelf
        file = await asyncio.to_thread(shelf.begin, slot.id)
        try:
            async with asyncio.timeout(FILE_WITHIN):
                size = await _copied(request, file)
            if size != slot.size:
                raise Problem("malformed", f"{slot.size} bytes were to come")
            await self._uploads.keep(slot, file)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(shelf.give_up, file, slot.id))
            raise


async def _copied(request: web.Request, file: BinaryIO) -> int:
    """How many bytes came and were written.  Raises TimeoutError and OSError."""
    size, waiting = 0, bytearray()
    while True:
        async with asyncio.timeout(MAX_STALL):
            chunk = await request.content.readany()
        waiting += chunk
        if len(waiting) >= CHUNK or (waiting and not chunk):
            await asyncio.to_thread(file.write, bytes(waiting))
            size += len(waiting)
            waiting.clear()
        if not chunk:
            return size


def upload_routes(transfers: Callable[[], Transfers | None]) -> Sequence[web.RouteDef]:
    """The routes; ``transfers`` raises Problem while nothing is served."""

    def running() -> Transfers:
        found = transfers()
        assert found is not None, "files are served"
        return found

    @reads_its_body
    async def put(request: web.Request) -> web.StreamResponse:
        try:
            return await running().put(request)
        except (Problem, HereaboutsError, TimeoutError):
            # what is still to come is unwanted
            if request.protocol is not None:
                request.protocol.keep_alive(False)
            raise

    async def get(request: web.Request) -> web.StreamResponse:
        return await running().get(request)

    async def options(request: web.Request) -> web.StreamResponse:
        return await running().options(request)

    path = f"{PATH}/{{id}}/{{name}}"
    return [web.put(path, put), web.get(path, get), web.options(path, options)]
