"""Whom a certificate names, as servers read it (RFC 6120 section 13.7.1.2, RFC 6125 section 6.4).  Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ....core.errors import BadAddress
from .limits import MAX_CERTIFICATE_NAMES


def names_in(certificate: Mapping[str, object] | None) -> frozenset[str]:
    """The DNS names that ``getpeercert()`` gives.  The common name is none: its text says not what it is."""
    found = (certificate or {}).get("subjectAltName", ())
    pairs = found[:MAX_CERTIFICATE_NAMES] if isinstance(found, tuple) else ()
    return frozenset(pair[1].lower().rstrip(".") for pair in pairs if isinstance(pair, tuple) and pair[0] == "DNS")


def names(certificate: Mapping[str, object] | None, domain: str) -> bool:
    """Whether the domain is named, or ``*.`` and all after its first label; a star means nothing anywhere else."""
    found, spelled = names_in(certificate), ascii_of(domain)
    _, dot, above = spelled.partition(".")
    return spelled in found or bool(dot and "." in above and f"*.{above}" in found)


def ascii_of(domain: str) -> str:
    """A domain as certificates and the DNS spell it.  Raises BadAddress."""
    if domain.isascii():
        return domain
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise BadAddress(f"{domain[:80]!r} is no domain") from None
