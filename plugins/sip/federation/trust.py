"""Whose certificates are believed: each domain is proven by its own authorities, and by nobody else's (RFC 5922)."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ....core.errors import SettingsError
from ..transport.certified import certified
from ..transport.outgoing import checking
from .neighbour import Neighbour, ProvenDomain

MAX_AUTHORITIES = 1024 * 1024
"""Characters of a file with authorities that are read."""
_DER = 2
"""How OpenSSL's binding numbers this encoding."""
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")


class Trust:
    """TLS contexts for both directions, and the judgement who somebody is.

    ``shown_by`` lets a context show our own certificate.  ``stranger`` gives a neighbour for a domain that nobody
    wrote down, where that is allowed.  Raises SettingsError for a file that holds no certificates.
    """

    def __init__(
        self,
        neighbours: Iterable[Neighbour],
        shown_by: Callable[[ssl.SSLContext], ssl.SSLContext],
        stranger: Callable[[str], Neighbour | None] | None = None,
    ) -> None:
        self._neighbours = list(neighbours)
        self._shown_by = shown_by
        self._stranger = stranger
        self._roots = {n.options.ca: _certificates(n.options.ca) for n in self._neighbours if n.options.ca}
        self._private = frozenset(root for roots in self._roots.values() for root in roots)
        self._outgoing: dict[str, ssl.SSLContext] = {}
        self.incoming = self._incoming()
        """For the listener: nobody comes in without a certificate of an authority we know."""

    def outgoing(self, neighbour: Neighbour) -> ssl.SSLContext:
        """For a connection to this domain: only its own authorities count, and it is shown who we are."""
        ca = neighbour.options.ca
        context = self._outgoing.get(ca)
        if context is None:
            context = self._outgoing[ca] = self._shown_by(_only(ca) if ca else checking())
        return context

    def proven(self, connection: Any, certificate: dict[str, object] | None) -> ProvenDomain | None:
        """Which domains are at the other end of a TLS connection; None when that is nobody we speak with.

        The chain must end at an authority that counts for that very domain: that the handshake went well says only
        that it ends at one that counts for somebody.
        """
        chain = verified_chain(connection)
        if not chain:
            return None
        named, root = certified(certificate), chain[-1]
        found = [n for n in self._neighbours if named.names(n.certificate_name) and self._counts(root, n)]
        if self._stranger is not None and root not in self._private:
            known = {neighbour.ascii for neighbour in self._neighbours}
            others = (self._stranger(domain) for domain in sorted(named.domains - known))
            found += [neighbour for neighbour in others if neighbour is not None]
        return ProvenDomain(found) if found else None

    def _counts(self, root: bytes, neighbour: Neighbour) -> bool:
        ca = neighbour.options.ca
        return root in self._roots[ca] if ca else root not in self._private

    def _incoming(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        # a resumed session has no chain that could be looked at
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
        context.num_tickets = 0
        context.verify_mode = ssl.CERT_REQUIRED
        for ca in self._roots:
            context.load_verify_locations(cafile=ca)
        if self._stranger is not None or any(not neighbour.options.ca for neighbour in self._neighbours):
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return self._shown_by(context)


def _only(ca: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.load_verify_locations(cafile=ca)
    return context


def verified_chain(connection: Any) -> Sequence[bytes]:
    """The chain that OpenSSL has built and checked, leaf first, in DER.

    Python has a public name for it from 3.13 on; before, the same function is there under a private one.
    """
    public = getattr(connection, "get_verified_chain", None)
    if public is not None:
        return [bytes(certificate) for certificate in public()]
    return [certificate.public_bytes(_DER) for certificate in connection._sslobj.get_verified_chain() or ()]


def _certificates(path: str) -> frozenset[bytes]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            found = frozenset(ssl.PEM_cert_to_DER_cert(pem) for pem in _PEM.findall(file.read(MAX_AUTHORITIES)))
    except (OSError, ValueError) as wrong:
        raise SettingsError([f"[sip.federation] {path} cannot be used: {wrong}"]) from None
    if not found:
        raise SettingsError([f"[sip.federation] {path} holds no certificates"])
    return found
