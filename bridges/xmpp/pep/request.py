"""A request about nodes, taken apart: whose they are, who asks, what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..errors import StanzaError, bad_request
from ..paging import SET
from ..resource import Resource
from ..syntax import jid, xml
from ..syntax.jid import Jid
from ..syntax.stanza import Stanza
from . import form
from .errors import forbidden, nodeid_required, refusal


@dataclass(frozen=True, slots=True)
class Request:
    """``deed`` is the first child of ``pubsub``, in the namespace ``ns`` of that."""

    resource: Resource
    iq: Stanza
    owner: Identity
    ns: str
    deed: Element

    @classmethod
    def of(cls, resource: Resource, iq: Stanza) -> Request:
        """Raises StanzaError where nothing is asked for."""
        pubsub = iq.tree[0]
        if not len(pubsub):
            raise bad_request("nothing is asked for")
        owner = iq.to.identity if iq.to is not None and iq.to.user else resource.identity
        return cls(resource, iq, owner, xml.split(pubsub.tag)[0], pubsub[0])

    @property
    def asker(self) -> Identity:
        """Who asks."""
        return self.resource.identity

    @property
    def name(self) -> str:
        """What is to be done: publish, items, ..."""
        return xml.split(self.deed.tag)[1]

    @property
    def node(self) -> str:
        """The node it is about, or nothing."""
        return self.deed.get("node", "")

    def must_own(self) -> None:
        """Raises StanzaError where somebody else asks what only the owner may do."""
        if self.asker != self.owner:
            raise forbidden()

    def must_name(self) -> None:
        """Raises StanzaError where no node is named."""
        if not self.node:
            raise nodeid_required()

    def beside(self, name: str) -> Element | None:
        """Another child of ``pubsub``, beside the deed."""
        return self.iq.tree[0].find(f"{{{self.ns}}}{name}")

    def beside_set(self) -> Element | None:
        """The wish for a page (XEP-0059), if there is one."""
        return self.iq.tree[0].find(SET)

    def kids(self, name: str) -> list[Element]:
        """Children of the deed."""
        return self.deed.findall(f"{{{self.ns}}}{name}")

    def fields(self, element: Element | None) -> dict[str, list[str]]:
        """The fields of the form in an element."""
        return form.values(element.find(form.FORM)) if element is not None else {}

    def subscriber(self) -> Jid:
        """For which address of theirs somebody subscribes (section 6.1.3.1).  Raises StanzaError."""
        try:
            named = jid.parse(self.deed.get("jid", ""))
        except BadAddress as why:
            raise refusal("modify", "bad-request", "invalid-jid") from why
        return named

    def answer(self, inner: bytes) -> bytes:
        """The result's one child."""
        return xml.element("pubsub", {"xmlns": self.ns}, inner)


def bare_jid(text: str) -> str:
    """The person an affiliation is about.  Raises StanzaError."""
    try:
        return jid.parse(text).bare
    except BadAddress as why:
        raise StanzaError("modify", "jid-malformed", str(why)) from why
