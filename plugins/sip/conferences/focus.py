"""The focus: who calls a conference takes part, who calls the factory makes one (RFC 4353, RFC 4579, RFC 5366)."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....core.conversation import Conversation
from ....core.errors import HereaboutsError, TooLarge
from ....core.identity import Endpoint, Identity
from ..dialog import Dialog
from ..errors import Refusal
from ..messages import cpim
from ..resource_lists import Entry
from ..syntax.headers import NameAddr, Term
from ..syntax.message import Request, Response
from ..transaction.reply import Reply
from ..translate import identity_of
from ..transport.flow import Flow
from . import offers
from .invitations import Places, knows_groups
from .offers import Offer
from .session import ALLOW, SUPPORTED, Session, Wire
from .session_timer import agree
from .sessions import Sessions

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

MAX_SUBJECT = 200
"""Characters of a Subject; what is longer is cut."""
LEFT = "left"


class Focus:
    """``factory`` is the user part of the address that makes conferences, in each of our domains; empty for none."""

    def __init__(self, front_end: FrontEnd, sessions: Sessions, wire: Wire, places: Places, factory: str) -> None:
        self._front_end = front_end
        self._sessions = sessions
        self._wire = wire
        self._places = places
        self._factory = factory
        sessions.inside |= {
            "BYE": self._leave,
            "INVITE": self._renew,
            "UPDATE": self._renew,
            "OPTIONS": self._options,
        }

    def is_for(self, request: Request) -> bool:
        """Whether an INVITE is to a conference, or to the factory."""
        return self._front_end.is_conference(request.target.host) or self._is_factory(request)

    async def invite(self, request: Request, reply: Reply, flow: Flow, who: Identity, instance: str) -> None:
        """Somebody wants in.  Raises Refusal, NotFound, NotAllowed and what the body cannot be read for."""
        missing = [tag for tag in request.all("Require") if tag.strip().lower() not in SUPPORTED]
        if missing:
            raise Refusal(420, "", ("Unsupported", ", ".join(missing)))
        if not instance and flow.peer is None:
            raise Refusal(403, "register first: what is said in a conference is sent to registered clients")
        if (request.first("End-To-End-Encrypted") or "").strip().lower() == "true":
            raise Refusal(488, "", ("Warning", '399 hereabouts "end-to-end encrypted rooms are not served here"'))
        offer, endpoint = offers.read(request), Endpoint(who, instance)
        agree(request)
        self._sessions.must_have_room(who)
        if self._is_factory(request):
            conversation, newcomer = await self._made(request, who), True
        else:
            conversation, newcomer = await self._entered(request, who)
        if reply.cancelled:
            await self._undone(conversation, who, newcomer)
            return
        self._accept(request, reply, flow, endpoint, conversation, offer)
        await self._people(conversation, offer.people, who)

    # ---- coming in

    def _is_factory(self, request: Request) -> bool:
        target = request.target
        return bool(self._factory) and target.user == self._factory and self._front_end.ours(target.host)

    async def _made(self, request: Request, who: Identity) -> Conversation:
        """A conference of its own for those who are on the list."""
        home = who.domain if self._front_end.ours(who.domain) else request.target.host
        address = Identity(secrets.token_hex(16), self._front_end.conference_domain(home))
        return await self._front_end.immcu.open_room(
            address, who, subject=subject_of(request), open_door=False, keeps_seats=True
        )

    async def _entered(self, request: Request, who: Identity) -> tuple[Conversation, bool]:
        """The conference, and whether they were not in it before.  A moderator's Subject is its subject from now on."""
        self._replaced(request, who)
        immcu = self._front_end.immcu
        conversation = await immcu.at(identity_of(request.target))
        if conversation is None:
            raise Refusal(404)
        newcomer = who not in conversation.participants
        try:
            await immcu.enter(conversation, who)
        except TooLarge as why:
            raise Refusal(486, str(why)) from why
        await self._rename(conversation, request, who)
        return conversation, newcomer

    def _replaced(self, request: Request, who: Identity) -> None:
        """RFC 3891: the session that a new one stands for ends; Raises Refusal 481 where there is none of theirs."""
        value = request.first("Replaces")
        if value is None:
            return
        named = Term.parse(f"x;{value.partition(';')[2]}").params
        call_id = value.partition(";")[0].strip()
        session = self._sessions.by_dialog(call_id, named.get("to-tag") or "", named.get("from-tag") or "")
        if session is None or session.endpoint.identity != who:
            raise Refusal(481)
        self._sessions.end(session, "replaced by a newer session")

    async def _undone(self, conversation: Conversation, who: Identity, newcomer: bool) -> None:
        if newcomer:
            await self._front_end.immcu.leave(conversation, who, reason="cancelled")

    def _accept(
        self, request: Request, reply: Reply, flow: Flow, endpoint: Endpoint, conversation: Conversation, offer: Offer
    ) -> None:
        assert conversation.address is not None
        contact = self._places.contact(conversation.address)
        agreed = agree(request)
        me = _own_name(request)
        bare = request.reply(200)
        session = Session(
            conversation.address,
            endpoint,
            Dialog.answered(request, bare, contact),
            flow,
            self._wire,
            me=me,
            wraps=_takes_cpim(request),
            over=self._sessions.end,
        )
        response = session.response(request, agreed)
        _record(response, self._places.record_route(flow), request)
        if conversation.subject:
            response.add("Subject", conversation.subject)
        if offer.media:
            response.add("Content-Type", offers.SDP)
            response.body = offers.answer(offer, flow.local.host)
        reply.on_silence = lambda: self._sessions.end(session, "the 200 was never acknowledged")
        self._sessions.enter(session)
        session.lasts(agreed)
        reply(response)

    async def _people(self, conversation: Conversation, people: Sequence[Entry], by: Identity) -> None:
        """Who is on the list of the INVITE is brought in; of whom that fails the roster tells (RFC 5366 section 5)."""
        for entry in people:
            try:
                await self._front_end.immcu.add(conversation, identity_of(entry.uri), by=by)
            except HereaboutsError as why:
                log.info("%s invited somebody to %s who does not come: %s", by, conversation.address, why)

    async def _rename(self, conversation: Conversation, request: Request, who: Identity) -> None:
        """Only a moderator's Subject counts: many phones send one with every call."""
        subject = subject_of(request)
        if subject and who in conversation.moderators and subject != conversation.subject:
            await self._front_end.immcu.name(conversation, subject, who)

    # ---- inside a session

    async def _leave(self, session: Session, request: Request, flow: Flow) -> Response:
        """BYE: with the last of somebody's sessions they leave the conference (a client that crashes does not)."""
        self._sessions.end(session, LEFT, say=False)
        who = session.endpoint.identity
        conversation = self._open(session, who)
        if conversation is not None and not self._sessions.of(session.conference, who):
            await self._front_end.immcu.leave(conversation, who)
        return request.reply(200)

    async def _renew(self, session: Session, request: Request, flow: Flow) -> Response:
        """A re-INVITE or UPDATE: the session goes on, and may bring a list of people (RFC 5366 section 5.1)."""
        offer = offers.read(request)
        response = session.renewed(request)
        who = session.endpoint.identity
        conversation = self._open(session, who)
        if conversation is not None and request.method == "INVITE":
            await self._rename(conversation, request, who)
            await self._people(conversation, offer.people, who)
        if offer.media:
            response.add("Content-Type", offers.SDP)
            response.body = offers.answer(offer, flow.local.host)
        return response

    async def _options(self, session: Session, request: Request, flow: Flow) -> Response:
        return request.reply(200, headers=[ALLOW, ("Accept", ", ".join(offers.ACCEPTED))])

    def _open(self, session: Session, who: Identity) -> Conversation | None:
        return next((c for c in self._front_end.immcu.of(who) if c.address == session.conference), None)


def subject_of(request: Request) -> str:
    """The Subject of a request, one line and not too long."""
    text = request.first("Subject") or ""
    return "".join(c for c in text if c.isprintable()).strip()[:MAX_SUBJECT]


def _own_name(request: Request) -> NameAddr:
    """What the caller calls itself: its GRUU where its Contact is one, for liblinphone knows its rooms by that."""
    contacts = request.contacts
    if isinstance(contacts, list) and len(contacts) == 1 and "gr" in contacts[0].uri.params:
        return NameAddr(contacts[0].uri)
    return NameAddr(request.from_.uri)


def _takes_cpim(request: Request) -> bool:
    contacts = request.contacts
    features = contacts[0].params if isinstance(contacts, list) and len(contacts) == 1 else None
    accepted = [accept.partition(";")[0].strip().lower() for accept in request.all("Accept")]
    return cpim.CONTENT_TYPE in accepted or (features is not None and knows_groups(features))


def _record(response: Response, ours: NameAddr, request: Request) -> None:
    """Our own Record-Route is the nearest to the caller's end of the way, in front of those that came."""
    response.add("Record-Route", ours)
    for route in request.all("Record-Route"):
        response.add("Record-Route", route)
