"""SASL as the server speaks it: SCRAM (RFC 5802, RFC 7677) and PLAIN (RFC 4616).  Pure: no stream, no store, no clock.

A mechanism is given what the client says and answers with a step.  Where it needs to know something of the account it
asks, and goes on when it is answered; so any carrier can run it (RFC 6120 section 6, XEP-0388).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ....core.credentials import ScramAlgorithm, ScramKey
from ....core.errors import BadAddress
from ....core.identity import FORBIDDEN, Identity, prepared
from ..syntax import jid

SCRAMS: dict[str, ScramAlgorithm] = {"SCRAM-SHA-256": "sha-256", "SCRAM-SHA-1": "sha-1"}
PLAIN = "PLAIN"
MAX_NONCE = 256
"""Characters of a client's nonce."""
MAX_PASSWORD = 1024
"""Bytes of a password."""
NONCE_BYTES = 24

CONDITIONS = frozenset(
    {
        "aborted",
        "account-disabled",
        "credentials-expired",
        "encryption-required",
        "incorrect-encoding",
        "invalid-authzid",
        "invalid-mechanism",
        "malformed-request",
        "mechanism-too-weak",
        "not-authorized",
        "temporary-auth-failure",
    }
)
"""RFC 6120 section 6.5."""


class SaslError(Exception):
    """Why a sign-in failed; ``condition`` is one of CONDITIONS.  ``who`` is set when it counts against somebody."""

    def __init__(self, condition: str, text: str = "", who: Identity | None = None) -> None:
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition
        self.text = text
        self.who = who


class Challenge(NamedTuple):
    """Say this to the client, and give the mechanism what it answers."""

    content: bytes


@dataclass(frozen=True, slots=True)
class KeyWanted:
    """Answer with the person's ScramKey, real or fake."""

    who: Identity
    algorithm: ScramAlgorithm


@dataclass(frozen=True, slots=True)
class PasswordWanted:
    """Answer whether this is the person's password."""

    who: Identity
    password: str = field(repr=False)


class Success(NamedTuple):
    """The client is this person; say the content with it."""

    who: Identity
    content: bytes


Step = Challenge | KeyWanted | PasswordWanted | Success


class Mechanism(Protocol):
    """One attempt to sign in."""

    name: str

    def respond(self, message: bytes) -> Step:
        """What the client said; the first time its initial response.  Raises SaslError."""

    def answer(self, known: ScramKey | bool) -> Step:
        """What was asked about the account.  Raises SaslError."""


class Plain:
    """RFC 4616: the password itself, so only through TLS."""

    name = PLAIN

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._who: Identity | None = None

    def respond(self, message: bytes) -> Step:
        """``[authzid] NUL authcid NUL password``."""
        if self._who is not None:
            raise SaslError("malformed-request", "PLAIN takes one message")
        parts = message.split(b"\0")
        if len(parts) != 3 or not parts[1] or not parts[2] or len(parts[2]) > MAX_PASSWORD:
            raise SaslError("malformed-request", "PLAIN is [authzid] NUL authcid NUL password")
        authzid, authcid, password = map(_text, parts)
        self._who = _person(authcid, self._domain)
        _check_authzid(authzid, self._who)
        return PasswordWanted(self._who, password)

    def answer(self, known: ScramKey | bool) -> Step:
        """Whether it was the password."""
        assert self._who is not None and isinstance(known, bool)
        if not known:
            raise SaslError("not-authorized", who=self._who)
        return Success(self._who, b"")


