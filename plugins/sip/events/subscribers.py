"""The NOTIFYs of subscriptions that are ours: each finds its subscriber, if it comes from where it may come from."""

from __future__ import annotations

from collections.abc import Callable

from ....core.errors import HereaboutsError
from ..errors import Refusal, refusal_of
from ..syntax.message import Request
from ..transaction.reply import Reply
from ..transport.flow import Flow
from .subscriber import Subscriber


class Subscribers:
    """A DialogOwner.  ``believed`` says whether what comes by a flow can be from whoever was asked."""

    def __init__(self, believed: Callable[[Subscriber, Flow], bool]) -> None:
        self._believed = believed
        self._by_tag: dict[str, Subscriber] = {}

    def add(self, subscriber: Subscriber) -> None:
        """One more."""
        self._by_tag[subscriber.tag] = subscriber

    def discard(self, subscriber: Subscriber) -> None:
        """One less."""
        self._by_tag.pop(subscriber.tag, None)

    def owns(self, request: Request, flow: Flow) -> bool:
        """Whether it is a NOTIFY for a subscription of ours."""
        return request.method == "NOTIFY" and self._of(request) is not None

    def take(self, request: Request, reply: Reply, flow: Flow) -> None:
        """One NOTIFY.  To somebody else it looks as if there was no such subscription."""
        subscriber = self._of(request)
        try:
            if subscriber is None or not self._believed(subscriber, flow):
                raise Refusal(481)
            subscriber.hears(request)
        except HereaboutsError as why:
            return reply(refusal_of(request, why))
        reply(request.reply(200))

    def _of(self, request: Request) -> Subscriber | None:
        subscriber = self._by_tag.get(request.to.tag)
        return subscriber if subscriber is not None and subscriber.call_id == request.call_id else None
