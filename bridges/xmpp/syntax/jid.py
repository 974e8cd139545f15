"""Jabber identifiers (RFC 7622): their text, their prepared parts, and the core's Identity and Endpoint."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

from ....core.errors import BadAddress
from ....core.identity import FORBIDDEN, MAX_PART, Endpoint, Identity, prepared
from . import xml

MAX_JID = 3 * MAX_PART + 2
"""Bytes in a whole JID (RFC 7622 section 3.1)."""


class Jid(NamedTuple):
    """An address with its parts prepared; two spellings of the same address are equal.

    ``user`` is empty for a server or service, ``resource`` for a bare JID.
    """

    user: str
    domain: str
    resource: str = ""

    @property
    def bare(self) -> str:
        """The address without its resource."""
        return f"{self.user}@{self.domain}" if self.user else self.domain

    @property
    def full(self) -> str:
        """The whole address."""
        return f"{self.bare}/{self.resource}" if self.resource else self.bare

    @property
    def identity(self) -> Identity:
        """The person; only for addresses that have a user part."""
        return Identity(self.user, self.domain)

    @property
    def endpoint(self) -> Endpoint:
        """The place the person is signed in at; only for full JIDs."""
        return Endpoint(Identity(self.user, self.domain), self.resource)

    def __str__(self) -> str:
        return self.full


@lru_cache(maxsize=16384)
def parse(text: str) -> Jid:
    """Read and prepare a JID (RFC 7622 section 3).  Raises BadAddress."""
    if len(text) > MAX_JID:
        raise BadAddress(f"an address is longer than {MAX_JID} bytes")
    bare, slash, resource = text.partition("/")
    user, at, domain = bare.partition("@")
    if not at:
        user, domain = "", user
    domain = prepared(domain.removesuffix("."))
    user = prepared(user)
    if not domain or (at and not user) or (slash and not resource):
        raise BadAddress(f"{text[:80]!r} has an empty part")
    if FORBIDDEN & set(user) or FORBIDDEN & set(domain):
        raise BadAddress(f"{text[:80]!r} has characters that no address may have")
    return Jid(user, domain, prepared_resource(resource) if slash else "")


def full_jid(endpoint: Endpoint) -> str:
    """An endpoint as XMPP spells it."""
    return f"{endpoint.identity.user}@{endpoint.identity.domain}/{endpoint.instance}"


def quoted(text: str) -> bytes:
    """A JID as it goes between the apostrophes of an attribute."""
    return xml.attr(text).encode()


def prepared_resource(resource: str) -> str:
    """A resource in its canonical spelling: the OpaqueString profile (RFC 7622 section 3.4, RFC 8265 section 4.2).

    Raises BadAddress.
    """
    if resource.isascii():
        if not resource.isprintable():
            raise BadAddress("a resource has control characters")
    else:
        spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in resource)
        resource = unicodedata.normalize("NFC", spaced)
        if any(unicodedata.category(c) in _NOT_IN_RESOURCES for c in resource):
            raise BadAddress("a resource has characters that no address may have")
    if not 0 < len(resource.encode()) <= MAX_PART:
        raise BadAddress(f"a resource is empty or longer than {MAX_PART} bytes")
    return resource


_NOT_IN_RESOURCES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
