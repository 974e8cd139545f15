"""Every session with a conference here, and what the other ends send inside them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from ....core.conversation import Conversation
from ....core.errors import HereaboutsError
from ....core.identity import Endpoint, Identity
from ..dialog import key_of
from ..errors import Refusal, refusal_of
from ..sign_in.registration import Start
from ..syntax.message import Request, Response
from ..transaction.reply import Reply
from ..transport.flow import Flow
from .session import ALLOW, Session

log = logging.getLogger(__name__)

MAX_SESSIONS = 200
"""Sessions of one person, over all their endpoints and conferences."""

Inside = Callable[[Session, Request, Flow], Awaitable[Response]]
"""Answers a request inside a session: (session, request, flow)."""


Seat = tuple[Identity, str]
"""A conference, and the instance of somebody who is in it."""


class Sessions:
    """A DialogOwner.  ``sender`` proves who sent a request."""

    def __init__(self, sender: Callable[[Request, Flow], Awaitable[Identity]], start: Start) -> None:
        self._sender = sender
        self._start = start
        self.inside: dict[str, Inside] = {}
        """Who answers which method; ACK is answered by nobody."""
        self._dialogs: dict[tuple[str, str, str], Session] = {}
        self._of: dict[Identity, dict[Seat, Session]] = {}
        self._in: dict[Identity, set[Session]] = {}

    # ---- who is where

    def at(self, conference: Identity, endpoint: Endpoint) -> Session | None:
        """The session of an endpoint with a conference."""
        return self._of.get(endpoint.identity, {}).get((conference, endpoint.instance))

    def of(self, conference: Identity, who: Identity) -> list[Session]:
        """Somebody's sessions with a conference."""
        return [session for (at, _), session in self._of.get(who, {}).items() if at == conference]

    def by_dialog(self, call_id: str, ours: str, theirs: str) -> Session | None:
        """The session with this Call-ID and these tags."""
        return self._dialogs.get((call_id, ours, theirs))

    def must_have_room(self, who: Identity) -> None:
        """Raises Refusal 403 where somebody has as many as there may be."""
        if len(self._of.get(who, ())) >= MAX_SESSIONS:
            raise Refusal(403, f"at most {MAX_SESSIONS} sessions with conferences")

    def enter(self, session: Session) -> None:
        """A new session; an older one of the same endpoint with the same conference gives way to it."""
        before = self.at(session.conference, session.endpoint)
        self._dialogs[session.dialog.key] = session
        self._of.setdefault(session.endpoint.identity, {})[_seat(session)] = session
        self._in.setdefault(session.conference, set()).add(session)
        if before is not None:
            self.end(before, "replaced by a newer session")

    def end(self, session: Session, why: str, *, say: bool = True) -> None:
        """It is over, and says so unless the other end did."""
        session.end(why, say=say)
        self._dialogs.pop(session.dialog.key, None)
        theirs = self._of.get(session.endpoint.identity, {})
        if theirs.get(_seat(session)) is session:
            del theirs[_seat(session)]
        if not theirs:
            self._of.pop(session.endpoint.identity, None)
        others = self._in.get(session.conference, set())
        others.discard(session)
        if not others:
            self._in.pop(session.conference, None)

    # ---- what others say of endpoints and conferences

    def changed(self, conversation: Conversation) -> None:
        """Who is not in it any more has no session with it."""
        inside = self._in.get(conversation.address, ()) if conversation.address is not None else ()
        for session in list(inside):
            if session.endpoint.identity not in conversation.participants:
                self.end(session, "no participant any more")

    def moved(self, endpoint: Endpoint, flow: Flow) -> None:
        """An endpoint is behind another flow."""
        for session in self._of.get(endpoint.identity, {}).values():
            if session.endpoint == endpoint:
                session.flow = flow

    def departed(self, endpoint: Endpoint) -> None:
        """An endpoint is gone: its person stays in the conference, and their client is invited again when it is
        back."""
        for session in list(self._of.get(endpoint.identity, {}).values()):
            if session.endpoint == endpoint:
                self.end(session, "not registered any more", say=False)

    def end_all(self) -> None:
        """The server stops.  No BYE, which would mean to clients that they have left."""
        for session in list(self._dialogs.values()):
            self.end(session, "the server stops", say=False)

    # ---- inside dialogs

    def owns(self, request: Request, flow: Flow) -> bool:
        """Whether a request belongs to a session of ours.  A SUBSCRIBE or NOTIFY is never part of one."""
        return request.method not in ("SUBSCRIBE", "NOTIFY") and key_of(request) in self._dialogs

    def take(self, request: Request, reply: Reply, flow: Flow) -> None:
        """Answer it."""
        session = self._dialogs[key_of(request)]
        if request.method == "ACK":
            session.acknowledged = True
            return
        self._start(self._answer(session, request, reply, flow))

    async def _answer(self, session: Session, request: Request, reply: Reply, flow: Flow) -> None:
        try:
            reply(await self._response(session, request, flow))
        except HereaboutsError as why:
            reply(refusal_of(request, why))
        except Exception:
            log.exception("%s in a session of %s failed", request.method, session.endpoint)
            reply(request.reply(500))

    async def _response(self, session: Session, request: Request, flow: Flow) -> Response:
        answer = self.inside.get(request.method)
        if answer is None:
            raise Refusal(405, "", ALLOW)
        who = await self._sender(request, flow)
        if who != session.endpoint.identity:
            raise Refusal(403, "somebody else's session")
        if session.ended:
            raise Refusal(481)
        session.dialog.hears(request)
        session.flow = flow
        return await answer(session, request, flow)


def _seat(session: Session) -> Seat:
    return session.conference, session.endpoint.instance
