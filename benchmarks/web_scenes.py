"""What crowds of web pages do: ask for badges, and keep streams of events open.  Played by a crew."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Iterator
from typing import cast

from .crew import Stage
from .marks import Reader, mark
from .people import who
from .server import HOST
from .xmpp_session import Facts, sign_in_all

CONNECTIONS = 16
"""Keep-alive connections of each process."""
PEOPLE = 100
IN_BATCH = 100
CHANGE_EVERY = 0.5
"""Seconds between two changes that the event streams tell."""
OPENING = 50
"""Event streams being opened at a time."""
SHOWS = ("away", "dnd", "xa", "chat")

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
ETAG = re.compile(rb"\r\netag:[ \t]*([^\r]+)", re.IGNORECASE)


class Asking(asyncio.Protocol):
    """A keep-alive connection: the next request goes out when the answer to the last one is whole."""

    def __init__(self, requests: Iterator[bytes], late: list[float]) -> None:
        self.statuses: set[bytes] = set()
        self.going = True
        self.lost = False
        self._requests = requests
        self._late = late
        self._buffer = b""
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self) -> None:
        """The next request."""
        self._sent = time.monotonic()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = LENGTH.search(self._buffer, 0, end + 2)
        status = self._buffer[9:12]
        body = int(length[1]) if length is not None and status != b"304" else 0
        if len(self._buffer) < end + 4 + body:
            return
        self._buffer = b""
        self.statuses.add(status)
        self._late.append(1000 * (time.monotonic() - self._sent))
        if self.going:
            self.ask()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


class Streaming(asyncio.Protocol):
    """An open stream of server-sent events."""

    def __init__(self, request: bytes, late: list[float]) -> None:
        self._request = request
        self._late = late
        self._reader = Reader()
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        self._late.extend(seen.late for seen in self._reader.read(data))
        if not self.open.done():
            self.open.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        if not self.open.done():
            self.open.set_exception(ConnectionError("the stream was not opened"))


async def badges(stage: Stage, *, port: int, xmpp: int, users: range, kinds: list[str], seconds: float) -> Facts:
    """One kind of request after the other, about people of whom some are there."""
    sessions = await sign_in_all(users, xmpp)
    for session in sessions:
        session.listen(lambda data: None)
        session.send(f"<presence><show>{SHOWS[session.number % 4]}</show></presence>".encode())
    await asyncio.sleep(0.5)
    for kind in kinds:
        late: list[float] = []
        requests = itertools.cycle(await _requests(kind, port))
        loop = asyncio.get_running_loop()
        asking = [
            (await loop.create_connection(lambda: Asking(requests, late), HOST, port))[1]  # noqa: B023
            for _ in range(CONNECTIONS)
        ]
        await stage.step()
        late.clear()
        began = time.monotonic()
        for one in asking:
            one.ask()
        await asyncio.sleep(seconds)
        statuses = sorted({status.decode() for one in asking for status in one.statuses})
        for one in asking:
            one.going = False
        lost = sum(one.lost for one in asking)
        seconds_taken = time.monotonic() - began
        await stage.step(
            {"got": len(late), "seconds": seconds_taken, "late": list(late), "statuses": statuses, "lost": lost}
        )
        for one in asking:
            one._transport.close()
    return {}


async def streams(
    stage: Stage, *, port: int, xmpp: int, users: range, watching: int, token: str, seconds: float
) -> Facts:
    """Many pages watch person 0, who changes now and then."""
    sessions = await sign_in_all(range(1), xmpp) if users[0] == 0 else []
    late: list[float] = []
    await stage.step()
    request = _get(f"/presence/events?ids={who(0)}&t={token}", "Accept: text/event-stream")
    loop = asyncio.get_running_loop()
    opened: list[Streaming] = []
    while len(opened) < watching:
        some = range(min(OPENING, watching - len(opened)))
        made = await asyncio.gather(
            *(loop.create_connection(lambda: Streaming(request, late), HOST, port) for _ in some)
        )
        opened += [protocol for _, protocol in made]
        await asyncio.gather(*(protocol.open for _, protocol in made))
    await asyncio.sleep(1.0)
    await stage.step()
    late.clear()
    began = time.monotonic()
    changes = 0
    for session in sessions:
        session.listen(lambda data: None)
    while time.monotonic() - began < seconds:
        for session in sessions:
            text = f"<show>{SHOWS[changes % 2]}</show><status>{mark(changes)}</status>"
            session.send(f"<presence>{text}</presence>".encode())
            changes += 1
        await asyncio.sleep(CHANGE_EVERY)
    await asyncio.sleep(0.5)
    lost = sum(one.lost for one in opened)
    await stage.step(
        {"got": len(late), "seconds": time.monotonic() - began, "late": list(late), "changes": changes, "lost": lost}
    )
    return {}


async def _requests(kind: str, port: int) -> list[bytes]:
    people = [str(who(number)) for number in range(PEOPLE)]
    match kind:
        case "svg" | "json":
            return [_get(f"/presence/{one}.{kind}") for one in people]
        case "304":
            return [await _with_etag(f"/presence/{one}.svg", port) for one in people]
        case _:
            body = json.dumps({"ids": (people * (IN_BATCH // PEOPLE + 1))[:IN_BATCH]})
            head = f"POST /presence HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
            return [f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()]


async def _with_etag(path: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(_get(path, "Connection: close"))
    answer = await reader.read()
    writer.close()
    tag = ETAG.search(answer)
    assert tag is not None, answer[:200]
    return _get(path, f"If-None-Match: {tag[1].decode()}")


def _get(path: str, header: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{header + chr(13) + chr(10) if header else ''}\r\n".encode()
