"""SCRAM as the server speaks it (RFC 5802, RFC 7677).  Pure: no stream, no store, no clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable

from ....core.credentials import HASHES, ScramKey
from ....core.identity import Identity
from .sasl import (
    SCRAMS,
    Challenge,
    KeyWanted,
    Known,
    SaslError,
    Step,
    Success,
    base64_of,
    check_authzid,
    person,
    text_of,
)

MAX_NONCE = 256
"""Characters of a client's nonce."""
NONCE_BYTES = 24


class Scram:
    """RFC 5802: both sides prove that they know the password, and neither says it."""

    def __init__(
        self, name: str, domain: str, nonce: Callable[[], str] | None = None, *, offered: tuple[str, ...] = ()
    ) -> None:
        """``offered`` are the mechanisms the client was shown; it learns whether somebody between changed them."""
        self.name = name
        self._offered = offered
        self._algorithm = SCRAMS[name]
        self._domain = domain
        self._new_nonce = nonce or (lambda: secrets.token_urlsafe(NONCE_BYTES))
        self._turn: Callable[[bytes], Step] = self._first
        self._who: Identity | None = None
        self._key: ScramKey | None = None
        self._header = b""
        self._nonce = ""
        self._said: list[bytes] = []
        """The parts of AuthMessage that are known so far (RFC 5802 section 3)."""

    def respond(self, message: bytes) -> Step:
        """client-first-message, then client-final-message (RFC 5802 section 7)."""
        return self._turn(message)

    def answer(self, known: Known) -> Step:
        """The key; what follows is server-first-message."""
        assert isinstance(known, ScramKey) and self._turn == self._nothing
        self._key = known
        salt = base64.b64encode(known.salt).decode()
        message = f"r={self._nonce},s={salt},i={known.iterations}{self._offer_hash()}".encode()
        self._said.append(message)
        self._turn = self._final
        return Challenge(message)

    def _first(self, message: bytes) -> Step:
        flag, _, rest = text_of(message).partition(",")
        authzid, comma, bare = rest.partition(",")
        if not comma or (authzid and not authzid.startswith("a=")):
            raise SaslError("malformed-request", "no gs2-header")
        if flag not in ("n", "y"):  # "y" is true: no mechanism with channel binding is offered
            raise SaslError("malformed-request", "this mechanism has no channel binding")
        fields = bare.split(",")
        if fields[0].startswith("m="):
            raise SaslError("malformed-request", "an extension that we do not know")
        if len(fields) < 2 or not fields[0].startswith("n=") or not fields[1].startswith("r="):
            raise SaslError("malformed-request", "no client-first-message")
        nonce = fields[1][2:]
        if not 0 < len(nonce) <= MAX_NONCE or not nonce.isascii() or not nonce.isprintable() or " " in nonce:
            raise SaslError("malformed-request", "that is no nonce")
        self._who = person(_saslname(fields[0][2:]), self._domain)
        check_authzid(_saslname(authzid[2:]), self._who)
        self._header = f"{flag},{authzid},".encode()
        self._nonce = nonce + self._new_nonce()
        self._said.append(bare.encode())
        self._turn = self._nothing
        return KeyWanted(self._who, self._algorithm)

    def _final(self, message: bytes) -> Step:
        assert self._key is not None and self._who is not None
        self._turn = self._nothing
        without_proof, comma, proof = text_of(message).rpartition(",p=")
        fields = without_proof.split(",")
        if not comma or len(fields) < 2 or not fields[0].startswith("c=") or not fields[1].startswith("r="):
            raise SaslError("malformed-request", "no client-final-message")
        if base64_of(fields[0][2:]) != self._header:
            raise SaslError("not-authorized", "the channel binding is not that of the first message", self._who)
        if not hmac.compare_digest(fields[1][2:].encode(), self._nonce.encode()):
            raise SaslError("not-authorized", "the nonce is not that of this exchange", self._who)
        auth_message = b",".join([*self._said, without_proof.encode()])
        if not self._key.proven(base64_of(proof), auth_message):
            raise SaslError("not-authorized", who=self._who)
        return Success(self._who, b"v=" + base64.b64encode(self._key.signature(auth_message)))

    def _offer_hash(self) -> str:
        """The mechanisms we offered, proven with the rest of the exchange (XEP-0474 section 6.1); nothing if unknown.

        No kinds of channel binding follow them, because none are offered.
        """
        if not self._offered:
            return ""
        listed = "\x1e".join(sorted(self._offered)).encode()
        return f",h={base64.b64encode(hashlib.new(HASHES[self._algorithm], listed).digest()).decode()}"

    def _nothing(self, message: bytes) -> Step:
        raise SaslError("malformed-request", "nothing was to be said now")


def _saslname(text: str) -> str:
    """RFC 5802 section 5.1: "," and "=" are written =2C and =3D, and no other "=" may be there."""
    plain = text.replace("=2C", ",").replace("=3D", "\0")
    if "=" in plain:
        raise SaslError("malformed-request", "that is no saslname")
    return plain.replace("\0", "=")
