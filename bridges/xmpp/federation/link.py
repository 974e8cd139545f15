"""One connection with another server: elements in fair shares, the pace they come at, the time they take."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Callable

from ..stream.alarm import Alarm
from ..stream.budget import Bucket, Door
from ..stream.farewell import Farewell
from ..stream.framing import STREAM_END
from ..stream.stream_error import StreamError, stream_error
from ..syntax import xml
from ..syntax.framer import Framer
from ..syntax.stanza import Stanza
from .end import End, said_in, words_for
from .limits import (
    BYTE_BURST,
    BYTES_PER_SECOND,
    FAIR_SHARE,
    KEEP_ALIVE,
    PROVEN,
    STANZA_BURST,
    STANZAS_PER_SECOND,
    UNPROVEN,
)
from .wire import Wire

log = logging.getLogger(__name__)


class Links:
    """All connections with other servers that there are."""

    def __init__(self) -> None:
        self.connections: set[Link] = set()
        self.empty = asyncio.Event()
        self.empty.set()

    def enter(self, link: Link) -> None:
        """One more."""
        self.connections.add(link)
        self.empty.clear()

    def leave(self, link: Link) -> None:
        """It is gone."""
        self.connections.discard(link)
        if not self.connections:
            self.empty.set()


class Link(Wire):
    """``end`` is told what comes, and says what goes."""

    def __init__(self, end: End, remote: str, links: Links, *, door: Door | None = None) -> None:
        """``door`` let it in, where it came to us."""
        super().__init__(remote)
        now = self.heard = self._loop.time()
        self._end = end
        self._links = links
        self._door = door
        self._framer = Framer(UNPROVEN, xml.SERVER)
        self._elements: deque[Stanza] = deque()
        self._headed = self._opened = self._held = self._pumping = self._over = False
        self._bytes = Bucket(BYTES_PER_SECOND, BYTE_BURST, now)
        self._stanzas = Bucket(STANZAS_PER_SECOND, STANZA_BURST, now)
        self._farewell: Farewell | None = None
        self._alarm = Alarm(self._tick)
        self.proven = False
        """Whether it is known who is there: then they may say longer things, and the connection is kept open."""

    # ---- what the end says

    def open(self, attrs: dict[str, str | None]) -> None:
        """Our header (RFC 6120 section 4.7)."""
        self._opened = True
        spaces = {"xmlns": xml.SERVER, "xmlns:stream": xml.STREAMS, "xmlns:db": xml.DIALBACK}
        tag = xml.element("stream:stream", {**spaces, **attrs, "version": "1.0", "xml:lang": "en"})
        self.write(b"<?xml version='1.0'?>" + tag.removesuffix(b"/>") + b">")

    def restart(self) -> None:
        """The stream begins anew."""
        limits = self._framer.limits
        self._framer.close()
        self._framer = Framer(limits, xml.SERVER)
        self._headed = self._opened = False

    @property
    def quiet(self) -> bool:
        """Whether nothing came after the element at hand."""
        framer = self._framer
        return not self._elements and framer.clean and not framer.closed and framer.failure is None

    def start_tls(self, context: ssl.SSLContext, server: str | None = None) -> None:
        """Begin the handshake; all that was said before is forgotten.  ``server``: whom we look for, where we called.

        Raises StreamError when more came than should have: somebody else may have said it (RFC 6120 section 5.4.3.3).
        """
        if not self.quiet:
            raise StreamError("policy-violation", "something was sent before TLS was there")
        self.restart()
        self._secure(context, server)

    def prove(self) -> None:
        """It is known who is there."""
        if self._door is not None and not self.proven:
            self._door.know(self.remote)
        self.proven = True
        self._framer.limits = PROVEN

    def close(self, condition: str | None = None, text: str = "") -> None:
        """End the stream from our side (RFC 6120 sections 4.4 and 4.9)."""
        if self._over or self._pipe is None:
            return
        if not self._pipe.securing:
            if not self._opened:
                self.open({})
            self.write(stream_error(condition, text) + STREAM_END if condition else STREAM_END)
        self._finish(text or condition or "we closed it", clean=condition is None)
        if self._pipe is not None:
            self._farewell = Farewell(self._pipe)

    def go_on(self) -> None:
        """There may be something to do."""
        if not self._pumping:
            self._pumping = True
            self._loop.call_soon(self._pump)

    # ---- what the wire says

    def _begun(self) -> None:
        self._links.enter(self)
        self._do(lambda: self._end.connected(self))
        self._settle()

    def _came(self, data: bytes) -> None:
        if self._farewell is not None:
            self._farewell.heard = True
        if self._over:
            return
        now = self.heard = self._loop.time()
        self._hold(self._bytes.spend(len(data), now))
        self._elements.extend(self._framer.receive(data, now))
        self._pump()

    def _secured(self) -> None:
        self._do(self._end.secured)
        self._settle()

    def _unsecured(self, why: BaseException) -> None:
        if not self._over:
            self._end.unsecured(why)
        self._finish(words_for(why), clean=False)

    def _room(self) -> None:
        if not self._over:
            self._end.room()
            self._settle()

    def _stuck(self) -> None:
        self._finish("they do not read", clean=False)
        self.abort()

    def _gone(self, reason: str) -> None:
        """What came before that is still heard."""
        while not self._over and self._do(self._step):
            pass
        self._finish(reason, clean=False)
        self._links.leave(self)
        if self._door is not None:
            self._door.leave(self.remote, known=self.proven)

    # ---- inside

    def _pump(self) -> None:
        """Hand over what came, a fair share at a time."""
        self._pumping = False
        for _ in range(FAIR_SHARE):
            waits = self._over or self._held or self._end.busy or (self._pipe is not None and self._pipe.securing)
            if waits or not self._do(self._step):
                break
        else:
            self.go_on()
        self._settle()

    def _step(self) -> bool:
        """The next thing that came; whether there was one."""
        framer = self._framer
        if not self._headed and framer.header is not None:
            self._headed = True
            self._end.header(framer.header)
        elif self._elements:
            self._take(self._elements.popleft())
        elif framer.failure is not None:
            raise framer.failure
        elif framer.closed:
            self._answer_end("they closed it", clean=True)
        else:
            return False
        return True

    def _take(self, element: Stanza) -> None:
        if (element.ns, element.name) == (xml.STREAMS, "error"):
            self._answer_end(f"they ended it: {said_in(element)}", clean=False)
            return
        self._hold(self._stanzas.spend(1, self._loop.time()))
        self._end.element(element)

    def _do(self, deed: Callable[[], bool | None]) -> bool:
        """What may raise StreamError; whether there is more to do."""
        try:
            return deed() is not False
        except StreamError as error:
            log.info("the stream of another server at %s is ended: %s", self.remote, error)
            self.close(error.condition, error.text)
        except Exception:
            log.exception("what another server at %s said could not be dealt with", self.remote)
            self.close("internal-server-error")
        return False

    def _answer_end(self, reason: str, *, clean: bool) -> None:
        """They say nothing more; neither do we."""
        if self._opened:
            self.write(STREAM_END)
        self._finish(reason, clean=clean)
        if self._pipe is not None:
            self._farewell = Farewell(self._pipe)

    def _finish(self, reason: str, *, clean: bool) -> None:
        if not self._over:
            self._over = True
            self._alarm.cancel()
            self._framer.close()
            self._elements.clear()
            self._end.over(reason, clean=clean)

    def _settle(self) -> None:
        """Read on or not, and know when to look again."""
        if self._pipe is None:
            return
        self._pipe.read(self._over or not (self._held or self._pumping or self._end.busy))
        if not self._over:
            dues = (self._framer.due, self._end.due(), self.said + KEEP_ALIVE if self.proven else None)
            self._alarm.set(min((due for due in dues if due is not None), default=None))

    def _hold(self, seconds: float) -> None:
        """Read nothing for a while: they are ahead of their budget."""
        if seconds > 0 and not self._held:
            self._held = True
            self._loop.call_later(seconds, self._let_go)

    def _let_go(self) -> None:
        self._held = False
        self._pump()

    def _tick(self) -> None:
        now = self._loop.time()
        if self._framer.due is not None and now >= self._framer.due:
            self._elements.extend(self._framer.receive(b"", now))
        if self.proven and now >= self.said + KEEP_ALIVE:
            self.write(b" ")
        self._do(lambda: self._end.tick(now))
        self._pump()
