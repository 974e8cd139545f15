"""Event streams (server-sent events): the newest presence of the people somebody watches, as it changes.

A stream's memory is what has changed since its last write: one view for each person, however often they changed.  A
reader that cannot keep up loses the states in between, and after STUCK seconds its connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.identity import Identity
from ..core.presence_registry import View
from .answers import MAX_UNSENT, NOSNIFF, NOTHING, head
from .languages import Language
from .renderings import Renderings, Told
from .tokens import Viewer

if TYPE_CHECKING:
    from ..core.presence_registry import PresenceRegistry

log = logging.getLogger(__name__)

MAX_STREAMS = 10_000
"""Open streams of one front end."""
MAX_STREAMS_PER_TOKEN = 5
"""Open streams with one token: tabs of one person's page."""
MAX_WATCHED = 250
"""People one stream watches."""
COALESCE = 0.05
"""Seconds that changes are gathered before they are written."""
HEARTBEAT = 15.0
"""Seconds between two signs of life on a stream where nothing changes."""
STUCK = 30.0
"""Seconds a reader may take nothing before it is let go."""
AGAIN = 1.0
"""Seconds after which a stuck reader is tried again."""
AT_ONCE = 500
"""Streams that are written before other work gets its turn."""
RETRY = 3000
"""Milliseconds a browser waits before it connects again."""

HEAD = (
    head(
        200,
        {
            "Content-Type": "text/event-stream; charset=utf-8",
            "Cache-Control": "no-store, no-transform",
            "X-Accel-Buffering": "no",
            "Access-Control-Allow-Origin": "*",
            "Content-Security-Policy": NOTHING,
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Connection": "close",
            **NOSNIFF,
        },
    )
    + b"\r\n"
)
BEAT = b": still here\n\n"
GONE = b"event: gone\ndata: {}\n\n"
"""The watch has ended for good: the token has."""
MOVE = b'event: move\ndata: {"after_ms":%d}\n\n' % RETRY
"""The server is going: come back in a while."""


class Stream:
    """One open stream: a watcher of several people."""

    __slots__ = (
        "_begun",
        "_end",
        "_language",
        "_pending",
        "_state",
        "_stuck",
        "_transport",
        "ended",
        "identity",
        "streams",
    )

    def __init__(self, streams: Streams, viewer: Viewer, language: Language, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        self.identity: Identity | None = viewer.identity
        self.streams = streams
        self.ended: asyncio.Future[None] = loop.create_future()
        self._language = language
        self._transport = transport
        self._begun = False
        self._pending: dict[Identity, View] | None = None
        self._state = 0
        self._stuck = 0.0
        self._end: asyncio.TimerHandle | None = None

    def notify(self, view: View, before: View | None) -> None:
        """Somebody's presence as this viewer may see it: keep the newest, write soon."""
        if before is not None:
            self._state ^= self._told(before).mark
        self._state ^= self._told(view).mark
        if self._pending is None:
            self._pending = {}
            if self._begun:
                self.streams.changed(self)
        self._pending[view.document.identity] = view

    def begin(self, last_id: str, expires_in: float) -> None:
        """Write the head and everybody's state, unless the reader has exactly that already."""
        pending, self._pending, self._begun = self._pending or {}, None, True
        snapshot = b""
        if last_id != self.id:
            elements = b",".join(self.streams.renderings.element(v, self._language) for v in pending.values())
            snapshot = b'event: snapshot\ndata: {"value":[%b]}\n\n' % elements
        self._transport.write(b"%bretry: %d\n%bid: %b\n\n" % (HEAD, RETRY, snapshot, self.id.encode()))
        if expires_in < float("inf"):
            self._end = asyncio.get_running_loop().call_later(expires_in, self.end, GONE)

    @property
    def id(self) -> str:
        """What the reader has when it has read all: its Last-Event-ID.  Equal states have equal ids."""
        return f"{self._state:016x}"

    def flush(self, now: float) -> None:
        """Write what has changed, in one write; later, when the reader has not taken the last one yet."""
        if self._pending is None or self.ended.done():
            return
        if self._is_stuck(now):
            asyncio.get_running_loop().call_later(AGAIN, self.streams.changed, self)
            return
        pending, self._pending = self._pending, None
        events = b"".join([self._told(view).event for view in pending.values()])
        self._write(b"%bid: %b\n\n" % (events, self.id.encode()))

    def beat(self, now: float) -> None:
        """A sign of life where nothing changes; a reader that has been stuck for too long is let go."""
        if self.ended.done():
            return
        if not self._is_stuck(now):
            self._write(BEAT)
        elif now - self._stuck > STUCK:
            log.info("the reader of an event stream took nothing for %d s and was let go", STUCK)
            self._transport.abort()

    def end(self, farewell: bytes = b"") -> None:
        """Say goodbye and close."""
        if self._end is not None:
            self._end.cancel()
        if not self.ended.done():
            if farewell:
                self._write(farewell)
            self.ended.set_result(None)

    def _is_stuck(self, now: float) -> bool:
        full = self._transport.get_write_buffer_size() > MAX_UNSENT
        self._stuck = (self._stuck or now) if full else 0.0
        return full

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def _told(self, view: View) -> Told:
        return self.streams.renderings.told(view, self._language)


class Streams:
    """Every open stream, and the one timer that writes them."""

    def __init__(self, presence: PresenceRegistry, renderings: Renderings) -> None:
        self.renderings = renderings
        self._presence = presence
        self._open: set[Stream] = set()
        self._of_token: Counter[str] = Counter()
        self._changed: list[Stream] = []
        self._scheduled: asyncio.Handle | None = None

    def __len__(self) -> int:
        return len(self._open)

    def room_for(self, key: str, *, limited: bool = True) -> bool:
        """Whether whoever has this token (or address) may open one more; ``limited`` by what others of it have open."""
        return len(self._open) < MAX_STREAMS and not (limited and self._of_token[key] >= MAX_STREAMS_PER_TOKEN)

    async def run(self, stream: Stream, people: Sequence[Identity], key: str, last_id: str, expires_in: float) -> None:
        """Serve a stream until its reader has gone, its token has ended, or the server stops."""
        self._open.add(stream)
        self._of_token[key] += 1
        try:
            for who in people:
                await self._presence.watch(who, stream)
            stream.begin(last_id, expires_in)
            await stream.ended
        finally:
            self._open.discard(stream)
            self._of_token[key] -= 1
            if not self._of_token[key]:
                del self._of_token[key]
            for who in people:
                self._presence.unwatch(who, stream)
            stream.end()

    def changed(self, stream: Stream) -> None:
        """The stream has something to write."""
        self._changed.append(stream)
        if self._scheduled is None:
            self._scheduled = asyncio.get_running_loop().call_later(COALESCE, self._write)

    def _write(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        due, self._changed = self._changed[:AT_ONCE], self._changed[AT_ONCE:]
        for stream in due:
            try:
                stream.flush(now)
            except Exception:
                log.exception("an event stream failed; the others are not concerned")
                stream.end()
        self._scheduled = loop.call_soon(self._write) if self._changed else None

    async def beat(self) -> None:
        """Signs of life, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(HEARTBEAT)
            for number, stream in enumerate(list(self._open), 1):
                stream.beat(loop.time())
                if number % AT_ONCE == 0:
                    await asyncio.sleep(0)

    def close(self) -> None:
        """Tell every reader to come back later, and end the streams."""
        for stream in list(self._open):
            stream.end(MOVE)
        if self._scheduled is not None:
            self._scheduled.cancel()
