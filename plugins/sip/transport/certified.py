"""Whom a certificate names: SIP domains and people (RFC 5922 section 7).  Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ....core.errors import BadAddress
from ....core.identity import Identity
from ..syntax.grammar import MalformedSip
from ..syntax.uri import SipUri

MAX_NAMES = 200
"""Names of one certificate that are looked at."""


class Certified(NamedTuple):
    """What the certificate of a peer says, after TLS has checked its chain."""

    domains: frozenset[str]
    people: frozenset[Identity]

    def names(self, domain: str) -> bool:
        """Whether this domain or address is named.  A wildcard names nothing (RFC 5922 section 7.2)."""
        return domain.strip("[]").lower().rstrip(".") in self.domains


NOBODY = Certified(frozenset(), frozenset())


def certified(certificate: Mapping[str, object] | None) -> Certified:
    """What ``getpeercert()`` gives, read.  The common name is no name here: its text says not what it is.

    RFC 5922 section 7.1: SIP URIs without a user are domains; only where there is none are DNS names.
    """
    found = (certificate or {}).get("subjectAltName", ())
    pairs = [pair for pair in found if isinstance(pair, tuple) and len(pair) == 2] if isinstance(found, tuple) else []
    uris = [uri for kind, text in pairs[:MAX_NAMES] if kind == "URI" and (uri := _sip(text)) is not None]
    domains = {uri.host.lower() for uri in uris if not uri.user}
    if not domains:
        domains = {text.lower() for kind, text in pairs[:MAX_NAMES] if kind == "DNS" and "*" not in text}
    domains |= {text.lower() for kind, text in pairs[:MAX_NAMES] if kind == "IP Address"}
    return Certified(frozenset(domains), frozenset(who for uri in uris if (who := _person(uri)) is not None))


def _sip(text: str) -> SipUri | None:
    try:
        uri = SipUri.parse(text)
    except MalformedSip:
        return None
    return uri if uri.scheme == "sip" and uri.port is None and not uri.headers else None


def _person(uri: SipUri) -> Identity | None:
    try:
        return Identity.parse(f"{uri.user}@{uri.host}") if uri.user else None
    except BadAddress:
        return None