class Scram:
    """RFC 5802: both sides prove that they know the password, and neither says it."""

    def __init__(self, name: str, domain: str, nonce: Callable[[], str] | None = None) -> None:
        self.name = name
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

    def answer(self, known: ScramKey | bool) -> Step:
        """The key; what follows is server-first-message."""
        assert isinstance(known, ScramKey) and self._turn == self._nothing
        self._key = known
        salt = base64.b64encode(known.salt).decode()
        message = f"r={self._nonce},s={salt},i={known.iterations}".encode()
        self._said.append(message)
        self._turn = self._final
        return Challenge(message)

    def _first(self, message: bytes) -> Step:
        flag, _, rest = _text(message).partition(",")
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
        self._who = _person(_saslname(fields[0][2:]), self._domain)
        _check_authzid(_saslname(authzid[2:]), self._who)
        self._header = f"{flag},{authzid},".encode()
        self._nonce = nonce + self._new_nonce()
        self._said.append(bare.encode())
        self._turn = self._nothing
        return KeyWanted(self._who, self._algorithm)

    def _final(self, message: bytes) -> Step:
        assert self._key is not None and self._who is not None
        self._turn = self._nothing
        without_proof, comma, proof = _text(message).rpartition(",p=")
        fields = without_proof.split(",")
        if not comma or len(fields) < 2 or not fields[0].startswith("c=") or not fields[1].startswith("r="):
            raise SaslError("malformed-request", "no client-final-message")
        if _decoded(fields[0][2:]) != self._header:
            raise SaslError("not-authorized", "the channel binding is not that of the first message", self._who)
        if not hmac.compare_digest(fields[1][2:].encode(), self._nonce.encode()):
            raise SaslError("not-authorized", "the nonce is not that of this exchange", self._who)
        auth_message = b",".join([*self._said, without_proof.encode()])
        if not self._key.proven(_decoded(proof), auth_message):
            raise SaslError("not-authorized", who=self._who)
        return Success(self._who, b"v=" + base64.b64encode(self._key.signature(auth_message)))

    def _nothing(self, message: bytes) -> Step:
        raise SaslError("malformed-request", "nothing was to be said now")


def mechanism(name: str, domain: str) -> Mechanism:
    """The mechanism of that name, for people of a domain.  Raises SaslError."""
    if name in SCRAMS:
        return Scram(name, domain)
    if name == PLAIN:
        return Plain(domain)
    raise SaslError("invalid-mechanism")


def decoded(text: str | None) -> bytes:
    """The content of ``<auth/>`` or ``<response/>`` (RFC 6120 section 6.4.2): Base64, "=" for nothing.

    Raises SaslError.
    """
    return b"" if not text or text == "=" else _decoded(text, "incorrect-encoding")


def encoded(content: bytes) -> str:
    """The content of ``<challenge/>`` or ``<success/>``."""
    return base64.b64encode(content).decode()


def _decoded(text: str, condition: str = "malformed-request") -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SaslError(condition, "this is not Base64") from None


def _text(part: bytes) -> str:
    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError:
        raise SaslError("malformed-request", "this is not UTF-8") from None
    if "\0" in text:
        raise SaslError("malformed-request", "a NUL where none may be")
    return text


def _saslname(text: str) -> str:
    """RFC 5802 section 5.1: "," and "=" are written =2C and =3D, and no other "=" may be there."""
    plain = text.replace("=2C", ",").replace("=3D", "\0")
    if "=" in plain:
        raise SaslError("malformed-request", "that is no saslname")
    return plain.replace("\0", "=")


def _person(authcid: str, domain: str) -> Identity:
    """Whose name this is.  Names that are spelled differently and prepared alike are one person's.

    What cannot be a name is nobody's, and fails as an unknown person's would.
    """
    try:
        user = prepared(authcid.removesuffix(f"@{domain}"))
    except BadAddress:
        raise SaslError("not-authorized") from None
    if not user or FORBIDDEN & set(user):
        raise SaslError("not-authorized")
    return Identity(user, domain)


def _check_authzid(authzid: str, who: Identity) -> None:
    """Nobody acts for somebody else (RFC 6120 section 6.3.8): the authorization identity is empty or one's own."""
    if not authzid:
        return
    try:
        other = jid.parse(authzid)
    except BadAddress:
        other = None
    if other != (who.user, who.domain, ""):
        raise SaslError("invalid-authzid", "nobody acts for somebody else", who)
