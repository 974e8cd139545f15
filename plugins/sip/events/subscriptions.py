"""SUBSCRIBE: the table of subscriptions, whatever they are to (RFC 6665)."""

from __future__ import annotations

from collections.abc import Callable

from ....core.identity import Endpoint, Identity
from ..dialog import Dialog, key_of
from ..errors import Refusal
from ..messages.exchange import RequestOver
from ..sign_in.contact import Leases
from ..sign_in.registration import Start
from ..syntax.headers import Term
from ..syntax.message import Request, Response
from ..transport.addresses import OwnAddresses
from ..transport.flow import Flow
from .package import Feed, Package
from .subscription import UNANSWERED, Subscription

MAX_SUBSCRIPTIONS = 1000
"""Of one person, over all their endpoints."""
RESTART = 5
"""Seconds after which subscribers may come back when the server stops."""


class Subscriptions:
    """Each package says who may subscribe and what they are shown; here are the dialogs, leases and limits of all."""

    def __init__(
        self,
        request: RequestOver,
        addresses: OwnAddresses,
        leases: Leases,
        start: Start,
        *,
        pause: float,
        dead: Callable[[Endpoint, Flow], None] = lambda endpoint, flow: None,
    ) -> None:
        """``dead`` is told of endpoints that do not answer over a flow."""
        self._request = request
        self._addresses = addresses
        self._leases = leases
        self._start = start
        self._pause = pause
        self._dead = dead
        self.packages: dict[str, Package] = {}
        self._dialogs: dict[tuple[str, str, str], Subscription] = {}
        self._of: dict[Identity, set[Subscription]] = {}

    async def subscribe(self, request: Request, flow: Flow, who: Identity, instance: str) -> Response:
        """One SUBSCRIBE: a new subscription, a refresh, an end, or a fetch.  Raises Refusal, BadAddress, NotFound."""
        event = request.event
        package = self.packages.get(event.value) if event is not None else None
        if package is None:
            raise Refusal(489, "", self.allowed)
        must_accept(request, package)
        expires = self._leases.granted(request.expires)
        if request.to.tag:
            return await self._refresh(request, flow, who, expires)
        if expires and len(self._of.get(who, ())) >= MAX_SUBSCRIPTIONS:
            raise Refusal(403, f"at most {MAX_SUBSCRIPTIONS} subscriptions")
        feed = await package.subscribe(request, who, instance)
        return self._begin(request, flow, who, feed, expires, instance)

    @property
    def allowed(self) -> tuple[str, str]:
        """The header that names every package."""
        return "Allow-Events", ", ".join(sorted(self.packages))

    def moved(self, endpoint: Endpoint, flow: Flow) -> None:
        """An endpoint is behind another flow, or back after it was lost: so are its subscriptions."""
        for subscription in list(self._of.get(endpoint.identity, ())):
            if subscription.instance == endpoint.instance:
                subscription.over_flow(flow)

    def carried(self, flow: Flow) -> list[Subscription]:
        """Those whose NOTIFYs go over this flow."""
        return [subscription for subscription in self._dialogs.values() if subscription.flow is flow]

    def end_all(self) -> None:
        """The server stops: subscribers may come back in a moment."""
        for subscription in list(self._dialogs.values()):
            subscription.end("probation", RESTART)

    def __len__(self) -> int:
        return len(self._dialogs)

    # ---- inside

    def _begin(self, request: Request, flow: Flow, who: Identity, feed: Feed, expires: int, instance: str) -> Response:
        contact = self._addresses.contact(flow)
        response = request.reply(200, headers=[("Expires", expires), ("Contact", contact), *feed.headers])
        for route in request.all("Record-Route"):
            response.add("Record-Route", route)
        subscription = Subscription(
            who,
            Dialog.answered(request, response, contact),
            flow,
            feed,
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
            self._start(subscription.begin())
        else:
            self._start(subscription.show_once())
        return response

    async def _refresh(self, request: Request, flow: Flow, who: Identity, expires: int) -> Response:
        subscription = self._dialogs.get(key_of(request))
        if subscription is None:
            raise Refusal(481, "no such subscription")
        if subscription.subscriber != who:
            raise Refusal(403, "somebody else's subscription")
        if request.event != Term.parse(subscription.event):
            raise Refusal(481, "the subscription is to another event")
        subscription.dialog.hears(request)
        subscription.flow = flow
        if expires:
            await subscription.feed.refreshed(request)
        self._start(self._renew(subscription, expires))
        headers = [("Expires", expires), ("Contact", subscription.dialog.contact), *subscription.feed.headers]
        return request.reply(200, headers=headers)

    async def _renew(self, subscription: Subscription, expires: int) -> None:
        """After the 200: the NOTIFY that every SUBSCRIBE is owed."""
        if expires:
            subscription.lasts(expires)
            subscription.refreshed()
        else:
            subscription.end("timeout")

    def _ended(self, subscription: Subscription, reason: str) -> None:
        self._dialogs.pop(subscription.dialog.key, None)
        if reason == UNANSWERED:
            self._dead(Endpoint(subscription.subscriber, subscription.instance), subscription.flow)
        mine = self._of.get(subscription.subscriber, set())
        mine.discard(subscription)
        if not mine:
            self._of.pop(subscription.subscriber, None)


def must_accept(request: Request, package: Package) -> None:
    """Whether the subscriber takes what the package has; without Accept it takes the package's own type."""
    accepted = [a.partition(";")[0].strip().lower() for a in request.all("Accept")]
    taken = {*package.content_types, "*/*", *(f"{t.partition('/')[0]}/*" for t in package.content_types)}
    if accepted and not any(kind in taken for kind in accepted):
        raise Refusal(406, "", ("Accept", ", ".join(package.content_types)))
