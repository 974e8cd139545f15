"""A certificate authority for tests, and the good and bad certificates that servers show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Kind = Literal["good", "unknown authority", "expired", "wrong name"]


class Pair(NamedTuple):
    """A certificate with its chain, its key, and both in one file."""

    certificate: Path
    key: Path
    both: Path


class Authority:
    """``file`` is what to trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "authority.pem"
        self._ca = trustme.CA(organization_name="tests of hereabouts")
        self._ca.cert_pem.write_to_path(self.file)
        self._issued = 0

    def certificate(self, *names: str, kind: Kind = "good") -> Pair:
        """One for these names; or one that is signed by nobody known, over, or for somebody else."""
        now = datetime.now(UTC)
        ca = trustme.CA(organization_name="nobody known") if kind == "unknown authority" else self._ca
        if kind == "wrong name":
            names = ("somebody-else.example",)
        # ejabberd sets an alarm for the day a certificate is over, and breaks its neck when that is in centuries.
        over = now + timedelta(days=-2 if kind == "expired" else 300)
        issued = ca.issue_cert(*names, common_name=names[0], not_before=now - timedelta(days=9), not_after=over)
        return self._written(b"".join(blob.bytes() for blob in issued.cert_chain_pems), issued.private_key_pem.bytes())

    def certificate_for_serving(self, *names: str) -> Pair:
        """One that is good for who is called, and not for who calls, as public authorities issue them today."""
        issuer = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes())
        signer = serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), None)
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=300))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(signer, hashes.SHA256())
        )
        pem, pkcs8, open_ = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self._written(made.public_bytes(pem), key.private_bytes(pem, pkcs8, open_))

    def certificate_without_authority(self, *names: str) -> Pair:
        """One that is signed by itself."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=300))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .sign(key, hashes.SHA256())
        )
        pem, pkcs8, open_ = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self._written(made.public_bytes(pem), key.private_bytes(pem, pkcs8, open_))

    def _written(self, chain: bytes, key: bytes) -> Pair:
        self._issued += 1
        pair = Pair(*(self.folder / f"{self._issued}.{end}" for end in ("crt", "key", "pem")))
        for path, content in ((pair.certificate, chain), (pair.key, key), (pair.both, key + chain)):
            path.write_bytes(content)
            path.chmod(0o600)
        return pair
