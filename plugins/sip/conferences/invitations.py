"""Invitations from a conference: clients that know what a conference is are called by it (RFC 4579 section 5.5)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from ....core.conversation import Conversation, ConversationEnded, Shape, SubjectChanged
from ....core.errors import HereaboutsError, Undeliverable
from ....core.housekeeping import RESUMABLE
from ....core.identity import Endpoint, Identity
from ....core.message import Happened
from ..calls.copies import cancelling
from ..dialog import Dialog
from ..sign_in.registration import Start
from ..syntax.grammar import Params
from ..syntax.headers import NameAddr
from ..syntax.message import Request, Response
from ..syntax.uri import SipUri
from ..translate import short, sip_uri
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow
from .session import Session, Wire, invitation
from .session_timer import accepted
from .sessions import Sessions

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd
    from ..messages.channel import SipChannel

log = logging.getLogger(__name__)

INVITE_WITHIN = 8.0
"""Seconds in which a client answers an invitation; what is said meanwhile waits, and then comes as plain text."""
FEATURES = Params({"text": "", "isfocus": ""})
"""What the Contact of a focus says (RFC 4579; COMPAT: liblinphone also wants ``text`` of a room)."""
GROUPS = "groupchat"
"""What liblinphone says of itself in ``+org.linphone.specs`` when it knows rooms."""
DECLINE = 603


class Places:
    """What conferences call themselves, and what they call others."""

    def __init__(self, addresses: OwnAddresses) -> None:
        self._addresses = addresses

    def contact(self, conference: Identity) -> NameAddr:
        """The focus of a conference."""
        return NameAddr(sip_uri(conference), "", FEATURES)

    def record_route(self, flow: Flow) -> NameAddr:
        """Ourselves, so that what follows in a session comes by us: no client need look up a conference's domain."""
        return NameAddr(self._addresses.uri(flow, params={"lr": ""}))

    def foreign(self, dialog: Dialog, flow: Flow) -> list[str]:
        """The routes of a dialog without ourselves."""
        return [r for r in dialog.routes if not self._addresses.is_ours(NameAddr.parse(r).uri, flow)]

    def called(self, endpoint: Endpoint) -> NameAddr:
        """An endpoint's own address: its GRUU where it is called by a URN (RFC 5627), else its person's."""
        uri = sip_uri(endpoint.identity)
        return NameAddr(_gruu(uri, endpoint.instance) if endpoint.instance.startswith("urn:") else uri)

    def device(self, endpoint: Endpoint) -> SipUri:
        """How an endpoint stands in a roster, of whatever protocol it is: a URI of its own."""
        instance = endpoint.instance if endpoint.instance.startswith("urn:") else short(endpoint.instance)
        return _gruu(sip_uri(endpoint.identity), instance)


class Called:
    """An INVITE of ours that waits for its answer, and afterwards for the answer's repetitions."""

    def __init__(self, request: Request, flow: Flow, wire: Wire) -> None:
        self._request = request
        self._flow = flow
        self._wire = wire
        self._rings = False
        self._unwanted = False
        self.session: Session | None = None
        self.answer = wire.request(request, flow, progress=self._progress)

    def withdraw(self) -> None:
        """CANCEL, as soon as that may be sent; whoever accepts all the same is told BYE (RFC 3261 section 9.1)."""
        self._unwanted = True
        if self._rings:
            self._cancel()
        self.answer.add_done_callback(self._too_late)

    def _progress(self, response: Response) -> None:
        if response.status >= 200:
            if self.session is not None:
                self.session.acknowledge()
        elif not self._rings:
            self._rings = True
            if self._unwanted:
                self._cancel()

    def _cancel(self) -> None:
        self._wire.request(cancelling(self._request), self._flow, stamp=False)

    def _too_late(self, answer: asyncio.Future[Response]) -> None:
        if answer.cancelled() or answer.exception() is not None or answer.result().status >= 300:
            return
        try:
            dialog = Dialog.asked(self._request, answer.result())
        except HereaboutsError:
            return
        self._wire.send(dialog.request("ACK"), self._flow)
        self._wire.request(dialog.request("BYE"), self._flow)


