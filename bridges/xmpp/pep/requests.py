"""The table of what can be asked about nodes, and what an account announces because of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping

from ..errors import bad_request
from ..queries import Place, Queries, Query
from ..resource import Resource
from ..syntax import xml
from ..syntax.stanza import Stanza
from .errors import unsupported
from .eventing import Eventing
from .owning import Owning
from .publishing import Publishing
from .request import Request
from .specials import Specials
from .subscribing import Subscribing

FEATURES = (
    "access-presence",
    "auto-create",
    "auto-subscribe",
    "config-node",
    "config-node-max",
    "create-and-configure",
    "create-nodes",
    "delete-items",
    "delete-nodes",
    "filtered-notifications",
    "instant-nodes",
    "item-ids",
    "last-published",
    "manage-subscriptions",
    "member-affiliation",
    "meta-data",
    "modify-affiliations",
    "multi-items",
    "outcast-affiliation",
    "persistent-items",
    "presence-subscribe",
    "publish",
    "publish-options",
    "pubsub-on-a-jid",
    "purge-nodes",
    "retract-items",
    "retrieve-affiliations",
    "retrieve-default",
    "retrieve-items",
    "retrieve-subscriptions",
    "rsm",
    "subscribe",
)
"""XEP-0060 section 10, and XEP-0163 section 6.1."""

MISSING: Mapping[str, str] = {"options": "subscription-options", "default": "subscription-options"}
"""What we know of and have not, and what section 10 calls it."""

Deed = Callable[[Request], Awaitable[bytes]]


class PubSub:
    """One line for each deed; the four kinds of question go to it from one's own account and from others'."""

    def __init__(self, eventing: Eventing, specials: Specials, queries: Queries) -> None:
        publishing, owning, subscribing = Publishing(eventing, specials), Owning(eventing), Subscribing(eventing)
        self._deeds: Mapping[tuple[str, str, str], Deed] = {
            (xml.PUBSUB, "set", "publish"): publishing.publish,
            (xml.PUBSUB, "set", "retract"): publishing.retract,
            (xml.PUBSUB, "get", "items"): publishing.items,
            (xml.PUBSUB, "set", "create"): owning.create,
            (xml.PUBSUB, "set", "subscribe"): subscribing.subscribe,
            (xml.PUBSUB, "set", "unsubscribe"): subscribing.unsubscribe,
            (xml.PUBSUB, "get", "subscriptions"): subscribing.subscriptions,
            (xml.PUBSUB, "get", "affiliations"): subscribing.affiliations,
            (xml.PUBSUB_OWNER, "get", "configure"): owning.configuration,
            (xml.PUBSUB_OWNER, "set", "configure"): owning.configure,
            (xml.PUBSUB_OWNER, "get", "default"): owning.default,
            (xml.PUBSUB_OWNER, "set", "delete"): owning.delete,
            (xml.PUBSUB_OWNER, "set", "purge"): owning.purge,
            (xml.PUBSUB_OWNER, "get", "affiliations"): owning.affiliations,
            (xml.PUBSUB_OWNER, "set", "affiliations"): owning.affiliate,
            (xml.PUBSUB_OWNER, "get", "subscriptions"): owning.subscriptions,
            (xml.PUBSUB_OWNER, "set", "subscriptions"): owning.unsubscribe,
        }
        features = [xml.PUBSUB, *(f"{xml.PUBSUB}#{feature}" for feature in FEATURES)]
        for place in (Place.ACCOUNT, Place.PERSON):
            queries.announce(place, *features)

    def queries(self) -> Iterable[Query]:
        """The lines of the table."""
        for place in (Place.ACCOUNT, Place.PERSON):
            for type in ("get", "set"):
                for ns in (xml.PUBSUB, xml.PUBSUB_OWNER):
                    yield Query(type, f"{{{ns}}}pubsub", place, self.answer)

    async def answer(self, resource: Resource, iq: Stanza) -> bytes:
        """Whatever is asked.  Raises StanzaError."""
        request = Request.of(resource, iq)
        deed = self._deeds.get((request.ns, iq.type, request.name))
        if deed is not None:
            return await deed(request)
        if request.name in MISSING:
            raise unsupported(MISSING[request.name])
        raise bad_request("that is no request about nodes")
