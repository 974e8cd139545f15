"""One Contact of a REGISTER, and the binding that it makes (RFC 3261 section 10.3).  Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import Refusal
from ..syntax.grammar import MalformedSip
from ..syntax.headers import STAR, NameAddr
from ..syntax.message import Request
from ..syntax.uri import SipUri
from ..translate import short

MAX_CONTACTS = 10
"""Contacts of one REGISTER."""
MAX_INSTANCE = 200
"""Characters of an instance's name."""


@dataclass(frozen=True, slots=True)
class Leases:
    """How long a binding or a subscription may last, in seconds."""

    least: int = 60
    most: int = 3600

    def granted(self, asked: int | None, default: int | None = None) -> int:
        """What is given for what was asked; 0 stays 0.  Raises Refusal 423 for what is too short."""
        if asked is None:
            return self.most if default is None else min(default, self.most)
        if 0 < asked < self.least:
            raise Refusal(423, "", ("Min-Expires", self.least))
        return min(asked, self.most)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change to one binding: ``expires`` 0 removes it."""

    instance: str
    contact: NameAddr
    expires: int


@dataclass(frozen=True, slots=True)
class Bound:
    """A binding as the registrar of SIP remembers it; ``until`` is the loop's time."""

    contact: NameAddr
    call_id: str
    cseq: int
    until: float

    def outdated(self, request: Request) -> bool:
        """Whether a request was overtaken by one that changed this binding (RFC 3261 section 10.3, item 7)."""
        return self.call_id == request.call_id and self.cseq >= request.cseq.number

    def printed(self, now: float) -> NameAddr:
        """As it stands in the 200: with what is left of its lease, and what came with it."""
        params = self.contact.params.with_("expires", str(max(0, round(self.until - now))))
        return NameAddr(self.contact.uri, self.contact.display, params)


def wanted(request: Request, leases: Leases) -> Sequence[Wanted] | None:
    """What a REGISTER asks for; None for ``Contact: *``, which removes everything.

    Raises Refusal 400 for a star that asks for anything else, 403 for too many contacts, 423 for too short a lease.
    """
    contacts = request.contacts
    if contacts is STAR:
        if request.expires != 0:
            raise Refusal(400, "Contact: * goes with Expires: 0 only")
        return None
    if len(contacts) > MAX_CONTACTS:
        raise Refusal(403, f"at most {MAX_CONTACTS} contacts")
    return [_wanted(contact, request, leases) for contact in contacts]


def _wanted(contact: NameAddr, request: Request, leases: Leases) -> Wanted:
    if not contact.uri.is_sip:
        raise Refusal(400, "a Contact that is no SIP URI")
    asked = contact.expires if contact.expires is not None else request.expires
    return Wanted(instance_of(contact), contact, leases.granted(asked))


def instance_of(contact: NameAddr) -> str:
    """What tells one place from another: ``+sip.instance`` and ``reg-id`` (RFC 5626), else the URI.

    An instance without a reg-id counts too: a phone that comes back from another port replaces itself at once.
    """
    instance = (contact.params.get("+sip.instance") or "").strip("<>")
    if not instance:
        return f"contact-{short(_canonical(contact.uri))}"
    if len(instance) > MAX_INSTANCE or not instance.isprintable() or " " in instance:
        raise MalformedSip("an improper +sip.instance")
    reg_id = contact.params.get("reg-id") or ""
    return f"{instance}/{reg_id}" if reg_id.isdecimal() and len(reg_id) < 6 else instance


def _canonical(uri: SipUri) -> str:
    """Equal for URIs that RFC 3261 section 19.1.4 calls equal, as far as phones vary them."""
    transport = (uri.params.get("transport") or "").lower()
    return f"{uri.scheme}:{uri.user}@{uri.host.lower()}:{uri.port or ''};{transport}"
