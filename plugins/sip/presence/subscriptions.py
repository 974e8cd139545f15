"""SUBSCRIBE: who watches whom (RFC 6665, RFC 3856)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ....core.contacts import MAX_NAME
from ....core.errors import HereaboutsError
from ....core.identity import Endpoint, Identity
from ..errors import Refusal
from ..messages.exchange import RequestOver
from ..sign_in.contact import Leases
from ..sign_in.registration import Start
from ..syntax.grammar import Params
from ..syntax.headers import NameAddr, Term
from ..syntax.message import Request, Response
from ..syntax.uri import SipUri
from ..translate import identity_of
from ..transport.flow import Flow
from . import pidf
from .publication import EVENTS
from .subscription import UNANSWERED, Dialog, Subscription, target_of

if TYPE_CHECKING:
    from ....core.front_end import FrontEnd

log = logging.getLogger(__name__)

MAX_SUBSCRIPTIONS = 1000
"""Of one person, over all their endpoints."""
RESTART = 5
"""Seconds after which subscribers may come back when the server stops."""
ANYWHERE = ("0.0.0.0", "::")
"""What a UDP socket that listens everywhere calls its own address."""
TAKEN = ("application/pidf+xml", "application/*", "*/*")
"""What an Accept must name, if there is one."""


class Subscriptions:
    """The table of dialogs, and the contact lists behind it: whom somebody watches is on their list everywhere."""

    def __init__(
        self,
        front_end: FrontEnd,
        request: RequestOver,
        leases: Leases,
        start: Start,
        *,
        pause: float,
        host: str = "",
        dead: Callable[[Endpoint, Flow], None] = lambda endpoint, flow: None,
    ) -> None:
        """``dead`` is told of endpoints that do not answer over a flow."""
        self._front_end = front_end
        self._request = request
        self._leases = leases
        self._start = start
        self._pause = pause
        self._host = host
        self._dead = dead
        self._dialogs: dict[tuple[str, str, str], Subscription] = {}
        self._of: dict[Identity, set[Subscription]] = {}

    async def subscribe(self, request: Request, flow: Flow, who: Identity, instance: str) -> Response:
        """One SUBSCRIBE: a new subscription, a refresh, an end, or a fetch.  Raises Refusal, BadAddress, NotFound."""
        event = request.event
        if event is None or event.value != "presence":
            raise Refusal(489, "", *EVENTS)
        _must_accept(request)
        expires = self._leases.granted(request.expires)
        if request.to.tag:
            return self._refresh(request, flow, who, expires)
        presentity = identity_of(request.target)
        if not self._front_end.ours(presentity.domain) and not self._front_end.is_conference(presentity.domain):
            raise Refusal(404)
        if expires and len(self._of.get(who, ())) >= MAX_SUBSCRIPTIONS:
            raise Refusal(403, f"at most {MAX_SUBSCRIPTIONS} subscriptions")
        target_of(request)
        return self._begin(request, flow, who, presentity, expires, instance)

    def moved(self, endpoint: Endpoint, flow: Flow) -> None:
        """An endpoint is behind another flow, or back after it was lost: so are its subscriptions."""
        for subscription in list(self._of.get(endpoint.identity, ())):
            if subscription.instance == endpoint.instance:
                subscription.over_flow(flow)

    def end_all(self) -> None:
        """The server stops: subscribers may come back in a moment."""
        for subscription in list(self._dialogs.values()):
            subscription.end("probation", RESTART)

    def __len__(self) -> int:
        return len(self._dialogs)

    # ---- inside

    def _begin(
        self, request: Request, flow: Flow, who: Identity, presentity: Identity, expires: int, instance: str
    ) -> Response:
        contact = self._contact(flow)
        response = request.reply(200, headers=[("Expires", expires), ("Contact", contact)])
        for route in request.all("Record-Route"):
            response.add("Record-Route", route)
        subscription = Subscription(
            who,
            presentity,
            Dialog.begun(request, response, contact),
            flow,
            self._request,
            self._ended,
            event=request.first("Event") or "",
            instance=instance,
            pause=self._pause,
        )
        if expires:
            self._dialogs[subscription.dialog.key] = subscription
            self._of.setdefault(who, set()).add(subscription)
            subscription.lasts(expires)
            self._start(self._watch(subscription))
            self._start(self._list(request, who, presentity))
        else:
            self._start(self._fetch(subscription))
        return response

    def _refresh(self, request: Request, flow: Flow, who: Identity, expires: int) -> Response:
        subscription = self._dialogs.get((request.call_id, request.to.tag, request.from_.tag))
        if subscription is None:
            raise Refusal(481, "no such subscription")
        if subscription.identity != who:
            raise Refusal(403, "somebody else's subscription")
        if request.event != Term.parse(subscription.event):
            raise Refusal(481, "the subscription is to another event")
        subscription.dialog.hears(request)
        subscription.flow = flow
        self._start(self._renew(subscription, expires))
        headers: list[tuple[str, object]] = [("Expires", expires), ("Contact", subscription.dialog.contact)]
        return request.reply(200, headers=headers)

    async def _renew(self, subscription: Subscription, expires: int) -> None:
        """After the 200: the NOTIFY that every SUBSCRIBE is owed."""
        if expires:
            subscription.lasts(expires)
            subscription.refreshed()
        else:
            subscription.end("timeout")

    async def _watch(self, subscription: Subscription) -> None:
        await self._front_end.presence.watch(subscription.presentity, subscription)
        if subscription.over:
            self._front_end.presence.unwatch(subscription.presentity, subscription)

    async def _fetch(self, subscription: Subscription) -> None:
        """Once, and over (RFC 6665 section 4.4.3)."""
        subscription.show_once(await self._front_end.presence.view(subscription.identity, subscription.presentity))

    async def _list(self, request: Request, who: Identity, presentity: Identity) -> None:
        """Whom somebody watches is on their list; if they may not see them yet, this asks.

        SIP has no words for "may I see you" and "yes": whoever puts a person on their list says yes to them, too.
        """
        if who == presentity or self._front_end.is_conference(presentity.domain):
            return
        contacts = self._front_end.contacts
        try:
            contact = await contacts.get(who, presentity)
            if contact is None or not contact.listed:
                name = request.to.display[: MAX_NAME // 4]
                contact = await contacts.put(who, presentity, name=name, groups=contact.groups if contact else ())
                await contacts.grant(who, presentity)
            if not contact.sees and not contact.asked:
                await contacts.ask(who, presentity)
        except HereaboutsError as why:
            log.info("%s watches %s, who did not get on the list: %s", who, presentity, why)

    def _ended(self, subscription: Subscription, reason: str) -> None:
        self._front_end.presence.unwatch(subscription.presentity, subscription)
        self._dialogs.pop(subscription.dialog.key, None)
        assert subscription.identity is not None, "a subscription has a subscriber"
        if reason == UNANSWERED:
            self._dead(Endpoint(subscription.identity, subscription.instance), subscription.flow)
        mine = self._of.get(subscription.identity, set())
        mine.discard(subscription)
        if not mine:
            self._of.pop(subscription.identity, None)

    def _contact(self, flow: Flow) -> NameAddr:
        """Where the subscriber reaches us again: where it has reached us now, unless we were told a better name."""
        host = self._host or flow.local.host
        if host in ANYWHERE:
            host = self._front_end.domains[0]
        host = f"[{host}]" if ":" in host else host
        return NameAddr(SipUri("sip", "", host, flow.local.port, Params({"transport": flow.transport.lower()})))


def _must_accept(request: Request) -> None:
    accepted = [a.partition(";")[0].strip().lower() for a in request.all("Accept")]
    if accepted and not any(kind in accepted for kind in TAKEN):
        raise Refusal(406, "", ("Accept", pidf.CONTENT_TYPE))
