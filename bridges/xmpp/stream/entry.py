"""How one client gets in: what its stream asks about accounts and sessions is looked into, and the stream is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ....core.errors import Busy, TooLarge
from ....core.identity import Identity
from ..syntax import jid
from . import deeds
from .house import House
from .management import REQUEST
from .sasl import KeyWanted, PasswordWanted
from .session import Session, Wire
from .stream import Stream
from .stream_error import StreamError

log = logging.getLogger(__name__)


class Entry:
    """From the door to a bound session."""

    __slots__ = ("_house", "_known", "_remote", "_stream")

    def __init__(self, house: House, stream: Stream, remote: str) -> None:
        self._house = house
        self._stream = stream
        self._remote = remote
        self._known = False

    async def ask(self, question: KeyWanted | PasswordWanted, gone: Callable[[], bool]) -> None:
        """Find out about an account.  ``gone``: whether the client has hung up meanwhile."""
        now = asyncio.get_running_loop().time
        try:
            known = await self._house.gatekeeper.known(question, self._remote)
        except Busy as busy:
            self._stream.deny("temporary-auth-failure", str(busy), now())
        except Exception:
            log.exception("the account of %s could not be looked into", question.who)
            self._stream.deny("temporary-auth-failure", "", now())
        else:
            if known is False and gone():  # whoever guesses and hangs up has guessed all the same
                self.failed(question.who)
            self._stream.answer(known, now())

    def failed(self, who: Identity | None) -> None:
        """A sign-in failed."""
        self._house.gatekeeper.failed(self._remote, who)

    def proven(self, who: Identity) -> None:
        """The client proved who they are; from now on it counts for its account, not for its address."""
        self._house.gatekeeper.succeeded(self._remote, who)
        self._house.door.know(self._remote)
        self._known = True

    def bind(self, who: Identity, resource: str, wire: Wire, now: float) -> Session | None:
        """A new session; None where there may be none."""
        try:
            session = self._house.sessions.bind(who, resource, wire, remote=self._remote, lang=self._stream.lang)
        except TooLarge as why:
            self._stream.refuse("wait", "resource-constraint", str(why), now)
            return None
        self._stream.bound(jid.Jid(who.user, who.domain, session.endpoint.instance), now)
        return session

    async def resume(self, deed: deeds.Resume, wire: Wire) -> Session | None:
        """The session of before, with what its client has not acknowledged; None where there is none."""
        now = asyncio.get_running_loop().time
        try:
            session = await self._house.sessions.resumption.resume(deed.who, deed.id, deed.handled, wire)
        except StreamError as error:
            self._stream.end(error.condition, error.text, extra=error.extra)
            session = None
        if session is None or session.ledger is None:
            self._stream.not_resumed(now())
            return None
        self._stream.bound(jid.Jid(deed.who.user, deed.who.domain, session.endpoint.instance), now(), session.ledger)
        for stanza in (*session.ledger.again(), REQUEST):
            wire.write(stanza)
        return session

    def leave(self) -> None:
        """The connection is over."""
        self._house.door.leave(self._remote, known=self._known)
