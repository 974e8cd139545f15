"""Reading event streams in tests."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp

from .served import PATIENCE, Served


class Events:
    """A stream of events, read one by one."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self, *kinds: str) -> tuple[str, Any]:
        """The next event of these kinds: (kind, data)."""
        kind, data = "message", ""
        async with asyncio.timeout(PATIENCE):
            while True:
                line = (await self._answer.content.readline()).decode()
                if not line:
                    return ("end", None)
                name, _, value = line.rstrip("\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    data += value
                if line == "\n":
                    if data and (not kinds or kind in kinds):
                        return kind, json.loads(data)
                    kind, data = "message", ""

    async def position(self) -> str:
        """The next id: what a reader that comes back says it has seen."""
        async with asyncio.timeout(PATIENCE):
            while not (line := (await self._answer.content.readline()).decode()).startswith("id: "):
                assert line, "the stream ended"
        return line.removeprefix("id: ").strip()


async def events_of(site: Served, *people: object, token: str = "", **headers: str) -> aiohttp.ClientResponse:
    """Open a stream; the answer must be closed by the test."""
    query = f"ids={','.join(str(p) for p in people)}" + (f"&t={token}" if token else "")
    return await site.session.get(f"{site.url}/presence/events?{query}", headers=headers)
