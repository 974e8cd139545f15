"""Opening connections to other servers: each place of a domain in turn, until one of them does."""

from __future__ import annotations

import asyncio
import logging
import os

from ....core.errors import BadAddress
from ....core.tls_memory import small_tls_buffers
from ..stream.limits import CLOSE_TIME
from .dialback import Keys, Pair
from .limits import CALL_BACK_TIME, MAX_CALL_BACKS, QUEUE_TIME, STEP_TIME
from .link import Link, Links
from .names import ascii_of
from .neighbour import Neighbour
from .open_stream import OpenStream
from .outgoing import Outgoing, Question
from .places import NOT_FOUND, Place, Places, Unreached
from .trust import Trust

log = logging.getLogger(__name__)


class Caller:
    """What our streams share."""

    def __init__(self, places: Places, trust: Trust, links: Links) -> None:
        self.keys = Keys()
        self.trust = trust
        self.asking: set[tuple[Pair, str]] = set()
        """Whom we are asking to believe us, and the ids of the streams, which the others choose."""
        self._places = places
        self._links = links
        self._call_backs = asyncio.Semaphore(MAX_CALL_BACKS)

    async def stream(self, pair: Pair, neighbour: Neighbour) -> OpenStream:
        """A stream on which stanzas may go.  Raises Unreached."""
        stream = (await self._reached(pair, neighbour, None, QUEUE_TIME)).stream
        if stream.is_over:
            raise Unreached("the connection broke")
        return stream

    async def ask(self, pair: Pair, neighbour: Neighbour, key: str, stream: str) -> bool:
        """Whether the domain's own server says that this key is its own, for a stream to us.  Raises Unreached.

        The connection is one of its own, to where the domain's server is, whoever it was that brought the key.
        """
        if self._call_backs.locked():
            raise Unreached("too many servers are being called back")
        async with self._call_backs:
            answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            await self._reached(pair, neighbour, Question(key, stream, answer), CALL_BACK_TIME)
            return await answer

    async def _reached(self, pair: Pair, neighbour: Neighbour, question: Question | None, within: float) -> Outgoing:
        small_tls_buffers()
        try:
            async with asyncio.timeout(within):
                return await self._first(pair, neighbour, question)
        except TimeoutError:
            raise Unreached(f"the server of {pair.theirs} does not answer") from None
        except BadAddress:
            raise Unreached(f"{pair.theirs} is no domain", NOT_FOUND) from None

    async def _first(self, pair: Pair, neighbour: Neighbour, question: Question | None) -> Outgoing:
        why = Unreached(f"{pair.theirs} has no server")
        for place in await self._places.of(pair.theirs, neighbour.options):
            try:
                return await self._call(place, pair, neighbour, question)
            except Unreached as failed:
                log.debug("%s at %s: %s", pair.theirs, place, failed)
                why = failed
        raise why

    async def _call(self, place: Place, pair: Pair, neighbour: Neighbour, question: Question | None) -> Outgoing:
        outgoing = Outgoing(self, pair, neighbour, secure=place.direct, question=question)
        link = Link(outgoing, str(place), self._links)
        context = self.trust.outgoing(pair, neighbour, direct=True) if place.direct else None
        try:
            async with asyncio.timeout(STEP_TIME):
                await asyncio.get_running_loop().create_connection(
                    lambda: link,
                    place.host,
                    place.port,
                    ssl=context,
                    server_hostname=ascii_of(pair.theirs) if context else None,
                    ssl_shutdown_timeout=CLOSE_TIME if context else None,
                )
        except TimeoutError:
            raise Unreached(f"{place} does not answer") from None
        except OSError as why:  # ssl.SSLError is one
            raise Unreached(f"{place}: {os.strerror(why.errno) if why.errno and why.errno > 0 else why}") from None
        try:
            await (question.answer if question is not None else outgoing.opened)
        except asyncio.CancelledError:
            link.abort()
            raise
        return outgoing
