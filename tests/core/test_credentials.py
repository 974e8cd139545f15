"""The keys kept in place of a password: the RFCs' own numbers, texts that survive the store, fakes like real ones."""

import base64
import hashlib
import hmac
import os

import pytest

from ...core.credentials import ITERATIONS, SALT, BadKey, Fakes, ScramKey, derived, ha1, matches, scrypt_key
from ...core.errors import Refused, TooLarge
from ...core.identity import Identity

ALICE = Identity("alice", "example.test")
NOBODY = Identity("nobody", "example.test")
RFC_5802 = (
    "sha-1",
    "QSXCR+Q6sek8bf92",
    "n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
    "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)
RFC_7677 = (
    "sha-256",
    "W22ZaJ0SNY7soEsUEjb6gQ==",
    "n=user,r=rOprNGfwEbeRWgbNEkqO",
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)


@pytest.fixture(scope="module")
def keys():
    """What the store keeps of Alice's password."""
    return derived(ALICE, "secret")


# ---- SCRAM


@pytest.mark.parametrize("vector", [RFC_5802, RFC_7677], ids=["RFC 5802 section 5", "RFC 7677 section 3"])
def test_the_sign_in_of_the_rfc(vector):
    algorithm, salt, client_first, nonce, proof, signature = vector
    key = ScramKey.derive(algorithm, "pencil", base64.b64decode(salt), 4096)
    auth_message = f"{client_first},{nonce},s={salt},i=4096,c=biws,{nonce}".encode()
    assert key.proven(base64.b64decode(proof), auth_message)
    assert base64.b64encode(key.signature(auth_message)).decode() == signature


@pytest.mark.parametrize("vector", [RFC_5802, RFC_7677], ids=["sha-1", "sha-256"])
def test_a_wrong_proof_proves_nothing(vector):
    algorithm, salt, client_first, nonce, proof, _ = vector
    key = ScramKey.derive(algorithm, "pencil", base64.b64decode(salt), 4096)
    auth_message = f"{client_first},{nonce},s={salt},i=4096,c=biws,{nonce}".encode()
    right = base64.b64decode(proof)
    for wrong in (b"", right[:-1], right + b"\0", bytes([right[0] ^ 1]) + right[1:], bytes(len(right)), b"x" * 10_000):
        assert not key.proven(wrong, auth_message)
    assert not key.proven(right, auth_message + b" ")


def test_a_client_that_prepares_its_password_signs_in():
    """RFC 5802 section 2.2: SaltedPassword is made of the password as SASLprep has it."""
    salt = bytes(SALT)
    assert ScramKey.derive("sha-256", "\u2168", salt) == ScramKey.derive("sha-256", "IX", salt)


def test_a_scram_key_survives_the_store(keys):
    for algorithm in ("sha-256", "sha-1"):
        key = ScramKey.parse(algorithm, keys[f"scram-{algorithm}"])
        assert str(key) == keys[f"scram-{algorithm}"]
        assert key == ScramKey.derive(algorithm, "secret", key.salt, key.iterations)
        assert (len(key.salt), key.iterations, key.real) == (SALT, ITERATIONS, True)


def test_a_keys_text_never_gets_into_a_log(keys):
    key = ScramKey.parse("sha-256", keys["scram-sha-256"])
    assert str(key.stored_key) not in repr(key)
    assert "stored_key" not in repr(key)
    assert "server_key" not in repr(key)


@pytest.mark.parametrize(
    "text", ["", "4096", "x:AA==$AA==:AA==", "4096:AA==$AA==", "4096:!$AA==:AA==", "4096:AA==$AA==:A", "a$b$c"]
)
def test_a_text_that_is_no_scram_key_is_named_as_such(text):
    with pytest.raises(BadKey):
        ScramKey.parse("sha-256", text)


# ---- digest


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_request_of_rfc_7616(algorithm, response):
    """RFC 7616 section 3.9.1: the response to its challenge, from our H(user:realm:password)."""

    def of(text):
        return hashlib.new({"MD5": "md5", "SHA-256": "sha256"}[algorithm], text.encode()).hexdigest()

    kept = ha1(Identity("Mufasa", "http-auth@example.org"), "Circle of Life", algorithm)
    nonce, cnonce = (
        "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert of(f"{kept}:{nonce}:00000001:{cnonce}:auth:{of('GET:/dir/index.html')}") == response


def test_the_realm_is_the_domain(keys):
    assert keys["digest-md5"] == hashlib.md5(b"alice:example.test:secret").hexdigest()
    assert keys["digest-sha-256"] == hashlib.sha256(b"alice:example.test:secret").hexdigest()


def test_a_site_without_md5_keeps_no_md5():
    kept = derived(ALICE, "secret", digest_md5=False)
    assert sorted(kept) == ["digest-sha-256", "scram-sha-1", "scram-sha-256", "scrypt"]


# ---- all of them


def test_every_way_of_signing_in_has_its_key(keys):
    assert sorted(keys) == ["digest-md5", "digest-sha-256", "scram-sha-1", "scram-sha-256", "scrypt"]


def test_no_key_holds_the_password():
    for key in derived(ALICE, "hunter2-canary").values():
        assert "hunter2-canary" not in key
        assert base64.b64encode(b"hunter2-canary").decode().rstrip("=") not in key


def test_the_same_password_twice_has_different_salts(keys):
    again = derived(ALICE, "secret")
    assert all(again[kind] != keys[kind] for kind in ("scram-sha-256", "scram-sha-1", "scrypt"))


def test_salts_come_from_the_source_that_was_given():
    asked = []

    def random(size):
        asked.append(size)
        return os.urandom(size)

    derived(ALICE, "secret", random=random)
    assert asked == [SALT, SALT, SALT]


@pytest.mark.parametrize("kind", ["scrypt", "scram-sha-256", "scram-sha-1", "digest-sha-256", "digest-md5"])
def test_any_key_alone_tells_the_right_password_from_a_wrong_one(keys, kind):
    only = {kind: keys[kind]}
    assert matches(ALICE, "secret", only)
    for wrong in ("Secret", "secret ", "", "x" * 1000, "sécret"):
        assert not matches(ALICE, wrong, only)


def test_the_strongest_key_is_asked(keys):
    assert not matches(ALICE, "old", {**keys, "digest-md5": ha1(ALICE, "old", "MD5")})


def test_no_key_matches_nothing():
    assert not matches(ALICE, "secret", {})
    assert not matches(ALICE, "", {"web-push": "x"})


@pytest.mark.parametrize("kind", ["scrypt", "scram-sha-256"])
@pytest.mark.parametrize("text", ["", "nonsense", "1:2:3:4$5", "x:8:1:AA==$AA=="])
def test_a_key_that_is_none_is_an_error_and_not_a_wrong_password(kind, text):
    with pytest.raises(BadKey):
        matches(ALICE, "secret", {kind: text})


def test_scrypt_as_in_its_rfc():
    """RFC 7914 section 12, third vector, its first 32 bytes."""
    key = scrypt_key("pleaseletmein", b"SodiumChloride", 16384, 8, 1)
    assert base64.b64decode(key.partition("$")[2]).hex() == (
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
    )


def test_what_is_no_password_has_no_keys():
    with pytest.raises(Refused):
        derived(ALICE, "bell\a")
    with pytest.raises(TooLarge):
        derived(ALICE, "x" * 5000)


# ---- people who do not exist


def test_a_fake_is_the_same_each_time_and_another_for_each_name_and_server():
    fakes = Fakes(b"one server")
    assert fakes.scram(NOBODY, "sha-256") == Fakes(b"one server").scram(NOBODY, "sha-256")
    assert fakes.scram(NOBODY, "sha-256").salt != fakes.scram(ALICE, "sha-256").salt
    assert fakes.scram(NOBODY, "sha-256").salt != fakes.scram(NOBODY, "sha-1").salt
    assert fakes.scram(NOBODY, "sha-256").salt != Fakes(b"another").scram(NOBODY, "sha-256").salt
    assert fakes.ha1(NOBODY, "MD5") == Fakes(b"one server").ha1(NOBODY, "MD5") != fakes.ha1(ALICE, "MD5")


def test_a_fake_looks_like_a_real_key(keys):
    fakes = Fakes(b"secret of the server")
    for algorithm in ("sha-256", "sha-1"):
        fake, real = fakes.scram(NOBODY, algorithm), ScramKey.parse(algorithm, keys[f"scram-{algorithm}"])
        assert (len(fake.salt), fake.iterations) == (len(real.salt), real.iterations)
        assert len(fake.stored_key) == len(real.stored_key)
        assert len(fake.signature(b"message")) == len(real.signature(b"message"))
        assert not fake.real
    for algorithm in ("MD5", "SHA-256"):
        assert len(fakes.ha1(NOBODY, algorithm)) == len(ha1(ALICE, "secret", algorithm))
    assert [part[:10] for part in fakes.keys(NOBODY)["scrypt"].split("$")[:1]] == ["16384:8:1:"]
    assert len(fakes.keys(NOBODY)["scrypt"]) == len(keys["scrypt"])


def test_nothing_proves_to_be_somebody_who_does_not_exist():
    """Not even a proof made with the fake's own keys."""
    fakes = Fakes(b"secret of the server")
    password = "guessed"
    key = ScramKey.derive("sha-1", password, bytes(SALT))
    pretended = ScramKey("sha-1", key.salt, key.iterations, key.stored_key, key.server_key, real=False)
    proof = proof_of(password, key, b"message")
    assert key.proven(proof, b"message")
    assert not pretended.proven(proof, b"message")
    assert not matches(NOBODY, password, fakes.keys(NOBODY))


def proof_of(password: str, key: ScramKey, message: bytes) -> bytes:
    """What a client sends (RFC 5802 section 3): ClientKey XOR HMAC(StoredKey, AuthMessage)."""
    salted = hashlib.pbkdf2_hmac("sha1", password.encode(), key.salt, key.iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha1")
    return bytes(a ^ b for a, b in zip(client_key, hmac.digest(key.stored_key, message, "sha1")))
