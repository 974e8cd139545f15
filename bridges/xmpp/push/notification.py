"""A push notification as it is published (XEP-0357 section 7), and what clients say to have that.  A codec."""

from __future__ import annotations

from typing import NamedTuple
from xml.etree.ElementTree import Element

from ....core.errors import BadAddress
from ..errors import StanzaError, bad_request
from ..forms import FORM, FORM_TYPE, BadForm, Field, form, read
from ..syntax import jid, xml
from .registrations import Service

SUMMARY = "urn:xmpp:push:summary"
PUBLISH_OPTIONS = f"{xml.PUBSUB}#publish-options"

MAX_NODE = 1024
"""Characters of a node at a push service."""
MAX_OPTIONS = 4096
"""Characters of all that has to be said with everything published there."""
MAX_BODY = 200
"""Characters of a message that a push service may be told."""


class Summary(NamedTuple):
    """What waits: how many messages, and of the last of them who wrote it and what; empty is not told."""

    messages: int
    sender: str = ""
    body: str = ""


def published(service: Service, summary: Summary) -> bytes:
    """The payload of the IQ that tells a service."""
    fields = [Field("message-count", values=(str(summary.messages),))]
    if summary.sender:
        fields.append(Field("last-message-sender", "jid-single", values=(summary.sender,)))
    if summary.body:
        fields.append(Field("last-message-body", values=(summary.body[:MAX_BODY],)))
    told = form(fields, type="submit", form_type=SUMMARY)
    item = xml.element("item", None, xml.element("notification", {"xmlns": xml.PUSH}, told))
    inner = xml.element("publish", {"node": service.node or None}, item)
    if service.options:
        options = [Field(var, "text-multi", values=tuple(values)) for var, values in service.options.items()]
        inner += xml.element("publish-options", None, form(options, type="submit", form_type=PUBLISH_OPTIONS))
    return xml.element("pubsub", {"xmlns": xml.PUBSUB}, inner)


def enabled(enable: Element) -> Service:
    """What a client wants to be told, and where (section 5).  Raises StanzaError."""
    given = enable.find(FORM)
    options: dict[str, list[str]] = {}
    if given is not None:
        try:
            answers = read(given)
        except BadForm as why:
            raise bad_request(str(why)) from None
        if answers.one(FORM_TYPE) != PUBLISH_OPTIONS:
            raise bad_request(f"the form is of the type {PUBLISH_OPTIONS}")
        options = {var: list(values) for var, values in answers.items() if var != FORM_TYPE}
    if sum(len(var) + sum(map(len, values)) for var, values in options.items()) > MAX_OPTIONS:
        raise StanzaError("modify", "policy-violation", f"no more than {MAX_OPTIONS} characters of options")
    return Service(service_of(enable), node_of(enable) or "", options)


def service_of(element: Element) -> str:
    """The service's address.  Raises StanzaError."""
    try:
        return jid.parse(element.get("jid", "")).full
    except BadAddress:
        raise bad_request("a push service has an address") from None


def node_of(element: Element) -> str | None:
    """The node there; None where none is named.  Raises StanzaError."""
    node = element.get("node")
    if node is not None and len(node) > MAX_NODE:
        raise StanzaError("modify", "policy-violation", f"no more than {MAX_NODE} characters of a node")
    return node
