"""SASL as the server speaks it, with PLAIN (RFC 4616) as its simplest mechanism.  Pure: no stream, no store, no clock.

A mechanism is given what the client says and answers with a step.  Where it needs to know something of the account it
asks, and goes on when it is answered; so any carrier can run it (RFC 6120 section 6, XEP-0388).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ....core.credentials import ScramAlgorithm, ScramKey
from ....core.errors import BadAddress
from ....core.identity import FORBIDDEN, Identity, prepared
from ....core.tokens import Candidate
from ..syntax import jid

SCRAMS: dict[str, ScramAlgorithm] = {"SCRAM-SHA-256": "sha-256", "SCRAM-SHA-1": "sha-1"}
PLAIN = "PLAIN"
MAX_PASSWORD = 1024
"""Bytes of a password."""

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


@dataclass(frozen=True, slots=True)
class TokenWanted:
    """Answer with the tokens that this client of the person may hold (XEP-0484)."""

    who: Identity
    client: str
    mechanism: str


class Success(NamedTuple):
    """The client is this person; say the content with it.  ``token`` is the number of the one it showed."""

    who: Identity
    content: bytes
    token: str = ""


Question = KeyWanted | PasswordWanted | TokenWanted
Known = ScramKey | bool | tuple[Candidate, ...]
"""Answers to questions, each of its own kind."""
Step = Challenge | Question | Success


class Mechanism(Protocol):
    """One attempt to sign in."""

    name: str

    def respond(self, message: bytes) -> Step:
        """What the client said; the first time its initial response.  Raises SaslError."""

    def answer(self, known: Known) -> Step:
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
        authzid, authcid, password = map(text_of, parts)
        self._who = person(authcid, self._domain)
        check_authzid(authzid, self._who)
        return PasswordWanted(self._who, password)

    def answer(self, known: Known) -> Step:
        """Whether it was the password."""
        assert self._who is not None and isinstance(known, bool)
        if not known:
            raise SaslError("not-authorized", who=self._who)
        return Success(self._who, b"")


def decoded(text: str | None) -> bytes:
    """The content of ``<auth/>`` or ``<response/>`` (RFC 6120 section 6.4.2): Base64, "=" for nothing.

    Raises SaslError.
    """
    return b"" if not text or text == "=" else base64_of(text, "incorrect-encoding")


def encoded(content: bytes) -> str:
    """The content of ``<challenge/>`` or ``<success/>``."""
    return base64.b64encode(content).decode()


def base64_of(text: str, condition: str = "malformed-request") -> bytes:
    """What a text in Base64 stands for.  Raises SaslError."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise SaslError(condition, "this is not Base64") from None


def text_of(part: bytes) -> str:
    """Bytes as text without NUL.  Raises SaslError."""
    try:
        text = part.decode("utf-8")
    except UnicodeDecodeError:
        raise SaslError("malformed-request", "this is not UTF-8") from None
    if "\0" in text:
        raise SaslError("malformed-request", "a NUL where none may be")
    return text


def person(authcid: str, domain: str) -> Identity:
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


def check_authzid(authzid: str, who: Identity) -> None:
    """Nobody acts for somebody else (RFC 6120 section 6.3.8): the authorization identity is empty or one's own."""
    if not authzid:
        return
    try:
        other = jid.parse(authzid)
    except BadAddress:
        other = None
    if other != (who.user, who.domain, ""):
        raise SaslError("invalid-authzid", "nobody acts for somebody else", who)
