"""Signing in over TLS with a certificate that names the person (RFC 5922)."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .....core.errors import SettingsError
from .....core.front_end import FrontEnd
from .....core.identity import Identity
from .....plugins.sip.options import SipOptions
from .....plugins.sip.plugin import SipTransport
from .....plugins.sip.sign_in.client_certificates import for_phones
from ....people import ALICE, BOB, Clock
from ....stage import front_end_in
from ..phone import Phone

HOME = "sip:example.test"


class Authority:
    """Issues certificates with any names."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._unsigned(self._subject, self._key).add_extension(x509.BasicConstraints(True, 0), True)
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def _unsigned(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            self._subject, subject, key.public_key(), 1 + id(key), now - timedelta(1), now + timedelta(1)
        )

    def certificate(self, *uris: str) -> Path:
        """A file with a certificate for these URIs, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sip:bob@example.test")])
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        issued = self._unsigned(subject, key).add_extension(names, False).sign(self._key, hashes.SHA256())
        path = self._folder / f"{self._name}-{len(list(self._folder.iterdir()))}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(issued.public_bytes(serialization.Encoding.PEM) + private)
        return path


@dataclass
class Place:
    front_end: FrontEnd
    sip: SipTransport
    authority: Authority
    folder: Path
    phones: list[Phone] = field(default_factory=list)

    async def phone(self, who: Identity, certificate: Path | None) -> Phone:
        """A phone on the TLS port that shows this certificate."""
        context = ssl.create_default_context(cafile=str(self.front_end.tls.authority))
        if certificate is not None:
            context.load_cert_chain(certificate)
        phone = Phone(who, self.sip.ports["tls"])
        await phone.connect(ssl=context, server_hostname="localhost")
        self.phones.append(phone)
        return phone


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    folder = tmp_path / "certificates"
    folder.mkdir()
    authority = Authority(folder, "ours")
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=0, client_ca=str(authority.path)))
    async with front_end_in(tmp_path / "state", sip, clock=Clock()) as front_end:
        there = Place(front_end, sip, authority, folder)
        yield there
        for phone in there.phones:
            await phone.close()


async def registering(phone: Phone) -> int:
    """What a REGISTER without any credentials is answered with."""
    headers = [("Contact", phone.contact)]
    return (await phone.exchange(phone.request("REGISTER", HOME, to=phone.uri, headers=headers))).status


async def test_whom_a_certificate_names_needs_no_password(place: Place) -> None:
    alice = await place.phone(ALICE, place.authority.certificate("sip:alice@example.test"))
    assert await registering(alice) == 200
    said = alice.request("MESSAGE", f"sip:{BOB}", headers=[("Content-Type", "text/plain")], body=b"no password")
    assert (await alice.exchange(said)).status == 202
    assert [binding.endpoint.identity for binding in place.front_end.registrar.of(ALICE)] == [ALICE]


@pytest.mark.parametrize(
    "names", [["sip:alice@example.test"], ["sip:example.test"], ["https://example.test/bob"], ["sip:bob@other.test"]]
)
async def test_whom_it_does_not_name_does(place: Place, names: list[str]) -> None:
    """The common name says Bob each time, which counts for nothing."""
    bob = await place.phone(BOB, place.authority.certificate(*names))
    assert await registering(bob) == 401
    assert (await bob.register()).status == 200, "a password is still good"


async def test_who_shows_none_gives_a_password(place: Place) -> None:
    bob = await place.phone(BOB, None)
    assert await registering(bob) == 401 and (await bob.register()).status == 200


async def test_a_certificate_of_somebody_elses_authority_opens_nothing(place: Place) -> None:
    forged = Authority(place.folder, "theirs").certificate("sip:alice@example.test")
    with pytest.raises((ssl.SSLError, ConnectionError, TimeoutError, EOFError)):
        alice = await place.phone(ALICE, forged)
        await registering(alice)
    assert place.front_end.registrar.of(ALICE) == []


async def test_what_came_by_a_proxy_is_not_proven_by_its_certificate(place: Place) -> None:
    alice = await place.phone(ALICE, place.authority.certificate("sip:alice@example.test"))
    request = alice.request("REGISTER", HOME, to=alice.uri, headers=[("Contact", alice.contact)])
    request.add("Via", "SIP/2.0/TLS 192.0.2.7;branch=z9hG4bKbehind")
    assert (await alice.exchange(request)).status == 401


async def test_who_has_no_account_any_more_is_nobody(place: Place) -> None:
    gone = Identity.parse("gone@example.test")
    phone = await place.phone(gone, place.authority.certificate("sip:gone@example.test"))
    assert await registering(phone) == 401


async def test_without_the_option_nobody_is_asked(tmp_path: Path) -> None:
    sip = SipTransport(SipOptions(listen="127.0.0.1", tls_port=0))
    async with front_end_in(tmp_path, sip, clock=Clock()) as front_end:
        assert for_phones(front_end.tls, "") is front_end.certificate()
        there = Place(front_end, sip, Authority(tmp_path, "ours"), tmp_path)
        alice = await there.phone(ALICE, there.authority.certificate("sip:alice@example.test"))
        assert await registering(alice) == 401
        await alice.close()


async def test_a_file_without_authorities_is_a_mistake_in_one_sentence(place: Place, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    with pytest.raises(SettingsError) as caught:
        for_phones(place.front_end.tls, str(empty))
    assert "client_ca" in caught.value.mistakes[0]
