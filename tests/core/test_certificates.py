"""The certificate: made, kept, renewed, replaced while connections are open, and refused in one sentence."""

import asyncio
import logging
import os
import ssl
import stat
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ...core.certificates import Certificate, checked_pair
from ...core.durable_file import write_whole
from ...core.errors import SettingsError
from ...core.settings import CertificateOptions, FrontEndSettings, read

DOMAINS = ("example.test", "example.org")


class Clock:
    def __init__(self):
        self.now = datetime.now(UTC)

    def __call__(self):
        return self.now

    def pass_by(self, days):
        self.now += timedelta(days=days)


@pytest.fixture
def clock():
    return Clock()


def made(state, clock, domains=DOMAINS):
    return Certificate(FrontEndSettings(domains=list(domains)), state, domains, clock)


def configured(folder, clock, *, certificate="front-end.pem", key="front-end.key", domains=("example.test",)):
    settings = FrontEndSettings(certificate=str(folder / certificate), key=str(folder / key))
    return Certificate(settings, folder, domains, clock)


def issue(folder, *names, ends=None, authority=None):
    issued = (authority or trustme.CA()).issue_cert(*names, not_after=ends)
    issued.cert_chain_pems[0].write_to_path(folder / "front-end.pem")
    issued.private_key_pem.write_to_path(folder / "front-end.key")
    return issued


def refusal(deed, *arguments, **options):
    with pytest.raises(SettingsError) as caught:
        deed(*arguments, **options)
    (sentence,) = caught.value.mistakes
    return sentence


