"""How one client gets in: what its stream asks about accounts and sessions is looked into, and the stream is told."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable

from ....core.errors import Busy, TooLarge
from ....core.identity import Identity
from ..syntax import jid, xml
from . import deeds, management, registering
from .hashed_token import NAME as TOKEN
from .house import House
from .management import REQUEST, Ledger
from .registering import NotRegistered
from .sasl import Question
from .session import Session, Wire
from .stream import Stream
from .stream_error import StreamError
from .wishes import Binding

log = logging.getLogger(__name__)


class Entry:
    """From the door to a bound session."""

    __slots__ = ("_house", "_known", "_remote", "_stream")

    def __init__(self, house: House, stream: Stream, remote: str) -> None:
        self._house = house
        self._stream = stream
        self._remote = remote
        self._known = False

    async def ask(self, question: Question, gone: Callable[[], bool]) -> None:
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

    async def register(self, asked: deeds.Register) -> None:
        """Make an account (XEP-0077)."""
        assert self._house.register is not None
        try:
            await self._house.register(self._remote, asked.domain, asked.username, asked.password)
        except NotRegistered as why:
            told = registering.refusal(asked.id, asked.domain, *why.error)
        except Exception:
            log.exception("an account could not be made")
            told = registering.refusal(asked.id, asked.domain, "wait", "internal-server-error", "")
        else:
            told = registering.done(asked)
        self._stream.answered(told, self._now())

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
            session = self._house.sessions.bind(who, resource, wire, remote=self._remote, lang=self._stream.ends.lang)
        except TooLarge as why:
            self._stream.refuse("wait", "resource-constraint", str(why), now)
            return None
        self._stream.bound(_address(session), now)
        return session

    async def enter(self, deed: deeds.Enter, wire: Wire, gone: Callable[[], bool]) -> Session | None:
        """What was wished for with the sign-in: the session of before, or a new one, or none."""
        try:
            return await self._entered(deed, wire, gone)
        except StreamError as error:
            self._stream.end(error.condition, error.text, extra=error.extra)
        except Exception:
            log.exception("what %s wished for with the sign-in could not be done", deed.who)
            self._stream.end("internal-server-error")
        return None

    async def _entered(self, deed: deeds.Enter, wire: Wire, gone: Callable[[], bool]) -> Session | None:
        """XEP-0386 section 3.2: a session that is resumed makes a new resource needless."""
        wishes, told = deed.wishes, []
        token = await self._token(deed)
        if wishes.resume is not None:
            session = await self._house.sessions.resumption.resume(deed.who, *wishes.resume, wire)
            if session is not None and session.ledger is not None:
                self._go_on(session, session.ledger, wire, [management.resumed(session.ledger), token])
                return session
            told.append(management.failed("item-not-found"))
        if wishes.bind is None:
            self._stream.entered([*told, token], self._now())
            return None
        archive = await self._house.archive(deed.who) if self._house.archive is not None else b""
        return None if gone() else self._bind_inline(deed, wishes.bind, wire, archive, [*told, token])

    def _bind_inline(
        self, deed: deeds.Enter, wish: Binding, wire: Wire, archive: bytes, told: list[bytes]
    ) -> Session | None:
        who, client, sessions = deed.who, deed.wishes.client, self._house.sessions
        alias = self._house.gatekeeper.tokens.alias(who, client) if client else secrets.token_urlsafe(9)
        more = {"remote": self._remote, "lang": self._stream.ends.lang, "client": deed.wishes.software}
        try:
            session = sessions.bind(who, wish.resource(alias), wire, **more)
        except TooLarge as why:
            log.info("%s is not bound: %s", who, why)
            self._stream.entered(told, self._now())
            return None
        session.carbons = wish.carbons
        managed = sessions.resumption.hear(wish.manage, session) if wish.manage is not None else None
        bound = xml.element("bound", {"xmlns": xml.BIND2}, archive + (managed or b""))
        self._stream.entered([bound, *told], self._now(), _address(session), session.ledger)
        self._house.router.opened(session)
        if wish.state is not None:
            self._house.router.receive(session, wish.state)
        return session

    async def _token(self, deed: deeds.Enter) -> bytes:
        """What becomes of the token that was shown, and a new one where one is wished for or due (XEP-0484)."""
        tokens, client, wishes = self._house.gatekeeper.tokens, deed.wishes.client, deed.wishes
        due = False
        if deed.token and wishes.returns_token:
            await tokens.forget(deed.who, client)
        elif deed.token:
            due = await tokens.used(deed.who, client, deed.token)
        if not due and not wishes.token:
            return b""
        token = await tokens.issue(deed.who, client, wishes.token or TOKEN)
        expiry = token.expires.strftime("%Y-%m-%dT%H:%M:%SZ")
        return xml.element("token", {"xmlns": xml.FAST, "token": token.secret, "expiry": expiry})

    async def resume(self, deed: deeds.Resume, wire: Wire) -> Session | None:
        """The session of before, with what its client has not acknowledged; None where there is none."""
        try:
            session = await self._house.sessions.resumption.resume(deed.who, deed.id, deed.handled, wire)
        except StreamError as error:
            self._stream.end(error.condition, error.text, extra=error.extra)
            session = None
        if session is None or session.ledger is None:
            self._stream.answered(management.failed("item-not-found"), self._now())
            return None
        self._go_on(session, session.ledger, wire)
        return session

    def leave(self) -> None:
        """The connection is over."""
        self._house.door.leave(self._remote, known=self._known)

    def _go_on(self, session: Session, ledger: Ledger, wire: Wire, told: list[bytes] | None = None) -> None:
        """The session of before goes on: the client is told, and then told again what it has not acknowledged."""
        if told is None:
            self._stream.bound(_address(session), self._now(), ledger)
        else:
            self._stream.entered(told, self._now(), _address(session), ledger)
        for stanza in (*ledger.again(), REQUEST):
            wire.write(stanza)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _address(session: Session) -> jid.Jid:
    who, instance = session.endpoint
    return jid.Jid(who.user, who.domain, instance)
