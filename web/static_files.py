"""The scripts, styles and drawings that pages load: read once, served from memory under an address that names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from .answers import NOSNIFF, Answer, Body, answer, body_of, fields
from .icons import LOOKS, MICRO, Theme, svg
from .problems import Problem
from .renderings import picture

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml; charset=utf-8",
}
FOREVER = fields({"Cache-Control": "public, max-age=31536000, immutable"})
A_WHILE = fields({"Cache-Control": "public, max-age=3600, stale-while-revalidate=86400"})
ARTWORK_SIZE = 32
"""Pixels a drawing says it has; pages give it the size they want."""


class StaticFiles:
    """What there is to load.  Only names that were there at the start exist: no path is ever looked up."""

    def __init__(self, folder: Path = FOLDER) -> None:
        headers = NOSNIFF | {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
        self._bodies: dict[str, Body] = {
            file.name: body_of(file.read_bytes(), TYPES[file.suffix], headers)
            for file in sorted(folder.iterdir())
            if file.suffix in TYPES
        }
        for icon in LOOKS:
            for theme in Theme:
                for size, weight in ((ARTWORK_SIZE, ""), (MICRO, "-micro")):
                    drawing = svg(icon, size, theme).encode()
                    body = body_of(drawing, TYPES[".svg"], picture("svg"))
                    self._bodies[f"{icon}{weight}{'' if theme is Theme.AUTO else f'-{theme}'}.svg"] = body
        self.addresses: Mapping[str, str] = {
            name: f"/static/{name}?v={body.etag.strip(chr(34))}" for name, body in self._bodies.items()
        }

    def routes(self) -> list[web.RouteDef]:
        """Where they are; the script for other people's pages also has an address that never changes."""
        return [web.get("/static/{name}", self._file), web.get("/{name:presence-badge\\.js}", self._file)]

    async def _file(self, request: web.Request) -> Answer:
        body = self._bodies.get(request.match_info["name"])
        if body is None:
            raise Problem("not-found")
        versioned = request.query.get("v") == body.etag.strip('"')
        return answer(request, body, FOREVER if versioned else A_WHILE)
