"""Which certificate a connection is shown: domains may have one of their own, chosen by the name a client asks for."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from .domains import CONFERENCE
from .errors import SettingsError

if TYPE_CHECKING:
    from .settings import CertificateOptions

T = TypeVar("T")


class NamedCertificates:
    """A context for each domain that has its own, beside the one for all others (RFC 6066 section 3)."""

    def __init__(self, options: Mapping[str, CertificateOptions]) -> None:
        self._options = options
        self._contexts: dict[str, ssl.SSLContext] = {}

    def reload(self, checked: Callable[[Path, Path, datetime], T], now: datetime) -> dict[str, T]:
        """Read the files again; what ``checked`` says of each pair, by domain in its ASCII form.

        Raises SettingsError, one sentence for each that cannot be used; then none is changed.
        """
        found: dict[str, T] = {}
        contexts: dict[str, ssl.SSLContext] = {}
        mistakes: list[str] = []
        for domain, pair in self._options.items():
            try:
                found[_ascii(domain)] = checked(Path(pair.certificate), Path(pair.key), now)
                contexts[_ascii(domain)] = _showing(pair)
            except SettingsError as wrong:
                mistakes += [f"[front_end.certificates] {domain}: {sentence}" for sentence in wrong.mistakes]
        if mistakes:
            raise SettingsError(mistakes)
        self._contexts = contexts
        return found

    def files(self, domain: str, others: tuple[Path, Path]) -> tuple[Path, Path]:
        """The certificate and key of a domain or of its conferences; ``others`` where it has none of its own."""
        pair = self._options.get(domain) or self._options.get(domain.removeprefix(CONFERENCE))
        return (Path(pair.certificate), Path(pair.key)) if pair is not None else others

    def choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
        """The ``sni_callback`` of a server's context."""
        own = self._contexts.get((name or "").lower().rstrip(".").removeprefix(CONFERENCE))
        if own is not None:
            connection.context = own


def _showing(pair: CertificateOptions) -> ssl.SSLContext:
    """It lends a connection its certificate; everything else stays as the connection began."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        context.load_cert_chain(pair.certificate, pair.key)
    except (ssl.SSLError, OSError) as wrong:
        raise SettingsError([f"the certificate {pair.certificate} cannot be used for TLS: {wrong}"]) from None
    return context


def _ascii(domain: str) -> str:
    """As a client asks for it."""
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return domain