async def shown_to_client(context, trust, name):
    """What a client that trusts ``trust`` sees of a server with ``context``."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        client = ssl.create_default_context(cafile=trust)
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        version = writer.get_extra_info("ssl_object").version()
        writer.close()
        return x509.load_der_x509_certificate(certificate), version


# ---- our own


@pytest.mark.parametrize("name", ["example.test", "conference.example.org", "localhost", "127.0.0.1", "::1"])
async def test_the_first_start_makes_one_that_clients_can_check(tmp_path, clock, name):
    certificate = made(tmp_path, clock)
    shown, version = await shown_to_client(certificate.context, certificate.authority, name)
    assert version in ("TLSv1.2", "TLSv1.3") and shown.not_valid_after_utc == certificate.ends_at


def test_keys_are_for_their_owner_only(tmp_path, clock):
    made(tmp_path, clock)
    for name in ("server.key", "ca.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["ca.crt", "ca.key", "server.crt", "server.key"]


def test_the_next_start_takes_the_same(tmp_path, clock):
    made(tmp_path, clock)
    before = (tmp_path / "server.crt").read_bytes()
    made(tmp_path, clock)
    assert (tmp_path / "server.crt").read_bytes() == before


def test_another_domain_gets_a_new_one_of_the_same_authority(tmp_path, clock):
    made(tmp_path, clock)
    authority, before = (tmp_path / "ca.crt").read_bytes(), (tmp_path / "server.crt").read_bytes()
    made(tmp_path, clock, (*DOMAINS, "third.test"))
    assert (tmp_path / "ca.crt").read_bytes() == authority
    assert (tmp_path / "server.crt").read_bytes() != before


def test_it_is_renewed_a_month_before_its_end(tmp_path, clock):
    certificate = made(tmp_path, clock)
    before = certificate.ends_at
    clock.pass_by(366)
    certificate.reload()
    assert certificate.ends_at == before
    clock.pass_by(2)
    certificate.reload()
    assert certificate.ends_at > before + timedelta(days=300)


def test_the_authority_never_ends_before_what_it_signed(tmp_path, clock):
    made(tmp_path, clock)
    clock.pass_by(3650 - 100)
    certificate = made(tmp_path, clock)
    (authority,) = x509.load_pem_x509_certificates(certificate.authority.read_bytes())
    assert authority.not_valid_after_utc > certificate.ends_at


def test_broken_files_of_ours_are_made_anew(tmp_path, clock):
    made(tmp_path, clock)
    (tmp_path / "server.key").write_text("")
    (tmp_path / "ca.key").write_text("")
    certificate = made(tmp_path, clock)
    assert checked_pair(certificate.path, tmp_path / "server.key", clock())


async def test_a_domain_in_letters_of_its_own_is_named_as_certificates_do(tmp_path, clock):
    certificate = made(tmp_path, clock, ("bücher.test",))
    await shown_to_client(certificate.context, certificate.authority, "xn--bcher-kva.test")


def test_a_domain_no_certificate_can_name(tmp_path, clock):
    assert refusal(made, tmp_path, clock, ("a" * 64 + ".test",)).startswith("no certificate can name all of aaa")


def test_a_state_folder_that_takes_no_files(tmp_path, clock):
    assert refusal(made, tmp_path / "nowhere", clock).startswith(f"no certificate can be made in {tmp_path}/nowhere: ")


# ---- a configured one


async def test_a_configured_one_is_shown(tmp_path, clock):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "trust.pem")
    issue(tmp_path, "example.test", authority=authority)
    certificate = configured(tmp_path, clock)
    assert not certificate.made
    await shown_to_client(certificate.context, tmp_path / "trust.pem", "example.test")


def test_each_trouble_has_its_sentence(tmp_path, clock):
    issue(tmp_path, "example.test")
    path, key = tmp_path / "front-end.pem", tmp_path / "front-end.key"
    assert refusal(configured, tmp_path, clock, key="no.key") == (
        f"the key {tmp_path}/no.key cannot be read: no such file or directory"
    )
    assert refusal(configured, tmp_path, clock, certificate="front-end.key") == (
        f"the certificate {key} is no PEM file with a certificate"
    )
    assert refusal(configured, tmp_path, clock, key="front-end.pem") == (
        f"the key {path} is no PEM file with a private key"
    )
    other = trustme.CA().issue_cert("example.test")
    other.private_key_pem.write_to_path(tmp_path / "other.key")
    assert refusal(configured, tmp_path, clock, key="other.key") == (
        f"the key {tmp_path}/other.key does not belong to the certificate {path}"
    )
    secret = serialization.load_pem_private_key(key.read_bytes(), None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"open sesame"),
    )
    (tmp_path / "locked.key").write_bytes(secret)
    assert "has a passphrase" in refusal(configured, tmp_path, clock, key="locked.key")


def test_one_that_has_expired_or_is_not_good_yet(tmp_path, clock):
    issue(tmp_path, "example.test", ends=clock() + timedelta(days=3))
    clock.pass_by(4)
    assert " expired on " in refusal(configured, tmp_path, clock)
    clock.pass_by(-4000 * 30)
    assert "not yet: check the clock" in refusal(configured, tmp_path, clock)


@pytest.mark.parametrize(("names", "warned"), [(["other.test"], True), (["*.test"], False), (["example.test"], False)])
def test_one_that_does_not_name_the_domain_is_warned_of(tmp_path, clock, caplog, names, warned):
    issue(tmp_path, *names)
    configured(tmp_path, clock)
    assert ("does not name example.test" in caplog.text) is warned


# ---- reload


async def test_reload_shows_new_connections_the_new_one_and_leaves_open_ones_alone(tmp_path, clock):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "trust.pem")
    issue(tmp_path, "example.test", authority=authority)
    certificate = configured(tmp_path, clock)

    async def echo(reader, writer):
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=certificate.context)
    async with server:
        port = server.sockets[0].getsockname()[1]

        async def connect():
            client = ssl.create_default_context(cafile=tmp_path / "trust.pem")
            return await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname="example.test")

        reader, old = await connect()
        issue(tmp_path, "example.test", authority=authority)
        certificate.reload()
        _, new = await connect()
        shown = [w.get_extra_info("ssl_object").getpeercert()["serialNumber"] for w in (old, new)]
        assert shown[0] != shown[1]
        old.write(b"still here\n")
        assert await reader.readline() == b"still here\n"
        old.close()
        new.close()


async def test_a_pair_that_cannot_be_used_leaves_the_old_one_in_force(tmp_path, clock):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "trust.pem")
    issue(tmp_path, "example.test", authority=authority)
    certificate = configured(tmp_path, clock)
    (tmp_path / "front-end.key").write_text("garbage")
    assert "no PEM file with a private key" in refusal(certificate.reload)
    await shown_to_client(certificate.context, tmp_path / "trust.pem", "example.test")


# ---- its age


def test_it_warns_at_each_threshold_once(tmp_path, clock):
    issue(tmp_path, "example.test", ends=clock() + timedelta(days=40))
    certificate = configured(tmp_path, clock)
    said = []
    for _ in range(42):
        said.append(certificate.warning())
        clock.pass_by(1)
    assert [day for day, text in enumerate(said) if text] == [10, 26, 33, 39, 40]
    assert "expires in 30 days" in said[10] and "expires in a day" in said[39] and "has expired" in said[40]


async def test_watching_warns_of_a_configured_one_and_renews_ours(tmp_path, clock, caplog):
    issue(tmp_path, "example.test", ends=clock() + timedelta(days=5))
    (tmp_path / "ours").mkdir()
    ours = made(tmp_path / "ours", clock)
    before = ours.ends_at
    clock.pass_by(3)
    theirs = configured(tmp_path, clock)
    clock.pass_by(380)
    with caplog.at_level(logging.WARNING):
        watching = [asyncio.create_task(c.keep_watch()) for c in (theirs, ours)]
        await asyncio.sleep(0)
    for task in watching:
        task.cancel()
    assert "has expired" in caplog.text and ours.ends_at > before


async def test_watching_survives_a_folder_that_takes_no_files(tmp_path, clock, caplog):
    (tmp_path / "ours").mkdir()
    ours = made(tmp_path / "ours", clock)
    for path in (tmp_path / "ours").iterdir():
        path.unlink()
    (tmp_path / "ours").rmdir()
    watching = asyncio.create_task(ours.keep_watch())
    await asyncio.sleep(0)
    assert not watching.done() and "the certificate is not renewed: no certificate can be made" in caplog.text
    watching.cancel()


# ---- whole files


def test_a_file_is_whole_or_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "x"
    write_whole(path, b"one", 0o600)
    assert path.read_bytes() == b"one" and stat.S_IMODE(path.stat().st_mode) == 0o600

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"two")
    assert path.read_bytes() == b"one" and os.listdir(tmp_path) == ["x"]


# ---- one for each domain


def paired(folder, authority, name):
    """A pair of files for a domain of its own."""
    issued = authority.issue_cert(name, f"conference.{name}")
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    return CertificateOptions(str(certificate), str(key))


@pytest.fixture
def two(tmp_path, clock):
    """Our own certificate for example.test, and another for example.org."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "other-ca.pem")
    options = {"example.org": paired(tmp_path, authority, "example.org")}
    settings = FrontEndSettings(domains=list(DOMAINS), certificates=options)
    return Certificate(settings, tmp_path, DOMAINS, clock), authority


