"""The keys kept in place of a password, one for each way of signing in.  Pure; slow by design: keep it off the loop."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from .identity import Identity
from .passwords import opaque, saslprep

ITERATIONS = 10_000
"""Rounds of PBKDF2 for SCRAM; RFC 7677 section 4 asks for at least 4096."""
SALT = 16
"""Bytes of a salt."""
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 1
"""The cost of scrypt: 16 MiB and some 60 ms."""

ScramAlgorithm = Literal["sha-256", "sha-1"]
DigestAlgorithm = Literal["MD5", "SHA-256"]
Random = Callable[[int], bytes]

DIGESTS: dict[DigestAlgorithm, str] = {"MD5": "digest-md5", "SHA-256": "digest-sha-256"}
SCRAMS: dict[ScramAlgorithm, str] = {"sha-256": "scram-sha-256", "sha-1": "scram-sha-1"}
SCRYPT = "scrypt"
HASHES = {"sha-256": "sha256", "sha-1": "sha1", "SHA-256": "sha256", "MD5": "md5"}


class BadKey(ValueError):
    """A stored key that this module did not write."""


@dataclass(frozen=True, slots=True)
class ScramKey:
    """What a SCRAM server keeps of a password (RFC 5802 section 3).  ``real`` is false for people who do not exist."""

    algorithm: ScramAlgorithm
    salt: bytes
    iterations: int
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    real: bool = True

    @classmethod
    def derive(cls, algorithm: ScramAlgorithm, password: str, salt: bytes, iterations: int = ITERATIONS) -> ScramKey:
        """SaltedPassword, StoredKey and ServerKey of RFC 5802 section 3; takes some 5 ms."""
        hash_ = HASHES[algorithm]
        salted = hashlib.pbkdf2_hmac(hash_, saslprep(password).encode(), salt, iterations)
        stored_key = hashlib.new(hash_, hmac.digest(salted, b"Client Key", hash_)).digest()
        return cls(algorithm, salt, iterations, stored_key, hmac.digest(salted, b"Server Key", hash_))

    @classmethod
    def parse(cls, algorithm: ScramAlgorithm, text: str) -> ScramKey:
        """Read ``iterations:salt$StoredKey:ServerKey``, as RFC 5803 writes them.  Raises BadKey."""
        try:
            cost, keys = text.split("$")
            iterations, salt = cost.split(":")
            stored_key, server_key = keys.split(":")
            return cls(algorithm, _bytes(salt), int(iterations), _bytes(stored_key), _bytes(server_key))
        except ValueError as error:
            raise BadKey(f"no SCRAM key: {error}") from error

    def __str__(self) -> str:
        return f"{self.iterations}:{_text(self.salt)}${_text(self.stored_key)}:{_text(self.server_key)}"

    def proven(self, proof: bytes, auth_message: bytes) -> bool:
        """Whether a ClientProof was made with the password (RFC 5802 section 3); never for a fake."""
        hash_ = HASHES[self.algorithm]
        signature = hmac.digest(self.stored_key, auth_message, hash_)
        client_key = bytes(a ^ b for a, b in zip(proof, signature))
        right = hmac.compare_digest(hashlib.new(hash_, client_key).digest(), self.stored_key)
        return right and len(proof) == len(signature) and self.real

    def signature(self, auth_message: bytes) -> bytes:
        """ServerSignature: shows the client that we know the key too."""
        return hmac.digest(self.server_key, auth_message, HASHES[self.algorithm])


def ha1(who: Identity, password: str, algorithm: DigestAlgorithm) -> str:
    """H(user:realm:password) in hexadecimal digits (RFC 7616 section 3.4.2); the realm is the domain."""
    return hashlib.new(HASHES[algorithm], f"{who.user}:{who.domain}:{password}".encode()).hexdigest()


def scrypt_key(password: str, salt: bytes, n: int = SCRYPT_N, r: int = SCRYPT_R, p: int = SCRYPT_P) -> str:
    """``n:r:p:salt$hash`` (RFC 7914); takes some 60 ms."""
    return f"{n}:{r}:{p}:{_text(salt)}${_text(_scrypt(password, salt, n, r, p))}"


def derived(who: Identity, password: str, *, digest_md5: bool = True, random: Random = os.urandom) -> dict[str, str]:
    """Every key of a new password, by kind.  Takes some 80 ms.  Raises Refused or TooLarge for what is no password."""
    prepared = opaque(password)
    keys: dict[str, str] = {kind: str(ScramKey.derive(a, prepared, random(SALT))) for a, kind in SCRAMS.items()}
    keys[DIGESTS["SHA-256"]] = ha1(who, prepared, "SHA-256")
    if digest_md5:
        keys[DIGESTS["MD5"]] = ha1(who, prepared, "MD5")
    keys[SCRYPT] = scrypt_key(prepared, random(SALT))
    return keys


def matches(who: Identity, password: str, keys: Mapping[str, str]) -> bool:
    """Whether the keys were derived from this password; the strongest of them is asked.  ``password`` is prepared.

    Raises BadKey for a key that this module did not write.
    """
    if SCRYPT in keys:
        cost, _, expected = keys[SCRYPT].partition("$")
        try:
            n, r, p, salt = cost.split(":")
            return hmac.compare_digest(_scrypt(password, _bytes(salt), int(n), int(r), int(p)), _bytes(expected))
        except ValueError as error:
            raise BadKey(f"no scrypt key: {error}") from error
    for algorithm, kind in SCRAMS.items():
        if kind in keys:
            key = ScramKey.parse(algorithm, keys[kind])
            again = ScramKey.derive(algorithm, password, key.salt, key.iterations)
            return hmac.compare_digest(again.stored_key, key.stored_key)
    for digest, kind in DIGESTS.items():
        if kind in keys:
            return hmac.compare_digest(ha1(who, password, digest), keys[kind])
    return False


MAX_FAKES = 4096
"""Digest keys that were asked for lately; they are made for people who exist, too, so that it takes as long."""


class Fakes:
    """Keys of people who do not exist: the same each time they are asked for, and matching no password.

    Made of a secret of the server and the name, so that nobody outside can tell them from real ones.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = hmac.digest(secret, b"people who do not exist", "sha256")
        self._ha1 = lru_cache(MAX_FAKES)(self._made_ha1)

    def scram(self, who: Identity, algorithm: ScramAlgorithm) -> ScramKey:
        """Salt and iterations as a real person's would be."""
        size = hashlib.new(HASHES[algorithm]).digest_size
        salt, stored_key, server_key = (
            self._bytes(who, f"{part} {algorithm}") for part in ("salt", "stored key", "server key")
        )
        return ScramKey(algorithm, salt[:SALT], ITERATIONS, stored_key[:size], server_key[:size], real=False)

    def ha1(self, who: Identity, algorithm: DigestAlgorithm) -> str:
        """As long as a real one."""
        return self._ha1(who, algorithm)

    def _made_ha1(self, who: Identity, algorithm: DigestAlgorithm) -> str:
        return self._bytes(who, f"ha1 {algorithm}")[: hashlib.new(HASHES[algorithm]).digest_size].hex()

    def keys(self, who: Identity) -> dict[str, str]:
        """What to hash a password against, so that it takes as long as for somebody who exists."""
        salt, expected = self._bytes(who, "salt"), self._bytes(who, "scrypt")
        return {SCRYPT: f"{SCRYPT_N}:{SCRYPT_R}:{SCRYPT_P}:{_text(salt[:SALT])}${_text(expected)}"}

    def _bytes(self, who: Identity, part: str) -> bytes:
        return hmac.digest(self._secret, f"{part}\0{who}".encode(), "sha256")


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * n * r, dklen=32)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise BadKey(str(error)) from error
