"""What goes wrong with nodes, in the words of XEP-0060: a stanza error and the condition of its own namespace."""

from __future__ import annotations

from ..errors import StanzaError
from ..syntax import xml

ERRORS = "http://jabber.org/protocol/pubsub#errors"


def refusal(type: str, condition: str, own: str, text: str = "", *, feature: str | None = None) -> StanzaError:
    """A stanza error that says with ``own`` what publish-subscribe means by it."""
    return StanzaError(type, condition, text, inner=xml.element(own, {"xmlns": ERRORS, "feature": feature}))


def unsupported(feature: str) -> StanzaError:
    """This part of XEP-0060 is not to be had here."""
    return refusal("cancel", "feature-not-implemented", "unsupported", feature=feature)


def nodeid_required() -> StanzaError:
    """The request names no node."""
    return refusal("modify", "bad-request", "nodeid-required")


def item_required() -> StanzaError:
    """The request has no item, or its item no id where one is needed."""
    return refusal("modify", "bad-request", "item-required")


def invalid_payload(text: str = "") -> StanzaError:
    """An item holds one element, of the kind that the node is for."""
    return refusal("modify", "bad-request", "invalid-payload", text)


def not_a_contact() -> StanzaError:
    """The node is for those who see the owner's presence; the same for nodes and people who do not exist."""
    return refusal("auth", "not-authorized", "presence-subscription-required")


def not_in_group() -> StanzaError:
    """The node is for some groups of the owner's contact list."""
    return refusal("auth", "not-authorized", "not-in-roster-group")


def closed() -> StanzaError:
    """The node is for those whom the owner has named."""
    return refusal("cancel", "not-allowed", "closed-node")


def too_large(limit: int) -> StanzaError:
    """The payload is larger than the node or the server takes (section 7.1.3)."""
    return refusal("modify", "not-acceptable", "payload-too-big", f"at most {limit} bytes are taken")


def full(text: str) -> StanzaError:
    """There is room for no more."""
    return refusal("cancel", "conflict", "node-full", text)


def precondition_not_met(text: str) -> StanzaError:
    """The node is not as the publisher wants it (section 7.1.5)."""
    return refusal("cancel", "conflict", "precondition-not-met", text)


def forbidden() -> StanzaError:
    """Only the owner does this."""
    return StanzaError("auth", "forbidden")
