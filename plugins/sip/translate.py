"""SIP addresses and times, and what the core calls them.  Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache
from hashlib import blake2b

from ...core.errors import BadAddress
from ...core.identity import Identity
from .syntax.grammar import MalformedSip
from .syntax.headers import NameAddr
from .syntax.uri import SipUri


@lru_cache(16384)
def sip_uri(who: Identity) -> SipUri:
    """A person's or a conference's address as a SIP URI; the domain in its ASCII form (RFC 7247)."""
    domain = who.domain
    if not domain.isascii():
        domain = domain.encode("idna").decode("ascii")
    return SipUri("sip", who.user, domain)


def identity_of(uri: SipUri | NameAddr | str) -> Identity:
    """Whose address this is.  ``pres:`` and ``im:`` URIs name people too.  Raises BadAddress."""
    if isinstance(uri, str):
        try:
            uri = SipUri.parse(uri)
        except MalformedSip as why:
            raise BadAddress(why.reason) from None
    if isinstance(uri, NameAddr):
        uri = uri.uri
    if not uri.is_sip:
        if uri.scheme not in ("pres", "im"):
            raise BadAddress(f"{uri.scheme} addresses are not served here")
        return Identity.parse(uri.opaque.partition("?")[0].partition(";")[0])
    return _identity(uri.user, uri.host)


@lru_cache(16384)
def _identity(user: str, host: str) -> Identity:
    if "xn--" in host.lower():
        try:
            host = host.encode("ascii").decode("idna")
        except UnicodeError:
            raise BadAddress(f"{host[:80]!r} is no domain") from None
    return Identity.parse(f"{user}@{host}")


def short(text: str) -> str:
    """A stable short name for a long one, safe in an XML id, a header and an address."""
    return blake2b(text.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()


def sip_date(at: datetime) -> str:
    """A Date header's value (RFC 3261 section 20.17)."""
    return format_datetime(at.astimezone(UTC), usegmt=True)


def xml_time(at: datetime) -> str:
    """A time as XML Schema's dateTime, UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of(text: str) -> datetime | None:
    """Read a dateTime that says its zone; None where it is none."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None else None