async def test_who_asks_for_a_domain_is_shown_its_certificate(tmp_path, two):
    certificate, _ = two
    ours, theirs = tmp_path / "ca.crt", tmp_path / "other-ca.pem"
    for context in (certificate.context, certificate.shown_by(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))):
        for name in ("example.org", "Example.ORG", "conference.example.org"):
            shown, _ = await shown_to_client(context, theirs, name)
            assert "example.org" in str(shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        for name in ("example.test", "localhost"):
            await shown_to_client(context, ours, name)
        with pytest.raises(ssl.SSLCertVerificationError):
            await shown_to_client(context, ours, "example.org")


async def test_a_context_for_one_domain_shows_that_one_whatever_is_asked_for(tmp_path, two):
    certificate, _ = two
    for domain in ("example.org", "conference.example.org"):
        context = certificate.shown_by(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), domain)
        certificate.reload()
        await shown_to_client(context, tmp_path / "other-ca.pem", "example.org")
        with pytest.raises(ssl.SSLCertVerificationError):
            await shown_to_client(context, tmp_path / "ca.crt", "localhost")


async def test_a_reload_shows_the_new_one_of_each_domain(tmp_path, two):
    certificate, authority = two
    before, _ = await shown_to_client(certificate.context, tmp_path / "other-ca.pem", "example.org")
    paired(tmp_path, authority, "example.org")
    certificate.reload()
    after, _ = await shown_to_client(certificate.context, tmp_path / "other-ca.pem", "example.org")
    assert before.serial_number != after.serial_number
    (tmp_path / "example.org.key").write_text("nonsense")
    assert "[front_end.certificates] example.org: the key" in refusal(certificate.reload)
    again, _ = await shown_to_client(certificate.context, tmp_path / "other-ca.pem", "example.org")
    assert again.serial_number == after.serial_number


def test_one_that_does_not_name_its_own_domain_is_warned_of(tmp_path, clock, caplog):
    pair = paired(tmp_path, trustme.CA(), "example.net")
    settings = FrontEndSettings(domains=list(DOMAINS), certificates={"example.org": pair})
    Certificate(settings, tmp_path, DOMAINS, clock)
    assert "does not name example.org;" in caplog.text


def test_a_domain_that_is_not_ours_has_no_certificate_here(tmp_path):
    with pytest.raises(ValueError, match=r"example\.net, which domains does not name"):
        FrontEndSettings(certificates={"example.net": CertificateOptions("a", "b")})


def test_it_is_written_as_a_table_with_the_domain_as_its_name(tmp_path):
    pair = paired(tmp_path, trustme.CA(), "example.org")
    file = tmp_path / "plugins.toml"
    file.write_text(
        '[front_end]\ndomains = ["example.test", "example.org"]\n\n'
        '[front_end.certificates."example.org"]\ncertificate = "example.org.pem"\nkey = "example.org.key"\n'
    )
    settings = read(file)
    assert not settings.mistakes
    assert settings.front_end.certificates == {"example.org": pair}
