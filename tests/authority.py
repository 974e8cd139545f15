"""A certificate authority for tests, and the good and bad certificates that servers show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

import trustme

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
        self._issued += 1
        pair = Pair(*(self.folder / f"{self._issued}.{end}" for end in ("crt", "key", "pem")))
        pair.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        pair.key.write_bytes(issued.private_key_pem.bytes())
        issued.private_key_and_cert_chain_pem.write_to_path(pair.both)
        for path in (pair.key, pair.both):
            path.chmod(0o600)
        return pair
