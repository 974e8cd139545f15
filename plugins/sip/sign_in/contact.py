"""One Contact of a REGISTER, and the binding that it makes (RFC 3261 section 10.3, RFC 5626 section 6).  Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from string import digits

from ..errors import Refusal
from ..syntax.grammar import NO_PARAMS, MalformedSip, made_of
from ..syntax.headers import STAR, NameAddr
from ..syntax.message import Request
from ..syntax.uri import SipUri
from ..translate import short
from ..transport.flow import Flow

MAX_CONTACTS = 10
"""Contacts of one REGISTER."""
MAX_INSTANCE = 200
"""Characters of an instance's name."""
MAX_PATH = 10
"""Proxies between a phone and us whose Path is kept."""
MAX_REG_ID = 99_999


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
    """A change to one binding: ``expires`` 0 removes it.  ``reg_id`` tells flows of one instance apart, 0 for none."""

    instance: str
    contact: NameAddr
    expires: int
    reg_id: int = 0


@dataclass(frozen=True, slots=True)
class Bound:
    """A binding as the registrar of SIP remembers it; ``until`` is the loop's time.

    ``path`` is by which proxies a request goes there, as values of Route (RFC 3327).
    """

    contact: NameAddr
    call_id: str
    cseq: int
    until: float
    flow: Flow
    path: tuple[str, ...] = ()

    @property
    def q(self) -> float:
        """How much this contact is preferred, from 0 to 1 (RFC 3261 section 20.10)."""
        try:
            value = float(self.contact.params.get("q") or 1)
        except ValueError:
            return 1.0
        return min(1.0, max(0.0, value)) if isfinite(value) else 1.0

    def outdated(self, request: Request) -> bool:
        """Whether a request was overtaken by one that changed this binding (RFC 3261 section 10.3, item 7)."""
        return self.call_id == request.call_id and self.cseq >= request.cseq.number

    def printed(self, now: float, gruus: Mapping[str, str] = NO_PARAMS) -> NameAddr:
        """As it stands in the 200: with what is left of its lease, what came with it, and its GRUUs."""
        params = self.contact.params.with_("expires", str(max(0, round(self.until - now))))
        for name, gruu in gruus.items():
            params = params.with_(name, gruu, quoted=True)
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


def path_of(request: Request) -> tuple[str, ...]:
    """The proxies by which the request came and want to be gone through again (RFC 3327 section 5.3).

    Raises Refusal 420 when the phone does not know of it: it could not tell what a proxy does in its name.
    """
    path = tuple(request.all("Path"))
    if path and not supports(request, "path"):
        raise Refusal(420, "", ("Unsupported", "path"))
    if len(path) > MAX_PATH:
        raise Refusal(400, f"at most {MAX_PATH} Path values")
    for value in path:
        NameAddr.parse(value)
    return path


def supports(request: Request, tag: str) -> bool:
    """Whether the sender knows an extension."""
    return any(known.strip().lower() == tag for known in request.all("Supported"))


def _outbound(contact: NameAddr, request: Request) -> int:
    """The reg-id that counts (RFC 5626 section 6), 0 where none does.

    Raises Refusal 439 when the first proxy on the way does not keep its flow to the phone.
    """
    given = contact.params.get("reg-id") or ""
    if not contact.params.get("+sip.instance") or not supports(request, "outbound"):
        return 0
    if not made_of(given, digits) or len(given) > len(str(MAX_REG_ID)) or not int(given):
        return 0
    path = request.all("Path")
    nearest = [path[0], path[-1]] if path else []
    keeps_flow = any("ob" in NameAddr.parse(value).uri.params for value in nearest)
    if not keeps_flow and (path or len(request.via) > 1):
        raise Refusal(439)
    return int(given)


def _wanted(contact: NameAddr, request: Request, leases: Leases) -> Wanted:
    if not contact.uri.is_sip:
        raise Refusal(400, "a Contact that is no SIP URI")
    asked = contact.expires if contact.expires is not None else request.expires
    return Wanted(instance_of(contact), contact, leases.granted(asked), _outbound(contact, request))


def instance_of(contact: NameAddr) -> str:
    """What tells one place from another: ``+sip.instance``, else the URI.

    An instance without a reg-id counts too: a phone that comes back from another port replaces itself at once.
    """
    instance = (contact.params.get("+sip.instance") or "").strip("<>")
    if not instance:
        return f"contact-{short(_canonical(contact.uri))}"
    if len(instance) > MAX_INSTANCE or not instance.isprintable() or " " in instance:
        raise MalformedSip("an improper +sip.instance")
    return instance


def _canonical(uri: SipUri) -> str:
    """Equal for URIs that RFC 3261 section 19.1.4 calls equal, as far as phones vary them."""
    transport = (uri.params.get("transport") or "").lower()
    return f"{uri.scheme}:{uri.user}@{uri.host.lower()}:{uri.port or ''};{transport}"
