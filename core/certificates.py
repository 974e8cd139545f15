"""The server's certificate: the configured one, or one made on the first start; one live TLS context shows it."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes, PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .domains import Domains
from .durable_file import write_whole
from .errors import SettingsError
from .server_names import NamedCertificates

if TYPE_CHECKING:
    from .settings import FrontEndSettings

log = logging.getLogger(__name__)

MAX_PEM = 1024 * 1024
"""Bytes of a certificate or key file."""
WARN_AT = (0, 1, 7, 14, 30)
"""Days before its end at which a certificate is warned of."""
RENEW_AT = 30
"""Days before its end at which one of our own making is made anew."""
LASTS = timedelta(days=397)
"""How long ours lasts; browsers refuse longer ones."""
AUTHORITY_LASTS = timedelta(days=3650)
LOOK_EVERY = 12 * 3600.0
"""Seconds between two looks at the certificate's age."""
ALWAYS_NAMED = ("localhost", "127.0.0.1", "::1")
USES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
"""Other domains are shown it too, where we are the one who calls."""


class Certificate:
    """What the server shows who it is.  Raises SettingsError, one sentence each, when it cannot be used."""

    def __init__(
        self,
        settings: FrontEndSettings,
        state: Path,
        domains: Sequence[str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.made = not settings.certificate
        """Whether it is of our own making, signed by ``authority``."""
        self.authority = state / "ca.crt"
        self.path = Path(settings.certificate) if settings.certificate else state / "server.crt"
        self._key = Path(settings.key) if settings.key else state / "server.key"
        self._names = _names(domains)
        self._by_name = NamedCertificates(settings.certificates)
        self._domains = _names(domains, conferences=False)
        self._clock = clock
        self._warned: int | None = None
        self._others: WeakKeyDictionary[ssl.SSLContext, str] = WeakKeyDictionary()
        self.ends_at = clock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
        self.context.sni_callback = self._by_name.choose
        self.reload()

    def reload(self) -> None:
        """Read the files again, and make them anew where they are ours and due.

        New connections see the new certificate, open ones stay.  A pair that cannot be used leaves the old one in
        force.
        """
        now = self._clock()
        if self.made and not self._still_good(now):
            self._make(now)
        certificate = checked_pair(self.path, self._key, now)
        named = self._by_name.reload(checked_pair, now)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.path, self._key)
            self.context.load_cert_chain(self.path, self._key)
        except (ssl.SSLError, OSError) as wrong:
            raise SettingsError([f"the certificate {self.path} cannot be used for TLS: {wrong}"]) from None
        for context, domain in self._others.items():
            context.load_cert_chain(*self._by_name.files(domain, (self.path, self._key)))
        self.ends_at = certificate.not_valid_after_utc
        self._warned = None
        if unnamed := [domain for domain in self._domains if not _covers(named.get(domain, certificate), domain)]:
            log.warning("the certificate does not name %s; clients will complain", ", ".join(unnamed))
        log.info("certificate %s, good until %s", self.path, f"{self.ends_at:%Y-%m-%d}")

    def shown_by(self, context: ssl.SSLContext, domain: str = "") -> ssl.SSLContext:
        """The context shows it as well, after every reload too; with a domain, the one that this domain has."""
        context.load_cert_chain(*self._by_name.files(domain, (self.path, self._key)))
        if context.protocol is ssl.PROTOCOL_TLS_SERVER and not domain:
            context.sni_callback = self._by_name.choose
        self._others[context] = domain
        return context

    def warning(self) -> str:
        """What to tell about its age, once for each of WARN_AT; empty when there is nothing to tell."""
        left = (self.ends_at - self._clock()) / timedelta(days=1)
        due = next((days for days in WARN_AT if left <= days), None)
        if due is None or due == self._warned:
            return ""
        self._warned = due
        if left <= 0:
            return f"the certificate {self.path} has expired: put a new one in its place and reload"
        days = f"{left:.0f} days" if left > 1.5 else "a day"
        return f"the certificate {self.path} expires in {days}: put a new one in its place and reload"

    async def keep_watch(self) -> None:
        """Renew ours in time, and warn of others, until cancelled."""
        while True:
            try:
                if self.made and not self._still_good(self._clock()):
                    self.reload()
            except SettingsError as wrong:
                log.error("the certificate is not renewed: %s", wrong)
            if text := self.warning():
                log.warning("%s", text)
            await asyncio.sleep(LOOK_EVERY)

    def _still_good(self, now: datetime) -> bool:
        try:
            certificate = checked_pair(self.path, self._key, now + timedelta(days=RENEW_AT))
        except SettingsError:
            return False
        return self.authority.exists() and set(self._names) <= _names_in(certificate)

    def _make(self, now: datetime) -> None:
        """A little authority of our own, made once, and a certificate signed by it."""
        try:
            authority, signer = self._authority(now)
            key = ec.generate_private_key(ec.SECP256R1())
            certificate = _server_certificate(self._names, key.public_key(), authority, signer, now)
            write_whole(self._key, _pem_of(key), 0o600)
            write_whole(self.path, _pem(certificate) + _pem(authority))
        except OSError as wrong:
            raise SettingsError([f"no certificate can be made in {self.path.parent}: {wrong.strerror}"]) from None
        log.info(
            "made the certificate %s for %s; clients that check it need %s", self.path, self._names[0], self.authority
        )

    def _authority(self, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        path = self.authority.with_suffix(".key")
        try:
            authority = checked_pair(self.authority, path, now + LASTS)
            key = serialization.load_pem_private_key(path.read_bytes(), None)
            if isinstance(key, ec.EllipticCurvePrivateKey):
                return authority, key
        except SettingsError:
            log.debug("no authority of our own yet")
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"hereabouts authority of {self._names[0]}"[:64])])
        authority = (
            _unsigned(name, name, key.public_key(), now, AUTHORITY_LASTS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_whole(path, _pem_of(key), 0o600)
        write_whole(self.authority, _pem(authority))
        return authority, key


def checked_pair(certificate: Path, key: Path, now: datetime) -> x509.Certificate:
    """The certificate, after its key was seen to fit.  Raises SettingsError with what is wrong and what to do."""
    try:
        found = x509.load_pem_x509_certificates(_read(certificate, "certificate"))[0]
    except ValueError:
        raise SettingsError([f"the certificate {certificate} is no PEM file with a certificate"]) from None
    try:
        private = serialization.load_pem_private_key(_read(key, "key"), None)
    except TypeError:
        raise SettingsError([f"the key {key} has a passphrase: `openssl pkey` writes it without one"]) from None
    except (ValueError, UnsupportedAlgorithm):
        raise SettingsError([f"the key {key} is no PEM file with a private key"]) from None
    if not _belongs(private, found):
        raise SettingsError([f"the key {key} does not belong to the certificate {certificate}"])
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    if ends <= now:
        raise SettingsError([f"the certificate {certificate} expired on {ends:%Y-%m-%d}: put a new one in its place"])
    if begins > now:
        raise SettingsError([f"the certificate {certificate} is good from {begins:%Y-%m-%d}, not yet: check the clock"])
    return found


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_PEM)
    except OSError as wrong:
        raise SettingsError([f"the {what} {path} cannot be read: {(wrong.strerror or '').lower()}"]) from None


def _names(domains: Sequence[str], *, conferences: bool = True) -> list[str]:
    """The domains, and where their conferences are, as a certificate spells them; this machine too."""
    found = Domains(domains)
    names = [name for d in found.names for name in ((d, found.conference(d)) if conferences else (d,))]
    try:
        spelled = [name.encode("idna").decode() for name in names]
    except UnicodeError:
        raise SettingsError([f"no certificate can name all of {', '.join(names)}"]) from None
    return list(dict.fromkeys([*spelled, *(ALWAYS_NAMED if conferences else ())]))


def _covers(certificate: x509.Certificate, domain: str) -> bool:
    """Whether it names the domain, or ``*.`` and all after its first label (RFC 6125 section 6.4.3)."""
    names = _names_in(certificate)
    return domain in names or f"*.{domain.partition('.')[2]}" in names


def _names_in(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    return {*names.get_values_for_type(x509.DNSName), *addresses}


def _server_certificate(
    names: list[str],
    key: CertificatePublicKeyTypes,
    authority: x509.Certificate,
    signer: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    issuer_key = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        _unsigned(subject, authority.subject, key, now, LASTS)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(USES), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key), critical=False)
        .sign(signer, hashes.SHA256())
    )


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: CertificatePublicKeyTypes, now: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clients' clocks go wrong
        .not_valid_after(now + lasts)
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _belongs(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    der, whole = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(der, whole) == certificate.public_key().public_bytes(der, whole)
