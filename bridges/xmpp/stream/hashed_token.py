"""Signing in by a token in one message: HT-SHA-256-NONE (draft-schmaus-kitten-sasl-ht), as XEP-0484 uses it.  Pure.

"NONE" is the kind without channel binding; the others need what Python's TLS does not tell.
"""

from __future__ import annotations

import hmac

from ....core.identity import Identity
from ....core.tokens import Candidate
from .sasl import Known, SaslError, Step, Success, TokenWanted, person

NAME = "HT-SHA-256-NONE"
INITIATOR, RESPONDER = b"Initiator", b"Responder"
HASH = "sha256"


class HashedToken:
    """``client`` is the installation that holds the token; nobody else's is looked at."""

    name = NAME

    def __init__(self, domain: str, client: str) -> None:
        self._domain = domain
        self._client = client
        self._who: Identity | None = None
        self._proof = b""

    def respond(self, message: bytes) -> Step:
        """``authcid NUL HMAC(token, "Initiator")``."""
        if self._who is not None:
            raise SaslError("malformed-request", f"{NAME} takes one message")
        authcid, nul, self._proof = message.partition(b"\0")
        try:
            name = authcid.decode("utf-8")
        except UnicodeDecodeError:
            raise SaslError("malformed-request", "this is not UTF-8") from None
        if not nul or not name:
            raise SaslError("malformed-request", f"{NAME} is authcid NUL hash")
        self._who = person(name, self._domain)
        return TokenWanted(self._who, self._client, NAME)

    def answer(self, known: Known) -> Step:
        """The tokens the client may hold; a hash of one of them shows that it does."""
        assert self._who is not None and isinstance(known, tuple)
        found: Candidate | None = None
        for candidate in known:
            if hmac.compare_digest(hmac.digest(candidate.secret, INITIATOR, HASH), self._proof):
                found = candidate
        if found is None:
            raise SaslError("not-authorized", who=self._who)
        if found.expired:
            raise SaslError("credentials-expired", "sign in with the password")
        return Success(self._who, hmac.digest(found.secret, RESPONDER, HASH), found.number)
