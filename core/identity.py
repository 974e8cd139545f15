"""Who someone is, and where they are signed in."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

from .errors import BadAddress

MAX_PART = 1023
"""Bytes in the user or the domain part (RFC 7622 section 3.1)."""

FORBIDDEN = frozenset(" \"&'/:<>@")
"""What XMPP forbids in a user part (RFC 7622 section 3.3.1); SIP spells these %XX and we do not take them either."""

SCHEMES = ("sip:", "sips:", "xmpp:", "im:", "pres:", "mailto:")


class Identity(NamedTuple):
    """A person's address: a SIP address-of-record and a bare JID are two spellings of it.  A tuple, for fast keys."""

    user: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> Identity:
        """Read ``alice@example.test``, with or without a scheme; letter case and width make no difference.

        Raises BadAddress.
        """
        return _parse(text)

    def __str__(self) -> str:
        return f"{self.user}@{self.domain}"


class Endpoint(NamedTuple):
    """One place an identity is signed in: a SIP instance, an XMPP resource."""

    identity: Identity
    instance: str

    def __str__(self) -> str:
        return f"{self.identity}/{self.instance}"


@lru_cache(maxsize=16384)
def _parse(text: str) -> Identity:
    address = text.strip()
    for scheme in SCHEMES:
        if address[: len(scheme)].lower() == scheme:
            address = address[len(scheme) :]
            break
    user, at, domain = address.rpartition("@")
    user, domain = prepared(user), prepared(domain.rstrip("."))
    if not (user and at and domain) or FORBIDDEN & set(user) or FORBIDDEN & set(domain):
        raise BadAddress(f"{text[:80]!r} is not an address of the form user@domain")
    return Identity(user, domain)


def prepared(part: str) -> str:
    """One part of an address in its canonical spelling: the case-mapped username profile of RFC 8265 section 3.3.

    Raises BadAddress for control characters, unassigned characters and parts that are too long.
    """
    if len(part.encode("utf-8", "surrogatepass")) > MAX_PART:
        raise BadAddress(f"part of an address is longer than {MAX_PART} bytes")
    if part.isascii():
        part = part.lower()
        if not part.isprintable():
            raise BadAddress(f"{part[:80]!r} has control characters")
        return part
    part = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", part).lower())
    if any(unicodedata.category(c)[0] in "CZ" for c in part):
        raise BadAddress(f"{part[:80]!r} has characters that no address may have")
    return part
