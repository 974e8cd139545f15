"""REFER to a conference: bring somebody in, put somebody out, make somebody a moderator (RFC 3515, RFC 4579)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ....core.conversation import Conversation
from ....core.errors import HereaboutsError
from ....core.identity import Identity
from ..dialog import Dialog, target_of
from ..errors import Refusal, refusal_of
from ..events.subscription import Subscription
from ..messages.exchange import RequestOver
from ..sign_in.registration import Start
from ..syntax.grammar import MalformedSip
from ..syntax.headers import NameAddr
from ..syntax.message import Request, Response
from ..translate import identity_of
from ..transport.flow import Flow
from .invitations import Places
from .session import ALLOW, Session

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

SIPFRAG = "message/sipfrag;version=2.0"
LASTS = 60
"""Seconds for which a REFER's implicit subscription lasts."""
YES = ("1", "true")


class Wish(NamedTuple):
    """What a Refer-To asks for: ``method`` INVITE or BYE; ``moderator`` where it is about a role."""

    who: Identity
    method: str = "INVITE"
    moderator: bool | None = None


def wish_of(request: Request) -> Wish:
    """Raises Refusal 400 without exactly one Refer-To (RFC 3515 section 2.4.1), 403 for what a focus does not do."""
    values = request.all("Refer-To")
    if len(values) != 1:
        raise Refusal(400, "a REFER has one Refer-To")
    try:
        address = NameAddr.parse(values[0])
    except MalformedSip as why:
        raise Refusal(400, why.reason) from None
    if not address.uri.is_sip:
        raise Refusal(416, "only SIP addresses are brought in")
    method = (address.uri.params.get("method") or "INVITE").upper()
    if method not in ("INVITE", "BYE") or address.uri.headers:
        raise Refusal(403, "a conference invites (INVITE) and puts out (BYE), and nothing else")
    admin = address.params.get("admin")
    # COMPAT: liblinphone asks for a role by a parameter of Refer-To
    role = None if admin is None or method == "BYE" else admin.lower() in YES
    return Wish(identity_of(address.uri), method, role)


class Outcome:
    """A feed of the event ``refer``: 100 at first, then what came of it, then nothing more (RFC 3515 section 2.4.4)."""

    event = ""
    headers: Sequence[tuple[str, object]] = ()

    def __init__(self) -> None:
        self._line = "SIP/2.0 100 Trying"

    async def start(self, due: Callable[[], None]) -> None:
        """It goes by itself."""

    async def refreshed(self, request: Request) -> None:
        """A body has no meaning here."""

    def stop(self) -> None:
        """There is nothing to stop."""

    def state(self) -> str:
        """Whoever referred may know."""
        return "active"

    def is_now(self, response: Response) -> None:
        """What came of it."""
        self._line = f"SIP/2.0 {response.status} {response.reason}"

    def body(self, full: bool, plain: bool) -> tuple[str, bytes] | None:
        """The status line."""
        return SIPFRAG, f"{self._line}\r\n".encode()


class Referral:
    """Who may: any participant brings somebody in unless the conference is locked; the rest is for moderators."""

    def __init__(self, front_end: FrontEnd, request: RequestOver, places: Places, start: Start) -> None:
        self._front_end = front_end
        self._request = request
        self._places = places
        self._start = start

    async def refer(self, request: Request, flow: Flow, who: Identity, instance: str) -> Response:
        """A REFER outside of sessions.  Raises Refusal, NotFound, NotAllowed."""
        if request.to.tag:
            raise Refusal(481)
        if not self._front_end.is_conference(request.target.host):
            raise Refusal(405, "only conferences are referred to somebody", ALLOW)
        return await self._referred(request, flow, who, identity_of(request.target), instance)

    async def inside(self, session: Session, request: Request, flow: Flow) -> Response:
        """A REFER inside a session with the conference."""
        who, instance = session.endpoint
        return await self._referred(request, flow, who, session.conference, instance, session.dialog)

    async def _referred(
        self,
        request: Request,
        flow: Flow,
        who: Identity,
        address: Identity,
        instance: str,
        dialog: Dialog | None = None,
    ) -> Response:
        wish = wish_of(request)
        conversation = await self._front_end.immcu.at(address)
        if conversation is None or who not in conversation.participants:
            raise Refusal(404)
        quiet = (request.first("Refer-Sub") or "").partition(";")[0].strip().lower() == "false"
        self._must_be_allowed(conversation, wish, who)
        if quiet:
            self._start(self._quietly(request, conversation, wish, who))
            return request.reply(202, headers=[("Refer-Sub", "false")])
        contact = self._places.contact(address)
        target_of(request)
        response = request.reply(202, headers=[("Contact", contact), ("Refer-Sub", "true")])
        if dialog is None:
            response.add("Record-Route", self._places.record_route(flow))
            dialog = Dialog.answered(request, response, contact)
        self._start(self._told(request, conversation, wish, who, dialog, flow, instance))
        return response

    def _must_be_allowed(self, conversation: Conversation, wish: Wish, by: Identity) -> None:
        """Said at once where it can be; what is seen only in doing it comes in the NOTIFY."""
        moderator = by in conversation.moderators
        if wish.method == "BYE":
            if wish.who not in conversation.participants:
                raise Refusal(404)
            if wish.who != by and not moderator:
                raise Refusal(403, "only a moderator removes people")
        elif wish.moderator is not None and wish.who in conversation.participants:
            if not moderator:
                raise Refusal(403, "only a moderator appoints moderators")
        else:
            conversation.admit(by)

    async def _told(
        self,
        request: Request,
        conversation: Conversation,
        wish: Wish,
        who: Identity,
        dialog: Dialog,
        flow: Flow,
        instance: str,
    ) -> None:
        """Do it, and say in NOTIFYs how it goes."""
        outcome = Outcome()
        event = f"refer;id={request.cseq.number}"
        subscription = Subscription(
            who, dialog, flow, outcome, self._request, lambda s, why: None, event=event, instance=instance, pause=0.0
        )
        subscription.lasts(LASTS)
        await subscription.begin()
        outcome.is_now(await self._done(request, conversation, wish, who))
        subscription.end("noresource")

    async def _quietly(self, request: Request, conversation: Conversation, wish: Wish, who: Identity) -> None:
        """Without a word of how it went (RFC 4488)."""
        await self._done(request, conversation, wish, who)

    async def _done(self, request: Request, conversation: Conversation, wish: Wish, by: Identity) -> Response:
        try:
            await self._do(conversation, wish, by)
        except HereaboutsError as why:
            log.info("%s asked for something in %s that fails: %s", by, conversation.address, why)
            return refusal_of(request, why)
        return request.reply(200)

    async def _do(self, conversation: Conversation, wish: Wish, by: Identity) -> None:
        immcu = self._front_end.immcu
        if wish.method == "BYE" and wish.who == by:
            await immcu.leave(conversation, by)
        elif wish.method == "BYE":
            await immcu.chair.eject(conversation, wish.who, by)
        elif wish.moderator is not None and wish.who in conversation.participants:
            await immcu.chair.appoint(conversation, wish.who, by, moderator=wish.moderator)
        else:
            await immcu.add(conversation, wish.who, by=by)