class Invitations:
    """Who is invited, and how that went.  ``features`` is the Contact's parameters with which an endpoint registered.

    An invitation is sent in its place among the letters to the endpoint: what was said before comes before, what is
    said after waits until it is answered.
    """

    def __init__(
        self,
        front_end: FrontEnd,
        sessions: Sessions,
        wire: Wire,
        places: Places,
        features: Callable[[Endpoint], Params],
        start: Start,
    ) -> None:
        self._front_end = front_end
        self._sessions = sessions
        self._wire = wire
        self._places = places
        self._features = features
        self._start = start
        self._declined: set[tuple[Identity, Endpoint]] = set()

    async def shown(self, channel: SipChannel, news: Happened) -> bool:
        """Whether an endpoint sees by its session what happened, and needs no words."""
        conference = news.conversation.address
        if conference is None:
            return False
        if isinstance(news.event, ConversationEnded):
            session = self._sessions.at(conference, channel.endpoint)
            if session is not None and news.event.reason not in RESUMABLE:
                self._sessions.end(session, "the conference has ended")
            return session is not None and session.wraps
        if channel.endpoint.identity not in news.conversation.participants:
            return knows_groups(self._features(channel.endpoint))  # its session has just been told BYE
        session = await self.seat(channel, news.conversation)
        if session is not None and isinstance(news.event, SubjectChanged) and not session.wraps:
            self._start(session.rename(news.event.subject))
            return True
        return session is not None and session.wraps

    async def seat(self, channel: SipChannel, conversation: Conversation) -> Session | None:
        """The session by which an endpoint is in a conference; who could have one and has none is invited."""
        conference, endpoint = conversation.address, channel.endpoint
        session = self._sessions.at(conference, endpoint) if conference is not None else None
        if conference is None or session is not None or (conference, endpoint) in self._declined:
            return session
        if not knows_groups(self._features(endpoint)):
            return None
        living = await self._living(conversation, conference)
        if living is None or endpoint.identity not in living.participants:
            return None
        return await self._invite(channel, living, conference)

    async def distrust(self, channel: SipChannel, conversation: Conversation) -> None:
        """The endpoint did not take CPIM: it gets plain text from now on."""
        session = self._sessions.at(conversation.address, channel.endpoint) if conversation.address else None
        if session is not None:
            log.info("%s does not take CPIM; it gets plain text", session.endpoint)
            session.wraps = False

    def departed(self, endpoint: Endpoint) -> None:
        """An endpoint is gone; when it is back it may be asked again."""
        self._declined = {seat for seat in self._declined if seat[1] != endpoint}

    # ---- inside

    async def _living(self, conversation: Conversation, conference: Identity) -> Conversation | None:
        """What was said before a restart is shown afterwards: the conference goes on then, asleep or under a new id."""
        if conversation.shape is Shape.CONFERENCE:
            return conversation
        immcu = self._front_end.immcu
        return immcu.roll.by_address.get(conference) or await immcu.past.at(conference)

    async def _invite(self, channel: SipChannel, conversation: Conversation, conference: Identity) -> Session | None:
        flow, me = channel.flow, self._places.called(channel.endpoint)
        request = self._invitation(channel, conversation.subject, conference, me)
        called = Called(request, flow, self._wire)
        try:
            response = await asyncio.wait_for(asyncio.shield(called.answer), INVITE_WITHIN)
        except TimeoutError:
            self._declined.add((conference, channel.endpoint))
            called.withdraw()
            return None
        except Undeliverable:
            return None
        except asyncio.CancelledError:
            called.withdraw()
            raise
        if response.status >= 300:
            await self._refused(channel.endpoint, conversation, conference, response)
            return None
        called.session = self._joined(channel.endpoint, conference, request, response, flow)
        return called.session

    def _invitation(self, channel: SipChannel, subject: str, conference: Identity, me: NameAddr) -> Request:
        contact = self._places.contact(conference)
        head: list[tuple[str, object]] = [
            ("From", NameAddr(contact.uri, "", Params({"tag": secrets.token_hex(8)}))),
            ("To", me),
            ("Call-ID", secrets.token_hex(16)),
            ("CSeq", "1 INVITE"),
            *(("Route", route) for route in channel.routes),
            ("Contact", contact),
            ("Record-Route", self._places.record_route(channel.flow)),
            *invitation(subject),
        ]
        return Request("INVITE", str(channel.contact), head)

    def _joined(
        self, endpoint: Endpoint, conference: Identity, request: Request, response: Response, flow: Flow
    ) -> Session | None:
        try:
            dialog = Dialog.asked(request, response)
        except HereaboutsError as why:
            log.info("%s accepted an invitation in a way that makes no session: %s", endpoint, why)
            return None
        dialog.routes = self._places.foreign(dialog, flow)
        me = NameAddr(request.to.uri)
        session = Session(conference, endpoint, dialog, flow, self._wire, me=me, wraps=True, over=self._sessions.end)
        session.acknowledged = True
        session.acknowledge()
        self._sessions.enter(session)
        session.lasts(accepted(response))
        return session

    async def _refused(
        self, endpoint: Endpoint, conversation: Conversation, conference: Identity, response: Response
    ) -> None:
        """A decline is the person's own no; any other answer is the client's, which gets plain text instead."""
        self._declined.add((conference, endpoint))
        log.info("%s answered %d to the invitation of %s", endpoint, response.status, conference)
        if response.status == DECLINE:
            try:
                await self._front_end.immcu.leave(conversation, endpoint.identity, reason="declined")
            except HereaboutsError as why:
                log.info("%s declined, and is still in %s: %s", endpoint.identity, conference, why)


def _gruu(uri: SipUri, instance: str) -> SipUri:
    return SipUri("sip", uri.user, uri.host, params=Params.of([("gr", instance, False)]))


def knows_groups(features: Params) -> bool:
    """Whether a client that registered with this Contact knows what to do with an invitation to a conference.

    It says so by ``isfocus`` or ``text`` (RFC 3840), or in liblinphone's own way.
    """
    return "text" in features or "isfocus" in features or GROUPS in (features.get("+org.linphone.specs") or "")
